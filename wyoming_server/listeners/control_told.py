"""What the control API needs of the server beside its surface: its models, its past, and the end of that."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

type Json = dict[str, Any]
"""A JSON object."""


class Bundles(Protocol):
    """Signed models: what serves, is tried, offered and installed. Each answers all of that."""

    async def all(self) -> Json:
        """Return what serves, is tried, offered and installed."""

    async def trust(self, url: str, root: Mapping[str, Any]) -> Json:
        """Trust a repository, look at it, and return all. Raises RootRefusedError, BundleError, DiskError."""

    async def distrust(self) -> Json:
        """Trust none any more. Raises UpdateRunningError, DiskError."""

    async def check(self) -> Json:
        """Look at the repository now. Raises NoRepositoryError, BundleError, DiskError."""

    async def install(self, kind: str, label: str | None, *, again: bool) -> Json:
        """Begin to install; `again` also what failed here before. Raises BundleError, NoRepositoryError, DiskError."""

    async def roll_back(self, kind: str) -> Json:
        """Return to the bundle before. Raises NothingToRollBackError, UpdateRunningError, DiskError."""


class History(Protocol):
    """Turns as the records have them, also of earlier runs."""

    async def figures(self, days: int) -> Json:
        """Return exact rates and times of the last days, for all and for each language and microphone. DiskError."""

    async def series(self, hours: int) -> Json:
        """Return figures over time. Raises DiskError."""

    async def records(self, most: int, before: int | None, *, language: str | None, satellite: str | None) -> Json:
        """Return single turns, newest first. Raises DiskError."""

    async def incidents(self, most: int) -> Json:
        """Return what its owner should know happened, newest first. Raises DiskError."""


class Privacy(Protocol):
    """What is kept, why, for how long, and its end."""

    def lineage(self) -> Json:
        """Return every class of data and every flow of it."""

    async def kept(self) -> Json:
        """Return how much is kept of each class now. Raises DiskError."""

    async def purge(self, what: Sequence[str], satellite: str | None) -> Json:
        """Erase, of one satellite or altogether; return how much went, and what is left. UsageError, DiskError."""

    async def recording(self, number: int) -> bytes:
        """Return a turn's sound as WAV. Raises NotKeptError, RecordsKeyError, DiskError."""


class Drift(Protocol):
    """Slow changes for the worse."""

    def told(self) -> Json:
        """Return state, alarms, and each figure beside its reference."""

    async def accept(self, language: str | None) -> Json:
        """Take what is as the new reference, for one language or all; return the same. Raises DiskError."""


class Months(Protocol):
    """Monthly scorecards, and the baseline that they compare with."""

    async def scorecard(self, month: str | None) -> Json:
        """Return a month's, the last whole one's without a name. Raises UnknownMonthError, DiskError."""

    async def page(self, month: str | None) -> str:
        """Return the same as one self-contained HTML page. Raises UnknownMonthError, DiskError."""

    async def baseline(self) -> Json:
        """Return the baseline that is being recorded, and the last one. Raises DiskError."""

    async def begin_baseline(self, wanted: Mapping[str, object]) -> Json:
        """Begin to record one. Raises BaselineRunningError, NotConsentedError, UsageError, DiskError."""

    async def end_baseline(self) -> Json:
        """End it now. Raises NoBaselineError, DiskError."""


class Queue(Protocol):
    """Requests that wait for a speech service, or for their owner's word."""

    async def all(self) -> Json:
        """Return every request with what was said, and the settings. Raises DiskError."""

    async def flush(self) -> Json:
        """Ask the services now; return the same. Raises DiskError."""

    async def drop_all(self) -> Json:
        """Drop all but what is being done; return how many. Raises DiskError."""

    async def start(self, request_id: str, by: str) -> Json:
        """Hand a ready request to who does it. Raises UnknownRequestError, RequestTakenError, DiskError."""

    async def end(self, request_id: str, by: str, result: str) -> Json:
        """Hear how it ended. Raises UnknownRequestError, RequestTakenError, DiskError."""

    async def repeat(self, request_id: str, text: str | None) -> Json:
        """Return a new request in the place of one that needs its owner's word. Raises likewise."""

    async def drop(self, request_id: str) -> Json:
        """Drop one; return how many. Raises UnknownRequestError, RequestTakenError, DiskError."""


class Metrics(Protocol):
    """Counters for Prometheus."""

    async def exposition(self) -> bytes:
        """Return all in Prometheus's text format 0.0.4, made off the loop; changes nothing."""
