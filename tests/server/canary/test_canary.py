"""A candidate's way from unheard to settled, and back when its figures say so."""

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from wyoming_server.bundles.bundle_settings import BundleSettings
from wyoming_server.bundles.state import Stage
from wyoming_server.canary.canary import PATIENCE, RAMP, RAMP_HOURS, Action, Arm, Canary
from wyoming_server.canary.canary_book import REMEMBERED, TurnSeen
from wyoming_server.canary.canary_counts import Pairs, Tally
from wyoming_server.errors import SnapshotError

NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
NEW, OLD = "home-en@1.2.0", "home-en@1.1.0"
BRISK = BundleSettings(shadow_turns=5, shadow_hours=0.0, serving_turns=10, watch_turns=20, reports=True)
GOOD = TurnSeen(escalated=False, failed=False, disagreed=False, slow=False, error=False)
FAILED = TurnSeen(escalated=False, failed=True, disagreed=False, slow=False, error=False)


def later(**by: float) -> dt.datetime:
    return NOON + dt.timedelta(**by)


def begun(settings: BundleSettings = BRISK, *, stage: Stage = Stage.SHADOW, history: int = 400) -> Canary:
    """Return a canary whose incumbent fails in one turn of twenty."""
    canary = Canary(settings)
    for at in range(history):
        canary.baseline(FAILED if at % 20 == 0 else GOOD)
    canary.begin(NEW, NOON, incumbent=OLD, stage=stage)
    return canary


def failing(share: float, seed: int) -> Iterator[TurnSeen]:
    generator = np.random.default_rng(seed)
    while True:
        yield FAILED if generator.random() < share else GOOD


def test_a_good_candidate_goes_from_unheard_to_settled() -> None:
    canary = begun()
    seen = []
    for _ in range(100):
        if canary.stage is Stage.SHADOW:
            canary.shadowed(incumbent=GOOD, candidate=GOOD)
        elif canary.stage is not None:
            canary.served(Arm.CANDIDATE, GOOD)
        verdict = canary.verdict(NOON)
        if verdict.action is Action.ADVANCE:
            canary.advance(NOON)
            seen.append(canary.stage)
        elif verdict.action is Action.SETTLE:
            assert verdict.stage is None
            canary.settle(NOON)
    assert seen == [Stage.SERVING, Stage.WATCH]
    assert (canary.label, canary.stage, canary.incumbent) == ("", None, NEW)
    assert canary.verdict(NOON).action is Action.STAY


def test_a_candidate_that_fails_is_rolled_back_with_its_evidence() -> None:
    canary = begun(BundleSettings(), stage=Stage.SERVING, history=2000)
    for turn in failing(0.3, seed=1):
        canary.served(Arm.CANDIDATE, turn)
        verdict = canary.verdict(NOON)
        if verdict.action is Action.ROLL_BACK:
            break
    assert canary.turns < 100
    assert (verdict.code, verdict.stage) == ("worse", None)
    assert "home-en@1.2.0 was worse than home-en@1.1.0" in verdict.message
    assert "turns failed or were said again" in verdict.message
    failed = next(one for one in verdict.evidence if one.metric == "failed")
    assert failed.candidate is not None
    assert failed.baseline == pytest.approx(0.05, abs=0.03)
    assert failed.candidate_turns == canary.turns
    assert failed.e_value >= 100.0
    assert json.loads(json.dumps(failed.as_json()))["metric"] == "failed"


def test_slowness_has_its_own_word() -> None:
    canary = begun(BundleSettings(), stage=Stage.SERVING)
    for _ in range(60):
        canary.served("candidate", TurnSeen(escalated=False, slow=True))
    assert canary.verdict(NOON).code == "slow"


def test_what_differs_unheard_is_evidence_too() -> None:
    canary = begun(BundleSettings())
    for _ in range(40):
        canary.shadowed(incumbent=GOOD, candidate=TurnSeen(escalated=True, error=False))
    verdict = canary.verdict(NOON)
    assert (verdict.action, verdict.code) == (Action.ROLL_BACK, "worse")


def test_a_turn_that_is_one_of_a_pair_is_no_second_evidence() -> None:
    canary = begun(history=0)
    canary.baseline(GOOD)
    assert {name: len(one) for name, one in canary.book.unused.items() if one} == {"failed": 1, "slow": 1}
    assert all(len(one) == 1 for one in canary.book.recent.values())


def test_a_trigger_rolls_back_at_once_and_the_first_reason_stays() -> None:
    canary = begun()
    canary.trigger("memory", "It took 900 MB.")
    canary.trigger("slow", "It was slow.")
    verdict = canary.verdict(NOON)
    assert (verdict.action, verdict.code, verdict.message) == (Action.ROLL_BACK, "memory", "It took 900 MB.")
    canary.end("memory", NOON)
    assert canary.verdict(NOON).action is Action.STAY
    canary.trigger("slow", "Nobody is there.")
    canary.begin("home-en@1.2.1", NOON, incumbent=OLD)
    assert canary.verdict(NOON).action is Action.STAY


def test_unheard_lasts_its_hours_however_much_is_said_and_longer_where_nobody_reports() -> None:
    telling, silent = (
        begun(BundleSettings(shadow_turns=1, shadow_hours=48.0, reports=reports)) for reports in (True, False)
    )
    for canary, hours in ((telling, 48.0), (silent, 48.0 * PATIENCE)):
        canary.shadowed(incumbent=GOOD, candidate=GOOD)
        assert canary.turns_to_go == 0
        assert canary.hours_to_go(NOON) == hours
        assert canary.verdict(later(hours=hours - 1.0)).action is Action.STAY
        assert canary.verdict(later(hours=hours)).action is Action.ADVANCE


def test_a_clock_that_is_put_back_keeps_nobody_unheard_for_years() -> None:
    canary = begun(BundleSettings(shadow_turns=0, shadow_hours=48.0, reports=True))
    assert canary.verdict(later(days=-3000)).action is Action.STAY
    assert canary.hours_to_go(later(days=-3000)) == 48.0
    assert canary.verdict(later(days=-2998)).action is Action.ADVANCE


def test_a_candidate_answers_a_tenth_of_its_share_first() -> None:
    canary = begun(BundleSettings(shadow_share=0.5, serving_share=0.2))
    assert canary.share == 0.5
    canary.advance(NOON)
    assert canary.share == pytest.approx(0.2 * RAMP)
    canary.verdict(later(hours=RAMP_HOURS))
    assert canary.share == 0.2
    canary.advance(later(hours=RAMP_HOURS))
    assert canary.share == 1.0
    canary.end("worse", NOON)
    assert canary.share == 0.0


def test_a_turn_may_be_told_in_parts() -> None:
    canary = begun(stage=Stage.SERVING)
    canary.served(Arm.CANDIDATE, TurnSeen(escalated=True, slow=False, error=False))
    canary.served(Arm.CANDIDATE, TurnSeen(failed=True))
    assert canary.turns == 1
    (counters,) = canary.counters()
    assert counters.served == {
        "escalated": Tally(turns=1, bad=1),
        "failed": Tally(turns=1, bad=1),
        "slow": Tally(turns=1),
        "error": Tally(turns=1),
    }


def test_counters_of_a_day_hold_each_stage_apart_and_begin_anew() -> None:
    canary = begun()
    canary.shadowed(incumbent=TurnSeen(escalated=True), candidate=TurnSeen(escalated=False))
    canary.advance(NOON)
    canary.baseline(FAILED)
    canary.served(Arm.CANDIDATE, GOOD)
    canary.advance(NOON)
    canary.served(Arm.CANDIDATE, FAILED)
    (counters,) = canary.take_counters()
    assert (counters.label, counters.incumbent, counters.began, counters.ended) == (NEW, OLD, True, "")
    assert counters.pairs == {"escalated": Pairs(turns=1, incumbent_only=1)}
    assert counters.incumbents["failed"] == Tally(turns=1, bad=1)
    assert counters.served["failed"] == Tally(turns=1)
    assert counters.watched["failed"] == Tally(turns=1, bad=1)
    assert canary.counters() == ()
    canary.end("worse", NOON)
    (last,) = canary.take_counters()
    assert (last.began, last.ended) == (False, "worse")


def test_a_candidate_without_any_baseline_waits_for_one() -> None:
    canary = begun(stage=Stage.SERVING, history=0)
    canary.served(Arm.CANDIDATE, FAILED)
    assert {len(one) for one in canary.book.waiting.values()} == {1}
    assert canary.verdict(NOON).action is Action.STAY
    canary.baseline(GOOD)
    canary.served(Arm.CANDIDATE, FAILED)
    assert {len(one) for one in canary.book.waiting.values()} == {0}


def test_another_model_begins_another_baseline() -> None:
    canary = Canary(BRISK)
    canary.baseline(GOOD)
    canary.compare_with("base")
    assert len(canary.book.recent["failed"]) == 1  # what came before it was named is its own
    canary.compare_with("small")
    assert len(canary.book.recent["failed"]) == 0
    for _ in range(REMEMBERED + 5):
        canary.baseline(GOOD)
    assert len(canary.book.recent["failed"]) == REMEMBERED
    canary.begin(NEW, NOON, incumbent="small")
    canary.compare_with("something else")
    assert canary.incumbent == "small"


def test_what_settled_is_the_next_ones_baseline() -> None:
    canary = begun(stage=Stage.SERVING)
    for _ in range(7):
        canary.served(Arm.CANDIDATE, FAILED)
    canary.settle(NOON)
    assert list(canary.book.recent["failed"]) == [True] * 7
    canary.served(Arm.CANDIDATE, FAILED)  # a part that comes late, of a candidate that is none any more
    assert len(canary.book.recent["failed"]) == 7


def test_a_snapshot_goes_on_exactly_where_it_was() -> None:
    canary = begun(BundleSettings(), stage=Stage.SERVING)
    turns = failing(0.1, seed=3)
    for _ in range(30):
        canary.baseline(next(turns))
        canary.served(Arm.CANDIDATE, next(turns))
    resumed = Canary(BundleSettings(), json.loads(json.dumps(canary.snapshot())))
    assert resumed.refusal is None
    resumed.begin(NEW, later(hours=1), incumbent="whatever serves now", stage=Stage.SERVING)
    for _ in range(30):
        turn = next(turns)
        canary.served(Arm.CANDIDATE, turn)
        resumed.served(Arm.CANDIDATE, turn)
    canary.verdict(NOON)
    resumed.verdict(NOON)
    assert resumed.snapshot() == canary.snapshot()
    assert resumed.evidence() == canary.evidence()
    assert resumed.counters() == canary.counters()


def test_a_stage_that_the_disk_knows_better_is_taken_up() -> None:
    resumed = Canary(BRISK, begun().snapshot())
    resumed.begin(NEW, NOON, incumbent=OLD, stage=Stage.WATCH)
    assert resumed.stage is Stage.WATCH


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 2},
        {"label": 3},
        {"stage": None},
        {"stage": "flying"},
        {"since": "yesterday"},
        {"turns": -1},
        {"recent": {"failed": "012"}},
        {"recent": {"unheard of": "01"}},
        {"bets": {"grown": [], "turns": [], "bad": []}},
        {"bets": None},
        {"tested": {"failed": [[1], [2]]}},
        {"today": [{"label": NEW}]},
        {"trigger": ["memory"]},
    ],
)
def test_a_damaged_snapshot_is_left_and_says_so(damage: dict[str, Any]) -> None:
    canary = Canary(BRISK, begun().snapshot() | damage)
    assert isinstance(canary.refusal, SnapshotError)
    assert canary.label == ""


def test_good_canaries_stay_and_bad_ones_go() -> None:
    """In short what `tests/server/proofs/false_rollbacks.py` holds over a thousand."""
    settings = BundleSettings()

    def rolled_back(share: float, seed: int) -> bool:
        canary = Canary(settings)
        before, after = failing(0.05, seed), failing(share, seed + 1000)
        for _ in range(1000):
            canary.baseline(next(before))
        canary.begin(NEW, NOON, incumbent=OLD, stage=Stage.WATCH)
        for _ in range(300):
            canary.served(Arm.CANDIDATE, next(after))
            if canary.verdict(NOON).action is Action.ROLL_BACK:
                return True
        return False

    assert sum(rolled_back(0.05, seed) for seed in range(10)) == 0
    assert sum(rolled_back(0.25, seed) for seed in range(10)) == 10
