"""A cohort's report: a day late, at a time drawn by chance, only where the owner agreed, and without an id."""

import datetime as dt
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.bundle_settings import BundleSettings
from wyoming_server.bundles.offer import HubFacts, Offer, Rollout
from wyoming_server.canary.canary import Canary
from wyoming_server.canary.canary_book import TurnSeen
from wyoming_server.canary.cohort_report import report_of
from wyoming_server.updates.report import Reports, is_private_enough, post

LABEL = "home-en@1.1.0"
NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
FACTS = HubFacts(hub_id="0123456789abcdef" * 2, region="DE", hub_class="n100", server_version="0.1.0")
URL = "https://reports.example.org"


def an_offer(url: str = URL) -> Offer:
    return Offer(
        name="home-en",
        version="1.1.0",
        kind=Kind.ASR,
        channel="stable",
        path=f"stable/{LABEL}.tar",
        length=1,
        sha256="0" * 64,
        manifest_sha256="0" * 64,
        unpacked_bytes=1,
        rollout=Rollout(id="r"),
        reports_url=url,
    )


class Days:
    """A hub whose days a test lets pass."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now, self.taken = folder, NOON, True
        self.sent: list[tuple[str, Mapping[str, Any]]] = []
        self.canary = Canary(BundleSettings())
        self.canary.begin(LABEL, NOON, incumbent="home-en@1.0.0")
        fine = TurnSeen(escalated=False, error=False)
        self.canary.shadowed(incumbent=fine, candidate=fine)
        self.reports = self.opened()

    def opened(self) -> Reports:
        return Reports(self.folder, self.canary, wall=lambda: self.now, chance=lambda: 0.5, send=self.send)

    async def send(self, url: str, fields: Mapping[str, Any]) -> bool:
        self.sent.append((url, fields))
        return self.taken

    async def at(self, days: int = 0, hour: int = 12, *, agreed: bool = True, url: str = URL) -> int:
        """Look at an hour; return how many reports have been sent so far."""
        self.now = NOON.replace(hour=hour) + dt.timedelta(days=days)
        await self.reports.tick([an_offer(url)] if url != "unknown" else [], FACTS, agreed=agreed)
        return len(self.sent)


@pytest.fixture
def days(tmp_path: Path) -> Days:
    return Days(tmp_path)


async def test_yesterday_is_told_today_at_a_time_drawn_by_chance(days: Days) -> None:
    assert await days.at() == 0
    assert await days.at(1, hour=1) == 0
    assert await days.at(1, hour=11) == 0
    assert await days.at(1, hour=13) == 1
    assert await days.at(1, hour=14) == 1
    ((url, fields),) = days.sent
    report = report_of(json.loads(json.dumps(fields)), today=days.now.date())
    assert (url, report.day, report.region, report.hub_class) == (URL, NOON.date(), "DE", "n100")
    assert (report.counters.label, report.counters.began) == (LABEL, True)
    assert FACTS.hub_id not in json.dumps(fields)


async def test_who_has_not_agreed_tells_nothing_nor_later_of_before(days: Days) -> None:
    await days.at()
    await days.at(1, hour=1, agreed=False)
    assert await days.at(1, hour=20) == 0


async def test_a_restart_between_loses_and_repeats_nothing(days: Days) -> None:
    await days.at()
    await days.at(1, hour=1)
    days.reports = days.opened()
    assert await days.at(1, hour=13) == 1
    days.reports = days.opened()
    assert await days.at(1, hour=14) == 1


async def test_what_nobody_takes_is_tried_again_later_and_at_last_forgotten(days: Days) -> None:
    days.taken = False
    await days.at()
    await days.at(1, hour=1)
    assert await days.at(1, hour=13) == 1
    assert await days.at(1, hour=14) == 1
    assert await days.at(1, hour=16) == 2
    assert await days.at(14) == 3
    assert await days.at(15) == 3


async def test_it_waits_until_the_repository_has_said_where_it_goes_and_goes_nowhere_without(days: Days) -> None:
    await days.at()
    await days.at(1, hour=1)
    assert await days.at(1, hour=13, url="unknown") == 0
    assert await days.at(1, hour=14, url="") == 0
    assert await days.at(1, hour=15) == 0


async def test_a_clock_that_was_years_ahead_costs_a_day(days: Days) -> None:
    await days.at(3000)
    await days.at()
    assert await days.at(1, hour=13) == 1


async def test_a_damaged_file_is_begun_anew(days: Days) -> None:
    (days.folder / "reports.json").write_text("[]")
    assert await days.at() == 0
    assert json.loads((days.folder / "reports.json").read_text())["day"] == "2026-11-22"


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://reports.example.org/in", True),
        ("http://127.0.0.1:8000", True),
        ("http://192.168.1.5", True),
        ("http://reports.example.org", False),
        ("http://203.0.113.9.example.org", False),
        ("ftp://127.0.0.1", False),
        ("https://", False),
        ("http://[", False),
        ("https://[nowhere", False),
    ],
)
def test_reports_travel_encrypted_or_stay_at_home(url: str, may: bool) -> None:
    assert is_private_enough(url) is may


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[str, list[Any], dict[str, int]]]:
    taken: list[Any] = []
    answers = {"status": 204}

    async def take(request: web.Request) -> web.Response:
        taken.append((await request.json(), dict(request.headers)))
        return web.Response(status=answers["status"], headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/", taken, answers
    await runner.cleanup()


@pytest.mark.parametrize(("status", "done"), [(204, True), (400, True), (302, True), (429, False), (503, False)])
async def test_it_is_posted_once_and_follows_nobody(receiver: Any, status: int, done: bool) -> None:
    url, taken, answers = receiver
    answers["status"] = status
    assert await post(url, {"schema": 1}) is done
    ((fields, headers),) = taken
    assert fields == {"schema": 1}
    assert "Cookie" not in headers
    assert "Authorization" not in headers


async def test_a_receiver_that_is_not_there_is_asked_again_and_one_in_the_clear_never() -> None:
    assert not await post("http://127.0.0.1:1/", {})
    assert await post("http://reports.example.org/", {})
