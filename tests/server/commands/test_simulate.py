"""The command that holds the threshold to its promises; here in a short form."""

import argparse
import asyncio
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wyoming_server.commands import simulate_threshold as simulate
from wyoming_server.commands.simulate_run import StreamResult, recovery, run
from wyoming_server.commands.simulate_streams import STREAMS, TARGET, Stream, draw, oracle_escalation
from wyoming_server.errors import DiskError
from wyoming_server.learning.threshold import AdaptiveThreshold
from wyoming_server.pipeline.policy import Threshold
from wyoming_server.settings import Settings

NAMES = {one.name: one for one in STREAMS}


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    simulate.add_arguments(parser)
    return parser.parse_args(given)


async def test_every_stream_holds_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawing = tmp_path / "streams.svg"
    given = arguments("--json", "--seeds", "2", "--turns", "1200", "--plot", str(drawing))
    status = await simulate.run(given, Settings())
    result = json.loads(capsys.readouterr().out)
    streams: dict[str, dict[str, Any]] = {one["name"]: one for one in result["streams"]}
    assert streams.keys() == NAMES.keys()
    for one in streams.values():
        assert one["bound"] is None or one["error"] <= one["bound"] + 3 * one["sigma"], one
        assert 0.0 < one["escalation"] < 1.0
        assert one["judged"] == ["error"]  # two short runs scatter by more than the escalation's six points
    unguarded = {name for name, one in streams.items() if not one["guaranteed"]}
    assert unguarded == {"no audits", "no cloud at all"}
    assert result["held"] is True
    figures = [value for one in streams.values() for value in one.values() if isinstance(value, float)]
    assert [one for one in figures if one != round(one, 5)] == []
    assert status == 0
    assert ET.parse(drawing).getroot().tag.endswith("svg")


async def test_a_learner_that_does_not_keep_its_bound_is_found_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reckless = Threshold(logit=10.0, value=1.0, guaranteed=True)
    monkeypatch.setattr(AdaptiveThreshold, "reading", lambda self, cell: reckless)
    monkeypatch.setattr(simulate, "STREAMS", [replace(NAMES["drift +0.9"], turns=8000)])
    assert await simulate.run(arguments("--seeds", "1"), Settings()) == 1
    shown = capsys.readouterr().out
    assert "is above the bound" in shown
    assert "All streams held" not in shown


async def test_the_table_names_every_stream(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(simulate, "STREAMS", [NAMES["restarts"], NAMES["no audits"]])
    await simulate.run(arguments("--seeds", "1", "--turns", "1000"), Settings())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["stream", "turns"]
    assert [line.split("  ")[0] for line in lines[1:3]] == ["restarts", "no audits"]
    assert "\x1b" not in "".join(lines)


async def test_an_interrupted_simulation_ends_after_the_seed_that_it_is_at() -> None:
    simulating = asyncio.create_task(simulate.run(arguments("--turns", "5000"), Settings()))
    await asyncio.sleep(0.2)
    simulating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await simulating
    await asyncio.wait_for(asyncio.get_running_loop().shutdown_default_executor(), 20)


async def test_a_folder_that_is_not_there_is_said_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="a folder that exists"):
        await asyncio.wait_for(simulate.run(arguments("--plot", str(tmp_path / "no" / "f.svg")), Settings()), 5)
    with pytest.raises(DiskError, match="cannot be written"):
        await asyncio.wait_for(simulate.run(arguments("--plot", str(tmp_path)), Settings()), 5)


@pytest.mark.parametrize(
    "given", [["--seeds", "0"], ["--turns", "12"], ["--seeds", "many"], ["--turns", "-5"], ["rollout"]]
)
def test_what_makes_no_sense_is_bad_usage(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        arguments(*given)
    assert refused.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_the_same_seed_gives_the_same_run_and_streams_share_no_luck() -> None:
    stream = replace(NAMES["drift +0.9"], turns=600)
    first, again, other = run(stream, 1), run(stream, 1), run(stream, 2)
    assert np.array_equal(first.errors, again.errors)
    assert first.estimated == again.estimated
    assert not np.array_equal(first.escalated, other.escalated)
    renamed = replace(stream, name="another")
    assert not np.array_equal(draw(stream, 9, stream.generator(1)).draws, draw(stream, 9, renamed.generator(1)).draws)


def test_the_oracle_is_the_science_pages() -> None:
    assert oracle_escalation(NAMES["drift +0.9"]) == pytest.approx(0.350, abs=0.005)
    assert oracle_escalation(NAMES["drift +1.8"]) == pytest.approx(0.431, abs=0.012)


def test_the_oracle_lets_just_the_target_through() -> None:
    stream = replace(NAMES["drift +0.9"], shift=np.zeros_like, changes=())
    escalated = oracle_escalation(stream)
    turns = draw(stream, 200_000, np.random.default_rng(0))
    accepted = turns.logits <= np.quantile(turns.logits, 1.0 - escalated)
    assert (accepted & turns.wrong).mean() == pytest.approx(TARGET, abs=0.0015)


def test_recovery_is_measured_from_the_drift_to_the_end_of_the_first_good_window() -> None:
    stream = replace(NAMES["drift +0.9"], turns=8000)
    errors = np.zeros(8000)
    errors[4000:5000] = 0.2
    assert recovery(stream, errors) == 1000 + 500 - 100  # a hundred bad turns are still a good enough window
    errors[4000:] = 0.2
    assert recovery(stream, errors) is None
    assert "not back under 4%" in " ".join(held(stream, errors, recovery(stream, errors)))
    errors[4000:] = 0.0
    assert recovery(stream, errors) == 500


def test_only_the_servers_own_rate_of_audits_is_held_to_its_escalation() -> None:
    errors = np.zeros(8000)
    usual, rarer = NAMES["drift +0.9"], NAMES["rarer audits, 2 %"]
    assert held(usual, errors, 500, escalation=0.359) == []
    assert held(usual, errors, 500, escalation=0.361) == ["escalation 0.361 is above the oracle's + 0.06"]
    assert held(rarer, errors, 500, escalation=0.5) == []


def held(stream: Stream, errors: np.ndarray, recovery_turns: int | None, *, escalation: float = 0.3) -> list[str]:
    return StreamResult(
        stream=stream,
        seeds=10,
        error=0.03,
        deviation=0.0,
        estimated=0.03,
        bound=0.04,
        sigma=0.0,
        escalation=escalation,
        oracle_escalation=0.3,
        recovery_turns=recovery_turns,
        first_error=0.0,
        errors=errors,
        escalations=errors,
        allowances=errors,
    ).misses
