import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_server.pipeline.types import SAMPLE_RATE_HZ, Samples, WakeHit
from wyoming_server.pipeline.wake import (
    WAKE_FRAME_SAMPLES,
    GateSettings,
    NoiseGate,
    ScoreFrame,
    WakeDetector,
    WakeSettings,
    WakeWord,
)

ALEXA = WakeWord(name="alexa", phrase="alexa", languages=("en",), version="0.1", engine="onnx")
JARVIS = WakeWord(name="hey_jarvis", phrase="hey jarvis", languages=("en",), version="0.1", engine="onnx")


def hits(scores: list[float], *, start_frame: int = 0, **settings: float | dict[str, float]) -> list[WakeHit]:
    """The hits of one word whose scores follow one another."""
    detector = WakeDetector([ALEXA], WakeSettings(**settings))
    return feed(detector, scores, start_frame=start_frame)


def feed(detector: WakeDetector, scores: list[float], *, start_frame: int = 0) -> list[WakeHit]:
    return [
        hit
        for index, score in enumerate(scores, start_frame + 1)
        for hit in detector.feed(ScoreFrame(end_sample=index * WAKE_FRAME_SAMPLES, scores={"alexa": score}))
    ]


def test_a_hit_needs_consecutive_frames_and_is_timed_at_the_last_of_them() -> None:
    (hit,) = hits([0.1, 0.9, 0.8, 0.7, 0.1], consecutive_frames=3)
    assert hit == WakeHit(name="alexa", phrase="alexa", score=0.7, timestamp_ms=320)


def test_three_isolated_spikes_ten_minutes_apart_are_no_word() -> None:
    # wyoming-openwakeword 2.1 counts triggers down and never up again, so it wakes on the third.
    detector = WakeDetector([ALEXA], WakeSettings(consecutive_frames=3))
    ten_minutes = 10 * 60 * SAMPLE_RATE_HZ // WAKE_FRAME_SAMPLES
    for spike in range(3):
        assert feed(detector, [0.0, 1.0, 0.0], start_frame=spike * ten_minutes) == []


def test_a_low_frame_starts_the_count_anew() -> None:
    assert hits([0.9, 0.9, 0.2, 0.9, 0.9], consecutive_frames=3) == []


def test_a_score_at_the_threshold_counts() -> None:
    assert len(hits([0.5], threshold=0.5, consecutive_frames=1)) == 1
    assert hits([0.4999], threshold=0.5, consecutive_frames=1) == []


def test_a_word_has_its_own_threshold() -> None:
    assert hits([0.6, 0.6], thresholds={"alexa": 0.7}) == []
    assert len(hits([0.3, 0.3], thresholds={"alexa": 0.2})) == 1


def test_one_long_word_is_one_hit_even_past_the_refractory_time() -> None:
    assert len(hits([0.9] * 100, refractory_seconds=0.5)) == 1


def test_a_second_word_within_the_refractory_time_is_not_a_hit() -> None:
    word = [0.9, 0.9, 0.0]
    assert len(hits([*word, *word], refractory_seconds=2.0)) == 1
    assert len(hits([*word, *[0.0] * 25, *word], refractory_seconds=2.0)) == 2


def test_words_do_not_share_their_refractory_time() -> None:
    detector = WakeDetector([ALEXA, JARVIS], WakeSettings(consecutive_frames=1))
    first = detector.feed(ScoreFrame(end_sample=1280, scores={"alexa": 0.9, "hey_jarvis": 0.0}))
    second = detector.feed(ScoreFrame(end_sample=2560, scores={"alexa": 0.9, "hey_jarvis": 0.8}))
    assert [hit.name for hit in (*first, *second)] == ["alexa", "hey_jarvis"]


@given(st.lists(st.floats(0.0, 1.0), max_size=80), st.integers(1, 5))
def test_every_hit_ends_a_run_of_high_frames_and_hits_keep_their_distance(scores: list[float], count: int) -> None:
    found = hits(scores, consecutive_frames=count, refractory_seconds=0.4)
    ends = [hit.timestamp_ms // 80 for hit in found]
    assert all(min(scores[end - count : end]) >= 0.5 for end in ends)
    assert all(later - earlier > 5 for earlier, later in itertools.pairwise(ends))


@pytest.mark.parametrize(
    ("name", "value"),
    [("threshold", 1.1), ("consecutive_frames", 0), ("refractory_seconds", -1.0), ("thresholds", {"alexa": 2.0})],
)
def test_settings_outside_their_range_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        WakeSettings(**{name: value})


def noise(level_dbfs: float, frames: int, seed: int = 0) -> list[Samples]:
    amplitude = 32768 * 10 ** (level_dbfs / 20)
    generator = np.random.default_rng(seed)
    return [generator.normal(0, amplitude, WAKE_FRAME_SAMPLES).astype(np.int16) for _ in range(frames)]


def open_share(gate: NoiseGate, frames: list[Samples]) -> float:
    return sum(gate.is_open(frame) for frame in frames) / len(frames)


def gate_of_settings(**settings: float) -> NoiseGate:
    return NoiseGate(GateSettings(**settings), hold_frames=25)


def test_the_gate_closes_on_a_quiet_room_and_opens_on_the_first_louder_frame() -> None:
    gate = gate_of_settings()
    assert open_share(gate, noise(-62, 60)) == pytest.approx((13 + 25) / 60, abs=0.05)
    assert open_share(gate, noise(-62, 100)) == 0.0
    assert gate.is_open(noise(-54, 1)[0])


def test_the_gate_stays_open_for_as_long_as_a_model_can_see_the_sound() -> None:
    gate = gate_of_settings()
    open_share(gate, noise(-62, 100))
    assert gate.is_open(noise(-40, 1)[0])
    assert open_share(gate, noise(-62, 25)) == 1.0
    assert open_share(gate, noise(-62, 10)) == 0.0


def test_the_gate_never_closes_on_loud_noise_however_constant() -> None:
    assert open_share(gate_of_settings(), noise(-45, 2000)) == 1.0


def test_the_gate_learns_nothing_from_speech_that_pauses() -> None:
    gate = gate_of_settings()
    for _ in range(60):
        open_share(gate, noise(-25, 10))
        open_share(gate, noise(-62, 4))
    assert gate.floor_dbfs < -55


def test_the_gate_hears_a_whisper_in_a_silent_room() -> None:
    gate = gate_of_settings()
    open_share(gate, noise(-74, 200))
    assert gate.is_open(noise(-66, 1)[0])


def test_a_gate_that_started_in_noise_learns_the_quiet_that_follows() -> None:
    gate = gate_of_settings()
    open_share(gate, noise(-20, 50))
    open_share(gate, noise(-62, 200))
    assert gate.floor_dbfs == pytest.approx(-62, abs=2)
    assert not gate.is_open(noise(-62, 1)[0])


def test_digital_silence_is_skipped() -> None:
    assert open_share(gate_of_settings(), [np.zeros(WAKE_FRAME_SAMPLES, np.int16)] * 1000) < 0.05
