"""What a real server writes down of its turns, and tells of them after a restart."""

from pathlib import Path

from ..home import home, settings_for_tests
from ..listeners.houses import said
from ..peer import connected
from .owner import owner_of

ROOM = "assist_satellite.kitchen"
CONTROL = {"address": "127.0.0.1:0", "announce": False}


async def test_turns_and_what_became_of_them_outlive_a_restart(tmp_path: Path) -> None:
    settings = settings_for_tests(tmp_path, control=CONTROL)
    with home(settings) as served:
        async with owner_of(served) as owner, connected(served.uri) as peer:
            told = {"satellite_id": ROOM, "session_id": "an evening", "microphone_class": "phone"}
            heard = await peer.turn(said("kitchen"), {"language": "en", "context": {"edge_voice": told}})
            turn_id = heard.detail["turn_id"]
            await owner.ask("POST", f"turns/{turn_id}/outcome", {"result": "intent", "intent": "HassTurnOn"})
            (now,) = (await owner.ask("GET", "records"))["records"]
            assert (now["turn_id"], now["satellite"], now["result"]) == (turn_id, ROOM, "intent")
            assert now["latency_ms"]["inference"] > 0
    with home(settings) as served:
        async with owner_of(served) as owner:
            (then,) = (await owner.ask("GET", "records"))["records"]
            assert then == {**{name: value for name, value in now.items() if name != "turn_id"}, "satellite": None}
            await owner.satellite(ROOM)
            for path, turns in ((f"records?satellite={ROOM}", 1), ("records?satellite=another", 0)):
                assert [one["satellite"] for one in (await owner.ask("GET", path))["records"]] == [ROOM] * turns
            figures = await owner.ask("GET", "figures?days=1")
            assert [(one["language"], one["microphone_class"]) for one in figures["cells"]] == [
                (None, None),
                ("en", None),
                (None, "phone"),
                ("en", "phone"),
            ]
            assert {one["turns"] for one in figures["cells"]} == {1}
            series = await owner.ask("GET", "history?hours=24")
            assert sum(one["turns"] for one in series["points"]) == 1
            assert series["points"][-1]["memory_percent"] > 0
            assert (await owner.ask("GET", "incidents"))["incidents"] == []
    names = [one.name for one in (tmp_path / "data").glob("edge-voice.sqlite*") if ROOM.encode() in one.read_bytes()]
    assert names == []
