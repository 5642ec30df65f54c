"""`edge-voice privacy`: the register without a server; what is kept, has left and is erased, of a real one."""

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.control.owner import owner_of
from tests.server.home import Home, home, settings_for_tests
from tests.server.peer import KITCHEN, connected, kitchen
from wyoming_server.commands import privacy
from wyoming_server.errors import InvalidRequestError, ServerUnreachableError
from wyoming_server.records import lineage
from wyoming_server.settings import Settings, read_settings

ROOM = {"edge_voice": {"satellite_id": "kitchen", "session_id": "one"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("privacy")


@pytest.fixture(scope="module")
def settings(folder: Path) -> Settings:
    return settings_for_tests(folder, control={"address": "127.0.0.1:0", "keep_transcripts": True})


@pytest.fixture(scope="module")
def talked_to(settings: Settings) -> Iterator[Home]:
    with home(settings) as one:
        yield one


def parsed(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    privacy.add_arguments(parser)
    return parser.parse_args(argv)


async def said_by(capsys: pytest.CaptureFixture[str], settings: Settings, *argv: str) -> str:
    """Run a command, and return what it printed."""
    capsys.readouterr()
    assert await privacy.run(parsed(*argv), settings) == 0
    return capsys.readouterr().out


async def test_the_register_is_printed_for_people_programs_and_the_page(
    capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    shown = await said_by(capsys, settings, "lineage")
    assert all(one.name in shown for one in lineage.classes())
    one_class = await said_by(capsys, settings, "lineage", "lane-audio")
    assert "sound: form:file" in one_class
    assert "who gets it" in one_class
    told = json.loads(await said_by(capsys, settings, "lineage", "--json"))
    assert told == lineage.told(settings.records)
    of_one = json.loads(await said_by(capsys, settings, "lineage", "pairs", "--json"))
    assert {one["data_class"] for one in of_one["flows"]} == {"pairs"}
    assert (await said_by(capsys, settings, "lineage", "--markdown")).startswith(f"{len(lineage.classes())} classes")


async def test_windows_are_those_of_this_home(capsys: pytest.CaptureFixture[str]) -> None:
    short = read_settings(None, {"records": {"turn_days": 3}}, environ={})
    assert "kept         3 days (records.turn_days)" in await said_by(capsys, short, "lineage", "turns")


def test_a_class_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("lineage", "gossip")
    assert "gossip" in capsys.readouterr().err


async def test_without_a_server_its_records_are_not_guessed_at(tmp_path: Path) -> None:
    with pytest.raises(ServerUnreachableError, match="serve"):
        await privacy.run(parsed("kept"), settings_for_tests(tmp_path))


async def test_what_a_real_server_keeps_is_shown_and_erased(
    capsys: pytest.CaptureFixture[str], settings: Settings, talked_to: Home
) -> None:
    async with connected(talked_to.uri) as peer:
        assert (await peer.turn(kitchen().pcm, {"language": "en", "context": ROOM})).text == KITCHEN
    kept: dict[str, Any] = json.loads(await said_by(capsys, settings, "kept", "--json"))
    rows = {one["name"]: one["rows"] for one in kept["classes"]}
    assert (rows["turns"], rows["transcripts"]) == (1, 1)
    shown = await said_by(capsys, settings, "kept")
    assert any(line.split() == ["transcripts", "7", "days", kept["now"]["oldest"], "1"] for line in shown.splitlines())
    erased = await said_by(capsys, settings, "purge", "transcripts", "turns", "--yes")
    assert erased.splitlines() == ["transcripts: 1 erased, 0 left", "turns: 1 erased, 0 left"]
    assert KITCHEN not in shown + erased


async def test_nothing_is_erased_unless_somebody_says_so(
    capsys: pytest.CaptureFixture[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidRequestError, match="--yes"):
        await privacy.run(parsed("purge", "everything"), settings)
    asked = io.StringIO("n\n")
    monkeypatch.setattr(asked, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", asked)
    assert await privacy.run(parsed("purge", "turns", "--satellite", "kitchen"), settings) == 1
    assert "Erase turns of kitchen for good? [y/N] Nothing was erased." in capsys.readouterr().err


async def test_every_upload_is_shown_for_people_and_for_a_spreadsheet(
    capsys: pytest.CaptureFixture[str], settings: Settings, talked_to: Home
) -> None:
    assert "Nothing has left the home." in await said_by(capsys, settings, "ledger")
    server = talked_to.server
    assert server is not None
    lane = {"name": "=cmd()", "provider": "client", "entity": "stt.cloud", "consent": "2026-11-22"}
    row = {"at": "2026-11-22T10:00:00+00:00", "lane": "=cmd()", "turn_id": "", "seconds": 1.9, "ending": "answered"}
    async with owner_of(talked_to) as owner:
        await owner.lanes(lane)
        await owner.ask("POST", "ledger", {"rows": [row]})
    rows = list(csv.DictReader(io.StringIO(await said_by(capsys, settings, "ledger", "--csv"))))
    assert [(one["lane"], one["seconds"], one["ending"]) for one in rows] == [("'=cmd()", "1.9", "answered")]
    assert "=cmd()  away" in await said_by(capsys, settings, "ledger")
    assert len(json.loads(await said_by(capsys, settings, "ledger", "--json"))["rows"]) == 1
