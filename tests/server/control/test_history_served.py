"""What a real server writes down of its turns, and tells of them after a restart."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from wyoming_server.records.schema import MIGRATIONS
from wyoming_server.records.store import FILE_NAME

from ..home import home, settings_for_tests
from ..listeners.houses import said
from ..peer import KITCHEN, connected
from .owner import Owner, owner_of

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
            status = (await owner.ask("GET", "status"))["figures"]
            assert (status["turns"], status["window_turns"], status["escalation_rate"]) == (0, 1, 0.0)
            assert status["stages_p95_ms"]["inference"] == pytest.approx(now["latency_ms"]["inference"], abs=0.1)
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


def newer(path: Path) -> None:
    """As an Edge Voice of the future leaves it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")


def damaged(path: Path) -> None:
    path.write_bytes(b"this is no database " * 500)


def a_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(("spoil", "refused"), [(newer, "newer-records"), (a_folder, "disk-full"), (damaged, None)])
async def test_turns_go_on_whatever_the_records_are_and_their_owner_is_told(
    tmp_path: Path, spoil: Callable[[Path], None], refused: str | None
) -> None:
    settings = settings_for_tests(tmp_path, control=CONTROL)
    path = Path(settings.server.data_dir, FILE_NAME)
    path.parent.mkdir()
    spoil(path)
    with home(settings) as served:
        async with owner_of(served) as owner, connected(served.uri) as peer:
            heard = await peer.turn(said("kitchen"), {"language": "en"})
            assert heard.text == KITCHEN
            asked = [await _status(owner, f"{one}") for one in ("figures", "history", "records", "incidents")]
            warnings = {one["code"] for one in (await owner.ask("GET", "status"))["warnings"]}
    assert asked == [(503, refused)] * 4 if refused else [(200, None)] * 4
    assert ("records-unwritable" in warnings) is bool(refused)


def _broken(*_: object, **__: object) -> None:
    raise RuntimeError("as the test says")


async def test_a_turn_that_cannot_be_recorded_was_answered_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("wyoming_server.control.watch.record_of", _broken)
    with home(settings_for_tests(tmp_path, control=CONTROL)) as served:
        for _ in range(2):
            async with connected(served.uri) as peer:
                assert (await peer.turn(said("kitchen"), {"language": "en"})).text == KITCHEN
        async with owner_of(served) as owner:
            assert len((await owner.ask("GET", "turns"))["turns"]) == 2
    messages = [one.getMessage() for one in caplog.records]
    assert messages.count("a turn could not be recorded") == 2
    assert "a turn failed" not in messages, "the peer would hear of it as an error"


async def _status(owner: Owner, path: str) -> tuple[int, str | None]:
    async with owner.http.get(f"/api/v1/{path}") as answer:
        return answer.status, (await answer.json()).get("code")
