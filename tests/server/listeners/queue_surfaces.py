"""What waits for a speech service, behind a surface that remembers what it was asked."""

from typing import Any

from .past_surfaces import AT, Hear

type Json = dict[str, Any]

QUEUED: Json = {
    "id": "a-request", "number": 7, "state": "ready", "kind": "list", "at": AT, "expires_at": AT, "language": "en",
    "satellite": "assist_satellite.kitchen", "turn_id": "a-turn", "tries": 1, "reason": "", "repeats": None,
}  # fmt: skip
REQUEST: Json = {
    **QUEUED, "heard": "at milk to the shop in list", "text": "add milk to the shopping list",
    "session_id": "a-session", "device_id": None, "started_by": None,
}  # fmt: skip
REQUESTS: Json = {
    "requests": [REQUEST], "enabled": True, "hours": {"list": 24.0, "note": 24.0, "reminder": 0.0},
    "most_requests": 50, "bytes": 64_000, "most_bytes": 32 * 2**20,
}  # fmt: skip
WAITING_NOW: Json = {
    "enabled": True, "waiting": 2, "ready": 1, "started": 0, "needs_you": 1, "bytes": 64_000, "oldest": AT,
    "reason": "",
}  # fmt: skip
QUEUE_MOVED: Json = {"type": "queue", "event": "ready", "request": QUEUED}


class RecordingQueue:
    """Satisfies `Queue` with the values above."""

    def __init__(self, hear: Hear) -> None:
        """Tell `hear` what was asked."""
        self._hear = hear

    async def all(self) -> Json:
        self._hear("queue")
        return REQUESTS

    async def flush(self) -> Json:
        self._hear("flush")
        return REQUESTS

    async def drop_all(self) -> Json:
        self._hear("drop_all")
        return {"dropped": 1}

    async def start(self, request_id: str, by: str) -> Json:
        self._hear("start", request_id, by)
        return REQUEST | {"id": request_id, "state": "started", "started_by": by}

    async def end(self, request_id: str, by: str, result: str) -> Json:
        self._hear("end", request_id, by, result)
        return {"ended": True}

    async def repeat(self, request_id: str, text: str | None) -> Json:
        self._hear("repeat", request_id, text)
        return REQUEST | {"id": "another", "repeats": request_id}

    async def drop(self, request_id: str) -> Json:
        self._hear("drop", request_id)
        return {"dropped": 1}
