"""A cohort's reports: what is believed of one, and what many of them prove."""

import datetime as dt
import json
from typing import Any

import numpy as np
import pytest

from wyoming_server.canary.canary_counts import Counters, Pairs, Tally
from wyoming_server.canary.cohort import LARGEST_BYTES, Cohort, Report, fields_of, judged, report_of
from wyoming_server.errors import ReportRefusedError

TODAY = dt.date(2026, 11, 22)
YESTERDAY = TODAY - dt.timedelta(days=1)
NEW = "home-en@1.2.0"
METRICS = ("escalated", "failed", "disagreed", "slow", "error")


def counters(**fields: Any) -> Counters:
    return Counters(label=NEW, incumbent="home-en@1.1.0", **fields)


def full() -> Counters:
    tallies = {name: Tally(turns=4999, bad=4998) for name in METRICS}
    pairs = {name: Pairs(turns=4999, both=1000, candidate_only=1999, incumbent_only=1999) for name in METRICS}
    return counters(
        began=True, ended="self-test-crashed", incumbents=tallies, served=tallies, watched=tallies, pairs=pairs
    )


def sent(one: Counters, **said: Any) -> dict[str, Any]:
    told = {"day": YESTERDAY, "region": "DE", "hub_class": "pi5", "server": "1.0.0"} | said
    fields: dict[str, Any] = json.loads(json.dumps(fields_of(one, **told)))
    return fields


def day_of(
    generator: np.random.Generator, hubs: int, *, bad: float = 0.05, region: str = "DE", **fields: Any
) -> list[Report]:
    """Return a day of hubs that answer 40 turns as before, failing in one of 20, and 10 with the new bundle."""
    return [
        Report(
            counters=counters(
                incumbents={"failed": Tally(turns=40, bad=int(generator.binomial(40, 0.05)))},
                served={"failed": Tally(turns=10, bad=int(generator.binomial(10, bad)))},
                **fields,
            ),
            day=YESTERDAY,
            region=region,
            hub_class="pi5",
            server="1.0.0",
        )
        for _ in range(hubs)
    ]


def test_a_report_comes_out_as_it_went_in_and_is_small() -> None:
    fields = sent(full())
    assert len(json.dumps(fields)) < LARGEST_BYTES
    report = report_of(fields, today=TODAY)
    assert report.counters == full()
    assert (report.day, report.region, report.hub_class, report.server) == (YESTERDAY, "DE", "pi5", "1.0.0")
    assert report.left


def test_a_report_holds_nothing_that_tells_a_hub_or_a_text() -> None:
    assert sent(full()).keys() == {
        "schema", "day", "region", "hub_class", "server", "label", "incumbent", "began", "ended",
        "incumbents", "served", "watched", "pairs",
    }  # fmt: skip
    plain = Counters(label=NEW, incumbent="my own model in /home/me")
    assert sent(plain)["incumbent"] == ""


def test_what_a_newer_server_adds_is_passed_over() -> None:
    assert report_of(sent(counters()) | {"later": 1}, today=TODAY).counters.label == NEW


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"schema": 2}, "schema"),
        ({"schema": True}, "schema"),
        ({"day": "today"}, "day"),
        ({"day": "2026-11-23"}, "day"),
        ({"day": "2026-11-01"}, "day"),
        ({"region": "Germany"}, "region"),
        ({"region": "DE\n"}, "region"),
        ({"hub_class": "Pi 5"}, "hub_class"),
        ({"server": "x" * 41}, "server"),
        ({"label": "home-en"}, "label"),
        ({"incumbent": "/home/me"}, "incumbent"),
        ({"began": 1}, "began"),
        ({"ended": "Worse!"}, "ended"),
        ({"served": {"failed": [1, 2]}}, "served.failed"),
        ({"served": {"failed": [5001, 2]}}, "served.failed"),
        ({"served": {"failed": [1.5, 1]}}, "served.failed"),
        ({"served": {"failed": [1]}}, "served.failed"),
        ({"served": {"texts": [1, 0]}}, "served.texts"),
        ({"pairs": {"failed": [1, 1, 1, 0]}}, "pairs.failed"),
        ({"watched": []}, "watched"),
    ],
)
def test_a_report_that_is_none_is_refused_by_its_field(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ReportRefusedError, match=f"^{named}"):
        report_of(sent(counters()) | change, today=TODAY)


@pytest.mark.parametrize("fields", [None, [], "x", {}])
def test_what_is_no_report_at_all_is_refused(fields: Any) -> None:
    with pytest.raises(ReportRefusedError):
        report_of(fields, today=TODAY)


def test_a_good_bundle_is_left_alone() -> None:
    generator = np.random.default_rng(1)
    batches = [day_of(generator, 200, began=day == 0) for day in range(10)]
    judgement = judged(batches)[NEW]
    assert (judgement.action, judgement.code) == ("none", "")
    assert (judgement.reports, judgement.hubs_began) == (2000, 200)
    assert "Nothing says so far" in judgement.message


def test_twice_the_failures_are_withdrawn_within_a_day_of_a_few_hundred_hubs() -> None:
    generator = np.random.default_rng(1)
    judgement = judged([day_of(generator, 20), day_of(generator, 300, bad=0.1)])[NEW]
    assert (judgement.action, judgement.code) == ("withdraw", "worse")
    assert "turns failed or were said again" in judgement.message
    assert "withdraw it" in judgement.message
    assert json.loads(json.dumps(judgement.as_json()))["cells"][0]["region"] == ""


def test_a_bundle_that_is_bad_in_one_country_is_found_out_by_that_country() -> None:
    generator = np.random.default_rng(2)
    batches = [[*day_of(generator, 600), *day_of(generator, 40, bad=0.2, region="FR")] for _ in range(6)]
    judgement = judged(batches)[NEW]
    assert judgement.action == "withdraw"
    assert "(FR)" in judgement.message
    by_region = {cell.region: cell.e_value for cell in judgement.cells if cell.region}
    assert by_region["FR"] > 1e6
    assert by_region["DE"] < 1.0


def test_hubs_that_leave_by_themselves_count_and_those_that_were_told_to_do_not() -> None:
    generator = np.random.default_rng(3)
    crashed = judged(
        [[*day_of(generator, 80, began=True), *day_of(generator, 20, began=True, ended="self-test-crashed")]]
    )
    assert crashed[NEW].action == "withdraw"
    assert "20 of 100 hubs have left it by themselves" in crashed[NEW].message
    for ended in ("settled", "owner", "withdrawn", "replaced"):
        told = judged([[*day_of(generator, 80, began=True), *day_of(generator, 20, began=True, ended=ended)]])
        assert told[NEW].action == "none"


def test_one_report_proves_nothing_whatever_it_says() -> None:
    liar = counters(
        incumbents={name: Tally(turns=5000) for name in METRICS},
        served={name: Tally(turns=5000, bad=5000) for name in METRICS},
    )
    report = report_of(sent(liar), today=TODAY)
    for reports in (1, 2):
        assert judged([[report] * reports])[NEW].action == "none"


def test_homes_that_differ_are_no_evidence() -> None:
    """Where the new bundle answers more in homes that fail more, totals alone would blame it."""
    generator = np.random.default_rng(4)
    batch = []
    for _ in range(400):
        home, share = (0.2, 30) if generator.random() < 0.5 else (0.02, 3)
        batch.append(
            Report(
                counters=counters(
                    incumbents={"failed": Tally(turns=50 - share, bad=int(generator.binomial(50 - share, home)))},
                    served={"failed": Tally(turns=share, bad=int(generator.binomial(share, home)))},
                ),
                day=YESTERDAY, region="DE", hub_class="pi5", server="1.0.0",
            )
        )  # fmt: skip
    judgement = judged([batch])[NEW]
    failed = judgement.evidence[1]
    assert failed.candidate is not None
    assert failed.baseline is not None
    assert failed.candidate > 1.5 * failed.baseline
    assert judgement.action == "none"


def test_a_batch_in_two_halves_of_a_day_says_what_it_says_in_one_more_day() -> None:
    generator = np.random.default_rng(5)
    batch = day_of(generator, 50, bad=0.1)
    whole, other = Cohort(NEW), Cohort("another@1.0.0")
    whole.add(batch)
    other.add(batch)
    assert judged([batch]) == {NEW: whole.judgement()}
    assert other.judgement().reports == 0


def test_countries_that_nobody_has_heard_of_take_no_more_than_their_share() -> None:
    generator = np.random.default_rng(6)
    codes = [f"{one}{two}" for one in "ABCDEFGHIJKLM" for two in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    judgement = judged([[day_of(generator, 1, region=code)[0] for code in codes]])[NEW]
    assert len([cell for cell in judgement.cells if cell.region]) == 250
