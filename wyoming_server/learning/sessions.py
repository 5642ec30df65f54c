"""What a session knew before a turn, and what the turns after it say about the one before.

Saying it again, putting it right, taking it back and giving up are what people do when they were misheard: a signal,
noisy and free (Ponnusamy et al. 2019, "Feedback-based self-learning in large-scale conversational AI agents"; Park et
al. 2020, "A scalable framework for learning from implicit user feedback"). It is a proxy: whoever learns from it has
to correct it by audits.
"""

import enum
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from ..pipeline.checked import Checked, ranged
from ..pipeline.policy import FIRST_TRY, Caller, History
from ..pipeline.types import GrammarMatch
from .audio_print import AudioPrint
from .follow_up import LONGEST, Relation, Said, relation
from .session_counts import SessionCounts

MAX_OPEN = 256
"""Turns whose window is still open; the oldest is closed early where there are more."""
MAX_CLOSED = 1024
"""Closed turns that wait to be fetched."""


class Signal(enum.StrEnum):
    """What says that a turn was not what was meant."""

    RETRIED = "retried"
    CORRECTED = "corrected"
    UNDONE = "undone"
    NO_INTENT = "no_intent"
    """Nobody could make anything of its text."""
    ABANDONED = "abandoned"
    """It failed, and the session fell silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings(Checked):
    """How long a turn may be said again."""

    retry_seconds: float = ranged(15.0, at_least=1.0, at_most=60.0)
    """From a turn's end to the beginning of the next."""
    speaking_seconds: float = ranged(4.0, at_least=0.0, at_most=15.0)
    """How long a next turn that began in time may still be under way: together less than the 20 s for which a turn's
    audio is held for an audit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedTurn:
    """A turn that is over, as its session saw it. Turns in which nobody spoke are none."""

    turn_id: str
    caller: Caller
    language: str
    began_s: float
    """Monotonic time when its speech began."""
    ended_s: float
    """Monotonic time when its answer was written."""
    text: str = field(default="", repr=False)
    """The text that was answered with."""
    match: GrammarMatch | None = field(default=None, repr=False)
    audio: AudioPrint | None = None
    failed: bool = False
    """Somebody spoke, and got an error or nothing."""
    no_intent: bool = False
    """There was a text, and nobody could make anything of it; it failed, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedTurn:
    """A turn about which its session will say no more."""

    turn_id: str
    language: str
    wrong: bool | None
    """Z: True with any signal, False without; None where nothing is known: no session, or no text to judge."""
    signals: tuple[Signal, ...] = ()
    retries: int = 0
    """How often the same had been tried before it."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Open:
    """A turn that may still be said again."""

    turn: FinishedTurn
    said: Said
    retries: int = 0
    signals: list[Signal] = field(default_factory=list)
    followed: bool = False
    """The session has gone on."""


class Sessions:
    """The last turn of each satellite and session, for seconds, in memory. Only its counters are ever written."""

    def __init__(self, settings: SessionSettings | None = None, counts: SessionCounts | None = None) -> None:
        """Start with nobody known."""
        self._settings = settings or SessionSettings()
        self._open: OrderedDict[str, _Open] = OrderedDict()
        """By the satellite, or by the session of callers that name none; the one that ended last at the end."""
        self._closed: deque[ClosedTurn] = deque(maxlen=MAX_CLOSED)
        self.counts = counts or SessionCounts()
        """What became of closed turns, per language."""

    def history(
        self,
        caller: Caller,
        text: str | None,
        audio: AudioPrint | None,
        at_s: float,
        *,
        language: str = "",
        match: GrammarMatch | None = None,
    ) -> History:
        """Return what the session knew before a turn whose speech began at a time; changes nothing.

        `text` is None before it is decoded: then the sound alone tells. With the grammar's match, two commands that
        only look alike ("… kitchen light", "… bedroom light") are told from one that is said again.
        """
        before = None if caller.expect_confirmation else self._before(caller, at_s)
        if before is None:
            return FIRST_TRY
        now = Said(text=(text or "")[:LONGEST], language=language or before.said.language, match=match, audio=audio)
        found = relation(before.said, now)
        return History(
            retries=before.retries + 1 if found.retry else 0, failed=before.said.failed, correction=found.correction
        )

    def ended(self, turn: FinishedTurn) -> None:
        """Take in a turn that is over, and what it says about the one before."""
        self._expire(turn.began_s)
        before = self._before(turn.caller, turn.began_s)
        self._go_on(turn)
        if turn.caller.expect_confirmation:
            return  # an answer to our own question: its "no" puts nothing right that was done
        said = Said(
            text=turn.text[:LONGEST],
            language=turn.language,
            match=turn.match,
            audio=turn.audio,
            failed=turn.failed or turn.no_intent,
        )
        found = relation(before.said, said) if before else Relation()
        if before:
            self._signal(before, found)
        one = _Open(turn=turn, said=said, retries=before.retries + 1 if before and found.retry else 0)
        if turn.no_intent:
            one.signals.append(Signal.NO_INTENT)
        self._keep(one)

    def told(self, turn_id: str, signal: Signal) -> bool:
        """Take in what the client or the owner says of a turn; False when it is closed by now."""
        for one in self._open.values():
            if one.turn.turn_id == turn_id:
                if signal not in one.signals:
                    one.signals.append(signal)
                return True
        return False

    def closed(self, at_s: float) -> list[ClosedTurn]:
        """Return, once, the turns that were said again or whose window has passed, oldest first."""
        self._expire(at_s)
        done = list(self._closed)
        self._closed.clear()
        return done

    def next_closing_s(self) -> float | None:
        """Return when the next window passes, for whoever waits for it; None when no turn is open."""
        return min((one.turn.ended_s + self._window_s for one in self._open.values()), default=None)

    @property
    def _window_s(self) -> float:
        return self._settings.retry_seconds + self._settings.speaking_seconds

    def _expire(self, at_s: float) -> None:
        for place, one in list(self._open.items()):
            if at_s - one.turn.ended_s > self._window_s:
                if one.said.failed and not one.followed:
                    one.signals.append(Signal.ABANDONED)
                self._close(place)

    def _before(self, caller: Caller, began_s: float) -> _Open | None:
        """Return the turn before one that began at a time, at the same place and within the window."""
        one = self._open.get(_place(caller))
        if one is None or began_s < one.turn.began_s or began_s - one.turn.ended_s > self._settings.retry_seconds:
            return None
        return one

    def _go_on(self, turn: FinishedTurn) -> None:
        """Note that a session is not given up, whichever satellite it goes on at."""
        place, session = _place(turn.caller), turn.caller.session
        for key, one in self._open.items():
            if key == place or (session and session == one.turn.caller.session):
                one.followed = True

    def _signal(self, before: _Open, found: Relation) -> None:
        fired = {Signal.RETRIED: found.retry, Signal.CORRECTED: found.correction, Signal.UNDONE: found.undo}
        before.signals += [signal for signal, fires in fired.items() if fires and signal not in before.signals]

    def _keep(self, one: _Open) -> None:
        """Open a turn's window; the next turn at the same place closes the one before it."""
        place = _place(one.turn.caller)
        if not place:
            self._finish(one, is_known=False)
            return
        self._close(place)
        self._open[place] = one
        if len(self._open) > MAX_OPEN:
            self._close(next(iter(self._open)), early=True)

    def _close(self, place: str, *, early: bool = False) -> None:
        one = self._open.pop(place, None)
        if one is not None:
            self._finish(one, is_known=not early or bool(one.signals))

    def _finish(self, one: _Open, *, is_known: bool) -> None:
        turn, wrong = one.turn, None
        if is_known and (one.signals or not one.said.failed):
            wrong = bool(one.signals)
        self._closed.append(
            ClosedTurn(
                turn_id=turn.turn_id,
                language=turn.language,
                wrong=wrong,
                signals=tuple(one.signals),
                retries=one.retries,
            )
        )
        if is_known:
            self.counts.count(turn.language, [*one.signals, *(["failed"] if one.said.failed else [])])


def _place(caller: Caller) -> str:
    """Return what a turn is said again at: the satellite, or the session where none is named; empty when unknown."""
    if caller.satellite:
        return f"satellite {caller.satellite}"
    return f"session {caller.session}" if caller.session else ""
