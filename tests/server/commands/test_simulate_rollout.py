"""Rollouts to made-up fleets, here small ones and short."""

import argparse
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wyoming_server.bundles.bundle_settings import BundleSettings
from wyoming_server.commands import simulate, simulate_rollout
from wyoming_server.commands.report import Style
from wyoming_server.commands.simulate_fleet import BUNDLES, MadeBundle, made_fleet
from wyoming_server.commands.simulate_rollout_run import Outcome, Plan
from wyoming_server.commands.simulate_rollout_run import simulate_rollout as rolled_out
from wyoming_server.errors import DiskError
from wyoming_server.settings import Settings

GOOD, BAD, _, REGIONAL = BUNDLES
BROKEN = MadeBundle(name="bad", times={"failed": 6.0})
SMALL = Plan(hubs=4000, days=14, stage_days=7)


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    simulate.add_arguments(parser)
    return parser.parse_args(["rollout", *given])


def outcome(bundle: MadeBundle, *, plan: Plan = SMALL, with_reports: bool = True, **settings: Any) -> Outcome:
    return rolled_out(plan, bundle, with_reports=with_reports, settings=BundleSettings(**settings))


async def test_a_fleet_is_simulated_shown_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawing = tmp_path / "fleet.svg"
    given = arguments("--json", "--hubs", "1000", "--days", "2", "--plot", str(drawing))
    status = await simulate.run(given, Settings())
    result = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["reports"]) for one in result["bundles"]] == [
        (bundle.name, reports) for bundle in BUNDLES for reports in (True, False)
    ]
    for one in result["bundles"]:
        assert 0.05 < one["exposed_share"] < 0.15
        assert one["served_turns"] == 0  # two days are spent unheard
    assert (result["held"], status) == (True, 0)
    assert ET.parse(drawing).getroot().tag.endswith("svg")


def test_a_bad_bundle_is_called_back_in_its_first_stage_and_is_gone_where_hubs_are_online() -> None:
    bad = outcome(BROKEN)
    assert bad.exposed_share < 0.12
    assert bad.withdrawn_day is not None
    assert bad.withdrawn_day < 7.0
    assert bad.served_share <= bad.served_share_heard < 0.02
    assert bad.having[-1] < 0.01
    assert "failed or were said again" in bad.reason


def test_a_good_bundle_is_widened_by_the_calendar() -> None:
    good = outcome(GOOD)
    assert good.exposed_share == pytest.approx(0.5, abs=0.03)
    assert (good.paused_day, good.withdrawn_day, good.left) == (None, None, 0)


def test_without_reports_hubs_protect_themselves_and_owners_complain() -> None:
    plan = replace(SMALL, days=30, blind_days=40)
    bad = outcome(BROKEN, plan=plan, with_reports=False)
    assert bad.left > 50
    assert bad.exposed_share < 0.12
    assert bad.served_share > outcome(BROKEN, plan=plan).served_share


def test_a_bundle_that_is_bad_in_one_country_is_bad_there_alone() -> None:
    fleet = made_fleet(500, np.random.default_rng(1), reporting=0.5)
    there = fleet.regions == "FR"
    changed = fleet.rates_with(REGIONAL) != fleet.rates
    assert there.any()
    assert changed[there, 1].all()
    assert not changed[~there].any()
    assert not np.delete(changed, 1, axis=1).any()


def test_the_same_seed_gives_the_same_figures() -> None:
    plan = replace(SMALL, hubs=1000, days=5)
    assert outcome(BAD, plan=plan) == outcome(BAD, plan=plan)


def test_what_is_promised_and_not_held_is_said() -> None:
    plan = Plan(hubs=100_000)
    good = Outcome(bundle=GOOD, with_reports=True, hubs=plan.hubs, exposed=100_000, left=2000)
    bad = Outcome(
        bundle=BAD, with_reports=True, hubs=plan.hubs, exposed=60_000, served=1000, turns_exposed=9000, turns_heard=5000
    )
    said = simulate_rollout.misses(plan, [good, bad])
    assert len(said) == 3
    assert "60.0 % of the hubs" in said[1]
    shown = simulate_rollout.shown(plan, [good, bad], Style())
    assert "60000 (60.0 %)" in shown
    assert shown.endswith(said[-1])
    assert simulate_rollout.misses(plan, [replace(bad, with_reports=False)]) == []


@pytest.mark.parametrize(
    "given",
    [
        ["--hubs", "10"],
        ["--stages", "50,10"],
        ["--stages", "0"],
        ["--stages", "x"],
        ["--reporting", "2"],
        ["--reporting", "x"],
    ],
)
def test_what_cannot_be_simulated_is_refused_with_what_can(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        arguments(*given)
    assert given[1] in capsys.readouterr().err


async def test_a_drawing_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(DiskError):
        await simulate.run(arguments("--plot", str(tmp_path / "missing" / "fleet.svg")), Settings())
