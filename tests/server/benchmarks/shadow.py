"""What unheard decoding costs the turns that are heard: the same commands with it and without, in turns.

Every command is spoken again as soon as the one before has its text, so that each begins in the middle of an unheard
decode: a satellite that gives no rest. Half of the rounds are in real time with the silence that Home Assistant waits
for; in the other half the audio comes as fast as the server takes it, and the text has to be decoded after the end.

python -m tests.server.benchmarks.shadow [--rounds 12]
"""

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

import numpy as np

from tests.server.benchmarks.bundle_server import BundleServer, bundle_server
from tests.server.benchmarks.recordings import commands
from wyoming_server.commands.client import Answer, Manner, connected
from wyoming_server.commands.recording import Recording

MANNERS = {
    "real time": Manner(client_silence_seconds=0.7),
    "at once": Manner(chunk_seconds=0.1, real_time=False),
}
AT_MOST_MS, AT_MOST_SHARE = 5.0, 0.05
ROUNDS_AT_ONCE = 10
"""As many, in the time of one in real time."""


def main() -> None:
    """Print the figures; fails when unheard decoding costs more than 5 ms and 5 % of the 95th percentile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    figures = asyncio.run(_measured(parser.parse_args().rounds))
    print(json.dumps(figures, ensure_ascii=False))
    if not figures["held"]:
        raise SystemExit(1)


async def _measured(rounds: int) -> dict[str, object]:
    recordings = commands()
    figures: dict[str, object] = {}
    held = True
    with tempfile.TemporaryDirectory() as folder:
        async with bundle_server(Path(folder)) as server:
            await server.ask("shadow")
            for name, manner in MANNERS.items():
                count = rounds if manner.real_time else rounds * ROUNDS_AT_ONCE
                without, beside, heard = await _compared(server, recordings, manner, count)
                before, after = (float(np.percentile(one, 95)) for one in (without, beside))
                added = after - before
                held &= added <= max(AT_MOST_MS, AT_MOST_SHARE * before)
                figures |= {
                    f"{name}: turns each way": len(without),
                    f"{name}: decoded unheard": heard,
                    f"{name}: end to text p50, without and with, ms": _pair(np.median(without), np.median(beside)),
                    f"{name}: end to text p95, without and with, ms": _pair(before, after),
                    f"{name}: p95 added, ms": round(added, 1),
                }
    return {**figures, "held": held}


def _pair(one: float, other: float) -> str:
    return f"{one:.1f} and {other:.1f}"


async def _compared(
    server: BundleServer, recordings: list[Recording], manner: Manner, rounds: int
) -> tuple[list[float], list[float], int]:
    """Return end to text in ms without and with unheard decoding, and how many were decoded so."""
    ways: dict[bool, list[float]] = {False: [], True: []}
    before = await server.ask("shadowed")
    for number in range(rounds):
        for shadows in (False, True) if number % 2 else (True, False):
            await server.ask("share", 1.0 if shadows else 0.0)
            # The first of a round begins in silence, and is not counted.
            for place, recording in enumerate([recordings[number % len(recordings)], *recordings]):
                took_ms = _end_to_text_ms(await _spoken(server.uri, recording, manner))
                if place:
                    ways[shadows].append(took_ms)
    await server.ask("share", 0.0)
    return ways[False], ways[True], int(await server.ask("shadowed")) - before


async def _spoken(uri: str, recording: Recording, manner: Manner) -> Answer:
    async with connected(uri) as connection:
        return await connection.transcribe(recording, manner, language="en")


def _end_to_text_ms(answer: Answer) -> float:
    """Return the server's own figure, from the end of the turn to the text."""
    return float(answer.detail["latency_ms"]["end_to_text"])


if __name__ == "__main__":
    main()
