"""The adaptive threshold: bounded, unbiased, indifferent to restarts and to the order of labels."""

import itertools
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from wyoming_server.errors import SnapshotError
from wyoming_server.learning.threshold import AdaptiveThreshold, AuditLabel, ThresholdSettings
from wyoming_server.pipeline.policy import Calibration, Cell, MicrophoneClass

CELL = Cell(language="en")
AUDITED = ThresholdSettings(audits=True)


class Home:
    """A home that speaks, and closes each turn after `delay` further ones, or whenever `order` says."""

    def __init__(self, threshold: AdaptiveThreshold, *, seed: int = 1, cell: Cell = CELL) -> None:
        self.threshold = threshold
        self.cell = cell
        self.generator = np.random.default_rng(seed)
        self.losses: list[float] = []
        self.estimates: list[float] = []
        self.accepted: list[bool] = []
        self.variance = 0.0

    def turns(self, count: int, *, shift: float = 0.0, delay: int = 0, shuffled: bool = False) -> None:
        """Speak; labels come `delay` turns later, in any order when shuffled."""
        waiting: list[Callable[[], None]] = []
        for _ in range(count):
            waiting.append(self._turn(shift))
            if len(waiting) > delay:
                waiting.pop(int(self.generator.integers(len(waiting))) if shuffled else 0)()
        for close in waiting:
            close()

    def _turn(self, shift: float) -> Callable[[], None]:
        true = self.generator.normal(-2.9, 2.0)
        wrong = bool(self.generator.random() < 1.0 / (1.0 + math.exp(-(true + shift))))
        proxy = bool(self.generator.random() < (0.5 if wrong else 0.03))
        drawn = self.generator.random()
        accepted = bool(true <= self.threshold.reading(self.cell).logit)
        self.threshold.decided(self.cell, true)
        self.accepted.append(accepted)
        self.losses.append(float(accepted and wrong))
        return lambda: self._close(true, wrong=wrong, proxy=proxy, drawn=drawn, accepted=accepted)

    def _close(self, true: float, *, wrong: bool, proxy: bool, drawn: float, accepted: bool) -> None:
        if not accepted:
            self.threshold.escalated(self.cell, true, wrong=wrong)
            self.estimates.append(0.0)
            return
        probability = self.threshold.audit_probability(self.cell)
        expected = self.threshold.expected_loss(self.cell, true, proxy=proxy)
        audit = AuditLabel(wrong=wrong, expected=expected) if drawn < probability else None
        estimate = self.threshold.accepted(self.cell, true, proxy=proxy, audit=audit, audit_probability=probability)
        self.estimates.append(estimate)
        if probability:
            self.variance += (1.0 - probability) / probability * (wrong - expected) ** 2


def settled(turns: int = 1500, *, settings: ThresholdSettings = AUDITED, seed: int = 1) -> AdaptiveThreshold:
    home = Home(AdaptiveThreshold(settings), seed=seed)
    home.turns(turns)
    return home.threshold


def restarted(threshold: AdaptiveThreshold, settings: ThresholdSettings = AUDITED) -> AdaptiveThreshold:
    return AdaptiveThreshold(settings, snapshot=json.loads(json.dumps(threshold.snapshot(), allow_nan=False)))


SNAPSHOT = settled(400).snapshot()


def test_the_estimated_loss_is_the_real_one_on_average() -> None:
    homes = [Home(AdaptiveThreshold(AUDITED), seed=seed) for seed in range(8)]
    for home in homes:
        home.turns(1500)
    difference = sum(sum(home.estimates) - sum(home.losses) for home in homes)
    assert abs(difference) < 3.0 * math.sqrt(sum(home.variance for home in homes))
    # The audits matter: what the model alone believes is not what happens when its proxy and its line mislead it.
    assert sum(sum(home.losses) for home in homes) > 100


@pytest.mark.parametrize("seed", [0, 1])
def test_no_sequence_of_turns_breaks_the_bound_on_the_estimated_loss(seed: int) -> None:
    """The telescoped bound is no matter of chance: it holds on every path, whatever comes."""
    home = Home(AdaptiveThreshold(AUDITED), seed=seed)
    for shift in (0.0, 4.0, -2.0, 6.0, 0.0):
        home.turns(300, shift=shift)
    settings = home.threshold.settings
    slack = settings.target_error / settings.step + 1.0 / settings.early_audits
    assert np.mean(home.estimates) <= settings.target_error + slack / len(home.estimates)
    assert home.threshold.bound(CELL) == pytest.approx(settings.target_error + slack / len(home.estimates))


def test_labels_may_come_late_and_in_any_order() -> None:
    late = [Home(AdaptiveThreshold(AUDITED), seed=seed) for seed in range(4)]
    for home in late:
        home.turns(2500, delay=60, shuffled=True)
    error = np.mean([np.mean(home.losses) for home in late])
    sigma = math.sqrt(sum(home.variance for home in late)) / (4 * 2500)
    assert error <= 0.03 + 80 / 2500 + 3 * sigma
    assert 0.5 < np.mean([np.mean(home.accepted) for home in late]) < 0.9


def test_a_restart_changes_nothing_at_all() -> None:
    seldom = replace(AUDITED, refit_turns=97)  # so that the curve is older than the last turns
    steady, interrupted = (Home(AdaptiveThreshold(seldom), seed=5) for _ in range(2))
    for count in (7, 993, 604, 800):  # not where the line is fitted, where a ring just turned, and beyond its size
        steady.turns(count, delay=3)
        interrupted.turns(count, delay=3)
        interrupted.threshold = restarted(interrupted.threshold, seldom)
        assert interrupted.threshold.refusal is None
        assert interrupted.threshold.snapshot() == steady.threshold.snapshot()
        assert interrupted.threshold.reading(CELL) == steady.threshold.reading(CELL)
    assert interrupted.estimates == steady.estimates


def test_without_consent_nothing_is_audited_and_nothing_guaranteed() -> None:
    home = Home(AdaptiveThreshold(ThresholdSettings()), seed=3)
    home.turns(1500)
    reading = home.threshold.reading(CELL)
    assert home.threshold.audit_probability(CELL) == 0.0
    assert not reading.guaranteed
    assert home.threshold.bound(CELL) is None
    assert "no guarantee: no consent to audits" in reading.reason
    assert "uncalibrated" not in reading.reason  # escalations are labels, too
    assert 0.5 < np.mean(home.accepted) < 0.9


def test_proxies_alone_still_move_the_allowance() -> None:
    calm, troubled = (AdaptiveThreshold(ThresholdSettings()) for _ in range(2))
    for threshold, proxy in ((calm, False), (troubled, True)):
        for _ in range(100):
            threshold.accepted(CELL, -3.0, proxy=proxy, audit_probability=0.0)
    assert troubled.allowance(CELL) < 0.03 < calm.allowance(CELL) + 0.005
    assert troubled.allowance(CELL) < calm.allowance(CELL)


def test_consent_given_later_begins_the_bound_then() -> None:
    home = Home(AdaptiveThreshold(ThresholdSettings()), seed=3)
    home.turns(600)
    home.threshold.settings = AUDITED
    assert home.threshold.bound(CELL) is None
    home.turns(400)
    assert home.threshold.reading(CELL).guaranteed
    assert home.threshold.bound(CELL) == pytest.approx(0.03 + 80 / 400)
    home.threshold.settings = ThresholdSettings()
    assert home.threshold.bound(CELL) is None


def test_the_bound_begins_at_the_target_whatever_proxies_made_of_the_allowance() -> None:
    threshold = AdaptiveThreshold(ThresholdSettings())
    for _ in range(500):
        threshold.escalated(CELL, 3.0, wrong=None)
    assert threshold.allowance(CELL) > 0.035
    threshold.settings = AUDITED
    threshold.escalated(CELL, 3.0, wrong=True)
    assert threshold.allowance(CELL) == pytest.approx(0.03, abs=1e-4)


def test_a_spent_allowance_accepts_nothing_even_before_it_is_known_what_is_usual() -> None:
    threshold = AdaptiveThreshold(AUDITED)
    for _ in range(5):
        threshold.accepted(CELL, -9.0, audit=AuditLabel(wrong=True), audit_probability=0.05)
    assert threshold.reading(CELL).logit == float("-inf")


def test_turns_accepted_without_a_draw_weaken_the_bound() -> None:
    threshold = settled(500)
    before = threshold.bound(CELL)
    assert before is not None
    for _ in range(100):
        threshold.accepted(CELL, -6.0, proxy=None, audit_probability=0.0)
    assert threshold.bound(CELL) == pytest.approx(0.03 + (80 + 100) / 600)


def test_an_audit_that_is_never_answered_weakens_the_bound_and_teaches_nothing() -> None:
    threshold = settled(500)
    line = threshold.reading(CELL).calibration
    expected = threshold.expected_loss(CELL, -6.0, proxy=False)
    lost = AuditLabel(wrong=None, expected=expected)
    for _ in range(9):
        assert threshold.accepted(CELL, -6.0, proxy=False, audit=lost, audit_probability=0.05) == expected
    assert threshold.bound(CELL) == pytest.approx(0.03 + (80 + 9 * 20) / 509)
    assert threshold.reading(CELL).calibration == line
    assert restarted(threshold).bound(CELL) == threshold.bound(CELL)


def test_nothing_is_accepted_while_the_allowance_is_spent_and_then_it_explores_again() -> None:
    threshold = settled(800)
    while threshold.allowance(CELL) > 0.0:
        threshold.accepted(CELL, -6.0, proxy=None, audit=AuditLabel(wrong=True), audit_probability=0.05)
    reading = threshold.reading(CELL)
    assert reading.logit == float("-inf")
    assert reading.value == 0.0
    assert "nothing is accepted for now" in reading.reason
    assert threshold.allowance(CELL) >= -AUDITED.step / AUDITED.early_audits
    turns = 0
    while threshold.reading(CELL).logit == float("-inf"):
        threshold.decided(CELL, -3.0)
        threshold.escalated(CELL, -3.0, wrong=False)
        turns += 1
    assert 0 < turns <= 1 / (AUDITED.early_audits * AUDITED.target_error) + 10
    assert threshold.reading(CELL).logit > -30


def test_the_allowance_never_grows_beyond_twice_the_target() -> None:
    threshold = AdaptiveThreshold(AUDITED)
    for _ in range(5000):
        threshold.escalated(CELL, 5.0, wrong=True)
    assert threshold.allowance(CELL) == 0.06


def test_a_coin_flip_of_a_proxy_is_found_out() -> None:
    generator = np.random.default_rng(2)
    threshold = AdaptiveThreshold(AUDITED)
    before = [threshold.expected_loss(CELL, -3.0, proxy=proxy) for proxy in (True, False)]
    for _ in range(400):
        proxy = bool(generator.random() < 0.5)
        threshold.accepted(
            CELL, -3.0, proxy=proxy, audit=AuditLabel(wrong=bool(generator.random() < 0.05)), audit_probability=1.0
        )
    after = [threshold.expected_loss(CELL, -3.0, proxy=proxy) for proxy in (True, False)]
    assert before[0] / before[1] > 8
    assert after[0] / after[1] < 2
    assert after[1] < threshold.expected_loss(CELL, -3.0, proxy=None) * 1.3


def test_a_new_cell_begins_where_its_siblings_are() -> None:
    homes = [Home(AdaptiveThreshold(AUDITED), seed=1)]
    for one in (MicrophoneClass.PHONE, MicrophoneClass.HEADSET):
        homes.append(Home(homes[0].threshold, seed=2, cell=Cell(language="en", microphone_class=one)))
        homes[-1].turns(1200, shift=1.5)
    pooled = homes[0].threshold.reading(CELL)
    stranger = homes[0].threshold.reading(Cell(language="fi"))
    assert pooled.calibration.intercept > 0.5
    assert stranger.calibration.intercept == 0.0
    assert pooled.logit < stranger.logit
    assert "uncalibrated, 200 turns to go" in pooled.reason
    assert len(homes[0].threshold.snapshot()["cells"]) == 2  # looking is not learning


def test_typical_turns_stand_in_until_the_home_has_its_own() -> None:
    bare = AdaptiveThreshold(AUDITED).reading(CELL)
    assert bare.value == pytest.approx(0.03)  # nothing is known of what is usual: each text for itself
    generator = np.random.default_rng(4)
    typical = AdaptiveThreshold(AUDITED, typical_logits=generator.normal(-4.0, 2.0, 500).tolist())
    assert typical.reading(CELL).value > 0.1
    for _ in range(810):
        typical.decided(CELL, -1.0)
        typical.escalated(CELL, -1.0, wrong=None)
    assert typical.reading(CELL).logit == float("-inf")  # here every turn is risky, so all are asked about


def test_equal_scores_are_accepted_together_or_not_at_all() -> None:
    threshold = AdaptiveThreshold(AUDITED, prior=Calibration())
    logits = [-6.0] * 60 + [-1.0] * 40
    for logit in logits:
        threshold.decided(CELL, logit)
        threshold.escalated(CELL, logit, wrong=None)
    # All of the second group would spend 0.4 · σ(−1) = 0.11; one of them would not.
    assert threshold.reading(CELL).logit == -6.0


def test_the_audits_probability_follows_the_schedule() -> None:
    settings = replace(AUDITED, early_audits=0.2, late_audits=0.1, early_turns=3)
    threshold = AdaptiveThreshold(settings)
    seen = []
    for _ in range(5):
        seen.append(threshold.audit_probability(CELL))
        threshold.decided(CELL, 0.0)
    assert seen == [0.2, 0.2, 0.2, 0.1, 0.1]


def test_an_audit_without_a_probability_is_refused() -> None:
    threshold = AdaptiveThreshold(AUDITED)
    with pytest.raises(ValueError, match="cannot be drawn"):
        threshold.accepted(CELL, 0.0, audit=AuditLabel(wrong=True), audit_probability=0.0)
    assert threshold.snapshot()["cells"] == []


def test_log_odds_that_are_no_numbers_are_the_riskiest() -> None:
    threshold = settled(600)
    for strange in (math.nan, math.inf, -math.inf):
        threshold.decided(CELL, strange)
        threshold.escalated(CELL, strange, wrong=True)
    assert threshold.expected_loss(CELL, math.nan, proxy=None) > 0.5
    assert restarted(threshold).refusal is None
    assert math.isfinite(threshold.reading(CELL).logit)


def test_another_target_begins_anew_and_keeps_what_is_known_of_the_risk() -> None:
    threshold = settled(800)
    stricter = replace(AUDITED, target_error=0.01)
    again = restarted(threshold, stricter)
    threshold.settings = stricter
    for one in (threshold, again):
        assert one.allowance(CELL) == 0.01
        assert one.bound(CELL) is None
        assert one.reading(CELL).calibration.turns > 100
    assert threshold.reading(CELL) == again.reading(CELL)


def spoil(path: Sequence[str | int], value: Any) -> Callable[[Any], None]:
    def spoilt(snapshot: Any) -> None:
        for step in path[:-1]:
            snapshot = snapshot[step]
        snapshot[path[-1]] = value

    return spoilt


@pytest.mark.parametrize(
    "damage",
    [
        spoil(["version"], 2),
        spoil(["version"], None),
        spoil(["target_error"], "little"),
        spoil(["cells"], {}),
        spoil(["cells"], [{}] * 1000),
        spoil(["cells", 0], None),
        spoil(["cells", 0, "language"], 7),
        spoil(["cells", 0, "microphone_class"], "shouting"),
        spoil(["cells", 0, "allowance"], float("nan")),
        spoil(["cells", 0, "allowance"], True),
        spoil(["cells", 0, "decided"], -1),
        spoil(["cells", 0, "line"], [0.0, -1.0, 5]),
        spoil(["cells", 0, "line"], [0.0]),
        spoil(["cells", 0, "information"], ["a", "b", "c"]),
        spoil(["cells", 0, "recent", 3], float("inf")),
        spoil(["cells", 0, "recent"], None),
        spoil(["cells", 0, "on_curve", 0], "x"),
        spoil(["cells", 0, "labelled", "wrong", 0], 3),
        spoil(["cells", 0, "labelled", "weights"], [1.0]),
        spoil(["cells", 0, "proxies", "right"], [5.0, 1.0]),
        spoil(["cells", 0, "least_audit"], 0),
    ],
)
def test_a_damaged_or_future_snapshot_is_refused_and_learning_starts_afresh(damage: Callable[[Any], None]) -> None:
    snapshot = json.loads(json.dumps(SNAPSHOT))
    assert AdaptiveThreshold(AUDITED, snapshot=snapshot).refusal is None
    damage(snapshot)
    threshold = AdaptiveThreshold(AUDITED, snapshot=snapshot)
    assert isinstance(threshold.refusal, SnapshotError)
    assert "The snapshot of the thresholds is" in str(threshold.refusal)
    assert threshold.reading(CELL) == AdaptiveThreshold(AUDITED).reading(CELL)


def test_what_is_no_snapshot_at_all_is_refused_too() -> None:
    for strange in ([], "text", 5, {}, {"version": 1}):
        assert AdaptiveThreshold(AUDITED, snapshot=strange).refusal is not None


def test_made_up_languages_do_not_fill_the_memory() -> None:
    threshold = settled(300)
    for number in range(200):
        threshold.decided(Cell(language=f"x{number}"), 0.0)
    cells = threshold.snapshot()["cells"]
    assert len(cells) == 64
    assert cells[0]["language"] == "en"  # what learned most stays


def test_the_cost_of_a_turn(record_property: Callable[[str, object], None]) -> None:
    home = Home(AdaptiveThreshold(AUDITED), seed=1)
    home.turns(1500)
    threshold, rounds = home.threshold, 2000
    started = time.perf_counter()
    for _ in range(rounds):
        threshold.reading(CELL)
    reading_us = (time.perf_counter() - started) / rounds * 1e6
    closing_us = []
    for _ in itertools.repeat(None, 400):
        started = time.perf_counter()
        threshold.escalated(CELL, -2.0, wrong=False)
        closing_us.append((time.perf_counter() - started) * 1e6)
    usual, fitting = np.percentile(closing_us, (50, 95))  # every tenth fits the line anew
    size = len(json.dumps(threshold.snapshot()))
    print(
        f"reading {reading_us:.1f} µs; closing a turn {usual:.1f} µs, {fitting:.0f} µs with a fit; "
        f"snapshot {size / 1000:.0f} kB a cell"
    )
    record_property("reading_us", reading_us)
    assert threshold.reading(CELL).logit < 30
