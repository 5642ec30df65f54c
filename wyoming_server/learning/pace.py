"""How fast lessons are drawn, apart from those who draw them: settings are read before any of their libraries."""

from dataclasses import dataclass

from ..pipeline.checked import Checked, ranged


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerSettings(Checked):
    """How lessons are drawn."""

    audit_deadline_seconds: float = ranged(10.0, at_least=0.5, at_most=60.0)
    """Nobody waits for an audit."""
    save_seconds: float = ranged(60.0, at_least=0.05, at_most=3600.0)
    """Longest time that a kill can make it forget."""
    waiting: int = ranged(256, at_least=1, at_most=10_000)
    """Finished turns that may wait to be learned from; further ones are not."""
