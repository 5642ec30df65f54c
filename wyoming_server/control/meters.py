"""Counters for Prometheus."""

from ..pipeline.types import Outcome
from ..records.turn_record import TurnLabel, TurnRecord


class Meters:
    """Counts turns, labels and wake words: a `Hearer`, and the control API's `Metrics`."""

    def turn(self, record: TurnRecord, outcome: Outcome | None) -> None:
        """Count a turn."""

    def label(self, label: TurnLabel) -> None:
        """Count what came to be known of one."""

    def woke(self, satellite: str, word: str) -> None:
        """Count a wake word."""

    async def exposition(self) -> bytes:
        """Return all in Prometheus's text format 0.0.4, made off the loop; changes nothing."""
        raise NotImplementedError
