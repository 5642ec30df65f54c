"""When a slow change for the worse is told of."""

from dataclasses import dataclass

from ..pipeline.checked import Checked, ranged


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSettings(Checked):
    """Drift: what turns are held against, and how rarely an alarm may be false."""

    reference_turns: int = ranged(1000, at_least=100, at_most=10_000)
    """Turns of a language that later ones are held against: the first with a model."""
    run_length_turns: int = ranged(20_000, at_least=500, at_most=10_000_000)
    """Where nothing changes, at least so many turns pass between two alarms, on average."""
