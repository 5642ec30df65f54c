"""Turns as the records have them: figures over days, over time, and one by one."""

from ..pipeline.types import Outcome
from ..records.turn_record import TurnLabel, TurnRecord
from .feed import Json


class TurnHistory:
    """Keeps every turn, and answers for the past: a `Hearer`, and the control API's `History`."""

    def turn(self, record: TurnRecord, outcome: Outcome | None) -> None:
        """Keep a turn."""

    def label(self, label: TurnLabel) -> None:
        """Keep what came to be known of one."""

    def woke(self, satellite: str, word: str) -> None:
        """Wake words are counted elsewhere."""

    async def figures(self, days: int) -> Json:
        """Return exact rates and times of the last days, for all and for each language and microphone. DiskError."""
        raise NotImplementedError

    async def series(self, hours: int) -> Json:
        """Return figures over time. Raises DiskError."""
        raise NotImplementedError

    async def records(self, most: int, before: int | None, *, language: str | None, satellite: str | None) -> Json:
        """Return single turns, newest first. Raises DiskError."""
        raise NotImplementedError

    async def incidents(self, most: int) -> Json:
        """Return what its owner should know happened, newest first. Raises DiskError."""
        raise NotImplementedError

    def happened(self, kind: str, subject: str, message: str) -> None:
        """Write down what its owner should know happened."""

    async def run(self) -> None:
        """Sum up days that are over, and sample the load, until cancelled."""
