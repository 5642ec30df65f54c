"""Event streams that nobody would send, on many connections of one server: one line of JSON.

Long form: `python -m tests.server.proofs.fuzz [--minutes 5] [--seed 1]`. It fails when the server logs a traceback,
leaves a connection without an answer, stops serving others, or keeps tasks or descriptors.
"""

import argparse
import asyncio
import json
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

from ..home import Home, home, settings_for_tests
from ..peer import KITCHEN, SHAPE, Peer, chunk, connected, event, kitchen

KINDS = (
    "transcribe", "detect", "audio-start", "audio-chunk", "audio-stop", "describe", "ping", "pong", "error",
    "transcript", "synthesize", "x", "",
)  # fmt: skip
FIELDS = (
    "name", "names", "language", "context", "vad_sensitivity", "transcript_names", "transcript_terms", "rate", "width",
    "channels", "text", "timestamp",
)  # fmt: skip
SCALARS: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 16_000, 8_000, 44_100, 2**31, 2**63, 10**30, 0.5, float("nan"), float("inf"),
    "", "en", "de", "xx", "starter", "hey_jarvis", "alexa", "file", "live", "\0", "\ud800", "ü", "x" * 500, [], {},
    [[]], ["a", 1], {"edge_voice": {"mode": "file"}}, {"edge_voice": {"answer_early": False}}, {"edge_voice": 3},
)  # fmt: skip
GARBAGE = (b"\n", b"\0", b"{}\n", b"[]\n", b"{\n", b"\xff\xfe\n", b'{"type": null}\n', b'"text"\n', b"\r\n\r\n")
HANG_SECONDS = 30.0


def stream(generator: random.Random, length: int) -> list[bytes]:
    """Return the pieces of one peer's stream: mostly events in a plausible order, some of them wrong."""
    pieces: list[bytes] = []
    speech = kitchen().pcm
    for _ in range(length):
        choice = generator.random()
        if choice < 0.15:
            pieces += [event("transcribe", {}), event("audio-start", SHAPE)]
        elif choice < 0.20:
            pieces += [event("detect", {"names": ["hey_jarvis"]} if generator.random() < 0.5 else {})]
        elif choice < 0.45:
            at = generator.randrange(0, len(speech), 2)
            pieces += [chunk(speech[at : at + 2 * generator.randrange(0, 16_000)])] * generator.randrange(1, 4)
        elif choice < 0.60:
            pieces.append(event("audio-stop"))
        elif choice < 0.95:
            pieces.append(_odd(generator))
        elif choice < 0.97:
            pieces.append(generator.choice(GARBAGE))
        else:
            whole = _odd(generator)
            pieces.append(whole[: generator.randrange(len(whole))])
    return pieces


def _odd(generator: random.Random) -> bytes:
    """Return a well-framed event with odd fields, or one whose lengths are wrong."""
    data: Any = {
        generator.choice(FIELDS): generator.choice(SCALARS) for _ in range(generator.choice((0, 1, 1, 2, 3, 5)))
    }
    kind = generator.choice(KINDS)
    if kind.startswith("audio") and generator.random() < 0.7:
        data = SHAPE | data
    payload = generator.randbytes(generator.choice((0, 0, 1, 2, 3, 640, 4096)))
    header: dict[str, Any] = {}
    if generator.random() < 0.05:
        header[generator.choice(("data_length", "payload_length", "type"))] = generator.choice(SCALARS)
    return event(kind, data, payload, **header)


async def one_peer(uri: str, generator: random.Random) -> Counter[str]:
    """Send one stream; return what came back, by kind and code. Raises TimeoutError when the server hangs."""
    counts: Counter[str] = Counter()
    async with connected(uri) as peer:
        reading = asyncio.create_task(_read(peer, counts))
        try:
            for piece in stream(generator, generator.randrange(1, 40)):
                await peer.say(piece)
                counts["pieces"] += 1
                if generator.random() < 0.1:
                    await asyncio.sleep(generator.random() * 0.02)
            if generator.random() < 0.2:
                peer.reset()
            else:
                peer.writer.write_eof()
        except OSError:
            counts["closed by the server"] += 1
        async with asyncio.timeout(HANG_SECONDS):
            await reading
    return counts


async def _read(peer: Peer, counts: Counter[str]) -> None:
    try:
        while (heard := await peer.hear()) is not None:
            counts[heard.kind if heard.kind != "error" else f"error {heard.data['code']}"] += 1
    except ConnectionError, asyncio.IncompleteReadError:
        counts["reset"] += 1


async def fuzz(served: Home, *, seconds: float, seed: int, peers: int = 4) -> Counter[str]:
    """Fuzz for so long and return what happened; a peer that behaves is served all the while."""
    before = served.tasks()
    until = time.monotonic() + seconds
    counts: Counter[str] = Counter()
    round_number = 0
    while time.monotonic() < until or not round_number:
        generators = [random.Random(f"{seed} {round_number} {index}") for index in range(peers)]
        behaving = asyncio.create_task(_behaving(served.uri))
        for result in await asyncio.gather(*(one_peer(served.uri, one) for one in generators)):
            counts += result
        text = await behaving
        counts["streams"] += peers
        counts["right texts meanwhile"] += text == KITCHEN
        round_number += 1
    counts["rounds"] = round_number
    await served.rests(before, 10**6)
    return counts


async def _behaving(uri: str) -> str:
    async with connected(uri) as peer:
        return str((await peer.turn(kitchen().pcm)).data.get("text"))


class _Loud(logging.Handler):
    """Counts what must not be logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.messages.append(record.getMessage())


def main() -> int:
    """Print the counts; return 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    loud = _Loud()
    logging.getLogger().addHandler(loud)
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_for_tests(Path(folder), listen={"idle_seconds": 1.0})
        with home(settings) as served:
            asyncio.run(fuzz(served, seconds=2, seed=-arguments.seed))
            fds = psutil.Process().num_fds()
            counts = asyncio.run(fuzz(served, seconds=60 * arguments.minutes, seed=arguments.seed))
            left = psutil.Process().num_fds() - fds
    wrong = len(loud.messages) + (counts["rounds"] - counts["right texts meanwhile"]) + max(0, left)
    figures = {"seed": arguments.seed, "failures": wrong, "logged_errors": loud.messages[:5], "fds_left": left}
    print(json.dumps(figures | dict(sorted(counts.items()))))
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
