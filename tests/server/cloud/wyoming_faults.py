"""Everything that goes wrong with a Wyoming speech-to-text server, by name."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from .faults import ANSWERED, EMPTY, FAILED, LANGUAGE, MALFORMED, TIMEOUT, UNREACHABLE


class ClosedError(Exception):
    """The fault has ended the connection."""


@dataclass(slots=True, kw_only=True)
class Speaking:
    """A connection, and what may be said on it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def event(self, kind: str, data: dict[str, Any]) -> None:
        """Say an event as the wyoming package does: its data after its header."""
        body = json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass")
        header = json.dumps({"type": kind, "version": "1.10.2", "data_length": len(body)}).encode()
        await self.raw(header + b"\n" + body)

    async def raw(self, *pieces: bytes) -> None:
        """Say bytes."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def end(self) -> NoReturn:
        """Close."""
        self.writer.close()
        raise ClosedError

    async def reset(self) -> NoReturn:
        """Close with a TCP reset."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        raise ClosedError

    async def hang(self) -> NoReturn:
        """Say nothing until the client goes."""
        while await self.reader.read(65_536):
            pass
        raise ConnectionResetError


type Act = Callable[[Speaking, str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WyomingFault:
    """One thing that goes wrong."""

    name: str = ""
    says: str
    endings: tuple[str, ...]
    """As of the other faults."""
    act: Any = None
    """Act | None: done instead of saying the transcript, or as `when` says."""
    when: str = "answer"
    """`at once` (on connecting and after each turn), `mid audio`, `answer`, `listener`."""
    heard: str | None = None
    language: str | None = None
    lasts: bool = False


async def _error(speaking: Speaking, heard: str) -> None:
    await speaking.event("error", {"text": "out of memory", "code": "RuntimeError"})


async def _end(speaking: Speaking, heard: str) -> None:
    await speaking.end()


async def _reset(speaking: Speaking, heard: str) -> None:
    await speaking.reset()


async def _hang(speaking: Speaking, heard: str) -> None:
    await speaking.hang()


async def _deaf(speaking: Speaking, heard: str) -> None:
    speaking.writer.transport.pause_reading()
    await asyncio.sleep(20.0)


def _raw(*pieces: bytes, then: Act = _end) -> Act:
    async def act(speaking: Speaking, heard: str) -> None:
        await speaking.raw(*pieces)
        await then(speaking, heard)

    return act


def _says(data: dict[str, Any]) -> Act:
    async def act(speaking: Speaking, heard: str) -> None:
        await speaking.event("transcript", data)

    return act


def _slow(seconds: float) -> Act:
    async def act(speaking: Speaking, heard: str) -> None:
        await asyncio.sleep(seconds)
        await speaking.event("transcript", {"text": heard})

    return act


async def _dribble(speaking: Speaking, heard: str) -> None:
    body = json.dumps({"type": "transcript", "data": {"text": heard}}).encode() + b"\n"
    for at in range(len(body)):
        await speaking.raw(body[at : at + 1])
        await asyncio.sleep(0.2)


def _chunks(then: Act) -> Act:
    async def act(speaking: Speaking, heard: str) -> None:
        await speaking.event("transcript-start", {"language": "en"})
        for word in heard.split():
            await speaking.event("transcript-chunk", {"text": f"{word} "})
        await then(speaking, heard)

    return act


async def _rest(speaking: Speaking, heard: str) -> None:
    await speaking.event("transcript", {"text": heard, "language": "en"})
    await speaking.event("transcript-stop", {})


async def _only_stop(speaking: Speaking, heard: str) -> None:
    await speaking.event("transcript-stop", {})
    await speaking.hang()


async def _others(speaking: Speaking, heard: str) -> None:
    await speaking.event("pong", {})
    await speaking.event("an-event-of-the-future", {"text": "no transcript"})
    await speaking.event("transcript", {"text": heard})


async def _flood(speaking: Speaking, heard: str) -> None:
    while True:
        await speaking.event("transcript-chunk", {"text": "light " * 1000})
        await asyncio.sleep(0)


async def _long_line(speaking: Speaking, heard: str) -> None:
    await speaking.raw(b'{"type": "transcript", "data": {"text": "', *[b"a" * 65_536] * 160)
    await speaking.hang()


async def _long_payload(speaking: Speaking, heard: str) -> None:
    size = 160 * 65_536
    head = json.dumps({"type": "transcript", "data": {"text": heard}, "payload_length": size}).encode()
    await speaking.raw(head + b"\n", *[b"\0" * 65_536] * 160)


_FAULTS = {
    "error-event": WyomingFault(says="an error event", endings=(FAILED,), act=_error),
    "closes-at-once": WyomingFault(says="closes on connecting", endings=(FAILED,), act=_end, when="at once"),
    "closes-mid-audio": WyomingFault(says="closes while audio comes", endings=(FAILED,), act=_end, when="mid audio"),
    "resets-mid-audio": WyomingFault(says="resets while audio comes", endings=(FAILED,), act=_reset, when="mid audio"),
    "closes-before-answer": WyomingFault(says="hears all and closes", endings=(FAILED,), act=_end),
    "resets-before-answer": WyomingFault(says="hears all and resets", endings=(FAILED,), act=_reset),
    "never-answers": WyomingFault(says="hears all, says nothing", endings=(TIMEOUT,), act=_hang, lasts=True),
    "never-reads": WyomingFault(says="reads nothing", endings=(TIMEOUT,), act=_deaf, when="at once", lasts=True),
    "slow": WyomingFault(says="400 ms", endings=(ANSWERED,), act=_slow(0.4)),
    "too-slow": WyomingFault(says="20 s", endings=(TIMEOUT,), act=_slow(20.0), lasts=True),
    "dribbles": WyomingFault(says="a byte each 200 ms", endings=(TIMEOUT,), act=_dribble, lasts=True),
    "streams": WyomingFault(says="streams, and well", endings=(ANSWERED,), act=_chunks(_rest)),
    "other-events": WyomingFault(says="unknown events first", endings=(ANSWERED,), act=_others),
    "chunks-then-nothing": WyomingFault(says="chunks, no end", endings=(TIMEOUT,), act=_chunks(_hang), lasts=True),
    "chunks-then-closes": WyomingFault(says="chunks, closes", endings=(FAILED, MALFORMED), act=_chunks(_end)),
    "chunks-then-stop": WyomingFault(
        says="chunks and transcript-stop, no transcript",
        endings=(TIMEOUT, MALFORMED, ANSWERED),
        act=_chunks(_only_stop),
        lasts=True,
    ),
    "chunk-flood": WyomingFault(says="chunks for ever", endings=(MALFORMED, TIMEOUT), act=_flood, lasts=True),
    "empty-text": WyomingFault(says="heard nothing", endings=(EMPTY,), heard=""),
    "blank-text": WyomingFault(says="heard white space", endings=(EMPTY,), heard=" \n\t"),
    "missing-text": WyomingFault(says="no text in the transcript", endings=(MALFORMED, EMPTY), act=_says({})),
    "null-text": WyomingFault(says="the text is null", endings=(MALFORMED, EMPTY), act=_says({"text": None})),
    "wrong-types": WyomingFault(
        says="the text is a list, the language a number",
        endings=(MALFORMED,),
        act=_says({"text": ["a"], "language": 7}),
    ),
    "other-language": WyomingFault(
        says="answers in French", endings=(LANGUAGE,), heard="allume la lumière de la cuisine", language="fr"
    ),
    "control-characters": WyomingFault(
        says="NUL, escapes and line ends", endings=(ANSWERED, MALFORMED), heard="turn on\x00 the\x1b[2J\r\nlight\u202e"
    ),
    "lone-surrogate": WyomingFault(
        says="a text that cannot be UTF-8",
        endings=(ANSWERED, MALFORMED),
        act=_raw(b'{"type": "transcript", "data": {"text": "light \\ud83d"}}\n'),
    ),
    "garbage": WyomingFault(says="HTTP", endings=(MALFORMED, FAILED), act=_raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    "json-list": WyomingFault(says="a list as a header", endings=(MALFORMED,), act=_raw(b'["transcript"]\n')),
    "no-type": WyomingFault(says="a header without a type", endings=(MALFORMED,), act=_raw(b'{"data": {}}\n')),
    "json-too-deep": WyomingFault(
        says="60,000 brackets", endings=(MALFORMED, FAILED), act=_raw(b"[" * 60_000 + b"]" * 60_000 + b"\n")
    ),
    "invalid-utf-8": WyomingFault(
        says="bytes that are no UTF-8",
        endings=(MALFORMED,),
        act=_raw(b'{"type": "transcript", "data": {"text": "\xff\xfe"}}\n'),
    ),
    "negative-length": WyomingFault(
        says="a length below zero",
        endings=(MALFORMED,),
        act=_raw(b'{"type": "transcript", "data_length": -5}\n{"text": "a"}'),
    ),
    "huge-length": WyomingFault(
        says="a length of a terabyte",
        endings=(MALFORMED, FAILED),
        act=_raw(b'{"type": "transcript", "data_length": 1000000000000}\n{"text": "a"}'),
    ),
    "half-event": WyomingFault(
        says="closes in an event's data",
        endings=(FAILED, MALFORMED),
        act=_raw(b'{"type": "transcript", "data_length": 100}\n{"text": "a'),
    ),
    "long-line": WyomingFault(
        says="10 MB without a line end", endings=(MALFORMED, FAILED, TIMEOUT), act=_long_line, lasts=True
    ),
    "long-payload": WyomingFault(says="10 MB of payload", endings=(ANSWERED, MALFORMED), act=_long_payload),
    "refuses-connection": WyomingFault(says="nobody listens", endings=(UNREACHABLE,), when="listener"),
    "no-such-host": WyomingFault(says="a name that does not exist", endings=(UNREACHABLE,), when="listener"),
}
WYOMING_FAULTS = {name: replace(fault, name=name) for name, fault in _FAULTS.items()}
"""Name → fault."""
