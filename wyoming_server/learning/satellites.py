"""What each satellite's wakes and turns say about it: how often it woke for nothing, and how often words were cut.

A wake was for nothing when its satellite's next turn, begun within 10 s, was discarded for want of speech, or when no
turn came. The latter says something only of satellites whose speech is heard here at all, and nothing when another
satellite woke just before: Home Assistant then listens to that one. Microphone classes are not guessed: satellites
with gain control and noise suppression have a headset's levels and SNR from across the room.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass

from ..pipeline.policy import MicrophoneClass
from .wake_advice import ENOUGH_WAKES, Suggestion, Wake, better_threshold, false_share

MAX_SATELLITES = 256
"""The one unheard for longest goes first; far more than any home has."""
FOLLOWS_SECONDS = 10.0
"""A wake's turn begins within that; so do tries to wake it again, which are one attempt."""
LONGEST_TURN_SECONDS = 60.0
"""A turn that began in time may take so long until it is told."""
SHARED_SECONDS = 2.0
"""Home Assistant lets only the first of several satellites listen that wake within this time."""
JUDGED_WAKES = 100
ENTERS_SHARE = 0.2
"""Share of false wakes from which on a higher threshold is looked for."""
LEAVES_SHARE = 0.1
"""Share at which it is no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SatelliteCounts:
    """What was counted of a satellite since the start."""

    turns: int = 0
    wakes: int = 0
    false_wakes: int = 0
    cut_starts: int = 0
    """Turns in which speech was under way when the stream began: the first sound may be missing."""
    microphone_class: MicrophoneClass | None = None
    """As its client said last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeTotals:
    """Wakes of all satellites since the start, also of those that were forgotten."""

    judged: int = 0
    """Of which it is known whether they were for somebody."""
    false: int = 0


@dataclass(slots=True, kw_only=True)
class _Pending:
    """A wake whose turn has not come yet."""

    at_s: float
    score: float
    is_shared: bool


@dataclass(slots=True, kw_only=True)
class _Satellite:
    judged: deque[Wake]
    pending: _Pending | None = None
    turns: int = 0
    wakes: int = 0
    false_wakes: int = 0
    cut_starts: int = 0
    microphone_class: MicrophoneClass | None = None
    wakes_too_often: bool = False

    def judge(self, wake: Wake) -> None:
        """Count a wake that turned out to be for somebody, or for nobody."""
        self.judged.append(wake)
        self.false_wakes += wake.is_false
        share = false_share(self.judged)
        enough = len(self.judged) >= ENOUGH_WAKES
        self.wakes_too_often = enough and share >= (LEAVES_SHARE if self.wakes_too_often else ENTERS_SHARE)


class Satellites:
    """Counts per satellite, for at most 256 of them, in memory. All times are of one monotonic clock."""

    def __init__(self) -> None:
        self._satellites: OrderedDict[str, _Satellite] = OrderedDict()
        self._last_wake: tuple[str, float] | None = None
        self._judged = self._false = 0

    def woke(self, satellite: str, score: float, at_s: float) -> None:
        """Hear that a satellite's wake word was said, or seemed to be. Without a name there is nobody to count for."""
        if not satellite:
            return
        known = self._of(satellite)
        self._settle(known, at_s, waits_seconds=FOLLOWS_SECONDS)
        known.wakes += 1
        other = self._last_wake
        is_shared = other is not None and other[0] != satellite and at_s - other[1] <= SHARED_SECONDS
        again = known.pending is not None
        known.pending = _Pending(at_s=at_s, score=score, is_shared=is_shared and not again)
        if not is_shared:
            self._last_wake = satellite, at_s

    def heard(
        self,
        satellite: str,
        *,
        began_s: float,
        at_s: float,
        spoke: bool | None,
        starts_at_edge: bool = False,
        microphone_class: MicrophoneClass | None = None,
    ) -> None:
        """Hear of a turn that has ended, and of when its audio began; `spoke` is None where nobody can tell."""
        if not satellite:
            return
        known = self._of(satellite)
        known.turns += 1
        known.cut_starts += starts_at_edge
        known.microphone_class = microphone_class or known.microphone_class
        pending = known.pending
        if pending is not None and 0.0 <= began_s - pending.at_s <= FOLLOWS_SECONDS:
            known.pending = None
            if spoke is not None:
                self._judge(known, Wake(is_false=not spoke, score=pending.score))
        self._settle(known, at_s)

    def known(self) -> tuple[str, ...]:
        """Return the satellites that were heard, the last one at the end."""
        return tuple(self._satellites)

    def counts(self, satellite: str, at_s: float) -> SatelliteCounts:
        """Return what was counted of a satellite."""
        known = self._satellites.get(satellite)
        if known is None:
            return SatelliteCounts()
        self._settle(known, at_s)
        return SatelliteCounts(
            turns=known.turns,
            wakes=known.wakes,
            false_wakes=known.false_wakes,
            cut_starts=known.cut_starts,
            microphone_class=known.microphone_class,
        )

    def totals(self) -> WakeTotals:
        """Return what was counted of all of them together; it only ever grows."""
        return WakeTotals(judged=self._judged, false=self._false)

    def suggestion(self, satellite: str, at_s: float, *, threshold: float) -> Suggestion | None:
        """Return a better setting than the wake threshold that holds for it now; None when there is none to be seen."""
        known = self._satellites.get(satellite)
        if known is None:
            return None
        self._settle(known, at_s)
        return better_threshold(known.judged, threshold) if known.wakes_too_often else None

    def threshold_changed(self, *satellites: str) -> None:
        """Hear that their wake threshold (without a name: that of all) is another: earlier wakes say nothing of it."""
        for name, known in self._satellites.items():
            if name in satellites or not satellites:
                known.judged.clear()
                known.wakes_too_often = False

    def forget(self, satellite: str) -> bool:
        """Forget a satellite; tell whether it was known."""
        return self._satellites.pop(satellite, None) is not None

    def clear(self) -> int:
        """Forget all; return how many."""
        erased = len(self._satellites)
        self._satellites.clear()
        self._last_wake = None
        return erased

    def _of(self, satellite: str) -> _Satellite:
        known = self._satellites.pop(satellite, None) or _Satellite(judged=deque(maxlen=JUDGED_WAKES))
        self._satellites[satellite] = known
        if len(self._satellites) > MAX_SATELLITES:
            self._satellites.popitem(last=False)
        return known

    def _settle(
        self, known: _Satellite, at_s: float, *, waits_seconds: float = FOLLOWS_SECONDS + LONGEST_TURN_SECONDS
    ) -> None:
        """Judge a wake for which no turn has come, once none can come any more."""
        pending = known.pending
        if pending is None or at_s - pending.at_s <= waits_seconds:
            return
        known.pending = None
        if known.turns and not pending.is_shared:
            self._judge(known, Wake(is_false=True, score=pending.score))

    def _judge(self, known: _Satellite, wake: Wake) -> None:
        known.judge(wake)
        self._judged += 1
        self._false += wake.is_false
