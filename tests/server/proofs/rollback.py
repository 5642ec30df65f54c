"""A bundle that is subtly worse, from its publisher's repository to the roll-back: a real server and real turns.

It hears its golden recordings right, so its self-test passes, and other commands wrong. Satellites speak as fast as the
server answers, so that days of a home take a minute; the hours that a shadow takes at least are set to none.

python -m tests.server.proofs.rollback [--shadow-turns 400]
"""

import argparse
import asyncio
import itertools
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.server.benchmarks.recordings import commands
from tests.server.bundles import made
from tests.server.bundles.installed_hub import chooses_starter, installed
from tests.server.bundles.publishing import a_repository, served
from tests.server.peer import connected
from wyoming_server.bundles.bundle import Kind
from wyoming_server.commands.local import DEMO_AREAS, DEMO_NAMES
from wyoming_server.commands.recording import Recording
from wyoming_server.commands.report import table
from wyoming_server.errors import BundleError
from wyoming_server.serve import RunningServer, running
from wyoming_server.settings import Raw, read_settings

BEFORE_TURNS = 300
"""Of the incumbent alone: what the candidate is compared with."""
MOST_TURNS = 6000


def main() -> None:
    """Tell the story; fails when the bundle stays, or is taken again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shadow-turns", type=int, default=400, help="0: it answers turns at once")
    sys.exit(asyncio.run(_told(parser.parse_args().shadow_turns)))


async def _told(shadow_turns: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "hub" / "data"
        chooses_starter(data)
        installed(data, made.good(folder), active=True)
        repository = a_repository(folder / "repository")
        repository.publish(made.subtly_bad(folder), notes="Hears better in the kitchen.")
        with served(repository.public) as url:
            async with running(_settings(data, shadow_turns)) as server:
                await server.ready()
                story: list[dict[str, Any]] = []
                listening = asyncio.create_task(_listen(server, story))
                turns = await _lived(server, url, repository.root_bytes, story)
                await asyncio.sleep(1.5)
                listening.cancel()
                return await _ending(server, story, turns)


def _settings(data: Path, shadow_turns: int) -> Any:
    raw: Raw = {
        "server": {"uris": ["tcp://127.0.0.1:0"], "data_dir": str(data), "log_level": "error"},
        "asr": {"language": "en"},
        "home": {"names": list(DEMO_NAMES), "areas": list(DEMO_AREAS)},
        "control": {"address": "off", "announce": False},
        "bundles": {
            "automatic": True,
            "shadow_hours": 0.0,
            "shadow_turns": shadow_turns,
            "shadow_share": 1.0,
            "serving_share": 0.5,
        },
    }
    return read_settings(None, raw, environ={})


async def _listen(server: RunningServer, story: list[dict[str, Any]]) -> None:
    async for message in server.control.events():
        story += [message] if message["type"] == "bundle" else []


async def _lived(server: RunningServer, url: str, root: bytes, story: Sequence[dict[str, Any]]) -> int:
    """Speak until the bundle has gone, or for so many turns; return how many turns that were."""
    recordings = itertools.cycle(commands())
    for number in range(BEFORE_TURNS):
        await _say(server, next(recordings), number)
    await server.updates.trust(url, root)
    for number in range(BEFORE_TURNS, MOST_TURNS):
        if any(one["event"] in {"rolled_back", "settled", "refused"} for one in story):
            return number
        await _say(server, next(recordings), number)
        for _ in range(200):
            if not server.arms.is_shadowing:
                break
            await asyncio.sleep(0.005)
    return MOST_TURNS


async def _say(server: RunningServer, recording: Recording, number: int) -> None:
    # Each from a satellite of its own: the same sentence from one, seconds later, would be somebody who was misheard.
    asked = {"language": "en", "context": {"edge_voice": {"satellite": f"room-{number % 97}"}}}
    async with connected(server.uris[0]) as peer:
        await peer.turn(recording.pcm, asked)


async def _ending(server: RunningServer, story: Sequence[dict[str, Any]], turns: int) -> int:
    """Print what happened, and check that the bundle is not taken again."""
    began = story[0]["at"] if story else ""
    print(f"{turns} turns were spoken; the bundle was offered after {BEFORE_TURNS} (at {began}).\n")
    rows = [["event", "bundle", "code", "message"]]
    print(table(rows + [[one["event"], one["label"], one["code"] or "", one["message"] or ""] for one in story]), "\n")
    left = next((one for one in story if one["event"] == "rolled_back"), None)
    if left is None:
        print("It was not rolled back.")
        return 1
    keys = ("metric", "baseline", "baseline_turns", "candidate", "candidate_turns")
    evidence = [[*(_shown(one[key]) for key in keys), f"{one['e_value']:.3g}"] for one in left["evidence"]]
    evidence.insert(0, ["metric", "baseline", "turns", "candidate", "turns", "e-value"])
    print(table(evidence), "\n")
    try:
        await server.updates.check()
        await server.updates.install(Kind(left["kind"]), left["label"])
    except BundleError as error:
        print(f"Asked for again: {error.code}: {error}")
        return 0
    return 1


def _shown(value: object) -> str:
    return f"{100 * value:.1f} %" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
