"""The command that holds the drift watch to its promises; here in a short form."""

import argparse
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wyoming_server.commands import simulate_drift as command
from wyoming_server.commands.simulate_drift_homes import Homes, World, harder
from wyoming_server.commands.simulate_drift_run import CASES, MOST_DELAY, RUN_LENGTH, Result, simulate
from wyoming_server.errors import DiskError
from wyoming_server.learning.drift_figures import FIGURES, INDEX
from wyoming_server.learning.drift_settings import DriftSettings
from wyoming_server.settings import Settings

NAMES = {one.name: one for one in CASES}
UNSURE_40 = NAMES["unsure 25 → 40 %, all else the same"]


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(given)


def ran(name: str, homes: int = 100, turns: int = 800) -> Result:
    return simulate(NAMES[name], homes=homes, turns=turns, seed=1, after_each=lambda: None)


async def test_every_case_is_told_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [NAMES["nothing changes"], UNSURE_40, NAMES["hub a quarter slower"]]
    monkeypatch.setattr(command, "CASES", few)
    drawing = tmp_path / "drift.svg"
    given = ("--json", "--homes", "10", "--turns", "500", "--plot", str(drawing))
    assert await command.run(arguments(*given), Settings()) == 0
    told = json.loads(capsys.readouterr().out)
    cases: dict[str, dict[str, Any]] = {one["name"]: one for one in told["cases"]}
    assert list(cases) == [one.name for one in few]
    assert told["held"] is True
    assert cases["hub a quarter slower"]["told_first"] == {"latency": 1.0}
    assert ET.parse(drawing).getroot().tag.endswith("svg")


def test_what_is_promised_holds_for_a_hundred_homes() -> None:
    steady, changed = ran("nothing changes"), ran(UNSURE_40.name)
    assert (steady.misses, changed.misses) == ([], [])
    assert steady.alarms <= 100 * 800 / RUN_LENGTH
    assert changed.delay is not None
    assert changed.delay <= MOST_DELAY
    assert changed.late_delay is not None
    assert changed.late_delay > changed.delay


def test_a_promise_that_is_not_kept_is_found_out() -> None:
    steady, changed = ran("nothing changes", homes=10, turns=500), ran(UNSURE_40.name, homes=10, turns=50)
    assert replace(steady, alarms=4).misses == ["1250 turns between two"]
    assert replace(steady, firsts=5).misses == ["1000 turns to a false alarm"]
    late = replace(changed, homes=100, delays=np.full(100, np.inf))
    assert late.delay is None
    assert late.misses == [f"half of the homes wait for {MOST_DELAY} turns and more"]
    assert replace(late, case=replace(late.case, promised=False)).misses == []


def test_made_up_homes_are_as_they_say() -> None:
    homes = Homes(4000, np.random.default_rng(1))
    at = INDEX["risky"]
    shares = {
        share: float(homes.turn(world).yes[:, at].mean())
        for share, world in {0.25: World(), 0.40: World(harder=harder(0.40)), 0.55: World(risky=0.55)}.items()
    }
    for share, found in shares.items():
        assert found == pytest.approx(share, abs=0.03)
    turn = homes.turn(World())
    assert set(turn.seen(0)) <= {one.name for one in FIGURES}
    assert np.nanmedian(homes.turn(World(own=2.0)).values[:, INDEX["own_time"]]) == pytest.approx(520.0, rel=0.05)


def test_the_simulation_is_of_the_servers_own_settings() -> None:
    assert DriftSettings().run_length_turns == RUN_LENGTH
    assert {one.reference_turns for one in CASES} == {DriftSettings().reference_turns, 100, None}


@pytest.mark.parametrize("given", [("--homes", "1"), ("--turns", "ten"), ("--seed", "-1")])
def test_what_makes_no_sense_is_refused(given: tuple[str, str]) -> None:
    with pytest.raises(SystemExit):
        arguments(*given)


async def test_a_picture_that_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(DiskError):
        await command.run(arguments("--plot", str(tmp_path)), Settings())
