"""A lane's circuit breaker (Nygard, Release It!, 2007): closed, open for a while, then one trial."""

import enum
from dataclasses import dataclass

from ..errors import (
    LaneBusyError,
    LaneCertificateError,
    LaneCredentialsError,
    LaneEmptyError,
    LaneError,
    LaneForbiddenError,
    LaneLanguageError,
    LaneNotPrivateError,
    LaneRedirectedError,
)
from ..pipeline.checked import Checked, ranged

AT_ONCE = (
    LaneBusyError,
    LaneCertificateError,
    LaneCredentialsError,
    LaneForbiddenError,
    LaneNotPrivateError,
    LaneRedirectedError,
)
"""Failures that asking again a second later cannot mend: most of them need the owner."""
NO_FAULT = (LaneEmptyError, LaneLanguageError)
"""The service works; this one utterance was not for it."""


class BreakerState(enum.StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"
    """The next utterance that may go there is its trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings(Checked):
    """When a lane is left alone, and for how long."""

    failures: int = ranged(3, at_least=1, at_most=100)
    """Failures in a row that open it."""
    open_seconds: float = ranged(15.0, at_least=0.1, at_most=3600.0)
    """How long it stays open the first time; each failed trial doubles that."""
    most_seconds: float = ranged(600.0, at_least=1.0, at_most=86_400.0)
    """The longest that it stays open."""


class LaneBreaker:
    """One lane's breaker, on the monotonic clock. Half-open lets a single real utterance through, never a probe."""

    def __init__(self, settings: BreakerSettings | None = None) -> None:
        """Start closed."""
        self._settings = settings or BreakerSettings()
        self._failures = 0
        self._openings = 0
        self._until_s: float | None = None
        self._trial = False
        self._why = ""
        self.code = ""
        """Of the failure that opened it; empty while it is closed."""

    def state(self, at_s: float) -> BreakerState:
        """Return where it stands at a moment."""
        if self._until_s is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if at_s < self._until_s else BreakerState.HALF_OPEN

    def permits(self, at_s: float) -> bool:
        """Tell whether the lane may be asked: closed, or half-open with its one trial free."""
        state = self.state(at_s)
        return state is BreakerState.CLOSED or (state is BreakerState.HALF_OPEN and not self._trial)

    def is_on_trial(self, at_s: float) -> bool:
        """Tell whether the next utterance finds out if the lane answers again."""
        return self.state(at_s) is BreakerState.HALF_OPEN

    def entered(self, at_s: float) -> None:
        """Hear that it is being asked."""
        if self.state(at_s) is BreakerState.HALF_OPEN:
            self._trial = True

    def succeeded(self, at_s: float) -> None:  # noqa: ARG002  # success needs no moment
        """Hear that it answered."""
        self._failures = self._openings = 0
        self._until_s, self._trial, self._why, self.code = None, False, "", ""

    def failed(self, at_s: float, error: LaneError) -> None:
        """Hear that it failed; a wrong key or a spent quota opens it at once, Retry-After is kept."""
        if isinstance(error, NO_FAULT):
            self.succeeded(at_s)
            return
        self._failures += 1
        trial, self._trial = self._trial, False
        patience_s = error.retry_after_s
        at_once = trial or patience_s is not None or isinstance(error, AT_ONCE)
        if at_once or self._failures >= self._settings.failures:
            self._open(at_s, patience_s)
            self._why, self.code = str(error), error.code

    def left(self, at_s: float) -> None:  # noqa: ARG002
        """Hear that it was given up without a verdict: the next utterance may be the trial."""
        self._trial = False

    def hurry(self, at_s: float) -> None:
        """Hear that its owner wants it tried now: open becomes half-open."""
        if self.state(at_s) is BreakerState.OPEN:
            self._until_s = at_s

    def reason(self, at_s: float) -> str:
        """Return why it is not permitted and until when; empty when it is."""
        if self.permits(at_s) or self._until_s is None:
            return ""
        left_s = self._until_s - at_s
        return self._why + (f" (asked again in {left_s:.0f} s)" if left_s > 0 else " (being tried now)")

    def _open(self, at_s: float, patience_s: float | None) -> None:
        settings = self._settings
        pause_s = min(settings.most_seconds, settings.open_seconds * 2.0 ** min(self._openings, 20))
        if patience_s is not None:
            # The service knows best; but a clock gone wrong there must not shut the lane for a week.
            pause_s = min(settings.most_seconds, max(0.1, patience_s))
        self._openings += 1
        self._until_s = at_s + pause_s
