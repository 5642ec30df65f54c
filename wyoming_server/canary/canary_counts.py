"""What a hub has counted of a candidate in a day: all that a cohort's report is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..pipeline.checked import Checked, ranged


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally(Checked):
    """Turns, and how many of them were bad."""

    turns: int = ranged(0, at_least=0)
    bad: int = ranged(0, at_least=0)

    def plus(self, *, bad: bool) -> Tally:
        """Return it with one more turn."""
        return Tally(turns=self.turns + 1, bad=self.bad + bad)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs(Checked):
    """Turns that both have heard, and in how many each was bad."""

    turns: int = ranged(0, at_least=0)
    both: int = ranged(0, at_least=0)
    candidate_only: int = ranged(0, at_least=0)
    incumbent_only: int = ranged(0, at_least=0)

    def plus(self, *, incumbent: bool, candidate: bool) -> Pairs:
        """Return it with one more turn."""
        return Pairs(
            turns=self.turns + 1,
            both=self.both + (incumbent and candidate),
            candidate_only=self.candidate_only + (candidate and not incumbent),
            incumbent_only=self.incumbent_only + (incumbent and not candidate),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """One candidate's day on one hub. Metrics of which nothing is known are absent."""

    label: str
    incumbent: str
    """The label of what it is compared with; a plain model's name is no label, and stays on the hub."""
    began: bool = False
    """Whether it came on this day."""
    ended: str = ""
    """How it ended on this day: `settled`, or the code of its rollback; empty when it did not."""
    incumbents: Mapping[str, Tally] = field(default_factory=dict)
    """Turns that the incumbent answered while the candidate answered others: the same days, the same home."""
    served: Mapping[str, Tally] = field(default_factory=dict)
    """Turns that the candidate answered meanwhile."""
    watched: Mapping[str, Tally] = field(default_factory=dict)
    """Turns that it answered alone."""
    pairs: Mapping[str, Pairs] = field(default_factory=dict)
    """Turns that both have heard."""
