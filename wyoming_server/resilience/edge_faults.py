"""Whether the model that serves fails on whatever it is given: after two failures on end it is left alone a while."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import EdgeVoiceError, ModelCrashedError
from .degraded import MOST_CRASHES

FIRST_PAUSE_SECONDS = 30.0
"""Until it is tried with one utterance again; doubled with each failure more."""
LONGEST_PAUSE_SECONDS = 600.0

type OnCrashing = Callable[[str, ModelCrashedError], None]
"""Told, on the thread of the decode, of a model that has failed so often, and why it is left alone."""


@dataclass(slots=True, kw_only=True)
class _Fault:
    model: str = ""
    count: int = 0
    """Failures on end."""
    until_s: float = 0.0
    error: ModelCrashedError | None = None


class EdgeFaults:
    """Counts the failures on end of the model that serves. Its calls come from any thread."""

    def __init__(self, clock: Callable[[], float], on_crashing: OnCrashing = lambda _model, _error: None) -> None:
        """Begin with a model that is trusted; `clock` is monotonic."""
        self._clock, self._on_crashing = clock, on_crashing
        self._lock, self._fault = threading.Lock(), _Fault()

    @property
    def count(self) -> int:
        """How often the model that decoded last has failed on end."""
        return self._fault.count

    def left_alone(self) -> ModelCrashedError | None:
        """Return why the model is better not asked now; None when it may be, if only to see how it does."""
        fault = self._fault
        return fault.error if self._clock() < fault.until_s else None

    def heard(self, model: str) -> None:
        """Hear that a model has decoded."""
        if self._fault.count or self._fault.model != model:
            with self._lock:
                self._fault = _Fault(model=model)

    def failed(self, model: str, error: EdgeVoiceError) -> None:
        """Hear that a model has failed on an utterance."""
        with self._lock:
            count = self._fault.count + 1 if self._fault.model == model else 1
            self._fault = fault = _Fault(model=model, count=count)
            if count < MOST_CRASHES:
                return
            fault.error = crashed = ModelCrashedError(
                f"The model '{model}' failed on {MOST_CRASHES} utterances on end and is left alone for a while: {error}"
            )
            pause_s = FIRST_PAUSE_SECONDS * 2.0 ** min(count - MOST_CRASHES, 10)
            fault.until_s = self._clock() + min(LONGEST_PAUSE_SECONDS, pause_s)
        self._on_crashing(model, crashed)
