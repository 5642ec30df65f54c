"""What a hub tells of its past. All of it may raise what client.py does."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from .decoding import decode
from .protocol_past import Ledger

type Json = dict[str, Any]
"""A JSON object."""

_API: Final = "/api/v1"


class Request(Protocol):
    """Asks the hub, and returns the JSON object that answers."""

    async def __call__(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Json:
        """Wait no longer than so many seconds."""


class PastClient:
    """One hub's past: records, ledger, drift, months. Answers are as docs/control-api.md has them."""

    def __init__(self, request: Request, *, long_seconds: float) -> None:
        """Ask by this; what reads or erases much may take `long_seconds`."""
        self._request = request
        self._long_seconds = long_seconds

    async def figures(self, days: int) -> Json:
        """Return exact rates and times of the last days, for all and for each language and microphone."""
        return await self._get("figures", days=days)

    async def history(self, hours: int) -> Json:
        """Return figures over time."""
        return await self._get("history", hours=hours)

    async def incidents(self, limit: int) -> Json:
        """Return what its owner should know happened, the newest first."""
        return await self._get("incidents", limit=limit)

    async def ledger(self, limit: int) -> Ledger:
        """Return the last uploads, and the sums of today and this month."""
        return decode(Ledger, await self._get("ledger", limit=limit), "ledger")

    async def scorecard(self, month: str | None = None) -> Json:
        """Return a month's, the last whole one's without a name. Raises RefusedError `unknown-month`."""
        return await self._get("scorecard", month=month)

    async def lineage(self) -> Json:
        """Return every class of data, and every flow of it."""
        return await self._get("lineage")

    async def kept(self) -> Json:
        """Return how much is kept of each class of data now."""
        return await self._get("kept")

    async def drift(self) -> Json:
        """Return state, alarms, and each figure beside its reference."""
        return await self._get("drift")

    async def accept_drift(self, language: str | None = None) -> Json:
        """Take what is as the new reference, of one language or of all; return what `drift` does."""
        told = {} if language is None else {"language": language}
        return await self._request("POST", f"{_API}/drift/accept", told)

    async def begin_baseline(self, consent: str, **limits: float) -> Json:
        """Have services answer everything for a while. `consent` is the day on which the owner agreed.

        Limits are `days`, `seconds` and `money`. Raises RefusedError, `not-consented` or `baseline-running` for one.
        """
        return await self._request("POST", f"{_API}/baseline", {"consent": consent, **limits})

    async def end_baseline(self) -> Json:
        """End it now. Raises RefusedError `no-baseline`."""
        return await self._request("DELETE", f"{_API}/baseline")

    async def _get(self, path: str, **query: str | int | None) -> Json:
        told = {key: str(value) for key, value in query.items() if value is not None}
        return await self._request("GET", f"{_API}/{path}", query=told or None, seconds=self._long_seconds)
