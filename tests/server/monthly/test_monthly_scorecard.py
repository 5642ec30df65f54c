"""A month's figures as a scorecard, and what follows from them."""

import itertools
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wyoming_server.listeners import control_past as shapes
from wyoming_server.listeners.control_values import checked
from wyoming_server.monthly.advice import MOST, RULES
from wyoming_server.monthly.facts import HomeNow, LaneSum, MonthFacts
from wyoming_server.monthly.month import Month
from wyoming_server.monthly.scorecard import scorecard_of, without_hub

from .sample_month import baseline, cell, incident, no_turns, october

WELL = HomeNow(model="home-en@1.3.0", has_cloud=True, has_lane=True, audits=True)


def well(**other: Any) -> MonthFacts:
    """Return a month in which nothing needs doing."""
    cells = [cell(), cell(5204, language="en", disagreement=None)]
    return october(**{"home": WELL, "cells": cells, "seconds_by_day": {}, "incidents": [], **other})


def codes(facts: MonthFacts) -> list[str]:
    return [one["code"] for one in scorecard_of(facts)["advice"]]


def test_a_scorecard_is_as_the_contract_says() -> None:
    card = checked(shapes.SCORECARD, scorecard_of(october()))
    assert card["headline"]["cloud_seconds"] == 842.3, "what stayed at home left nobody's house"
    assert [one["language"] for one in card["languages"]] == ["en", "de"], "the most spoken first"


def test_a_month_without_turns_is_one_too() -> None:
    empty = october(cells=[no_turns()], days=[], lanes=[], models=[], last_month=None, baseline=None)
    card = checked(shapes.SCORECARD, scorecard_of(empty))
    assert (card["without_hub"], codes(empty)) == (None, ["no-turns"])
    assert codes(replace(empty, complete=False)) == ["no-turns"]


def test_where_all_is_well_nothing_is_asked_of_the_owner() -> None:
    assert codes(well()) == ["all-well"]


GERMAN = cell(
    400, language="de", escalation_rate=0.41, disagreement={"value": 0.2, "low": 0.15, "high": 0.26, "pairs": 90}
)
SLOW = {name: {"p50": 20.0, "p95": 40.0} for name in ("capture", "hold", "post", "cloud", "transport")}


CASES: list[tuple[str, dict[str, Any], str]] = [
        ("starter", {"home": replace(WELL, is_starter=True)}, "edge-voice tune"),
        ("errors", {"cells": [cell(error_rate=0.03, errors=150)]}, "3.0% of 5,204"),
        ("load", {"incidents": [incident(20, "load", "hot")] * 3}, "20 October"),
        ("cap-reached", {"seconds_by_day": {"2026-10-03": 600.0, "2026-10-04": 598.0}}, "on 2 days"),
        ("money-cap", {"home": replace(WELL, money_per_month=0.09)}, "$0.084 of the $0.090"),
        ("wrong", {"cells": [cell(), GERMAN]}, "German"),
        (
            "asks-in-vain",
            {"home": replace(WELL, audits=False), "cells": [cell(escalation_rate=0.2)]},
            "94% of the turns",
        ),
        ("escalations-risen", {"last_month": cell(escalation_rate=0.02)}, "6.3 points"),
        ("escalations", {"cells": [cell(escalation_rate=0.3), cell(4000, language="en"), GERMAN]}, "German (41%)"),
        (
            "slow",
            {"cells": [cell(within_budget=0.6, stages_ms={**SLOW, "inference": {"p50": 210.0, "p95": 380.0}})]},
            "recognising (380 ms",
        ),
        (
            "retries",
            {"cells": [cell(retry_rate=0.14), cell(90, microphone_class="phone", retry_rate=0.02),
                       cell(900, microphone_class="far_field", retry_rate=0.2)]},
            "satellites across the room",
        ),
        ("abandoned", {"cells": [cell(abandonment_rate=0.08)]}, "8.0%"),
        (
            "currency",
            {"lanes": [LaneSum(lane="a", trust="cloud", uploads=9, seconds=9.0, cost=0.5, currency="EUR")]},
            "€0.50",
        ),
        ("audits", {"home": replace(WELL, audits=False)}, "`audits`"),
        ("baseline", {"baseline": None}, "edge-voice baseline start --days 7"),
        ("no-lane", {"home": replace(WELL, has_lane=False, has_cloud=False)}, "A server of your own"),
    ]  # fmt: skip


@pytest.mark.parametrize(("code", "changes", "said"), CASES)
def test_what_the_figures_show_is_said_with_what_to_do(code: str, changes: dict[str, Any], said: str) -> None:
    advice = {one["code"]: one["message"] for one in scorecard_of(well(**changes))["advice"]}
    assert said in advice[code]


def test_every_rule_has_a_case_above() -> None:
    assert {code for code, *_ in CASES} == {code for code, _ in RULES}


def test_every_rule_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[3] / "docs/scorecard.md").read_text("utf-8")
    table = page.partition("## What to do next")[2].partition("## ")[0]
    rows = re.findall(r"^\|([^|]*`[^|]*)\|", table, re.MULTILINE)
    named = {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)}
    assert named == {code for code, _ in RULES} | {"no-turns", "all-well"}


def test_of_a_few_turns_nothing_follows() -> None:
    few = cell(
        12, escalation_rate=0.5, retry_rate=0.4, abandonment_rate=0.3, within_budget=0.1, errors=0, error_rate=0.0
    )
    facts = well(cells=[few], home=replace(WELL, audits=False, has_lane=False), baseline=None)
    assert codes(facts) == ["all-well"]


def test_the_owner_is_told_of_a_few_things_at_a_time() -> None:
    home = replace(WELL, is_starter=True, audits=False)
    bad = cell(error_rate=0.1, escalation_rate=0.5, retry_rate=0.4, abandonment_rate=0.3, within_budget=0.1)
    assert len(codes(well(cells=[bad], home=home, baseline=None))) == MOST


def test_what_it_would_be_without_the_hub_goes_by_the_baseline_then_by_uploads() -> None:
    facts = well()
    assert without_hub(facts) == {"seconds": pytest.approx(11002.6, abs=0.2), "cost": pytest.approx(1.1003, abs=1e-4)}
    paid = facts.cloud[0]
    by_uploads = without_hub(replace(facts, baseline=baseline(turns=3)))
    assert by_uploads is not None
    assert by_uploads["seconds"] == pytest.approx(5204 * paid.seconds / paid.uploads, abs=0.1)
    assert without_hub(replace(facts, baseline=None, lanes=[replace(paid, uploads=4)])) is None


def test_months_follow_each_other() -> None:
    months = list(itertools.accumulate(range(13), lambda one, _: one.next, initial=Month(2026, 1)))
    assert str(months[-1]) == "2027-02"
    assert all(later.before == earlier for earlier, later in itertools.pairwise(months))
    assert (Month.read("2028-02").last.day, Month.read("2026-12").last.isoformat()) == (29, "2026-12-31")
    assert Month.read("2026-10").name == "October 2026"


@pytest.mark.parametrize("text", ["2026", "2026-13", "october", "2026-10-01", ""])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Month.read(text)
