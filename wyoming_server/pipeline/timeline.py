"""Where a turn's time went."""

import itertools
from dataclasses import dataclass

from .checked import Checked, ranged


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans(Checked):
    """Where the time went, in ms of the monotonic clock; they tile last voiced sample → transcript written."""

    capture_ms: float = ranged(0.0, at_least=0.0)
    """Last voiced sample → the decode of that speech starts: the pause before it is speculated on, and the VAD."""
    inference_ms: float = ranged(0.0, at_least=0.0)
    """Decode start → hypothesis, queueing included."""
    hold_ms: float = ranged(0.0, at_least=0.0)
    """Hypothesis → end decision: silence that was waited for, or the client's audio-stop."""
    post_ms: float = ranged(0.0, at_least=0.0)
    """End decision (or the hypothesis, when later) → outcome: grammar, quality, risk, route."""
    cloud_ms: float = ranged(0.0, at_least=0.0)
    """Waiting for a lane after the end, whatever came of it; apart from the budget."""
    transport_ms: float = ranged(0.0, at_least=0.0)
    """Outcome → transcript written to the socket."""
    last_word_to_text_ms: float = ranged(0.0, at_least=0.0)
    end_to_text_ms: float = ranged(0.0, at_least=0.0)
    """End decision or audio-stop, whichever came first → transcript written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A turn's moments, on the monotonic clock in seconds."""

    voiced_end_s: float
    """The last voiced sample arrived."""
    decode_start_s: float
    hypothesis_s: float
    end_s: float
    """The turn was decided to be over, or the client said so."""
    outcome_s: float
    asked_s: float | None = None
    """Waiting for a lane began."""
    answered_s: float | None = None
    """It was over."""

    def spans(self, written_s: float) -> Spans:
        """Return the spans once the transcript is written."""
        moments = [self.voiced_end_s, self.decode_start_s, self.hypothesis_s, self.end_s, self.outcome_s, written_s]
        # A decode may start before the last voiced sample (it was speculated on) and end after the turn's end.
        for index in range(1, len(moments)):
            moments[index] = max(moments[index], moments[index - 1])
        capture, inference, hold, post, transport = (
            1000.0 * (later - earlier) for earlier, later in itertools.pairwise(moments)
        )
        cloud = 0.0
        if self.asked_s is not None and self.answered_s is not None:
            # Only what was waited for: a hedge may have been under way before the end.
            cloud = min(post, max(0.0, 1000.0 * (self.answered_s - max(self.asked_s, moments[3]))))
        return Spans(
            capture_ms=capture,
            inference_ms=inference,
            hold_ms=hold,
            post_ms=post - cloud,
            cloud_ms=cloud,
            transport_ms=transport,
            last_word_to_text_ms=1000.0 * (moments[-1] - moments[0]),
            end_to_text_ms=1000.0 * max(0.0, written_s - self.end_s),
        )
