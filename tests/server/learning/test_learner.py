"""What the hub learns from its own turns, on a virtual clock: what counts, when, and what no mishap can stop."""

import asyncio
import dataclasses
import gc
import random
import weakref
from collections.abc import Callable, Coroutine

import pytest

from tests.server.learning.school import (
    AUDITS,
    CARD,
    CELL,
    MISHEARD,
    SAID,
    WINDOW_SECONDS,
    KeptSnapshots,
    school,
    settled,
    turn,
)
from tests.server.pipeline.doubles import ScriptedGrammar, now_s, on_virtual_time
from tests.server.pipeline.lane_doubles import CALLER, ScriptedLane, lane_error, lane_settings
from wyoming_server.errors import LaneFailedError
from wyoming_server.learning.disagreement import Population
from wyoming_server.learning.pace import LearnerSettings
from wyoming_server.learning.threshold import ThresholdSettings
from wyoming_server.pipeline.grammar import Vocabulary
from wyoming_server.pipeline.lanes import LaneRequest, LaneText
from wyoming_server.pipeline.policy import Caller, RoutingMode, Threshold
from wyoming_server.pipeline.types import Action, GrammarMatch, Outcome

SILENT = ThresholdSettings(step=0.05, refit_turns=1)
"""No audits."""


def taught(work: Coroutine[None, None, None]) -> None:
    on_virtual_time(work)


def agreeing() -> ScriptedLane:
    return ScriptedLane(text=SAID)


# Retries.


@pytest.mark.parametrize(("after_s", "wrong"), [(3.0, True), (14.0, True), (16.5, False), (30.0, False)])
def test_said_again_within_the_window_the_first_turn_counts_as_wrong(after_s: float, wrong: bool) -> None:
    async def work() -> None:
        async with school(settings=SILENT) as one:
            await one.teach(turn(MISHEARD))
            await asyncio.sleep(after_s)
            await one.teach(turn(SAID))
            assert [count.proxy for count in one.counts] == [wrong]
            await one.until_closed()
            assert [count.proxy for count in one.counts] == [wrong, False]

    taught(work())


def test_a_turn_that_nobody_follows_is_counted_when_its_window_has_passed_and_not_before() -> None:
    async def work() -> None:
        async with school(settings=SILENT) as one:
            await one.teach(turn())
            start_s = now_s()
            await one.until_closed()
            assert [count.at_s - start_s for count in one.counts] == [pytest.approx(WINDOW_SECONDS, abs=0.1)]

    taught(work())


def test_another_satellite_s_turn_says_nothing_of_this_one() -> None:
    async def work() -> None:
        async with school(settings=SILENT) as one:
            await one.teach(turn(), turn(caller=dataclasses.replace(CALLER, satellite="hall")))
            await one.until_closed()
            assert [count.proxy for count in one.counts] == [False, False]

    taught(work())


def test_the_next_turn_knows_of_the_one_before() -> None:
    async def work() -> None:
        async with school(settings=SILENT) as one:
            first = turn()
            await one.teach(first)
            assert first.interpretation is not None
            known = first.interpretation
            await asyncio.sleep(5.0)
            history = one.learner.history(CALLER, known.speech, known.hypothesis, known.match)
            assert history.retries == 1

    taught(work())


def test_a_turn_that_ended_in_an_error_is_known_to_the_next_or_was_given_up() -> None:
    async def work() -> None:
        async with school(settings=SILENT) as one:
            one.learner.failed("stranger's", Caller(session="stranger", satellite="attic"), "en")
            one.learner.failed("first", CALLER, "en")
            known = turn().interpretation
            assert known is not None
            await asyncio.sleep(2.0)
            assert one.learner.history(CALLER, known.speech, known.hypothesis, known.match).failed
            await one.until_closed()
            told = one.knowledge.sessions.counts.totals("en")
            assert (told.turns, told.abandoned) == (1, 1)

    taught(work())


# What teaches, and what does not.


@pytest.mark.parametrize(
    "lesson",
    [lambda: turn(caller=Caller(session="stranger", satellite="kitchen")), lambda: turn(kept=False)],
    ids=["stranger", "file"],
)
def test_strangers_and_recordings_teach_nothing(lesson: object) -> None:
    async def work() -> None:
        async with school(agreeing()) as one:
            before = one.knowledge.snapshot()
            await one.teach(lesson())
            await one.until_closed()
            assert one.counts == []
            assert not one.ledger.uploads
            after = one.knowledge.snapshot()
            assert after["percentiles"] == before["percentiles"]
            assert {key: after[key] for key in after if key.startswith("threshold")} == {
                key: before[key] for key in after if key.startswith("threshold")
            }

    taught(work())


@pytest.mark.parametrize(
    ("logit", "counted"), [(-0.01, 1), (0.0, 1), (0.01, 0)], ids=["within", "at the threshold", "for want of a lane"]
)
def test_what_was_accepted_above_the_threshold_is_only_decided(logit: float, counted: int) -> None:
    async def work() -> None:
        async with school(agreeing()) as one:
            await one.teach(turn(logit=logit))
            await one.until_closed()
            assert len(one.counts) == len(one.ledger.uploads) == counted
            (cell,) = one.threshold.snapshot()["cells"]
            assert cell["decided"] == 1

    taught(work())


def test_made_up_text_teaches_neither_percentiles_nor_thresholds() -> None:
    async def work() -> None:
        async with school(agreeing()) as one:
            await one.teach(turn(action=Action.DISCARD, rules=("repetition",)))
            await one.until_closed()
            assert one.knowledge.percentiles.scales() == ()
            assert one.threshold.snapshot()["cells"] == []

    taught(work())


@pytest.mark.parametrize("heard", [SAID, MISHEARD])
def test_an_escalated_turn_is_an_exact_label_and_a_pair_for_the_disagreement(heard: str) -> None:
    async def work() -> None:
        async with school() as one:
            await one.teach(turn(SAID, logit=2.0, action=Action.ESCALATE, heard=heard))
            (cell,) = one.threshold.snapshot()["cells"]
            assert [bool(wrong) for wrong in cell["labelled"]["wrong"]] == [heard != SAID]
            assert one.counts == []

    taught(work())


@pytest.mark.parametrize(("heard", "loss"), [(SAID, 0.0), (MISHEARD, 1.0)])
def test_what_went_to_a_lane_for_the_mode_alone_counts_as_accepted_and_audited(heard: str, loss: float) -> None:
    async def work() -> None:
        async with school(settings=SILENT) as one:
            await one.teach(turn(SAID, action=Action.ESCALATE, heard=heard, by_mode=True))
            assert [(count.audit, count.chance, count.loss) for count in one.counts] == [(bool(loss), 1.0, loss)]
            found = one.knowledge.disagreements.figures("en", Population.ACCEPTED)
            assert found is not None
            assert (found.pairs, found.intent.value) == (1, loss)

    taught(work())


def test_what_was_risky_in_mode_cloud_counts_as_escalated() -> None:
    async def work() -> None:
        async with school() as one:
            await one.teach(turn(SAID, logit=2.0, action=Action.ESCALATE, heard=MISHEARD, by_mode=True))
            assert one.counts == []
            assert one.knowledge.disagreements.figures("en", Population.ACCEPTED) is None

    taught(work())


def test_a_week_in_mode_cloud_leaves_the_allowance_where_it_would_be_without() -> None:
    async def allowance(*, by_mode: bool) -> float:
        async with school(settings=SILENT) as one:
            for number in range(60):
                heard = MISHEARD if number % 3 == 0 else SAID
                await one.teach(turn(SAID, action=Action.ESCALATE, heard=heard, by_mode=by_mode))
            return one.threshold.allowance(CELL)

    assert on_virtual_time(allowance(by_mode=True)) < SILENT.target_error < on_virtual_time(allowance(by_mode=False))


def test_what_uploads_cost_moves_the_price_and_what_did_not_leave_lets_it_fall() -> None:
    async def work() -> None:
        async with school() as one:
            for _ in range(20):
                await one.teach(turn(logit=2.0, action=Action.ESCALATE, heard=SAID))
            dear = one.learner.price().per_second
            for _ in range(50):
                await one.teach(turn())
            assert 0.0 < one.learner.price().per_second < dear

    taught(work())


# Audits.


@pytest.mark.parametrize(
    ("settings", "lanes"),
    [
        (SILENT, (agreeing(),)),
        (AUDITS, ()),
        (AUDITS, (ScriptedLane(settings=lane_settings(consent="")),)),
        (AUDITS, (ScriptedLane(settings=lane_settings(languages=("de",))),)),
        (AUDITS, (ScriptedLane(settings=lane_settings(satellites=("attic",))),)),
    ],
    ids=["not asked for", "no lane", "no consent", "another language", "another satellite"],
)
def test_without_consent_or_a_lane_nothing_is_audited(
    settings: ThresholdSettings, lanes: tuple[ScriptedLane, ...]
) -> None:
    async def work() -> None:
        async with school(*lanes, settings=settings) as one:
            await one.teach(turn())
            await one.until_closed()
            assert [(count.audit, count.chance) for count in one.counts] == [("none", 0.0)]
            assert not one.ledger.uploads

    taught(work())


def test_a_turn_that_was_to_stay_on_the_hub_is_not_audited_either() -> None:
    async def work() -> None:
        async with school(agreeing()) as one:
            await one.teach(turn(caller=dataclasses.replace(CALLER, mode=RoutingMode.EDGE)))
            await one.until_closed()
            assert [count.audit for count in one.counts] == ["none"]
            assert not one.ledger.uploads

    taught(work())


@pytest.mark.parametrize(("heard", "wrong"), [(SAID, False), ("open the garage", True)])
def test_an_audit_holds_the_hub_s_text_against_the_lane_s(heard: str, wrong: bool) -> None:
    async def work() -> None:
        async with school(ScriptedLane(text=heard)) as one:
            await one.teach(turn())
            assert not one.ledger.uploads  # not before its window has passed
            await one.until_closed()
            assert [count.audit for count in one.counts] == [wrong]
            assert [(upload.reason, upload.turn_id[:4]) for upload in one.ledger.uploads] == [("audit", "turn")]
            assert one.ledger.endings == {0: "answered"}

    taught(work())


@pytest.mark.parametrize("chance", [0.05, 0.4])
def test_audits_are_drawn_with_the_probability_that_is_told_and_by_the_seed(chance: float) -> None:
    settings = dataclasses.replace(AUDITS, early_audits=chance, late_audits=chance)

    async def work() -> None:
        async with school(agreeing(), settings=settings, seed=7) as one:
            for _ in range(60):
                await one.teach(turn())
                await one.until_closed()
            coin = random.Random(7)
            drawn = [coin.random() < chance for _ in range(60)]
            assert [count.audit is not None and count.audit != "none" for count in one.counts] == drawn
            assert {count.chance for count in one.counts} == {chance}
            assert any(drawn)

    taught(work())


class TeachingLane(ScriptedLane):
    """While it is asked, other turns teach the same cell."""

    teach: Callable[[], object] = print

    async def transcribe(self, request: LaneRequest) -> LaneText:
        self.teach()
        return await super().transcribe(request)


def test_the_expected_loss_is_fixed_before_the_audit_is_drawn_and_asked() -> None:
    async def work() -> None:
        chance = 0.5
        settings = dataclasses.replace(AUDITS, early_audits=chance, late_audits=chance, step=1e-6)
        lane = TeachingLane(text=SAID)
        async with school(lane, settings=settings, seed=1) as one:  # its first coin falls below a half
            lane.teach = lambda: [one.threshold.escalated(CELL, -4.0, wrong=True) for _ in range(300)]
            await one.teach(turn())
            before = one.threshold.expected_loss(CELL, -4.0, proxy=False)
            await one.until_closed()
            (count,) = one.counts
            after = one.threshold.expected_loss(CELL, -4.0, proxy=False)
            assert after > 2.0 * before  # else this shows nothing
            assert count.audit is False
            assert count.loss == pytest.approx(before + (0.0 - before) / chance)

    taught(work())


@pytest.mark.parametrize(
    "lane",
    [ScriptedLane(failures=(lane_error(LaneFailedError),)), ScriptedLane(delays_s=(3600.0,))],
    ids=["fails", "hangs"],
)
def test_an_audit_that_nobody_answers_counts_as_drawn_and_unanswered(lane: ScriptedLane) -> None:
    async def work() -> None:
        async with school(lane) as one:
            await one.teach(turn())
            await one.until_closed()
            assert [(count.audit, count.chance) for count in one.counts] == [(None, 1.0)]
            assert len(one.ledger.endings) == 1

    taught(work())


def test_while_an_audit_is_under_way_the_sessions_go_on() -> None:
    async def work() -> None:
        slow = ScriptedLane(delays_s=(9.0,), settings=lane_settings(deadline_seconds=30.0), text=SAID)
        hall = dataclasses.replace(CALLER, satellite="hall")
        async with school(slow) as one:
            await one.teach(turn())
            await asyncio.sleep(WINDOW_SECONDS + 0.1)
            assert slow.asked
            assert not slow.endings
            again = turn(caller=hall)
            await one.teach(again)
            await asyncio.sleep(2.0)
            assert again.interpretation is not None
            known = again.interpretation
            assert one.learner.history(hall, known.speech, known.hypothesis, known.match).retries == 1
            assert not slow.endings  # else this shows nothing

    taught(work())


# What no mishap may do.


class StumblingGrammar(ScriptedGrammar):
    """Fails on one text."""

    async def match(self, text: str, language: str, vocabulary: Vocabulary) -> GrammarMatch:
        if text == MISHEARD:
            raise ZeroDivisionError("a mistake of ours")
        return await super().match(text, language, vocabulary)


@pytest.mark.parametrize("where", ["audit", "turn"])
def test_a_lesson_that_fails_is_lost_and_the_next_one_is_not(where: str, caplog: pytest.LogCaptureFixture) -> None:
    lane = ScriptedLane(text=MISHEARD if where == "audit" else SAID)

    async def work() -> None:
        async with school(lane, grammar=StumblingGrammar(complete=frozenset({SAID}))) as one:
            wrong = turn()
            if where == "turn":
                broken = dataclasses.replace(wrong.interpretation, speech=None)
                wrong = dataclasses.replace(wrong, interpretation=broken)
            await one.teach(wrong)
            await one.until_closed()
            assert not one.task.done()
            lane.text = SAID
            await one.teach(turn())
            await one.until_closed()
            assert one.counts[-1].audit is False

    taught(work())
    assert any(record.levelname == "ERROR" for record in caplog.records)
    assert not any(SAID in record.getMessage() for record in caplog.records)


def test_beyond_the_limit_turns_are_not_learned_from_and_nothing_waits(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        async with school(settings=SILENT, learning=LearnerSettings(waiting=3)) as one:
            await settled()
            callers = [dataclasses.replace(CALLER, satellite=f"room {number}") for number in range(5)]
            for caller in callers:  # in one go: the learner's task has no turn meanwhile
                one.learner.take(turn(caller=caller))
            await one.until_closed()
            assert len(one.counts) == 3

    taught(work())
    assert sum("too many turns" in record.getMessage() for record in caplog.records) == 2


ANSWER = dataclasses.replace(CALLER, expect_confirmation=True)
FOR_WANT = Threshold(logit=-9.0, value=0.0)


@pytest.mark.parametrize(
    "lesson",
    [
        turn,
        lambda: turn("yes", caller=ANSWER),
        lambda: turn(threshold=FOR_WANT),
        lambda: turn(logit=2.0, action=Action.ESCALATE, heard=SAID),
        lambda: turn(action=Action.DISCARD, rules=("repetition",)),
        lambda: turn(caller=Caller(session="stranger")),
    ],
    ids=["accepted", "a yes", "for want of a lane", "escalated", "made up", "stranger"],
)
@pytest.mark.parametrize("lanes", [(), (agreeing(),)], ids=["no audit", "audit"])
def test_no_audio_is_held_for_longer_than_twenty_seconds(lesson: object, lanes: tuple[ScriptedLane, ...]) -> None:
    async def work() -> None:
        async with school(*lanes) as one:
            outcome: Outcome | None = lesson()
            assert outcome is not None
            assert outcome.interpretation is not None
            audio = weakref.ref(outcome.interpretation.speech.samples)
            await one.teach(outcome)
            outcome = None
            await asyncio.sleep(20.0)
            for lane in lanes:
                lane.asked.clear()  # a lane that is no double keeps nothing
            gc.collect()
            assert audio() is None

    taught(work())


def test_a_yes_to_our_own_question_counts_at_once_and_without_a_proxy() -> None:
    async def work() -> None:
        async with school(settings=SILENT) as one:
            await one.teach(turn("yes", caller=ANSWER))
            await asyncio.sleep(1.0)
            assert [count.proxy for count in one.counts] in ([], [None])
            await one.until_closed()
            assert [count.proxy for count in one.counts] == [None]

    taught(work())


# Over restarts.


def test_what_is_known_is_saved_at_intervals_and_at_the_end() -> None:
    async def work() -> None:
        kept = KeptSnapshots()
        async with school(settings=SILENT, learning=LearnerSettings(save_seconds=60.0), snapshots=kept) as one:
            start_s = now_s()
            await one.teach(turn())
            await asyncio.sleep(190.0)
        assert [saved - start_s for saved in kept.saved_s] == pytest.approx([60, 120, 180, 190], abs=0.5)
        assert kept.states["percentiles"]["scales"]

    taught(work())


def test_a_full_disk_costs_the_memory_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        kept = KeptSnapshots(full=True)
        async with school(agreeing(), learning=LearnerSettings(save_seconds=1.0), snapshots=kept) as one:
            await one.teach(turn())
            await one.until_closed()
            assert len(one.counts) == 1
            assert not kept.states
            kept.full = False
            await asyncio.sleep(2.0)
            assert kept.states

    taught(work())
    assert any("is not saved" in record.getMessage() for record in caplog.records)


def test_stopping_while_an_audit_is_under_way_ends_it_counts_it_and_closes_its_row() -> None:
    async def work() -> None:
        lane = ScriptedLane(delays_s=(9.0,), settings=lane_settings(deadline_seconds=30.0))
        async with school(lane) as one:
            await one.teach(turn())
            await asyncio.sleep(WINDOW_SECONDS + 0.1)
            assert lane.asked
            start_s = now_s()
            await one.stop()
            assert now_s() - start_s < 1.0
            assert [count.audit for count in one.counts] == [None]
        assert lane.endings == ["cancelled"]
        assert one.ledger.endings == {0: "cancelled"}

    taught(work())


def test_the_model_that_heard_a_turn_keeps_its_lesson_when_another_serves_by_then() -> None:
    other = dataclasses.replace(CARD, base=-1.0)
    serving = [CARD]

    async def work() -> None:
        async with school(settings=SILENT, scorecard=lambda _model: serving[0]) as one:
            await one.teach(turn())
            serving[0] = other
            await one.until_closed()
            assert one.knowledge.thresholds.of(CARD).snapshot()["cells"][0]["closed"] == 1
            assert one.knowledge.thresholds.of(other).snapshot()["cells"] == []

    taught(work())
