"""Turns and wake words as they come: remembered for a while, counted, and told to whoever listens."""

import datetime as dt
import logging
from collections.abc import Callable

from ..errors import EdgeVoiceError, UnknownTurnError
from ..learning.comparison import Comparison, compare
from ..learning.learner import Learner
from ..learning.satellites import Satellites
from ..learning.sessions import ClosedTurn, Signal
from ..listeners.ears import OnTurn
from ..pipeline.interpret import TurnRequest
from ..pipeline.policy import Caller
from ..pipeline.timeline import Spans
from ..pipeline.transcript import NO_SPEECH
from ..pipeline.types import Outcome, WakeHit
from ..records.recent import RecentTurns, TurnFigures
from ..records.turn_record import TurnLabel, TurnRecord
from .feed import Feed, Json
from .recorder import Recorder, label_of_judged, label_of_pair, record_of, record_of_failure
from .said_turns import SaidTurns
from .turn_log import log_turn
from .turns import failed_turn, turn_of

_LOGGER = logging.getLogger(__name__)
OF_USE = {"intent", "sentence_trigger", "follow_up"}
"""Outcomes that say that the text was of use."""
OF_BASELINE = TurnFigures(spoke=False)
"""What a baseline's turn says of how fast and how sure the hub is: nothing, since it was sent to a lane regardless."""


class Watch:
    """Hears of every turn and wake word. Nothing in it blocks."""

    def __init__(
        self,
        learner: Learner,
        satellites: Satellites,
        feed: Feed,
        *,
        keeps_texts: Callable[[], bool],
        clock: Callable[[], float],
        wall: Callable[[], dt.datetime],
        on_turn: OnTurn | None,
        recorder: Recorder,
        is_baseline: Callable[[str, str], bool],
    ) -> None:
        """Tell feed and recorder; `on_turn` hears of every turn instead of the log.

        `is_baseline` tells of a turn's id and language whether it is one of a baseline.
        """
        self._recorder, self._is_baseline = recorder, is_baseline
        self._learner, self._satellites, self._feed = learner, satellites, feed
        self._keeps_texts, self._clock, self._wall = keeps_texts, clock, wall
        self._on_turn = on_turn
        self.recent = RecentTurns()
        """What is told of the last turns."""
        self.said = SaidTurns()

    def ended(self, outcome: Outcome, spans: Spans) -> None:
        """Hear of a turn that was answered."""
        self._learner.take(outcome)
        now_s = self._clock()
        self.said.add(outcome, now_s)
        if outcome.caller.trusted:
            speech = outcome.interpretation.speech if outcome.interpretation else None
            self._satellites.heard(
                outcome.caller.satellite,
                began_s=outcome.began_s,
                at_s=now_s,
                spoke=outcome.decision is not NO_SPEECH,
                starts_at_edge=speech is not None and speech.starts_at_edge,
                microphone_class=outcome.caller.microphone_class,
            )
        at = self._wall()
        is_baseline = self._is_baseline(outcome.turn_id, outcome.language)
        self._tell(turn_of(outcome, spans, at, with_text=self._keeps_texts()), is_baseline=is_baseline)
        self._record(lambda: record_of(outcome, spans, at, is_baseline=is_baseline), outcome)
        if self._on_turn is not None:
            self._on_turn(outcome, spans)

    def failed(self, request: TurnRequest, failure: EdgeVoiceError) -> None:
        """Hear of a turn that ended in an error."""
        self._learner.failed(request.turn_id, request.caller, request.language or "")
        if request.caller.trusted:
            now_s = self._clock()
            self._satellites.heard(request.caller.satellite, began_s=request.began_s, at_s=now_s, spoke=None)
        at = self._wall()
        is_baseline = self._is_baseline(request.turn_id, request.language or "")
        self._tell(failed_turn(request, failure, at), is_baseline=is_baseline)
        self._record(lambda: record_of_failure(request, failure, at, is_baseline=is_baseline))

    def asking(self, request: TurnRequest, lane: str) -> None:
        """Hear that a turn goes to a lane."""
        satellite = request.caller.satellite
        self._feed.publish({"type": "asking", "turn_id": request.turn_id, "satellite": satellite, "lane": lane})

    def woke(self, caller: Caller, hit: WakeHit) -> None:
        """Hear of a wake word."""
        self._satellites.woke(caller.satellite, hit.score, self._clock())
        at = self._wall().isoformat(timespec="milliseconds")
        told = {"satellite": caller.satellite, "word": hit.name, "score": round(hit.score, 4), "at": at}
        self._feed.publish({"type": "wake", **told})
        self._recorder.woke(caller.satellite, hit.name)

    def judged(self, closed: ClosedTurn) -> None:
        """Hear what its session says of a turn."""
        self._recorder.label(label_of_judged(closed, self._wall()))

    def compared(self, turn_id: str, language: str, comparison: Comparison, chance: float | None) -> None:
        """Hear how far a service's text is from the hub's."""
        self._recorder.label(label_of_pair(turn_id, language, comparison, chance, self._wall()))

    def outcome(self, turn_id: str, result: str, intent: str | None = None) -> Json:
        """Hear what the conversation made of a turn's text. Raises UnknownTurnError."""
        found = self.recent.find(turn_id)
        self._recorder.label(
            TurnLabel(
                turn_id=turn_id, at=self._wall(), language=found["language"] or "", result=result, intent=intent or None
            )
        )
        if result in OF_USE:
            return {"counted": True}
        return {"counted": self._learner.told(turn_id, Signal.NO_INTENT)}

    def correction(self, turn_id: str, text: str) -> Json:
        """Hear what was really said. Raises UnknownTurnError."""
        said = self.said.find(turn_id, self._clock())
        if said is None:
            raise UnknownTurnError("That turn is not known, or was more than ten minutes ago: its text is forgotten")
        if compare(said.text, text, said.language or "en").exact:
            return {"counted": False, "was_right": True}
        return {"counted": self._learner.told(turn_id, Signal.CORRECTED), "was_right": False}

    def clear(self, satellite: str | None = None) -> int:
        """Forget turns, of a satellite or all, and return how many that were."""
        self.said.clear(satellite)
        return self.recent.clear(satellite)

    def forget_texts(self, satellite: str | None = None) -> int:
        """Forget what was said, likewise."""
        self.said.clear(satellite)
        return self.recent.forget_texts(satellite)

    def _record(self, record: Callable[[], TurnRecord], outcome: Outcome | None = None) -> None:
        """Tell the recorder of a turn, and the log; what cannot be recorded has been answered all the same."""
        try:
            found = record()
            self._recorder.turn(found, outcome)
            if outcome is None or self._on_turn is None:
                log_turn(found)
        except Exception:
            _LOGGER.exception("a turn could not be recorded")

    def _tell(self, turn: Json, *, is_baseline: bool) -> None:
        self.recent.add(turn, OF_BASELINE if is_baseline else None)
        self._feed.publish({"type": "turn", "turn": turn})
