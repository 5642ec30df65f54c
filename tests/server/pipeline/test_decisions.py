"""Risk, route and outcome: tables in, values out."""

import dataclasses
import functools

import numpy as np
import pytest

from wyoming_server.pipeline.checked import Checked, ranged
from wyoming_server.pipeline.levels import SILENCE_DBFS, block_levels
from wyoming_server.pipeline.policy import (
    FIRST_TRY,
    UNCALIBRATED,
    UNTRUSTED,
    Cell,
    Policy,
    Price,
    Standing,
    Threshold,
    Workload,
    WorkloadClass,
)
from wyoming_server.pipeline.risk import GENERIC, score
from wyoming_server.pipeline.route import decide
from wyoming_server.pipeline.timeline import Timeline
from wyoming_server.pipeline.transcript import conclude
from wyoming_server.pipeline.types import (
    Action,
    Continuation,
    EndedBy,
    Ending,
    GrammarMatch,
    Hypothesis,
    Interpretation,
    Quality,
    Risk,
    Speech,
    Token,
)
from wyoming_server.pipeline.weighing import DISCARDED_RULES

QUALITY = Quality(
    snr_db=20.0, clipping=0.0, level_dbfs=-26.0, peak_dbfs=-12.0, noise_dbfs=-46.0, speech_ratio=0.8, dc_offset=0.0
)
ENDING = Ending(by=EndedBy.HOLD, end_s=10.5, voiced_end_s=10.0)


decided = functools.partial(
    decide,
    workload=Workload(kind=WorkloadClass.COMMAND),
    threshold=Threshold(logit=0.0, value=0.5),
    lanes=(),
    policy=Policy(),
    caller=UNTRUSTED,
    history=FIRST_TRY,
    price=Price(),
    audio_seconds=2.0,
)


def hypothesis(text: str = "turn it on", log_probability: float = -0.01, **changes: object) -> Hypothesis:
    token = Token(text="on", log_probability=log_probability, entropy=0.1, margin=0.9)
    return dataclasses.replace(
        Hypothesis(text=text, language="en", model="m", tokens=(token,) * 3, end_probability=0.9), **changes
    )


def interpretation(text: str, log_probability: float = -0.01, at_s: float = 10.1, **changes: object) -> Interpretation:
    heard = hypothesis(text, log_probability, **changes)
    risk = risk_of(heard)
    samples = np.zeros(512, np.int16)
    return Interpretation(
        speech=Speech(samples=samples, noise=samples, start_sample=0, end_sample=512, voiced_end_sample=512),
        hypothesis=heard,
        match=GrammarMatch(continuation=Continuation.NONE, intent=text),
        quality=QUALITY,
        risk=risk,
        workload=Workload(kind=WorkloadClass.COMMAND),
        cell=Cell(language="en"),
        history=FIRST_TRY,
        decision=decided(heard, risk),
        finished=0.9,
        started_s=at_s,
        finished_s=at_s + 0.1,
    )


def risk_of(heard: Hypothesis) -> Risk:
    samples = np.zeros(8192, np.int16)
    return score(
        heard,
        QUALITY,
        GrammarMatch(continuation=Continuation.NONE, intent="HassTurnOn"),
        speech=Speech(samples=samples, noise=samples, start_sample=0, end_sample=8192, voiced_end_sample=8192),
        standing=Standing(),
        history=FIRST_TRY,
        scorecard=GENERIC,
        calibration=UNCALIBRATED,
    )


@pytest.mark.parametrize(
    ("text", "rules", "action"),
    [
        ("turn it on", (), Action.ACCEPT),
        ("", (), Action.DISCARD),
        *(("turn it on", (rule,), Action.DISCARD) for rule in sorted(DISCARDED_RULES)),
        ("turn it on", ("token-rate",), Action.ACCEPT),
        ("thank you", ("known-phrase",), Action.ACCEPT),
        ("turn it on", ("token-rate", "no-speech"), Action.DISCARD),
    ],
)
def test_the_route_table(text: str, rules: tuple[str, ...], action: Action) -> None:
    heard = hypothesis(text, rules=rules)
    decision = decided(heard, risk_of(heard))
    assert decision.action is action
    assert all(rule not in DISCARDED_RULES or rule in decision.reason for rule in rules)


def test_a_known_phrase_is_made_up_only_when_the_model_is_unsure_of_it() -> None:
    heard = hypothesis("thank you", log_probability=-0.5, rules=("known-phrase",))
    assert decided(heard, risk_of(heard)).action is Action.DISCARD


def test_one_utterance_is_the_outcome() -> None:
    one = interpretation("turn it on")
    outcome = conclude("turn", [one], ENDING, caller=UNTRUSTED, now_s=11.0)
    assert (outcome.text, outcome.match, outcome.decision) == ("turn it on", one.match, one.decision)
    assert (outcome.hypothesis, outcome.ended_by) == (one.hypothesis, EndedBy.HOLD)


def test_nothing_heard_is_discarded_with_its_reason() -> None:
    outcome = conclude("turn", [], ENDING, caller=UNTRUSTED, now_s=11.0)
    assert (outcome.text, outcome.decision.action, outcome.hypothesis) == ("", Action.DISCARD, None)
    made_up = conclude("turn", [interpretation("you", rules=("no-speech",))], ENDING, caller=UNTRUSTED, now_s=11.0)
    assert (made_up.text, made_up.decision.action) == ("", Action.DISCARD)
    assert "no-speech" in made_up.decision.reason


def test_the_chunks_of_a_file_are_joined_and_the_worst_one_sets_the_risk() -> None:
    chunks = [
        interpretation("one two", rules=("token-rate",)),
        interpretation("you", rules=("no-speech",)),
        interpretation("three", log_probability=-0.5),
    ]
    outcome = conclude("turn", chunks, ENDING, caller=UNTRUSTED, now_s=11.0)
    assert outcome.text == "one two three"
    assert outcome.risk is chunks[0].risk
    assert outcome.hypothesis is not None
    assert len(outcome.hypothesis.tokens) == 6
    assert outcome.hypothesis.rules == ("token-rate",)


@pytest.mark.parametrize(
    ("started_s", "finished_s", "end_s", "spans"),
    [
        (10.1, 10.2, 10.5, (100, 100, 300, 500, 50)),  # speculated on, then waited for
        (10.1, 10.7, 10.5, (100, 600, 0, 300, 50)),  # the text came after the end
        (10.6, 10.8, 10.5, (600, 200, 0, 200, 50)),  # decoded after audio-stop
        (9.9, 10.2, 10.5, (0, 200, 300, 500, 50)),  # a decode that began before the last voiced sample
        (9.8, 9.9, 10.0, (0, 0, 0, 1000, 50)),
    ],
)
def test_spans_tile_last_word_to_text(
    started_s: float, finished_s: float, end_s: float, spans: tuple[float, ...]
) -> None:
    timeline = Timeline(
        voiced_end_s=10.0, decode_start_s=started_s, hypothesis_s=finished_s, end_s=end_s, outcome_s=11.0
    )
    got = timeline.spans(11.05)
    parts = (got.capture_ms, got.inference_ms, got.hold_ms, got.post_ms, got.transport_ms)
    assert parts == pytest.approx(spans)
    assert sum(parts) == pytest.approx(got.last_word_to_text_ms) == pytest.approx(1050)
    assert got.end_to_text_ms == pytest.approx(1000 * (11.05 - end_s))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checking(Checked):
    required: float = ranged(at_least=-1.0, at_most=1.0)
    defaulted: float = ranged(3.0, at_least=0.0)
    free: str = ""


@pytest.mark.parametrize("value", [-1.0, 0.0, 1.0])
def test_values_within_their_range_are_taken(value: float) -> None:
    assert Checking(required=value).required == value


@pytest.mark.parametrize("wrong", [{"required": -1.01}, {"required": float("nan")}, {"required": 0, "defaulted": -1}])
def test_values_outside_their_range_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"Checking\.\w+ is .*; allowed is"):
        Checking(**wrong)


def test_levels_have_no_dc_and_silence_has_a_floor() -> None:
    tone = np.round(16384 * np.sin(2 * np.pi * np.arange(1600) / 16)).astype(np.int16)
    assert block_levels(tone, 160) == pytest.approx([-9.03] * 10, abs=0.01)
    assert block_levels(np.full(320, 1000, np.int16), 160) == pytest.approx([SILENCE_DBFS] * 2)
    assert block_levels(tone[:100], 160).shape == (0,)


def test_a_risk_knows_its_range() -> None:
    with pytest.raises(ValueError, match="Risk"):
        Risk(value=1.2, reason="")
