"""What a satellite's wakes and turns say about it."""

from wyoming_server.learning.satellites import (
    FOLLOWS_SECONDS,
    LONGEST_TURN_SECONDS,
    MAX_SATELLITES,
    SHARED_SECONDS,
    SatelliteCounts,
    Satellites,
    WakeTotals,
)
from wyoming_server.learning.wake_advice import Suggestion
from wyoming_server.pipeline.policy import MicrophoneClass

LATEST_S = FOLLOWS_SECONDS + LONGEST_TURN_SECONDS


class Home:
    """A home whose hours pass in the test."""

    def __init__(self) -> None:
        self.satellites, self.now_s = Satellites(), 1000.0

    def wake(self, *, spoke: bool | None, score: float = 0.9, satellite: str = "kitchen", after_s: float = 1.0) -> None:
        """A wake and its turn, five minutes after the one before."""
        self.now_s += 300.0
        self.satellites.woke(satellite, score, self.now_s)
        began_s = self.now_s + after_s
        self.satellites.heard(satellite, began_s=began_s, at_s=began_s + 5.0, spoke=spoke)

    def wakes(self, *, real: int = 0, false: int = 0) -> None:
        for _ in range(real):
            self.wake(spoke=True, score=0.9)
        for _ in range(false):
            self.wake(spoke=False, score=0.55)

    def counts(self, satellite: str = "kitchen", later_s: float = LATEST_S + 1.0) -> SatelliteCounts:
        return self.satellites.counts(satellite, self.now_s + later_s)

    def suggestion(self, satellite: str = "kitchen") -> Suggestion | None:
        return self.satellites.suggestion(satellite, self.now_s + LATEST_S + 1.0, threshold=0.5)


def test_a_wake_after_which_nobody_spoke_was_for_nobody() -> None:
    home = Home()
    home.wake(spoke=True)
    home.wake(spoke=False)
    assert home.counts() == SatelliteCounts(turns=2, wakes=2, false_wakes=1)


def test_wakes_of_all_satellites_together_only_grow_also_when_one_is_forgotten() -> None:
    home = Home()
    home.wakes(real=3, false=1)
    home.wake(spoke=False, satellite="attic")
    home.wake(spoke=None, satellite="attic")
    assert home.satellites.totals() == WakeTotals(judged=5, false=2)
    home.satellites.forget("kitchen")
    home.satellites.clear()
    assert home.satellites.totals() == WakeTotals(judged=5, false=2)


def test_a_turn_that_nobody_can_judge_judges_no_wake() -> None:
    home = Home()
    home.wake(spoke=None)
    assert home.counts() == SatelliteCounts(turns=1, wakes=1)


def test_a_wake_without_a_turn_is_false_once_none_can_come_any_more() -> None:
    home = Home()
    home.wake(spoke=True)
    home.now_s += 300.0
    home.satellites.woke("kitchen", 0.6, home.now_s)
    assert home.counts(later_s=LATEST_S).false_wakes == 0
    assert home.counts(later_s=LATEST_S + 0.1).false_wakes == 1
    assert home.counts(later_s=LATEST_S + 0.1).false_wakes == 1


def test_a_turn_that_begins_in_time_and_ends_late_counts_for_its_wake() -> None:
    home = Home()
    home.satellites.woke("kitchen", 0.9, 0.0)
    assert home.satellites.counts("kitchen", 40.0).false_wakes == 0
    home.satellites.heard("kitchen", began_s=FOLLOWS_SECONDS, at_s=45.0, spoke=False)
    assert home.satellites.counts("kitchen", 45.0).false_wakes == 1


def test_a_later_turn_is_not_that_of_the_wake() -> None:
    home = Home()
    home.satellites.woke("kitchen", 0.9, 0.0)
    home.satellites.heard("kitchen", began_s=FOLLOWS_SECONDS + 0.1, at_s=15.0, spoke=True)
    assert home.satellites.counts("kitchen", LATEST_S + 0.1) == SatelliteCounts(turns=1, wakes=1, false_wakes=1)


def test_a_turn_that_had_begun_before_is_not_that_of_the_wake() -> None:
    home = Home()
    home.satellites.woke("kitchen", 0.9, 10.0)
    home.satellites.heard("kitchen", began_s=9.0, at_s=11.0, spoke=False)
    assert home.satellites.counts("kitchen", 11.0).false_wakes == 0


def test_who_says_the_word_twice_made_one_attempt() -> None:
    home = Home()
    home.satellites.woke("kitchen", 0.9, 0.0)
    home.satellites.woke("kitchen", 0.9, 3.0)
    home.satellites.heard("kitchen", began_s=3.0, at_s=6.0, spoke=True)
    assert home.satellites.counts("kitchen", LATEST_S + 10.0) == SatelliteCounts(turns=1, wakes=2)


def test_a_wake_long_after_one_without_a_turn_settles_that_one() -> None:
    home = Home()
    home.wake(spoke=True)
    for _ in range(3):
        home.now_s += FOLLOWS_SECONDS + 1.0
        home.satellites.woke("kitchen", 0.6, home.now_s)
    assert home.counts(later_s=0.0).false_wakes == 2


def test_the_second_of_two_satellites_that_wake_together_did_not_wake_for_nothing() -> None:
    home = Home()
    for satellite in ("kitchen", "hall"):
        home.wake(spoke=True, satellite=satellite)
    at_s = home.now_s + 300.0
    home.satellites.woke("kitchen", 0.9, at_s)
    home.satellites.woke("hall", 0.7, at_s + SHARED_SECONDS)
    home.satellites.heard("kitchen", began_s=at_s + 1.0, at_s=at_s + 5.0, spoke=True)
    home.satellites.woke("hall", 0.7, at_s + 60.0)
    home.now_s = at_s + 60.0
    assert home.counts("kitchen").false_wakes == 0
    assert home.counts("hall") == SatelliteCounts(turns=1, wakes=3, false_wakes=1)


def test_a_satellite_whose_speech_is_heard_elsewhere_has_no_false_wakes() -> None:
    home = Home()
    for _ in range(30):
        home.now_s += 300.0
        home.satellites.woke("kitchen", 0.6, home.now_s)
    assert home.counts() == SatelliteCounts(wakes=30)
    assert home.suggestion() is None


def test_cut_starts_and_what_the_client_says_of_its_microphone_are_kept() -> None:
    satellites = Satellites()
    satellites.heard(
        "phone", began_s=0.0, at_s=2.0, spoke=True, starts_at_edge=True, microphone_class=MicrophoneClass.PHONE
    )
    satellites.heard("phone", began_s=5.0, at_s=7.0, spoke=True)
    assert satellites.counts("phone", 7.0) == SatelliteCounts(
        turns=2, cut_starts=1, microphone_class=MicrophoneClass.PHONE
    )


def test_a_fifth_of_twenty_wakes_for_nobody_brings_a_higher_threshold() -> None:
    home = Home()
    home.wakes(real=15, false=4)
    assert home.suggestion() is None
    home.wakes(real=1)
    assert home.suggestion() == Suggestion(
        setting="wake_threshold",
        value=0.6,
        why="4 of its last 20 wakes were for nobody; at 0.6 it would have slept through 4 of these, and it would have"
        " missed none of the 16 real ones",
    )


def test_a_suggestion_stays_until_false_wakes_are_rare_and_does_not_come_back_before_they_are_many() -> None:
    home = Home()
    home.wakes(real=16, false=4)
    home.wakes(real=20)
    assert home.suggestion() is not None
    home.wakes(real=1)
    assert home.suggestion() is None
    home.wakes(false=5)
    assert home.suggestion() is None
    home.wakes(false=3)
    assert home.suggestion() is not None


def test_another_threshold_is_judged_by_its_own_wakes() -> None:
    home = Home()
    home.wakes(real=16, false=4)
    home.satellites.threshold_changed("hall")
    assert home.suggestion() is not None
    home.satellites.threshold_changed("kitchen")
    assert home.suggestion() is None
    home.wakes(real=10, false=9)
    assert home.suggestion() is None
    home.wakes(real=1)
    assert home.suggestion() is not None
    home.satellites.threshold_changed()
    assert home.suggestion() is None
    assert home.counts().false_wakes == 13


def test_forgotten_satellites_begin_anew() -> None:
    home = Home()
    home.wakes(real=16, false=4)
    assert home.satellites.forget("kitchen")
    assert not home.satellites.forget("kitchen")
    assert home.counts() == SatelliteCounts()
    assert home.suggestion() is None
    home.wakes(real=1)
    home.wake(spoke=True, satellite="hall")
    assert home.satellites.known() == ("kitchen", "hall")
    assert home.satellites.clear() == 2
    assert home.satellites.known() == ()


def test_without_a_name_nobody_is_counted_and_the_one_unheard_for_longest_goes_first() -> None:
    satellites = Satellites()
    satellites.woke("", 0.9, 0.0)
    satellites.heard("", began_s=0.0, at_s=1.0, spoke=True)
    assert satellites.known() == ()
    for number in range(MAX_SATELLITES):
        satellites.woke(f"{number}", 0.9, float(number))
    satellites.woke("0", 0.9, 400.0)
    satellites.woke("new", 0.9, 500.0)
    assert len(satellites.known()) == MAX_SATELLITES
    assert "1" not in satellites.known()
    assert satellites.known()[-2:] == ("0", "new")
