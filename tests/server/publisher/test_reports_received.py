"""What hubs report to a publisher: taken in, kept, and held against a bundle."""

import asyncio
import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from tests.server.bundles.publishing import TestRepository, a_bundle, a_repository
from wyoming_server.canary.canary_counts import Counters, Pairs, Tally
from wyoming_server.canary.cohort import LARGEST_BYTES, fields_of, judged
from wyoming_server.commands.models_publish_reports import Published, receiver
from wyoming_server.errors import ReportRefusedError
from wyoming_server.publisher.publish_status import act, standing
from wyoming_server.publisher.reports_received import REPORTS_FOLDER, ReportBook
from wyoming_server.updates.report import post

NOW = dt.datetime(2026, 11, 22, 10, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
TODAY = NOW.date()
YESTERDAY = TODAY - DAY


def said(failed: int = 3, *, label: str = "home-en@1.0.0", of: int = 60, day: dt.date = YESTERDAY) -> dict[str, Any]:
    """Return a day's report of a hub: so many of its candidate's turns failed; its other turns fail at 5 %."""
    counters = Counters(
        label=label,
        incumbent="home-en@0.9.0",
        began=True,
        incumbents={"failed": Tally(turns=of, bad=of // 20)},
        served={"failed": Tally(turns=of, bad=failed)},
        pairs={"disagreed": Pairs(turns=10, both=1)},
    )
    return fields_of(counters, day=day, region="DE", hub_class="pi5", server="0.1.0")


def body(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields).encode()


@pytest.fixture
def book(tmp_path: Path) -> ReportBook:
    return ReportBook(tmp_path / "reports")


def test_reports_come_back_in_the_order_of_the_days_on_which_they_came(book: ReportBook) -> None:
    book.receive(body(said(5, day=TODAY)), now=NOW + DAY)
    for failed in (1, 2):
        book.receive(body(said(failed)), now=NOW)
    batches = [[one.counters.served["failed"].bad for one in batch] for batch in book.batches()]
    assert batches == [[1, 2], [5]]
    assert judged(book.batches())["home-en@1.0.0"].reports == 3


def test_nothing_is_kept_that_is_not_understood(book: ReportBook) -> None:
    book.receive(body(said() | {"hub_id": "me", "text": "turn on the light"}), now=NOW)
    (file,) = book.folder.iterdir()
    assert file.name == "2026-11-22.jsonl"
    assert json.loads(file.read_text()) == said()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 5000,
        b" " * (LARGEST_BYTES + 1),
        body(said() | {"schema": 99}),
        body(said() | {"label": "../../x"}),
        body(said() | {"served": {"failed": [1, 2]}}),
        body(said(day=TODAY + 2 * DAY)),
        body(said(day=TODAY - 30 * DAY)),
    ],
    ids=range(10),
)
def test_what_is_no_report_is_refused_and_not_kept(book: ReportBook, sent: bytes) -> None:
    with pytest.raises(ReportRefusedError):
        book.receive(sent, now=NOW)
    assert not book.folder.exists()


def test_a_line_that_was_cut_costs_nothing_but_itself(book: ReportBook) -> None:
    book.receive(body(said(1)), now=NOW)
    (file,) = book.folder.iterdir()
    with file.open("ab") as opened:
        opened.write(b'{"schema": 1, "lab')
    book.receive(body(said(2)), now=NOW)
    (batch,) = book.batches()
    assert [one.counters.served["failed"].bad for one in batch] == [1, 2]


def test_a_flood_ends_where_the_disk_would_fill(book: ReportBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wyoming_server.publisher.reports_received.LARGEST_DAY_BYTES", len(body(said())))
    book.receive(body(said()), now=NOW)
    with pytest.raises(ReportRefusedError, match="Too many reports came today"):
        book.receive(body(said()), now=NOW)
    book.receive(body(said(day=TODAY)), now=NOW + DAY)


@pytest.fixture
def repository(tmp_path: Path) -> TestRepository:
    repository = a_repository(tmp_path / "repository")
    repository.publish(a_bundle(tmp_path), percent=10)
    return repository


async def test_a_hub_s_report_arrives_and_a_stranger_s_does_not(repository: TestRepository) -> None:
    book = ReportBook(repository.repository.folder / REPORTS_FOLDER, known=Published(repository.repository))
    async with TestServer(receiver(book, clock=lambda: NOW)) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url("/reports"))
        assert await post(url, said())
        async with session.post(url, json=said(label="home-en@9.0.0")) as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]["code"] == "report-refused"
        async with session.post(url, data=b"x" * 100_000) as answer:
            assert answer.status in {400, 413}
        async with session.get(url) as answer:
            assert answer.status == 405
    (batch,) = book.batches()
    assert len(batch) == 1


async def test_a_bundle_that_is_published_meanwhile_is_known_at_once(
    repository: TestRepository, tmp_path: Path
) -> None:
    known = Published(repository.repository)
    assert (known("home-en@1.0.0"), known("home-en@2.0.0")) == (True, False)
    await asyncio.to_thread(repository.publish, a_bundle(tmp_path, version="2.0.0"))
    assert known("home-en@2.0.0")


def filled(repository: TestRepository, failed: int, hubs: int) -> ReportBook:
    """Return the reports of a week in which each hub's new bundle failed so often in 60 turns a day."""
    book = ReportBook(repository.repository.folder / REPORTS_FOLDER)
    for day in range(7):
        now = NOW + day * DAY
        for _ in range(hubs):
            book.receive(body(said(failed, day=now.date() - DAY)), now=now)
    return book


def test_a_good_bundle_goes_on(repository: TestRepository) -> None:
    judgements = judged(filled(repository, failed=3, hubs=10).batches())
    assert judgements["home-en@1.0.0"].action == "none"
    assert act(repository.publisher, judgements, withdraws=True) == []
    assert not repository.repository.offers("stable")["home-en@1.0.0"].rollout.paused


@pytest.mark.parametrize("withdraws", [False, True])
def test_a_bad_bundle_is_stopped_by_its_reports(repository: TestRepository, withdraws: bool) -> None:
    judgements = judged(filled(repository, failed=12, hubs=10).batches())
    assert judgements["home-en@1.0.0"].action == "withdraw"
    (sentence,) = act(repository.publisher, judgements, withdraws=withdraws)
    assert sentence.startswith("home-en@1.0.0 is withdrawn from" if withdraws else "home-en@1.0.0 is paused in")
    assert act(repository.publisher, judgements, withdraws=withdraws) == []  # said once is enough
    stands = standing(repository.repository, judgements)
    (offer,) = stands.offers
    assert (offer.withdrawn, offer.rollout.paused) == (withdraws, not withdraws)
    (bundle,) = json.loads(json.dumps(stands.as_json()))["bundles"]
    assert (bundle["label"], bundle["reports"]["action"]) == ("home-en@1.0.0", "withdraw")


def test_the_standing_tells_what_waits_and_what_expires(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "repository", clock=lambda: NOW)
    repository.keys.held = set()
    repository.publish(a_bundle(tmp_path), percent=10, regions=("DE",))
    stands = standing(repository.repository, {})
    assert stands.offers == ()  # hubs are not shown it yet
    (draft,) = stands.drafts
    assert (draft.waiting.role, draft.waiting.keys) == ("stable", ("stable",))
    assert draft.changes == ("home-en@1.0.0 is new: 10 % in DE",)
    assert {one.role: one.state for one in stands.roles} == dict.fromkeys(
        ("root", "targets", "stable", "beta", "snapshot", "timestamp"), "good"
    )
    assert stands.serves
    repository.repository.clock = lambda: NOW + 0.9 * DAY
    assert {one.role: one.state for one in standing(repository.repository, {}).roles}["timestamp"] == "soon"
    repository.repository.clock = lambda: NOW + 8 * DAY
    stands = standing(repository.repository, {})
    assert not stands.serves
    states = {one.role: one.state for one in stands.roles}
    assert (states["timestamp"], states["snapshot"], states["root"]) == ("expired", "expired", "good")


def test_an_archive_that_is_gone_is_named_and_comes_back_by_publishing_again(
    repository: TestRepository, tmp_path: Path
) -> None:
    (archive,) = (repository.public / "targets" / "stable").glob("*.tar")
    archive.unlink()
    stands = standing(repository.repository, {})
    assert (stands.missing, stands.serves) == (("stable/home-en@1.0.0.tar",), False)
    repository.publish(tmp_path / "home-en@1.0.0")
    assert standing(repository.repository, {}).serves
