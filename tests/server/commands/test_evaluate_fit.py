"""A scorecard that is no better than what there is without it does not take its place unasked."""

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wyoming_server.bundles.scorecards import own_scorecard_file
from wyoming_server.commands import evaluate
from wyoming_server.commands.evaluate_fit import Fitted, cards_instead, fitted
from wyoming_server.commands.evaluation_shown import fit_shown
from wyoming_server.commands.hearing import Heard
from wyoming_server.commands.manifest import Row
from wyoming_server.errors import InvalidSettingsError, NotBetterError, TooFewRecordingsError
from wyoming_server.learning.fit import LabelledTurn, fit
from wyoming_server.pipeline.policy import MicrophoneClass
from wyoming_server.pipeline.risk import GENERIC
from wyoming_server.pipeline.scorecard import Scorecard, read_scorecard, write_scorecard
from wyoming_server.pipeline.types import Hypothesis, Risk
from wyoming_server.settings import Settings

MODEL = "m"


def heard(*, by_noise: bool, count: int = 300, seed: int = 3, name: str = "") -> list[Heard]:
    """Turns that are wrong in noise, which their log-probability does not show; or by luck, which nothing shows."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        snr_db, sure = float(rng.uniform(0, 40)), float(rng.uniform(-1, -0.01))
        chance = 1 / (1 + np.exp(0.3 * (snr_db - 12))) if by_noise else 0.3
        turn = LabelledTurn(
            features={"snr_db": snr_db, "weakest_word": float(rng.uniform(-4, 0.5))},
            wrong=bool(rng.random() < chance),
            language="en",
            mean_log_probability=sure,
            mean_entropy=-sure,
            voice=f"{name}voice {number % 10}",
            sentence=f"{name}sentence {number % 30}",
            recording=f"{name}{number}",
        )
        row = Row(path=Path("a.wav"), text="a", language="en", microphone_class=MicrophoneClass.FAR_FIELD)
        hypothesis = Hypothesis(text="a", language="en", model=MODEL)
        risk = Risk(value=0.1, reason="")
        found.append(Heard(row=row, hypothesis=hypothesis, risk=risk, turn=turn, quality=None, speech_seconds=1.0))
    return found


def a_fit(turns: Sequence[Heard], *others: tuple[str, str, Scorecard]) -> Fitted:
    return fitted(turns, others or [("generic", "the generic scorecard", GENERIC)], model=MODEL, target=0.03, seed=0)


@pytest.fixture(scope="module")
def better() -> Fitted:
    return a_fit(heard(by_noise=True))


@pytest.fixture(scope="module")
def worse() -> Fitted:
    return a_fit(heard(by_noise=False))


def arguments(*given: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    return parser.parse_args(["manifest.csv", *(str(one) for one in given)])


async def test_a_better_one_is_written_and_named(
    better: Fitted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "data" / "scorecards" / "m.json"
    assert await evaluate.finish_fit(arguments("--fit"), better, own) == 0
    assert read_scorecard(own.read_bytes()).model == MODEL
    said = capsys.readouterr().out
    assert "The fit is better than what there is without it" in said
    assert f"Written to '{own}', where the server finds it at its next start" in said


async def test_one_that_is_no_better_leaves_what_serves_alone_and_says_by_how_much(
    worse: Fitted, better: Fitted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "m.json"
    own.write_text(write_scorecard(better.card))
    before = own.read_bytes()
    with pytest.raises(
        NotBetterError, match=r"Nothing is .*no better than .* \(excess .* 0\.\d+ against .*--force"
    ) as no:
        await evaluate.finish_fit(arguments("--fit", "--plot", tmp_path / "a.svg"), worse, own)
    assert no.value.code == "not-better"
    assert own.read_bytes() == before
    said = capsys.readouterr().out
    assert "NOT better than all of what there is without it" in said
    assert "Written to" not in said
    assert (tmp_path / "a.svg").exists(), "its figures are worth seeing"


async def test_the_json_says_so_too(worse: Fitted, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NotBetterError):
        await evaluate.finish_fit(arguments("--fit", "--json"), worse, tmp_path / "m.json")
    told = json.loads(capsys.readouterr().out)
    assert (told["fit"]["written"], told["fit"]["better"]) == (False, False)
    compared = {one["with"]: one for one in told["fit"]["compared"]}
    assert set(compared) == {"avg_logprob", "generic"}
    assert not all(one["better"] for one in compared.values())
    for one in compared.values():
        assert one["better"] == (one["excess_aurc"]["fit"] < one["excess_aurc"]["other"])
    unrounded = [value for value in _numbers(told) if value != round(value, 6)]
    assert unrounded == []


async def test_an_owner_who_insists_gets_it(worse: Fitted, tmp_path: Path) -> None:
    own = tmp_path / "m.json"
    assert await evaluate.finish_fit(arguments("--fit", "--force"), worse, own) == 0
    assert read_scorecard(own.read_bytes()).model == MODEL


async def test_a_file_where_the_server_does_not_look_is_written_in_any_case(
    worse: Fitted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, other = tmp_path / "m.json", tmp_path / "other.json"
    assert await evaluate.finish_fit(arguments(f"--fit={other}"), worse, own) == 0
    assert read_scorecard(other.read_bytes()).model == MODEL
    said = capsys.readouterr().out
    assert "NOT better" in said
    assert f"the server looks for it at '{own}'" in said
    with pytest.raises(NotBetterError):  # the same place by another name
        await evaluate.finish_fit(arguments(f"--fit={tmp_path}/x/../m.json"), worse, own)
    assert not own.exists()


def test_the_card_in_use_is_what_a_fit_must_beat() -> None:
    """It saw other recordings of the same kind, many more of them."""
    strong = fit(
        [one.turn for one in heard(by_noise=True, count=3000, name="other ")], base_model=MODEL, generic=GENERIC
    )
    one = a_fit(heard(by_noise=True, count=160), ("own", "your scorecard so far", strong))
    alone, in_use = one.rivals
    assert alone.is_beaten
    assert (in_use.key, in_use.recordings, in_use.is_beaten) == ("own", 160, False)
    assert not one.is_better


def test_a_card_is_compared_on_what_it_has_not_seen_and_another_where_that_is_too_little(better: Fitted) -> None:
    turns = heard(by_noise=True)
    generic = ("generic", "the generic scorecard", GENERIC)
    one = a_fit(turns, ("own", "your scorecard so far", better.card), generic)
    assert [rival.key for rival in one.rivals] == ["avg_logprob", "generic"]
    assert "your scorecard so far: not compared; it was fitted on these recordings" in fit_shown(one)
    more = [*turns, *heard(by_noise=True, seed=4, name="new ")]
    rivals = a_fit(more, ("own", "your scorecard so far", better.card), generic).rivals
    assert [(rival.key, rival.recordings) for rival in rivals] == [("avg_logprob", 600), ("own", 300)]


def test_a_damaged_card_is_no_rival_and_none_at_all_leaves_the_generic_one(better: Fitted, tmp_path: Path) -> None:
    def keys() -> list[str]:
        return [key for key, _, _ in cards_instead(tmp_path / "model", data=tmp_path, model=MODEL)]

    assert keys() == ["generic"]
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "scorecard.json").write_text(write_scorecard(better.card))
    own = own_scorecard_file(tmp_path, MODEL)
    own.parent.mkdir()
    own.write_text("{")
    assert keys() == ["model", "generic"]
    own.write_text(write_scorecard(better.card))
    assert keys() == ["own", "model", "generic"]


def test_what_cannot_be_held_back_has_a_code_and_says_why() -> None:
    turns = [
        dataclasses.replace(one, turn=dataclasses.replace(one.turn, voice="anna", sentence="s"))
        for one in heard(by_noise=True)
    ]
    with pytest.raises(TooFewRecordingsError, match="tells no voices apart") as refused:
        a_fit(turns)
    assert refused.value.code == "too-few-recordings"
    with pytest.raises(TooFewRecordingsError, match=r"without some of the voices, .* too few"):
        a_fit(heard(by_noise=True, count=101))


def test_a_manifest_after_fit_is_no_place_for_a_scorecard(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    with pytest.raises(SystemExit) as refused:
        parser.parse_args(["--fit", "Manifest.CSV"])
    assert refused.value.code == 2
    assert "'Manifest.CSV' is no name for a scorecard: put --fit last, or write --fit=FILE" in capsys.readouterr().err


async def test_force_without_a_fit_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("file,text,language,microphone_class\na.wav,Stop.,en,\n")
    (tmp_path / "a.wav").write_bytes(b"")
    given = arguments("--force")
    given.manifest = tmp_path / "manifest.csv"
    with pytest.raises(InvalidSettingsError, match="there is no --fit"):
        await evaluate.run(given, Settings())


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict | list):
        return [one for inner in (value.values() if isinstance(value, dict) else value) for one in _numbers(inner)]
    return [value] if isinstance(value, float) else []
