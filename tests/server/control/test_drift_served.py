"""Drift of a real server: told over the control API, kept over a restart, forgotten when it is purged."""

from pathlib import Path
from typing import Any

from wyoming_server.listeners.control_past import DRIFT
from wyoming_server.listeners.control_values import checked

from ..home import Home, home, settings_for_tests
from ..listeners.houses import said
from ..peer import connected
from .owner import Owner, owner_of

KITCHEN = "assist_satellite.kitchen"


def served(folder: Path) -> Any:
    control = {"address": "127.0.0.1:0", "announce": False}
    drift = {"reference_turns": 100, "run_length_turns": 500}
    return home(settings_for_tests(folder, control=control, drift=drift))


def stored(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in folder.rglob("*.sqlite*"))


async def say(at: Home, times: int) -> None:
    context = {"edge_voice": {"satellite_id": KITCHEN, "session_id": KITCHEN}}
    for _ in range(times):
        async with connected(at.uri) as peer:
            await peer.turn(said("kitchen"), {"language": "en", "context": context})


async def to_go(owner: Owner) -> int:
    status = await owner.ask("GET", "status")
    assert status["drift"]["state"] == "learning"
    number: int = status["drift"]["turns_to_go"]
    return number


async def test_turns_of_a_real_server_are_watched_kept_and_forgotten(
    tmp_path: Path,
) -> None:
    with served(tmp_path) as first:
        async with owner_of(first) as owner:
            told = await owner.ask("GET", "drift")
            checked(DRIFT, told)
            assert told == {"state": "learning", "turns_to_go": 100, "alarms": [], "metrics": []}
            await say(first, 2)
            assert await to_go(owner) == 98
    with served(tmp_path) as again:
        async with owner_of(again) as owner:
            assert await to_go(owner) == 98
            await say(again, 1)
            assert await to_go(owner) == 97
            assert (await owner.ask("POST", "drift/accept", {}))["state"] == "learning"
            await owner.ask("POST", "purge", {"what": ["learned"]})
            assert await to_go(owner) == 100
    with served(tmp_path) as last:
        async with owner_of(last) as owner:
            assert await to_go(owner) == 100
    assert KITCHEN.encode() not in stored(tmp_path)
