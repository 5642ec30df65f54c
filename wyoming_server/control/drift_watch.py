"""Slow changes for the worse, as turns come."""

from ..pipeline.types import Outcome
from ..records.turn_record import TurnLabel, TurnRecord
from .feed import Json


class DriftWatch:
    """Watches every trusted turn: a `Hearer`, and the control API's `Drift`."""

    async def begin(self) -> None:
        """Take up what was known before; never raises for the disk."""

    def turn(self, record: TurnRecord, outcome: Outcome | None) -> None:
        """Watch a turn."""

    def label(self, label: TurnLabel) -> None:
        """Watch what came to be known of one."""

    def woke(self, satellite: str, word: str) -> None:
        """Wake words do not drift here."""

    def status(self) -> Json:
        """Return what of the status is ours."""
        return {"state": "learning", "turns_to_go": 0, "alarms": []}

    def warnings(self) -> list[Json]:
        """Return what its owner should look at."""
        return []

    def told(self) -> Json:
        """Return state, alarms, and each figure beside its reference."""
        raise NotImplementedError

    async def accept(self, language: str | None) -> Json:
        """Take what is as the new reference, for one language or all; return the same. Raises DiskError."""
        raise NotImplementedError
