"""Monthly scorecards, and the baseline that they compare with."""

from collections.abc import Mapping

from ..pipeline.types import Outcome
from ..records.turn_record import TurnLabel, TurnRecord
from .feed import Json


class MonthBook:
    """Makes a scorecard of each month, and records baselines: a `Hearer`, and the control API's `Months`."""

    @property
    def is_baseline(self) -> bool:
        """Whether a baseline is being recorded."""
        return False

    async def begin(self) -> None:
        """Take up a baseline that was being recorded; never raises for the disk."""

    def turn(self, record: TurnRecord, outcome: Outcome | None) -> None:
        """Count a turn of a baseline."""

    def label(self, label: TurnLabel) -> None:
        """Count what came to be known of one."""

    def woke(self, satellite: str, word: str) -> None:
        """Wake words are counted elsewhere."""

    def status(self) -> Json:
        """Return `baseline` and `scorecard` of the status, as they were last read."""
        return {"baseline": None, "scorecard": None}

    async def scorecard(self, month: str | None) -> Json:
        """Return a month's, the last whole one's without a name. Raises UnknownMonthError, DiskError."""
        raise NotImplementedError

    async def page(self, month: str | None) -> str:
        """Return the same as one self-contained HTML page. Raises UnknownMonthError, DiskError."""
        raise NotImplementedError

    async def baseline(self) -> Json:
        """Return the baseline that is being recorded, and the last one. Raises DiskError."""
        raise NotImplementedError

    async def begin_baseline(self, wanted: Mapping[str, object]) -> Json:
        """Begin to record one. Raises BaselineRunningError, NotConsentedError, UsageError, DiskError."""
        raise NotImplementedError

    async def end_baseline(self) -> Json:
        """End it now. Raises NoBaselineError, DiskError."""
        raise NotImplementedError

    async def run(self) -> None:
        """Make the scorecard when a month is over, and end the baseline when it is due, until cancelled."""
