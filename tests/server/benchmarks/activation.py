"""Models that take each other's place under load: whether a turn is lost, or slowed past the budget.

Satellites speak commands in real time without a rest while a bundle is loaded, answers a share, answers all, and is
rolled back, again and again. The same load without any change says what is usual here.

python -m tests.server.benchmarks.activation [--satellites 3] [--changes 24]
"""

import argparse
import asyncio
import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.server.benchmarks.bundle_server import NEW, OLD, BundleServer, bundle_server
from tests.server.benchmarks.recordings import commands
from wyoming_server.commands.client import Manner, connected
from wyoming_server.commands.recording import Recording
from wyoming_server.errors import EdgeVoiceError

MANNER = Manner(client_silence_seconds=0.7)
BUDGET_MS = 300.0
"""From the end of a turn to its text."""
PAUSE_SECONDS = 1.5
"""Between two changes: a turn is under way at each of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn under load."""

    file: str
    text: str
    """Empty when it was lost."""
    end_to_text_ms: float = 0.0


def main() -> None:
    """Print the figures; fails when a turn was lost, was heard otherwise, or slowed past the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--satellites", type=int, default=3)
    parser.add_argument("--changes", type=int, default=24)
    arguments = parser.parse_args()
    figures = asyncio.run(_measured(arguments.satellites, arguments.changes))
    print(json.dumps(figures, ensure_ascii=False))
    if figures["turns lost"] or figures["turns with another text"] or figures["turns slowed past the budget"]:
        raise SystemExit(1)


async def _measured(satellites: int, changes: int) -> dict[str, object]:
    recordings = commands()
    with tempfile.TemporaryDirectory() as folder:
        async with bundle_server(Path(folder)) as server:
            known = {one.file: one.text for one in [await _turn(server.uri, one) for one in recordings]}
            usual = await _under_load(server, recordings, satellites, changes, moves=False)
            moved = await _under_load(server, recordings, satellites, changes, moves=True)
    return {
        "satellites": satellites,
        "changes of what serves": changes,
        "turns": len(moved),
        "turns lost": sum(not one.text for one in moved),
        "turns with another text": sum(bool(one.text) and one.text != known[one.file] for one in moved),
        "turns slowed past the budget": len(_late(moved)),
        "end to text p50 and p95, ms": _figure(moved),
        "the same without changes: turns": len(usual),
        "the same without changes: past the budget": len(_late(usual)),
        "the same without changes: p50 and p95, ms": _figure(usual),
    }


def _late(turns: Sequence[Turn]) -> list[Turn]:
    return [one for one in turns if one.end_to_text_ms > BUDGET_MS]


def _figure(turns: Sequence[Turn]) -> str:
    p50, p95 = np.percentile([one.end_to_text_ms for one in turns if one.text], (50, 95))
    return f"{p50:.1f} and {p95:.1f}"


async def _under_load(
    server: BundleServer, recordings: Sequence[Recording], satellites: int, changes: int, *, moves: bool
) -> list[Turn]:
    turns: list[Turn] = []
    over = asyncio.Event()

    async def speaks(seed: int) -> None:
        chance = random.Random(seed)
        while not over.is_set():
            turns.append(await _turn(server.uri, chance.choice(recordings)))

    async with asyncio.TaskGroup() as group:
        for number in range(satellites):
            group.create_task(speaks(number))
        for number in range(changes):
            await asyncio.sleep(PAUSE_SECONDS)
            if moves:
                await _change(server, number)
        over.set()
    return turns


async def _change(server: BundleServer, number: int) -> None:
    """Load, promote, roll back, and so on."""
    match number % 4:
        case 0:
            await server.ask("serve", 0.5)
        case 1:
            await server.ask("activate", NEW)  # the candidate that is loaded already
        case 2:
            await server.ask("activate", OLD)  # loaded anew while the other answers
        case _:
            await server.ask("serve", 0.5)
            await server.ask("rest")


async def _turn(uri: str, recording: Recording) -> Turn:
    try:
        async with connected(uri) as connection:
            answer = await connection.transcribe(recording, MANNER, language="en")
    except EdgeVoiceError:
        return Turn(file=recording.path.name, text="")
    latency = answer.detail["latency_ms"]
    return Turn(file=recording.path.name, text=answer.text, end_to_text_ms=float(latency["end_to_text"]))


if __name__ == "__main__":
    main()
