"""What the small hub knows of requests that wait; each answer and each message is held to the server's own shapes."""

from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import web

from wyoming_server.listeners.control_queue import QUEUE, QUEUE_EVENT, WAITING

type Json = dict[str, Any]

SATELLITE = "assist_satellite.kitchen"
SAID = ("heard", "text", "session_id", "device_id", "started_by")
"""What does not come with events."""
OPERATIONS = {one.name: one for one in WAITING}
NEEDS_YOU = ("interrupted", "failed", "unheard")
REQUEST: Json = {
    "id": "",
    "number": 0,
    "state": "ready",
    "kind": "list",
    "at": "2026-11-22T10:00:00+00:00",
    "expires_at": "2026-11-23T10:00:00+00:00",
    "language": "en",
    "satellite": SATELLITE,
    "turn_id": "t1",
    "tries": 1,
    "reason": "",
    "repeats": None,
    "heard": "add bilk to the shopping list",
    "text": "add milk to the shopping list",
    "session_id": None,
    "device_id": None,
    "started_by": None,
}


class RefusalError(Exception):
    """A refusal by its status and code."""


class Waiting:
    """The requests of one hub, in the order in which they came."""

    def __init__(self, tell: Callable[[Json], Coroutine[Any, Any, None]]) -> None:
        self.requests: list[Json] = []
        self.ended: dict[str, str] = {}
        """Every id whose end was told, with how."""
        self.enabled = True
        self._count = 0
        self._tell = tell

    def add(self, text: str | None = "add milk to the shopping list", **changes: Any) -> str:
        """Have one more wait, ready unless something else is said; return its id."""
        self._count += 1
        one = REQUEST | {"id": f"{self._count:032x}", "number": self._count, "text": text} | changes
        self.requests.append(one)
        return str(one["id"])

    def find(self, request_id: str) -> Json:
        """Return one. Raises RefusalError."""
        for one in self.requests:
            if one["id"] == request_id:
                return one
        raise RefusalError(404, "unknown-request")

    async def move(self, event: str, one: Json) -> None:
        """Say that one has moved."""
        told = {key: value for key, value in one.items() if key not in SAID}
        await self._tell(QUEUE_EVENT({"type": "queue", "event": event, "request": told}))

    def counts(self) -> Json:
        """Return what the status says of them."""
        states = [one["state"] for one in self.requests]
        counted = {
            "waiting": states.count("waiting") + states.count("hearing"),
            "ready": states.count("ready"),
            "started": states.count("started"),
            "needs_you": sum(states.count(state) for state in NEEDS_YOU),
        }
        oldest = min((one["at"] for one in self.requests), default=None)
        told = {"enabled": self.enabled, "bytes": 100 * len(states), "oldest": oldest, "reason": ""}
        return dict(QUEUE(told | counted))

    async def answer(self, method: str, path: str, body: Json) -> web.Response:
        """Answer one request as the contract has it."""
        _, _, rest = path.removeprefix("/api/v1/").partition("/")
        request_id, _, verb = rest.partition("/")
        if request_id == "flush":
            request_id, verb = "", "flush"
        name = verb or {"GET": "queue", "DELETE": "drop"}[method]
        operation = OPERATIONS[_NAMES[name, bool(request_id)]]
        told = operation.body(body) if operation.body else {}
        try:
            answered = await getattr(self, f"_{name}")(request_id, told)
        except RefusalError as refused:
            status, code = refused.args
            return web.json_response({"code": code, "message": code}, status=status)
        return web.json_response(operation.answer(answered), status=operation.status)

    async def _queue(self, _: str, __: Json) -> Json:
        return {
            "requests": self.requests,
            "enabled": self.enabled,
            "hours": {"list": 24.0, "note": 24.0, "reminder": 4.0},
            "most_requests": 50,
            "bytes": 100 * len(self.requests),
            "most_bytes": 2**25,
        }

    async def _flush(self, _: str, __: Json) -> Json:
        for one in self.requests:
            if one["state"] == "waiting":
                one["state"] = "ready"
                await self.move("ready", one)
        return await self._queue("", {})

    async def _start(self, request_id: str, told: Json) -> Json:
        one = self.find(request_id)
        if (one["state"], one["started_by"]) != ("started", told["by"]):
            if one["state"] != "ready":
                raise RefusalError(409, "request-taken")
            one |= {"state": "started", "started_by": told["by"]}
            await self.move("started", one)
        return one

    async def _end(self, request_id: str, told: Json) -> Json:
        if self.ended.get(request_id) == "done":
            return {"ended": False}
        one = self.find(request_id)
        if one["started_by"] != told["by"]:
            raise RefusalError(409, "request-taken")
        is_new = one["state"] == "started"
        if is_new:
            self.ended[request_id] = one["state"] = told["result"]
            if told["result"] == "done":
                self.requests.remove(one)
            await self.move(told["result"], one | {"state": "started" if told["result"] == "done" else one["state"]})
        return {"ended": is_new}

    async def _repeat(self, request_id: str, told: Json) -> Json:
        one = self.find(request_id)
        if one["state"] not in NEEDS_YOU:
            raise RefusalError(409, "request-taken")
        self.requests.remove(one)
        new_id = self.add(told.get("text") or one["text"] or one["heard"], repeats=request_id)
        new = self.find(new_id)
        await self.move("repeated", new)
        return new

    async def _drop(self, request_id: str, _: Json) -> Json:
        dropped = [self.find(request_id)] if request_id else [one for one in self.requests if one["state"] != "started"]
        if request_id and dropped[0]["state"] == "started":
            raise RefusalError(409, "request-taken")
        for one in dropped:
            self.requests.remove(one)
            await self.move("dropped", one)
        return {"dropped": len(dropped)}


_NAMES = {
    ("queue", False): "queue",
    ("flush", False): "flush_queue",
    ("drop", False): "drop_queue",
    ("drop", True): "drop_request",
    ("start", True): "start_request",
    ("end", True): "end_request",
    ("repeat", True): "repeat_request",
}
