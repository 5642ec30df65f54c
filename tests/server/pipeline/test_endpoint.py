"""Where speech starts, pauses and ends, from frames and probabilities that the tests write down."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.server.pipeline.doubles import ScriptedVad, Stream, stream
from wyoming_server.pipeline.endpoint import (
    PATIENCE,
    VAD_LAG_FRAMES,
    Endpointer,
    EndpointSettings,
    Sensitivity,
    hold_seconds,
)
from wyoming_server.pipeline.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, Continuation, Frame, Samples

SETTINGS = EndpointSettings()
BLOCK_SAMPLES = 128


def frame(index: int, amplitude: int = 3000) -> Frame:
    signs = np.where(np.arange(FRAME_SAMPLES) // 8 % 2, 1, -1)
    return Frame(
        samples=(signs * amplitude).astype(np.int16), start_sample=index * FRAME_SAMPLES, arrived_s=float(index)
    )


def pushed(
    probabilities: list[float], settings: EndpointSettings = SETTINGS, levels: list[int] | None = None
) -> Endpointer:
    ears = Endpointer(settings)
    for index, probability in enumerate(probabilities):
        ears.push(frame(index, levels[index] if levels else 3000), probability)
    return ears


def heard(script: Stream, lag_frames: int = 3) -> Endpointer:
    ears, vad = Endpointer(SETTINGS), ScriptedVad(heard=script, lag_frames=lag_frames)
    for one in script.frames():
        ears.push(one, vad.probability(one.start_sample))
    return ears


@pytest.mark.parametrize(
    ("probabilities", "starts"),
    [
        ([], False),
        ([0.9], False),
        ([0.9, 0.9], True),
        ([0.9, 0.1, 0.9, 0.1], False),
        ([0.5, 0.5], True),
        ([0.49, 0.49, 0.49], False),
        ([0.1, 0.9, 0.49, 0.9], False),
        ([0.1, 0.1, 0.9, 0.9, 0.0, 0.0], True),
    ],
)
def test_speech_starts_with_two_sure_frames_in_a_row(probabilities: list[float], starts: bool) -> None:
    settings = EndpointSettings(start_probability=0.5, start_frames=2)
    assert pushed(probabilities, settings).speaking is starts


def test_speech_may_need_more_frames_to_start_than_are_kept_before_it() -> None:
    settings = EndpointSettings(start_frames=20, pad_seconds=0.0, noise_seconds=0.1)
    ears = pushed([0.0] * 10 + [0.9] * 20, settings)
    assert ears.speech_start == 10 * FRAME_SAMPLES
    assert ears.cut().start_sample <= ears.speech_start


def test_speech_starts_where_its_first_sure_frame_does() -> None:
    ears = pushed([0.0] * 20 + [0.4, 0.9, 0.9])
    assert ears.speech_start == 21 * FRAME_SAMPLES
    assert ears.cut().start_sample < ears.speech_start


def test_a_frame_between_the_two_thresholds_keeps_speech_going_and_does_not_start_it() -> None:
    between = (SETTINGS.start_probability + SETTINGS.stop_probability) / 2
    assert not pushed([between] * 50).speaking
    assert pushed([0.9] * 4 + [between] * 20).cut().active == (True,) * 24


@pytest.mark.parametrize("lag_frames", [2, 3, 4, 5])
def test_the_last_voiced_sample_is_found_by_energy_however_late_the_vad_is(lag_frames: int) -> None:
    script = stream("0.8 turn on the light 1.0")
    ears = heard(script, lag_frames)
    assert 0 <= ears.voiced_end - script.last_voiced <= BLOCK_SAMPLES
    assert ears.silence_seconds == pytest.approx(1.0, abs=0.05)


def test_the_last_voiced_sample_has_the_time_when_it_arrived() -> None:
    script = stream("0.8 turn on 1.0")
    ears, vad = Endpointer(SETTINGS), ScriptedVad(heard=script)
    for one in script.frames():
        ears.push(dataclasses.replace(one, arrived_s=one.start_sample / 100), vad.probability(one.start_sample))
    assert ears.voiced_end_s == (ears.voiced_end - 1) // FRAME_SAMPLES * FRAME_SAMPLES / 100


def noisy(script: Stream, snr_db: float) -> Stream:
    noise = np.random.default_rng(4).normal(0, 4000 / 10 ** (snr_db / 20), len(script.samples))
    return dataclasses.replace(script, samples=(script.samples + noise).clip(-32768, 32767).astype(np.int16))


@pytest.mark.parametrize("snr_db", [30, 20, 17])
def test_the_last_voiced_sample_is_found_in_noise(snr_db: float) -> None:
    script = noisy(stream("1.2 turn on the light 1.0"), snr_db)
    assert abs(heard(script).voiced_end - script.last_voiced) <= FRAME_SAMPLES


@pytest.mark.parametrize("snr_db", [10, 5, 0])
def test_in_noise_as_loud_as_speech_the_vads_last_word_bounds_the_delay(snr_db: float) -> None:
    script = noisy(stream("1.2 turn on the light 1.0"), snr_db)
    late = heard(script, lag_frames=3).voiced_end - script.last_voiced
    assert 0 <= late <= (3 + 1 + VAD_LAG_FRAMES) * FRAME_SAMPLES


def test_noise_without_speech_starts_nothing() -> None:
    ears = pushed([0.1, 0.3, 0.2] * 100)
    assert not ears.speaking
    assert ears.silence_seconds == pytest.approx(300 * FRAME_SAMPLES / SAMPLE_RATE_HZ)


def test_silence_is_not_counted_while_the_vad_hears_speech_that_is_far_below_an_earlier_bang() -> None:
    levels = [30] * 20 + [32000] * 2 + [300] * 60
    ears = pushed([0.02] * 20 + [0.9] * 62, levels=levels)
    assert ears.silence_seconds <= VAD_LAG_FRAMES * FRAME_SAMPLES / SAMPLE_RATE_HZ


def test_an_echo_far_below_the_speech_is_not_voice_even_where_the_room_is_dead_silent() -> None:
    ears = pushed([0.02] * 20 + [0.9] * 20 + [0.9] * 4, levels=[0] * 20 + [10_000] * 20 + [100] * 4)
    assert ears.voiced_end == 40 * FRAME_SAMPLES


def test_quiet_sounds_after_the_vads_last_word_are_not_voice() -> None:
    ears = pushed([0.02] * 20 + [0.9] * 20 + [0.02] * 40, levels=[30] * 20 + [3000] * 20 + [2900] * 40)
    assert ears.voiced_end <= (40 + VAD_LAG_FRAMES) * FRAME_SAMPLES


def test_speech_at_the_very_edge_says_so() -> None:
    assert pushed([0.9] * 10).cut().starts_at_edge
    assert not pushed([0.1] + [0.9] * 10).cut().starts_at_edge
    assert not pushed([0.1] * 30 + [0.9] * 10).cut().starts_at_edge


def test_the_cut_begins_a_little_before_the_speech_and_keeps_the_noise_before_that() -> None:
    script = stream("1.5 turn on 0.5")
    speech = heard(script).cut()
    start = script.spoken[0][0]
    lead_seconds = (start - speech.start_sample) / SAMPLE_RATE_HZ
    assert lead_seconds == pytest.approx(SETTINGS.pad_seconds, abs=0.07)
    assert np.array_equal(speech.samples, script.samples[speech.start_sample : speech.end_sample])
    assert len(speech.noise) / SAMPLE_RATE_HZ == pytest.approx(SETTINGS.noise_seconds, abs=0.1)
    assert np.abs(speech.noise).max() < 20


def test_noise_before_speech_holds_nothing_that_the_vad_took_for_speech() -> None:
    ears = pushed([0.1] * 10 + [0.9] + [0.1] * 20 + [0.9] * 5, levels=[5] * 10 + [9000] + [5] * 20 + [3000] * 5)
    assert np.abs(ears.cut().noise).max() == 5


def test_a_restart_forgets_the_utterance_and_hears_the_next_one() -> None:
    first, second = stream("0.8 one two 0.6"), stream("0.6 three 0.6", seed=2)
    both = Stream(
        samples=np.concatenate((first.samples, second.samples)),
        spoken=(*first.spoken, *((a + len(first.samples), b + len(first.samples)) for a, b in second.spoken)),
        words=("one", "two", "three"),
    )
    ears, vad = Endpointer(SETTINGS), ScriptedVad(heard=both)
    frames = both.frames()
    for index, one in enumerate(frames):
        ears.push(one, vad.probability(one.start_sample))
        if index == len(first.frames()) - 1:
            ears.restart()
            assert not ears.speaking
    speech = ears.cut()
    assert speech.start_sample > both.spoken[1][1]
    assert speech.start_sample < both.spoken[2][0] < ears.voiced_end


def quiet_at(length: int, quiet: int | None) -> Endpointer:
    levels = [100 if index == quiet else 3000 for index in range(length)]
    return pushed([0.9] * length, levels=levels)


@pytest.mark.parametrize("quiet", [None, 60, 90, 98, 99])
def test_a_split_keeps_every_sample_once(quiet: int | None) -> None:
    ears = quiet_at(100, quiet)
    head = ears.split()
    assert ears.speaking
    rest = ears.cut()
    assert head.end_sample == rest.start_sample
    assert len(head.samples) + len(rest.samples) == 100 * FRAME_SAMPLES
    assert not rest.starts_at_edge


def test_a_split_lies_behind_the_quietest_frame_of_the_last_seconds() -> None:
    assert quiet_at(300, 250).split().end_sample == 251 * FRAME_SAMPLES
    assert quiet_at(300, 20).split().end_sample > 100 * FRAME_SAMPLES


@pytest.mark.parametrize("sensitivity", list(Sensitivity))
@pytest.mark.parametrize(
    ("continuation", "finished", "hold"),
    [
        (Continuation.NONE, 1.0, "short"),
        (Continuation.NONE, SETTINGS.sure_probability, "short"),
        (Continuation.NONE, SETTINGS.sure_probability - 0.01, "long"),
        (Continuation.POSSIBLE, 1.0, "medium"),
        (Continuation.POSSIBLE, 0.0, "long"),
        (Continuation.EXPECTED, 0.0, "long"),
        (Continuation.EXPECTED, 1.0, "long"),
    ],
)
def test_the_hold_table(continuation: Continuation, finished: float, hold: str, sensitivity: Sensitivity) -> None:
    lag = VAD_LAG_FRAMES * FRAME_SAMPLES / SAMPLE_RATE_HZ  # never less: the VAD may still hear what energy has lost
    expected = max(lag, getattr(SETTINGS, f"{hold}_hold_seconds") * PATIENCE[sensitivity])
    assert hold_seconds(SETTINGS, continuation, finished, sensitivity) == expected


def test_the_relaxed_wait_longer_and_the_aggressive_shorter() -> None:
    assert PATIENCE[Sensitivity.AGGRESSIVE] < PATIENCE[Sensitivity.DEFAULT] < PATIENCE[Sensitivity.RELAXED]


@pytest.mark.parametrize(
    "wrong",
    [
        {"short_hold_seconds": 0.9},
        {"medium_hold_seconds": 0.1},
        {"speculate_seconds": 0.5},
        {"start_probability": 1.5},
        {"cap_seconds": 40.0},
        {"pad_seconds": float("nan")},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="EndpointSettings"):
        EndpointSettings(**wrong)


LEVELS = some.sampled_from([0, 1, 5, 100, 3000, 32000])
HEARD = some.lists(some.tuples(some.floats(0, 1), LEVELS), min_size=1, max_size=80)


@settings(deadline=None, max_examples=150)
@given(heard=HEARD, pad=some.floats(0, 1), noise=some.floats(0.1, 2), start_frames=some.integers(1, 20))
def test_positions_never_go_back_and_every_cut_lies_inside_the_stream(
    heard: list[tuple[float, int]], pad: float, noise: float, start_frames: int
) -> None:
    ears = Endpointer(dataclasses.replace(SETTINGS, pad_seconds=pad, noise_seconds=noise, start_frames=start_frames))
    stream_samples = np.concatenate([frame(index, level).samples for index, (_, level) in enumerate(heard)])
    seen = []
    for index, (probability, level) in enumerate(heard):
        ears.push(frame(index, level), probability)
        assert ears.silence_seconds >= 0
        assert ears.utterance_seconds >= 0
        if ears.speaking:
            seen.append((ears.position, ears.voiced_end, ears.speech_start))
            check_cut(ears, stream_samples)
    assert all(a <= b for earlier, later in itertools.pairwise(seen) for a, b in zip(earlier, later, strict=True))


def check_cut(ears: Endpointer, samples: Samples) -> None:
    speech = ears.cut()
    assert 0 <= speech.start_sample <= ears.speech_start < speech.end_sample == ears.position
    assert speech.start_sample < speech.voiced_end_sample <= speech.end_sample
    assert np.array_equal(speech.samples, samples[speech.start_sample : speech.end_sample])
    assert len(speech.active) * FRAME_SAMPLES == len(speech.samples)
    assert len(speech.noise) <= speech.start_sample
    assert 0 <= speech.vad_speech_seconds <= speech.seconds
