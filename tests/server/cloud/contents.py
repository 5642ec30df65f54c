"""Faults of what an answer says."""

import functools
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .exchange import Exchange
from .protocol import Answer

PAGE = "<!doctype html><html><head><title>Log in</title></head><body><form>{}</form></body></html>"
BOMB_BYTES = 100 * 2**20


def _changed(answer: Answer, change: Callable[[Any], Any]) -> Answer:
    """Return the answer with its document, or each of its events, changed."""
    if answer.events:
        return replace(answer, events=tuple(change(one) for one in answer.events))
    return replace(answer, document=change(answer.document if answer.text is None else answer.text), text=None)


def _leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    """Change every value that is no object and no list; an event keeps its type, or it would be no event."""
    if isinstance(value, dict):
        return {key: one if key == "type" else _leaves(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [_leaves(one, change) for one in value]
    return change(value)


def _another_type(value: Any) -> Any:
    return {"said": value} if isinstance(value, str) else str(value)


def _emptied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: one if key == "type" else _emptied(one) for key, one in value.items()}
    return [] if isinstance(value, list) else "" if isinstance(value, str) else value


async def empty_object(exchange: Exchange, answer: Answer) -> None:
    """Nothing but braces."""
    await exchange.send(_changed(answer, lambda one: {}))


async def empty_lists(exchange: Exchange, answer: Answer) -> None:
    """All lists and texts are empty."""
    await exchange.send(_changed(answer, _emptied))


async def nulls(exchange: Exchange, answer: Answer) -> None:
    """All values are null."""
    await exchange.send(_changed(answer, lambda one: _leaves(one, lambda value: None)))


async def wrong_types(exchange: Exchange, answer: Answer) -> None:
    """All values are of another type."""
    await exchange.send(_changed(answer, lambda one: _leaves(one, _another_type)))


async def listed(exchange: Exchange, answer: Answer) -> None:
    """In a list of one."""
    await exchange.send(_changed(answer, lambda one: [one]))


async def quoted(exchange: Exchange, answer: Answer) -> None:
    """As a text within JSON."""
    await exchange.send(_changed(answer, json.dumps))


async def lone_surrogate(exchange: Exchange, answer: Answer) -> None:
    """Texts that JSON can write and UTF-8 cannot."""

    def broken(value: Any) -> Any:
        return f"{value}\ud83d" if isinstance(value, str) else value

    changed = _changed(answer, lambda one: _leaves(one, broken))
    if changed.events:
        body = "".join(f"data: {json.dumps(one)}\n\n" for one in changed.events).encode()
        await exchange.send_slowly(200, "text/event-stream", [body])
    else:
        await _json(exchange, json.dumps(changed.document).encode())


async def _json(exchange: Exchange, body: bytes) -> None:
    await exchange.send_slowly(200, "application/json", [body])


async def half(exchange: Exchange, answer: Answer) -> None:
    """Half of it, with a length that says so."""
    await exchange.send_slowly(200, answer.content_type, [answer.body[: len(answer.body) // 2]])


async def too_deep(exchange: Exchange, answer: Answer) -> None:
    """Deeper than any parser goes."""
    await _json(exchange, b'{"text":' + b"[" * 200_000 + b"]" * 200_000 + b"}")


async def huge_number(exchange: Exchange, answer: Answer) -> None:
    """Longer than Python's limit on digits."""
    await _json(exchange, b'{"text":' + b"7" * 9_000 + b"}")


async def no_utf_8(exchange: Exchange, answer: Answer) -> None:
    """UTF-8 with two bytes that never occur in it before each text's end."""
    await exchange.send_slowly(200, answer.content_type, [answer.body.replace(b'"', b'"\xff\xfe')])


async def nothing(exchange: Exchange, answer: Answer) -> None:
    """Nothing."""
    await exchange.send_slowly(200, answer.content_type, [b""])


async def page(exchange: Exchange, answer: Answer) -> None:
    """What a captive portal says."""
    await exchange.send_slowly(200, "text/html", [PAGE.format("").encode()])


async def long_page(exchange: Exchange, answer: Answer) -> None:
    """The same, of 10 MB."""
    filling = ["<input>" * 9_362] * 160
    head, _, tail = PAGE.partition("{}")
    await exchange.send_slowly(200, "text/html", [one.encode() for one in (head, *filling, tail)])


@functools.cache
def _bomb() -> bytes:
    """Return a right JSON document with a text of 100 MB, as gzip."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    block = b"a" * 2**20
    pieces = [packer.compress(b'{"text":"')]
    pieces += [packer.compress(block) for _ in range(BOMB_BYTES // len(block))]
    return b"".join([*pieces, packer.compress(b'"}'), packer.flush()])


async def bomb(exchange: Exchange, answer: Answer) -> None:
    """Little on the wire, much in memory."""
    await exchange.send_slowly(200, "application/json", [_bomb()], headers={"Content-Encoding": "gzip"})


async def no_gzip(exchange: Exchange, answer: Answer) -> None:
    """What says that it is gzip and is not."""
    await exchange.send_slowly(200, answer.content_type, [answer.body], headers={"Content-Encoding": "gzip"})


def _events(answer: Answer) -> list[bytes]:
    return answer.chunks if answer.events else []


async def half_stream(exchange: Exchange, answer: Answer) -> None:
    """The stream ends well, before its text does."""
    events = _events(answer)
    if not events:
        return await _did_not_happen(exchange, answer)
    return await exchange.send_slowly(200, "text/event-stream", [*events[: len(events) // 2], b"data: {"])


async def stream_without_end(exchange: Exchange, answer: Answer) -> None:
    """Neither the last event nor the end comes."""
    events = _events(answer)
    if not events:
        return await _did_not_happen(exchange, answer)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    await exchange.raw(head, *(f"{len(one):x}\r\n".encode() + one + b"\r\n" for one in events[:-1]))
    return await exchange.hang()


async def stream_error(exchange: Exchange, answer: Answer) -> None:
    """An error comes instead of the last event."""
    if not answer.events:
        return await _did_not_happen(exchange, answer)
    failure = {"type": "error", **exchange.service.failure(500, "The server had an error.").document}
    return await exchange.send(replace(answer, events=(*answer.events[:2], failure)))


async def stream_garbage(exchange: Exchange, answer: Answer) -> None:
    """Events that no parser takes."""
    if not answer.events:
        return await _did_not_happen(exchange, answer)
    return await exchange.send_slowly(200, "text/event-stream", [b"data: banana\n\n", b"banana: \xff\n\n"])


async def _did_not_happen(exchange: Exchange, answer: Answer) -> None:
    """The request asked for no stream."""
    exchange.arrival.fault = ""
    await exchange.send(answer)
