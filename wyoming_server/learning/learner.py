"""What the hub learns from its own turns: one queue of finished turns, one task that draws the lessons.

A turn is judged when its retry window has closed, not when it was answered: whether its speaker said it again is the
cheapest evidence that the hub was wrong. The second queue of the server, because lessons (audits are uploads) must not
hold up the turn that they come from.
"""

import asyncio
import datetime as dt
import logging
import random
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..errors import EdgeVoiceError
from ..pipeline.grammar import Grammar, Vocabulary
from ..pipeline.lanes import Errand
from ..pipeline.policy import (
    Caller,
    Cell,
    History,
    LaneHealth,
    LaneState,
    Price,
    RoutingMode,
    Standing,
    Threshold,
    Trust,
)
from ..pipeline.scorecard import Scorecard
from ..pipeline.types import Action, GrammarMatch, Hypothesis, Interpretation, LaneAnswer, Outcome, Samples, Speech
from .audio_print import AudioPrint, audio_print
from .budget import BudgetSettings
from .comparison import Comparison, compare
from .disagreement import Pair
from .knowledge import Knowledge, Snapshots
from .pace import LearnerSettings
from .percentiles import Scale
from .sessions import ClosedTurn, FinishedTurn, Signal
from .threshold import AdaptiveThreshold, AuditLabel, ThresholdSettings

_LOGGER = logging.getLogger(__name__)
WHOLE_CONTEXT_FRAMES = 3000


type OnPair = Callable[[str, str, Comparison, float | None], None]
"""(turn id, language, hub's text beside a lane's, chance of the audit or None for an escalation) hears of each pair."""


class AuditLanes(Protocol):
    """Lanes that an audit may ask."""

    def health(self, caller: Caller, language: str | None, seconds: float) -> tuple[LaneHealth, ...]:
        """Return what is known of each."""

    async def ask(self, speech: Speech, language: str | None, names: tuple[str, ...], errand: Errand) -> LaneAnswer:
        """Return the first answer."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Open:
    """A turn whose retry window is open. Holds its audio, in memory, for as long as that."""

    outcome: Outcome
    one: Interpretation
    threshold: AdaptiveThreshold
    """Of the model that heard it; another may serve by the time it closes."""
    until_s: float = 0.0
    """When a client's own lane is waited for no longer."""


class Learner:
    """Knows what was learned, and learns. `run` is its one task; `take` may be called from anywhere on the loop."""

    def __init__(
        self,
        knowledge: Knowledge,
        *,
        lanes: AuditLanes,
        grammar: Grammar,
        home: Vocabulary,
        scorecard: Callable[[str], Scorecard],
        snapshots: Snapshots,
        settings: LearnerSettings,
        clock: Callable[[], float],
        wall: Callable[[], dt.datetime],
        chance: random.Random,
        cost_per_second: float = 0.0,
        on_judged: Callable[[ClosedTurn], None] = lambda _: None,
        on_pair: OnPair = lambda *_: None,
    ) -> None:
        """Learn into `knowledge`; `wall` is the home's own time, and `chance` draws the audits.

        `scorecard` gives a model's by its name, or of the one that serves now; `on_judged` hears of every turn whose
        retry window has closed.
        """
        self._knows, self._lanes, self._grammar, self._home = knowledge, lanes, grammar, home
        self._scorecard, self._snapshots, self._settings = scorecard, snapshots, settings
        self._clock, self._wall, self._chance = clock, wall, chance
        self._cost_per_second, self._on_judged, self._on_pair = cost_per_second, on_judged, on_pair
        self._queue: asyncio.Queue[Outcome] = asyncio.Queue(settings.waiting)
        self._open: dict[str, _Open] = {}
        self._asked: dict[str, _Open] = {}
        """Turns that a client has taken to its own lane."""
        self._saved_s = clock()
        self._adopted = set[str]()
        """Models whose own references are known."""
        self._printed: tuple[weakref.ref[Samples] | None, AudioPrint | None] = None, None
        """The last print and whose it is; the audio itself is not kept for it."""

    @property
    def knowledge(self) -> Knowledge:
        """All that is known; to be read only."""
        return self._knows

    def scorecard(self, model: str) -> Scorecard:
        """Return a model's by its name, or of the one that serves now."""
        return self._scorecard(model)

    def adopt(
        self, *, threshold: ThresholdSettings, budget: BudgetSettings, home: Vocabulary, cost_per_second: float
    ) -> None:
        """Learn by the owner's other choices from now on."""
        if threshold != self._knows.thresholds.settings:
            self._knows.thresholds.settings = threshold
        self._knows.budget.settings = budget
        self._home, self._cost_per_second = home, cost_per_second

    def forget(self, knowledge: Knowledge) -> None:
        """Begin anew from other knowledge; turns that are judged later count in it."""
        self._knows = knowledge
        self._open.clear()
        self._asked.clear()
        self._adopted.clear()

    # What a turn asks before it is decided.

    def standing(self, hypothesis: Hypothesis) -> Standing:
        """Return where a hypothesis stands among those before it."""
        self._adopt(hypothesis.model)
        return self._knows.percentiles.standing(scale_of(hypothesis), hypothesis)

    def history(
        self, caller: Caller, speech: Speech, hypothesis: Hypothesis | None, match: GrammarMatch | None
    ) -> History:
        """Return what the session knew before this turn; without a hypothesis the sound alone tells."""
        now_s = self._clock()
        # The sound is looked at only when it could be the same as before: it takes longer than all else here.
        before = self._knows.sessions.next_closing_s() is not None
        known = self._knows.sessions.history(
            caller,
            hypothesis.text if hypothesis else None,
            self._print(speech) if before else None,
            now_s - speech.seconds,
            language=hypothesis.language if hypothesis else "",
            match=match,
        )
        return self._knows.microphones.evidence(caller.satellite, now_s).told(known)

    def threshold(self, cell: Cell, model: str = "") -> Threshold:
        """Return up to which risk the hub answers by itself, after the model of that name; empty: that serves now."""
        return self._knows.thresholds.of(self._scorecard(model)).reading(cell)

    def price(self) -> Price:
        """Return what a second of cloud audio costs now."""
        return self._knows.budget.price(cost_per_second=self._cost_per_second)

    def _print(self, speech: Speech) -> AudioPrint | None:
        """Return how an utterance sounds: asked for before its decode, after it, and when the turn is over."""
        known, found = self._printed
        if known is None or known() is not speech.samples:
            found = audio_print(speech.samples)
            self._printed = weakref.ref(speech.samples), found
        return found

    def _adopt(self, model: str) -> None:
        """Take a model's own reference when it has just come into service."""
        if model not in self._adopted:
            self._adopted.add(model)
            self._knows.percentiles.adopt(model, self._scorecard(model).references)
            # It serves, so it was accepted: its first 200 turns are what a slow drift is held against.
            self._knows.percentiles.accept(model)

    # What it learns afterwards.

    def take(self, outcome: Outcome) -> None:
        """Hear of a finished turn; never blocks. A peer that is not trusted teaches nothing."""
        if not outcome.caller.trusted:
            return
        try:
            self._queue.put_nowait(outcome)
        except asyncio.QueueFull:
            _LOGGER.warning("too many turns wait to be learned from: this one is not")

    def failed(self, turn_id: str, caller: Caller, language: str) -> None:
        """Hear of a turn that ended in an error: whoever says it again retries, and whoever does not gave up."""
        if caller.trusted:
            now_s = self._clock()
            self._knows.sessions.ended(
                FinishedTurn(
                    turn_id=turn_id, caller=caller, language=language, began_s=now_s, ended_s=now_s, failed=True
                )
            )

    def told(self, turn_id: str, signal: Signal) -> bool:
        """Take in what the client or the owner says of a turn; False when it is judged by now."""
        return self._knows.sessions.told(turn_id, signal)

    async def client_answered(self, turn_id: str, text: str) -> bool:
        """Learn from what a client's own lane heard; False when the turn is not waited for."""
        turn = self._asked.pop(turn_id, None)
        if turn is None or turn.outcome.cell is None:
            return False
        match = await self._grammar.match(text, turn.outcome.language, self._home) if text else None
        comparison = _compared(turn.one, text, match) if text else None
        self._count_asked(turn, turn.outcome.cell, comparison)
        return True

    async def run(self) -> None:
        """Draw lessons until cancelled; then end the audits that are under way, and save what is known."""
        try:
            async with asyncio.TaskGroup() as audits:
                while True:
                    await self._next()
                    for closed in self._closed():
                        self._on_judged(closed)
                        self._close(closed, audits)
                    self._give_up_clients()
                    if self._clock() - self._saved_s >= self._settings.save_seconds:
                        await self.save()
        finally:
            await self.save()

    async def _next(self) -> None:
        """Learn from the next turn, or return when a retry window closes or it is time to save."""
        closing_s = self._knows.sessions.next_closing_s()
        until_s = self._saved_s + self._settings.save_seconds
        until_s = until_s if closing_s is None else min(until_s, closing_s)
        until_s = min([until_s, *(turn.until_s for turn in self._asked.values())])
        try:
            # A moment later than due: a window that closes at its very end is open still.
            async with asyncio.timeout(max(0.0, until_s - self._clock()) + 0.01):
                outcome = await self._queue.get()
        except TimeoutError:
            return
        try:
            self._learn(outcome)
        except Exception:
            # A lesson lost is no turn lost, and must not be the last one.
            _LOGGER.exception("nothing was learned from a turn")

    def _learn(self, outcome: Outcome) -> None:
        self._spend(outcome.answer)
        one = outcome.interpretation
        if one is None or outcome.cell is None:
            return
        self._knows.sessions.ended(_finished(outcome, one, self._print(one.speech)))
        self._knows.microphones.observe(outcome.caller.satellite, one.quality, self._clock())
        if one.risk.rules or one.failure is not None:
            return
        self._knows.percentiles.observe(scale_of(one.hypothesis), one.hypothesis)
        threshold = self._knows.thresholds.of(self._scorecard(one.hypothesis.model))
        threshold.decided(outcome.cell, one.risk.logit)
        if one.decision.action is Action.ACCEPT:
            limit = one.decision.threshold
            # What was accepted above the threshold, for want of a lane, was not the threshold's doing.
            if limit is not None and one.risk.logit <= limit.logit:
                self._open[outcome.turn_id] = _Open(outcome=outcome, one=one, threshold=threshold)
            return
        if one.decision.to_client:
            until_s = self._clock() + self._settings.audit_deadline_seconds
            self._asked[outcome.turn_id] = _Open(outcome=outcome, one=one, threshold=threshold, until_s=until_s)
            return
        answer = one.answer
        comparison = _compared(one, answer.text, one.answer_match) if answer is not None and answer.text else None
        self._count_asked(_Open(outcome=outcome, one=one, threshold=threshold), outcome.cell, comparison)

    def _count_asked(self, turn: _Open, cell: Cell, comparison: Comparison | None) -> None:
        """Count a turn that went to a lane, and the lane's text if one came.

        What went there for the mode alone would have been accepted: it counts as that, audited for certain. Else a week
        in mode `cloud`, in which nothing is accepted and nothing accepted is wrong, would raise the allowance.
        """
        forced, logit = turn.one.is_forced, turn.one.risk.logit
        wrong = None if comparison is None else not comparison.same_intent
        if comparison is not None:
            self._knows.disagreements.observe(cell.language, Pair(comparison=comparison, audited=forced))
            self._on_pair(turn.outcome.turn_id, cell.language, comparison, 1.0 if forced else None)
        if not forced:
            turn.threshold.escalated(cell, logit, wrong=wrong)
        elif wrong is None:
            turn.threshold.accepted(cell, logit, proxy=None, audit_probability=0.0)
        else:
            label = AuditLabel(wrong=wrong)
            turn.threshold.accepted(cell, logit, proxy=None, audit=label, audit_probability=1.0)

    def _spend(self, answer: LaneAnswer | None) -> None:
        """Tell the budget of every turn, also of one that sent nothing: that is what its price falls by."""
        left = [one for one in (answer.attempts if answer else ()) if one.trust is Trust.CLOUD]
        self._knows.budget.turn(
            self._wall(), seconds=sum(one.seconds for one in left), cost=sum(one.cost for one in left)
        )

    def _closed(self) -> list[ClosedTurn]:
        """Return the turns that are judged now: their windows have closed, or they never had one."""
        answers = [
            ClosedTurn(turn_id=turn_id, language=turn.outcome.language, wrong=None)
            for turn_id, turn in self._open.items()
            if turn.outcome.caller.expect_confirmation  # nobody says the answer to our own question again
        ]
        return answers + self._knows.sessions.closed(self._clock())

    def _give_up_clients(self) -> None:
        """Count turns whose client never said what its lane heard."""
        now_s = self._clock()
        for turn_id in [key for key, turn in self._asked.items() if turn.until_s <= now_s]:
            turn = self._asked.pop(turn_id)
            if turn.outcome.cell is not None:
                self._count_asked(turn, turn.outcome.cell, None)

    def _close(self, closed: ClosedTurn, audits: asyncio.TaskGroup) -> None:
        """Count an accepted turn, after an audit if one is drawn for it."""
        turn = self._open.pop(closed.turn_id, None)
        if turn is None or turn.outcome.cell is None:
            return
        cell, logit, threshold = turn.outcome.cell, turn.one.risk.logit, turn.threshold
        chance = threshold.audit_probability(cell) if self._may_audit(turn) else 0.0
        if chance > 0.0:
            # The expected loss is fixed before the coin is tossed: the bound rests on that.
            expected = threshold.expected_loss(cell, logit, proxy=closed.wrong)
            if self._chance.random() < chance:
                audits.create_task(self._audit(turn, closed, chance, expected), name="audit")
                return
        threshold.accepted(cell, logit, proxy=closed.wrong, audit_probability=chance)

    async def _audit(self, turn: _Open, closed: ClosedTurn, chance: float, expected: float) -> None:
        """Count an accepted turn by its audit. A task of its own: what is said meanwhile must not wait for a lane."""
        wrong: bool | None = None
        try:
            wrong = await self._audited(turn, chance)
        except Exception:
            _LOGGER.exception("the audit of a turn failed")
        finally:
            # Also when the server stops: what was drawn and is left out for its draw alone would bend the estimate.
            if turn.outcome.cell is not None:
                turn.threshold.accepted(
                    turn.outcome.cell,
                    turn.one.risk.logit,
                    proxy=closed.wrong,
                    audit=AuditLabel(wrong=wrong, expected=expected),
                    audit_probability=chance,
                )

    def _may_audit(self, turn: _Open) -> bool:
        if turn.outcome.caller.mode is RoutingMode.EDGE:  # asked for on the hub alone: that holds afterwards, too
            return False
        lanes = self._lanes.health(turn.outcome.caller, turn.outcome.language, turn.one.speech.seconds)
        return any(one.state is LaneState.READY and not one.is_client for one in lanes)

    async def _audited(self, turn: _Open, chance: float) -> bool | None:
        """Return whether a lane hears something else; None when none answers."""
        outcome, one = turn.outcome, turn.one
        errand = Errand(
            turn_id=outcome.turn_id,
            caller=outcome.caller,
            reason="audit",
            deadline_s=self._clock() + self._settings.audit_deadline_seconds,
        )
        answer = await self._lanes.ask(one.speech, outcome.language, (), errand)
        self._spend(answer)
        if not answer.text or outcome.cell is None:
            return None
        match = await self._grammar.match(answer.text, outcome.language, self._home)
        comparison = _compared(one, answer.text, match)
        pair = Pair(comparison=comparison, audited=True, chance=chance)
        self._knows.disagreements.observe(outcome.cell.language, pair)
        self._on_pair(outcome.turn_id, outcome.cell.language, comparison, chance)
        return not comparison.same_intent

    async def save(self) -> None:
        """Keep what is known; a full disk costs the memory of this, and nothing else."""
        self._saved_s = self._clock()
        for name, state in self._knows.snapshot().items():
            try:
                await self._snapshots.save(name, state)
            except (EdgeVoiceError, ValueError) as error:
                _LOGGER.warning("what was learned (%s) is not saved: %s", name, error)


def scale_of(hypothesis: Hypothesis) -> Scale:
    """Return what a hypothesis may be compared within."""
    context = "whole" if hypothesis.context_frames >= WHOLE_CONTEXT_FRAMES else "short"
    return Scale(bundle=hypothesis.model, language=hypothesis.language, context=context)


def _compared(one: Interpretation, text: str, match: GrammarMatch | None) -> Comparison:
    return compare(one.hypothesis.text, text, one.hypothesis.language, one.match, match)


def _finished(outcome: Outcome, one: Interpretation, audio: AudioPrint | None) -> FinishedTurn:
    timeline = outcome.timeline
    return FinishedTurn(
        turn_id=outcome.turn_id,
        caller=outcome.caller,
        language=outcome.language,
        began_s=timeline.voiced_end_s - one.speech.seconds,
        ended_s=max(timeline.outcome_s, timeline.voiced_end_s),
        text=outcome.text,
        match=outcome.match,
        audio=audio,
        failed=not outcome.text or outcome.failure is not None,
    )
