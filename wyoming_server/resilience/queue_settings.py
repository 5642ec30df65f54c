"""What may wait for a speech service, how much of it, and for how long."""

from dataclasses import dataclass

from ..pipeline.checked import Checked, ranged

LONGEST_HOURS = 720.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings(Checked):
    """Requests that wait for a speech service, where `routing.defer` lets them. A device or a timer never waits."""

    list_hours: float = ranged(24.0, at_least=0.0, at_most=LONGEST_HOURS)
    """How long what is for a list may wait; 0: not at all."""
    note_hours: float = ranged(24.0, at_least=0.0, at_most=LONGEST_HOURS)
    """A note, likewise."""
    reminder_hours: float = ranged(4.0, at_least=0.0, at_most=LONGEST_HOURS)
    """A reminder, likewise: one that comes too late is of no use."""
    most_requests: int = ranged(50, at_least=1, at_most=10_000)
    """As many may wait; further ones are answered as if none might."""
    most_mb: int = ranged(32, at_least=1, at_most=1024)
    """Of sound, encrypted; likewise."""
    tries: int = ranged(3, at_least=1, at_most=20)
    """So often a service that answers may fail to understand one, until its owner is asked."""
    shown_hours: float = ranged(168.0, at_least=1.0, at_most=LONGEST_HOURS)
    """How long one that needs its owner's word is shown before it is let go."""
