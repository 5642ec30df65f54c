"""The baseline and the scorecard of a real server: real turns, a real lane, the control API and the command line."""

import argparse
import asyncio
import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from wyoming_server.commands import baseline, scorecard
from wyoming_server.commands.shared_flags import add_shared
from wyoming_server.errors import NotConsentedError, ServerUnreachableError, UnknownMonthError
from wyoming_server.records.store import FILE_NAME

from ..cloud.server import CONSENT, StandIn
from ..home import Home, settings_for_tests
from ..listeners.houses import cloud_in_its_own_thread, said
from .owner import Owner, owner_of
from .test_control import KEY, steered, turn

CLOUD_TEXT = "Turn off the hall lamp"
WANTED = {"consent": "2026-11-02", "days": 7, "seconds": 600, "money": 1}


@pytest.fixture(scope="module")
def cloud() -> Iterator[StandIn]:
    with cloud_in_its_own_thread() as one:
        one.hearing.default = CLOUD_TEXT
        one.services["openai"].key = KEY
        yield one


def far(cloud: StandIn) -> dict[str, Any]:
    """Return a lane that leaves the home."""
    asked = {"name": "far", "provider": "openai", "url": cloud.url("openai"), "key": KEY}
    return asked | {"trust": "cloud", "consent": CONSENT, "price_per_minute": 0.1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("months")


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Home]:
    with steered(folder) as one:
        yield one


async def test_while_a_baseline_is_recorded_a_service_answers_and_the_hub_hears_it_too(
    served: Home, cloud: StandIn
) -> None:
    async with owner_of(served) as owner:
        assert await owner.ask("GET", "baseline") == {"running": None, "last": None}
        await owner.ask("POST", "baseline", WANTED, status=403)
        await owner.lanes(far(cloud))
        assert (await turn(served, said("kitchen"), "a")).detail["route"] == "edge"
        told = await owner.ask("POST", "baseline", WANTED, status=201)
        assert told["running"]["money_cap"] == 1
        await owner.ask("POST", "baseline", WANTED, status=409)
        heard = await turn(served, said("kitchen"), "b")
        assert (heard.detail["route"], heard.text) == ("cloud", CLOUD_TEXT)
        assert (await turn(served, said("kitchen"), "c", lane="edge")).detail["route"] == "edge"
        await until_paired(owner)
        assert (await owner.ask("GET", "status"))["baseline"]["seconds"] > 0.0
        assert (await owner.ask("GET", "policy"))["routing_mode"] == "auto", "the owner's own choice is as it was"
        last = (await owner.ask("DELETE", "baseline"))["last"]
        assert (last["turns"], last["failed"], last["pairs"], last["disagreed"]) == (1, 0, 1, 1)
        assert last["last_word_to_text_ms"]["p50"] > 0.0
        assert (await turn(served, said("kitchen"), "d")).detail["route"] == "edge"
        figures = (await owner.ask("GET", "status"))["figures"]
        assert [figures[one] for one in ("turns", "window_turns", "escalations", "escalation_rate")] == [4, 3, 0, 0.0]
        marked = [one["baseline"] for one in (await owner.ask("GET", "records?limit=4"))["records"]]
        assert marked == [False, False, True, False]
        kinds = [one["kind"] for one in (await owner.ask("GET", "incidents"))["incidents"]]
        assert kinds.count("baseline") == 2
        await owner.ask("DELETE", "baseline", status=404)


async def until_paired(owner: Owner) -> None:
    """Wait until the turn's pair is written down."""
    for _ in range(200):
        newest = (await owner.ask("GET", "records?limit=2"))["records"]
        if any(one["disagreed"] is not None for one in newest):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("no pair is written down")


async def test_the_month_so_far_compares_with_the_baseline(served: Home) -> None:
    async with owner_of(served) as owner:
        month = (await owner.ask("GET", "status"))["server"]["started_at"][:7]
        await owner.ask("GET", "scorecard?month=2020-01", status=404)
        card = await owner.ask("GET", f"scorecard?month={month}")
        assert (card["complete"], card["baseline"]["turns"]) == (False, 1)
        assert card["figures"]["turns"] == 3, "turns of the baseline are none of the hub's"
        async with owner.http.get(f"/scorecard?month={month}") as page:
            assert (page.status, "Against a cloud-only assistant" in await page.text()) == (200, True)
            assert "sha256-" in page.headers["Content-Security-Policy"]


class Shell:
    """Whoever has one at the hub."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._settings, self._capsys = settings_for_tests(folder), capsys

    async def run(self, command: ModuleType, *argv: str) -> tuple[str, str]:
        """Run a command; return what it printed, and what it said besides."""
        parser = argparse.ArgumentParser()
        add_shared(parser)
        command.add_arguments(parser)
        arguments = parser.parse_args([*argv, "--data-dir", self._settings.server.data_dir])
        assert await command.run(arguments, self._settings) == 0
        captured = self._capsys.readouterr()
        return captured.out, captured.err


@pytest.fixture
def shell(folder: Path, served: Home, capsys: pytest.CaptureFixture[str]) -> Shell:
    assert served.server is not None
    return Shell(folder, capsys)


async def test_the_command_line_shows_a_month_and_writes_its_page(served: Home, shell: Shell, tmp_path: Path) -> None:
    async with owner_of(served) as owner:
        month = (await owner.ask("GET", "status"))["server"]["started_at"][:7]
    shown, _ = await shell.run(scorecard, "--month", month)
    assert "last word to text, typical" in shown
    assert "What to do next" in shown
    told, _ = await shell.run(scorecard, "--month", month, "--json")
    assert json.loads(told)["headline"]["month"] == month
    page = tmp_path / "made" / "month.html"
    await shell.run(scorecard, "--month", month, "--html", str(page))
    written = page.read_text("utf-8")
    assert written.startswith("<!doctype html>")
    assert "href=" not in written, "a file's links would lead nowhere"
    with pytest.raises(UnknownMonthError, match="January 2020"):
        await shell.run(scorecard, "--month", "2020-01")


async def test_the_command_line_asks_before_anything_leaves(
    served: Home, shell: Shell, cloud: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with owner_of(served) as owner:
        await owner.lanes(far(cloud))
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    with pytest.raises(NotConsentedError, match="not agreed"):
        await shell.run(baseline, "start")
    assert "No baseline is being recorded" in (await shell.run(baseline, "status"))[0]
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    shown, asked = await shell.run(baseline, "start", "--days", "2", "--money", "0.5")
    assert all(said in asked for said in ("far ($0.1 a minute)", "For 2 days", "$0.50", "What leaves"))
    assert "A baseline is being recorded until" in shown
    ended, _ = await shell.run(baseline, "stop", "--json")
    assert json.loads(ended)["running"] is None
    again, _ = await shell.run(baseline, "start", "--consent", "2026-11-02", "--json")
    assert json.loads(again)["running"]["consent"] == "2026-11-02"
    await shell.run(baseline, "stop")


async def test_turns_that_come_together_cannot_exceed_its_cap(served: Home, cloud: StandIn) -> None:
    async with owner_of(served) as owner:
        await owner.lanes(far(cloud))
        before = (await owner.ask("GET", "ledger?limit=1"))["rows"][0]["number"]
        await owner.ask("POST", "baseline", {**WANTED, "seconds": 5}, status=201)
        heard = await asyncio.gather(*(turn(served, said("kitchen"), f"room-{number}") for number in range(6)))
        routes = [one.detail["route"] for one in heard]
        assert set(routes) == {"cloud", "edge"}, "each was answered, some by the hub"
        told = await owner.ask("GET", "baseline")
        assert told["running"] is None
        assert "cap of 5 s" in told["last"]["reason"]
        rows = [one for one in (await owner.ask("GET", "ledger?limit=20"))["rows"] if one["number"] > before]
        assert len(rows) == routes.count("cloud")
        assert sum(one["seconds"] for one in rows) <= 5.0


async def test_without_a_server_the_command_line_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ServerUnreachableError, match="edge-voice serve"):
        await Shell(tmp_path, capsys).run(scorecard)


async def test_a_baseline_goes_on_after_a_restart_and_a_purge_ends_it(tmp_path: Path, cloud: StandIn) -> None:
    with steered(tmp_path) as first:
        async with owner_of(first) as owner:
            await owner.lanes(far(cloud))
            await owner.ask("POST", "baseline", WANTED, status=201)
            await turn(first, said("kitchen"), "a")
    with steered(tmp_path) as second:
        async with owner_of(second) as owner:
            running = (await owner.ask("GET", "baseline"))["running"]
            assert running["seconds"] > 0.0
            assert (await turn(second, said("kitchen"), "b")).detail["route"] == "cloud"
            await owner.ask("POST", "purge", {"what": ["aggregates"]})
            assert await owner.ask("GET", "baseline") == {"running": None, "last": None}
            with closing(sqlite3.connect(tmp_path / "data" / FILE_NAME)) as records:
                assert records.execute("SELECT count(*) FROM baseline").fetchone() == (0,)
            assert (await turn(second, said("kitchen"), "c")).detail["route"] == "edge"
