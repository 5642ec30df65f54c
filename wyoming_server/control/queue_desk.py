"""Requests that wait for a speech service, as their owner sees and steers them."""

from collections.abc import Callable

from ..errors import UnknownRequestError
from ..resilience.queue_settings import QueueSettings
from ..settings import Settings
from .feed import Json


class QueueDesk:
    """Answers for the requests that wait."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings

    def status(self) -> Json:
        """Return how many wait, as the status tells it."""
        counts = dict.fromkeys(("waiting", "ready", "started", "needs_you", "bytes"), 0)
        return {"enabled": self._settings().routing.defer, **counts, "oldest": None, "reason": ""}

    async def all(self) -> Json:
        """Return every request with what was said, and the settings. Raises DiskError."""
        queue: QueueSettings = self._settings().queue
        hours = {"list": queue.list_hours, "note": queue.note_hours, "reminder": queue.reminder_hours}
        return {
            "requests": [],
            "enabled": self._settings().routing.defer,
            "hours": hours,
            "most_requests": queue.most_requests,
            "bytes": 0,
            "most_bytes": queue.most_mb * 2**20,
        }

    async def flush(self) -> Json:
        """Ask the services now; return the same. Raises DiskError."""
        return await self.all()

    async def drop_all(self) -> Json:
        """Drop all but what is being done; return how many. Raises DiskError."""
        return {"dropped": 0}

    async def start(self, request_id: str, by: str) -> Json:
        """Hand a ready request to who does it. Raises UnknownRequestError, RequestTakenError, DiskError."""
        raise UnknownRequestError(f"No request {request_id:.40} waits; {by:.40} may look at GET /api/v1/queue")

    async def end(self, request_id: str, by: str, result: str) -> Json:
        """Hear how it ended. Raises UnknownRequestError, RequestTakenError, DiskError."""
        raise UnknownRequestError(f"No request {request_id:.40} waits for {by:.40} to be {result}")

    async def repeat(self, request_id: str, text: str | None) -> Json:
        """Return a new request in the place of one that needs its owner's word. Raises likewise."""
        raise UnknownRequestError(f"No request {request_id:.40} waits to be repeated{' otherwise' * bool(text)}")

    async def drop(self, request_id: str) -> Json:
        """Drop one; return how many. Raises UnknownRequestError, RequestTakenError, DiskError."""
        raise UnknownRequestError(f"No request {request_id:.40} waits")
