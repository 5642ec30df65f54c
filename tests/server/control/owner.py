"""The owner at the control API of a real server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp

from ..home import Home

SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who has the token."""

    http: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """Return an answer's JSON; an AssertionError with it when its status is another."""
        async with self.http.request(method, f"/api/v1/{path}", json=body) as reply:
            answer = await reply.json() if reply.content_length else None
            assert reply.status == status, (reply.status, answer)
            return answer

    async def satellite(self, name: str, **changes: Any) -> Any:
        """Change a satellite's settings."""
        return await self.ask("PUT", f"satellites/{quote(name, safe='')}", changes)

    async def policy(self, **changes: Any) -> Any:
        """Make choices."""
        return await self.ask("PUT", "policy", changes)

    async def lanes(self, *lanes: dict[str, Any]) -> list[dict[str, Any]]:
        """Replace the lanes."""
        found: list[dict[str, Any]] = (await self.ask("PUT", "lanes", {"lanes": list(lanes)}))["lanes"]
        return found

    @asynccontextmanager
    async def events(self) -> AsyncIterator[Events]:
        """Listen."""
        async with self.http.ws_connect("/api/v1/events") as socket:
            yield Events(socket)


class Events:
    """What the server tells."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def until(self, kind: str) -> dict[str, Any]:
        """Return the next message of a type."""
        async with asyncio.timeout(SECONDS):
            while True:
                message: dict[str, Any] = json.loads(await self._socket.receive_str())
                if message["type"] == kind:
                    return message


@asynccontextmanager
async def owner_of(served: Home) -> AsyncIterator[Owner]:
    """Come with the token."""
    assert served.server is not None
    door = served.server.door
    assert door is not None
    headers = {"Authorization": f"Bearer {door.token}"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{door.port}", headers=headers) as http:
        yield Owner(http=http)
