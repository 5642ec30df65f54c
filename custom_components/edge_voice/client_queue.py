"""A hub's requests that wait for a speech service. All of it may raise what client.py does."""

from typing import Any, Final

from .client_past import Request
from .decoding import decode
from .protocol_queue import WaitingRequest, WaitingRequests

type Json = dict[str, Any]
"""A JSON object."""

_QUEUE: Final = "/api/v1/queue"


class QueueClient:
    """Looks at them, does them, and lets them go, as docs/control-api.md has it."""

    def __init__(self, request: Request, *, long_seconds: float) -> None:
        """Ask by this; what erases may take `long_seconds`."""
        self._request, self._long_seconds = request, long_seconds

    async def all(self) -> WaitingRequests:
        """Return every request with what was said, the oldest first."""
        return decode(WaitingRequests, await self._request("GET", _QUEUE), "queue")

    async def flush(self) -> WaitingRequests:
        """Have the services asked now; return the same."""
        return decode(WaitingRequests, await self._request("POST", f"{_QUEUE}/flush", {}), "queue")

    async def start(self, request_id: str, by: str) -> WaitingRequest:
        """Take one that is ready; the same `by` may ask again. Raises RefusedError `request-taken`."""
        told = await self._request("POST", f"{_QUEUE}/{request_id}/start", {"by": by})
        return decode(WaitingRequest, told, "request")

    async def end(self, request_id: str, by: str, result: str) -> None:
        """Tell how that ended: `done`, `failed` or `interrupted`. Raises RefusedError likewise."""
        await self._request("POST", f"{_QUEUE}/{request_id}/end", {"by": by, "result": result})

    async def repeat(self, request_id: str, text: str | None = None) -> WaitingRequest:
        """Return a new request in the place of one that needs its owner's word. Raises RefusedError likewise."""
        told = await self._request("POST", f"{_QUEUE}/{request_id}/repeat", {} if text is None else {"text": text})
        return decode(WaitingRequest, told, "request")

    async def drop(self, request_id: str | None = None) -> int:
        """Drop one, or all that are not being done; return how many. Raises RefusedError likewise."""
        path = _QUEUE if request_id is None else f"{_QUEUE}/{request_id}"
        told = await self._request("DELETE", path, seconds=self._long_seconds)
        return int(told.get("dropped", 0))
