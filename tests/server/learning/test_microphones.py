"""A satellite's microphone: called unusable only after many bad turns, and good again once it is."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wyoming_server.errors import SnapshotError
from wyoming_server.learning.microphones import (
    MAX_SATELLITES,
    Evidence,
    Microphones,
    MicrophoneSettings,
    MicrophoneState,
)
from wyoming_server.pipeline.policy import History
from wyoming_server.pipeline.types import Quality

GOOD, NOISY, TEXT_ONLY = MicrophoneState.GOOD, MicrophoneState.NOISY, MicrophoneState.TEXT_ONLY


def quality(*, snr_db: float | None = 25.0, clipping: float = 0.0) -> Quality:
    return Quality(
        snr_db=snr_db,
        clipping=clipping,
        level_dbfs=-20.0,
        peak_dbfs=-3.0,
        noise_dbfs=-45.0,
        speech_ratio=0.8,
        dc_offset=0.0,
    )


CLEAN = quality()
CLIPPED = quality(clipping=0.12)
DROWNED = quality(snr_db=1.0)
HUM = quality(snr_db=8.0)


def after(*turns: tuple[int, Quality], microphones: Microphones | None = None) -> Evidence:
    microphones = microphones or Microphones()
    at_s = 0.0
    for count, one in turns:
        for _ in range(count):
            at_s += 60.0
            microphones.observe("kitchen", one, at_s)
    return microphones.evidence("kitchen", at_s)


@pytest.mark.parametrize(
    ("turns", "state"),
    [
        ([(9, CLIPPED)], GOOD),
        ([(10, CLIPPED)], TEXT_ONLY),
        ([(10, DROWNED)], TEXT_ONLY),
        ([(5, CLIPPED), (5, DROWNED)], TEXT_ONLY),
        ([(10, HUM)], NOISY),
        ([(10, quality(clipping=0.002))], NOISY),
        ([(20, CLEAN)], GOOD),
        ([(20, quality(snr_db=None))], GOOD),
        ([(5, CLEAN), (15, CLIPPED)], GOOD),
        ([(4, CLEAN), (16, CLIPPED)], TEXT_ONLY),
    ],
)
def test_only_sustained_trouble_makes_a_microphone_unusable(
    turns: list[tuple[int, Quality]], state: MicrophoneState
) -> None:
    assert after(*turns).state is state


def test_since_when_it_is_so_and_what_ends_it_is_said() -> None:
    microphones = Microphones()
    assert (after((9, HUM), microphones=microphones).since_s, after((9, CLEAN)).ends) == (None, "")
    noisy = after((1, HUM), microphones=microphones)
    assert (noisy.state, noisy.since_s) == (NOISY, 60.0)
    assert after((3, HUM), microphones=microphones).since_s == 60.0
    assert noisy.ends == (
        "Ends when 5 turns on end are clear, when no more than 50% of its last 20 are bad, or when nobody has spoken"
        " to it for 6 hours."
    )
    good = after((5, CLEAN), microphones=microphones)
    assert (good.state, good.since_s, good.ends) == (GOOD, 300.0, "")


def test_who_was_not_spoken_to_for_long_is_called_good_since_its_turns_said_nothing_any_more() -> None:
    microphones = Microphones()
    after((10, HUM), microphones=microphones)
    later = microphones.evidence("kitchen", 600.0 + 30_000.0)
    assert (later.state, later.since_s) == (GOOD, 600.0 + 21_600.0)
    microphones.observe("kitchen", HUM, 40_000.0)
    assert microphones.evidence("kitchen", 40_000.0).state is GOOD


def test_a_microphone_between_the_limits_stays_as_it_was() -> None:
    """Three of five turns bad: too few to become unusable, too many to become usable."""
    mixed = [(3, DROWNED), (2, CLEAN)] * 4
    assert after(*mixed).state is GOOD
    assert after((20, DROWNED), *mixed).state is TEXT_ONLY


def test_it_is_good_again_after_five_good_turns_on_end() -> None:
    assert after((20, DROWNED), (4, CLEAN)).state is TEXT_ONLY
    assert after((20, DROWNED), (5, CLEAN)).state is GOOD
    assert after((20, DROWNED), (5, HUM)).state is NOISY


def test_it_is_good_again_when_half_of_its_turns_are() -> None:
    half = [(1, DROWNED), (1, CLEAN)]
    assert after((20, DROWNED), *half * 9).state is TEXT_ONLY
    assert after((20, DROWNED), *half * 10).state is GOOD


def test_an_unusable_microphone_becomes_noisy_before_it_becomes_good() -> None:
    """Ten of twenty turns drowned no longer make it unusable; twelve noisy ones are too many to call it good."""
    mixed = [(1, DROWNED), (1, CLEAN)] * 8 + [(1, DROWNED), (1, HUM)] * 2
    assert after(*mixed).state is GOOD
    assert after((20, DROWNED), *mixed).state is NOISY


def test_it_is_given_another_chance_after_a_while_of_silence() -> None:
    microphones = Microphones(MicrophoneSettings(forget_seconds=3600.0))
    after((20, CLIPPED), microphones=microphones)
    assert microphones.evidence("kitchen", 1200.0 + 3600.0).state is TEXT_ONLY
    assert microphones.evidence("kitchen", 1200.0 + 3601.0) == Evidence(since_s=1200.0 + 3600.0)
    microphones.observe("kitchen", CLIPPED, 1200.0 + 3602.0)
    assert microphones.evidence("kitchen", 1200.0 + 3602.0).state is GOOD


def test_the_reason_gives_the_figures() -> None:
    assert after((3, CLEAN), (17, CLIPPED)).reason == (
        "clipped in 17 of its last 20 turns (12.0 % of the samples in the median one)"
    )
    assert after((12, DROWNED)).reason == (
        "drowned in noise in 12 of its last 12 turns (speech 1 dB above it in the median one)"
    )
    assert after((20, CLEAN)).reason == ""


def test_a_session_hears_of_an_unusable_microphone_only() -> None:
    history = History(retries=1)
    told = after((20, DROWNED)).told(history)
    assert not told.microphone_usable
    assert told.microphone_reason.startswith("drowned in noise in 20")
    assert told.retries == 1
    assert after((20, HUM)).told(history) == history


def test_satellites_do_not_share_evidence_and_nameless_ones_have_none() -> None:
    microphones = Microphones()
    after((20, CLIPPED), microphones=microphones)
    for _ in range(20):
        microphones.observe("", CLIPPED, 0.0)
    assert microphones.evidence("hall", 0.0) == Evidence()
    assert microphones.evidence("", 0.0) == Evidence()


def test_memory_stays_bounded_however_many_satellites_come() -> None:
    microphones = Microphones()
    for index in range(10_000):
        microphones.observe(f"satellite-{index}", CLIPPED, float(index))
    assert len(microphones.satellites()) == MAX_SATELLITES
    assert microphones.satellites()[-1] == "satellite-9999"


TURNS = st.lists(st.sampled_from([CLEAN, CLIPPED, DROWNED, HUM, quality(snr_db=None)]), max_size=60)


@settings(deadline=None, max_examples=80)
@given(TURNS, TURNS)
def test_a_snapshot_is_taken_up_exactly(before: list[Quality], later: list[Quality]) -> None:
    microphones = Microphones()
    after(*((1, one) for one in before), microphones=microphones)
    again = Microphones.restored(json.loads(json.dumps(microphones.snapshot())))
    assert again.snapshot() == microphones.snapshot()
    both = [after(*((1, one) for one in later), microphones=one) for one in (microphones, again)]
    assert both[0] == both[1]


@pytest.mark.parametrize(
    "satellites",
    [
        None,
        [{"satellite": "kitchen", "state": "good"}],
        [{"satellite": "kitchen", "state": "splendid", "turns": []}],
        [{"satellite": 5, "state": "good", "turns": []}],
        [{"satellite": "kitchen", "state": "good", "turns": [[1.0, 0.0]]}],
        [{"satellite": "kitchen", "state": "good", "turns": [[1.0, 1.5, None]]}],
        [{"satellite": "kitchen", "state": "good", "turns": [[math.inf, 0.5, None]]}],
        [{"satellite": "kitchen", "state": "good", "turns": [[1.0, 0.5, "loud"]]}],
        [{"satellite": "kitchen", "state": "good", "turns": [[1.0, 0.5, None]] * 1000}],
    ],
)
def test_a_damaged_snapshot_is_refused_by_name(satellites: object) -> None:
    with pytest.raises(SnapshotError, match="snapshot of the microphones"):
        Microphones.restored({"version": 1, "satellites": satellites})


def test_limits_without_hysteresis_are_refused() -> None:
    with pytest.raises(ValueError, match="leaves_share"):
        MicrophoneSettings(leaves_share=0.9)
    with pytest.raises(ValueError, match="turns"):
        MicrophoneSettings(turns=0)
