"""What came of one cell."""

from dataclasses import dataclass, field

from .designed import AWAY, Designed
from .speech import Got, whose


@dataclass(slots=True, kw_only=True)
class Cell:
    """A fault at a moment."""

    fault: str
    moment: str
    design: Designed
    skipped: str = ""
    """Why it was not tried."""
    turns: list[tuple[str, Got]] = field(default_factory=list)
    mode: str = ""
    """What the hub showed."""
    request: str = ""
    """What became of the request that waited."""
    heals_s: float = 0.0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    """What differs from what was designed."""

    @property
    def late_s(self) -> float:
        """How long the longest turn took, from the last voiced sample."""
        return max((got.late_s for _, got in self.turns), default=0.0)

    def ended(self, when: str, got: Got, allowed: frozenset[str]) -> None:
        """Note how a turn ended."""
        self.turns.append((when, got))
        if whose(got) not in allowed:
            self.wrong.append(f"{when}: {whose(got)} {got.code}, not {' or '.join(sorted(allowed))}")
        if got.kind != AWAY and got.late_s > self.design.late_s:
            self.wrong.append(f"{when}: took {got.late_s:.2f} s")
