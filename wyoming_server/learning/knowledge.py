"""All that the hub has learned, and where it is kept over restarts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .budget import CloudBudget
from .disagreement import Disagreements
from .microphones import Microphones
from .percentiles import Percentiles
from .sessions import Sessions
from .thresholds import Thresholds


class Snapshots(Protocol):
    """Keeps what was learned over restarts."""

    async def load(self, name: str) -> Mapping[str, Any] | None:
        """Return what was saved last; None for nothing, or nothing that can be read."""

    async def save(self, name: str, state: Mapping[str, Any]) -> None:
        """Keep a state. Raises DiskError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """All that is learned. Each part is changed by the learner alone, on the event loop."""

    percentiles: Percentiles
    sessions: Sessions
    microphones: Microphones
    thresholds: Thresholds
    budget: CloudBudget
    disagreements: Disagreements

    def snapshot(self) -> dict[str, Mapping[str, Any]]:
        """Return what may outlive a restart, by name; nothing that names a satellite or a session does."""
        return {
            "percentiles": self.percentiles.snapshot(),
            "budget": self.budget.snapshot(),
            "disagreement": self.disagreements.snapshot(),
            "sessions": self.sessions.counts.snapshot(),
            **self.thresholds.snapshots(),
        }
