"""Feeds the canary from real turns: at their end, and once more when their session has judged them."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ..canary.canary import Arm, Canary
from ..canary.canary_book import TurnSeen
from ..errors import DecodeError, EdgeVoiceError, TurnTimeoutError
from ..learning.sessions import ClosedTurn
from ..learning.threshold import ThresholdSettings
from ..pipeline.interpret import TurnRequest
from ..pipeline.listen import Mode
from ..pipeline.scorecard import Scorecard
from ..pipeline.timeline import Spans
from ..pipeline.types import GrammarMatch, Hypothesis, Interpretation, Outcome
from .canary_measure import Pace, Yardstick, disagreed, seen_in_shadow

MOST_OPEN = 512
"""Turns that are not judged yet; a window is open for 19 s."""
MODEL_FAILURES = (DecodeError, TurnTimeoutError)
"""Failures of a turn that its recogniser is to blame for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CanarySays:
    """What is asked of the rest of the server."""

    scorecard: Callable[[str], Scorecard]
    """Of a model, by its name."""
    threshold: Callable[[], ThresholdSettings]
    has_lanes: Callable[[], bool]
    """Whether speech may go to any lane at all."""


class CanaryTurns:
    """Hears of every turn; those of files and of peers that are not trusted count for nothing. Nothing in it blocks."""

    def __init__(self, canary: Canary, says: CanarySays, *, on_moved: Callable[[], None]) -> None:
        """Feed a canary; `on_moved` is called after it was fed."""
        self._says, self._on_moved = says, on_moved
        self.canary = canary
        """Of the candidate that is on its way, and of what serves while there is none."""
        self._pace = Pace()
        self._watched = ""
        self._yardsticks: dict[str, Yardstick] = {}
        self._open: OrderedDict[str, str] = OrderedDict()
        """Turn → the model that heard it."""
        self._blamed: set[str] = set()
        """Turns on which the candidate failed, and the incumbent stood in."""

    # What turns tell.

    def ended(self, outcome: Outcome, spans: Spans) -> None:
        """Hear of a turn that was answered."""
        heard = outcome.interpretation
        blamed = outcome.turn_id in self._blamed
        self._blamed.discard(outcome.turn_id)
        if heard is None or not outcome.caller.trusted or blamed:
            return
        if heard.failure is not None:  # a lane stood in for the hub's own model
            self._tell(self._serving(), TurnSeen(error=True))
            return
        model = heard.hypothesis.model
        self._follow(model)
        arm = self._arm(model)
        if arm is None:
            return
        self._remember(outcome.turn_id, model)
        slow = self._pace.candidate(spans.inference_ms) if arm is Arm.CANDIDATE else None
        slow = self._pace.incumbent(spans.inference_ms) if arm is Arm.INCUMBENT else slow
        seen = TurnSeen(
            escalated=self.yardstick(model).is_risky(heard.hypothesis, heard.match, heard),
            disagreed=disagreed(heard.hypothesis, heard.match, heard, has_lanes=self._says.has_lanes()),
            slow=slow,
            error=False,
        )
        if arm is Arm.CANDIDATE and (why := self._pace.too_slow()):
            self.canary.trigger("slow", why)
        self._tell(arm, seen)

    def failed(self, request: TurnRequest, failure: EdgeVoiceError, model: str) -> None:
        """Hear of a turn that ended in an error, and of the model that it was given."""
        if not request.caller.trusted or request.mode is not Mode.LIVE:
            return
        self._remember(request.turn_id, model)
        if isinstance(failure, MODEL_FAILURES) and request.turn_id not in self._blamed:
            self._tell(self._arm(model), TurnSeen(error=True))
        self._blamed.discard(request.turn_id)

    def stood_in(self, request: TurnRequest, model: str) -> None:
        """Hear that the candidate failed on a turn, and that the incumbent decodes it instead."""
        if self._arm(model) is Arm.CANDIDATE:
            if len(self._blamed) > MOST_OPEN:
                self._blamed.clear()
            self._blamed.add(request.turn_id)
            self._tell(Arm.CANDIDATE, TurnSeen(error=True))

    def judged(self, closed: ClosedTurn) -> None:
        """Hear whether a turn was said again, put right, or given up."""
        model = self._open.pop(closed.turn_id, None)
        if model is not None and closed.wrong is not None:
            self._tell(self._arm(model), TurnSeen(failed=closed.wrong))

    # What the shadow tells.

    def shadowed(self, heard: Interpretation, hypothesis: Hypothesis, match: GrammarMatch) -> None:
        """Hear what the candidate made of an utterance that the incumbent answered."""
        incumbent = seen_in_shadow(self.yardstick(heard.hypothesis.model), heard.hypothesis, heard.match, heard)
        candidate = seen_in_shadow(self.yardstick(hypothesis.model), hypothesis, match, heard)
        self.canary.shadowed(incumbent=incumbent, candidate=candidate)
        self._on_moved()

    def shadow_failed(self, heard: Interpretation) -> None:
        """Hear that the candidate failed on an utterance."""
        incumbent = seen_in_shadow(self.yardstick(heard.hypothesis.model), heard.hypothesis, heard.match, heard)
        self.canary.shadowed(incumbent=incumbent, candidate=TurnSeen(error=True))
        self._on_moved()

    def trigger(self, code: str, message: str) -> None:
        """Have the candidate left at once."""
        self.canary.trigger(code, message)
        self._on_moved()

    def yardstick(self, model: str) -> Yardstick:
        """Return what a model's hypotheses are measured by."""
        card = self._says.scorecard(model)
        known = self._yardsticks.get(model)
        if known is None or known.card is not card:
            if len(self._yardsticks) >= 4:  # two serve, and two may have gone just now
                self._yardsticks.clear()
            known = self._yardsticks[model] = Yardstick(model, card, self._says.threshold())
        return known

    def _follow(self, model: str) -> None:
        """Notice that the candidate is another one, or the incumbent now, and what else serves."""
        canary = self.canary
        canary.compare_with(model)
        if canary.label == self._watched:
            return
        if not canary.label and self._watched == canary.incumbent:
            self._pace.settled()
        else:
            self._pace.began()
        self._watched = canary.label

    def _arm(self, model: str) -> Arm | None:
        """Return whose a turn is; None for a model that is neither."""
        if model == self.canary.label:
            return Arm.CANDIDATE
        return Arm.INCUMBENT if model == self.canary.incumbent else None

    def _serving(self) -> Arm | None:
        return self._arm(self.canary.label if self.canary.share >= 1.0 else self.canary.incumbent)

    def _remember(self, turn_id: str, model: str) -> None:
        self._open[turn_id] = model
        if len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)

    def _tell(self, arm: Arm | None, seen: TurnSeen) -> None:
        if arm is not None:
            self.canary.served(arm, seen)
            self._on_moved()
