"""The bundles of a running server, by its control API."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..errors import UpdateRunningError
from .running_server import RunningServer, asked_at

type Json = dict[str, Any]


class RemoteHub:
    """Asks a server."""

    looks_by_itself = True

    def __init__(self, server: RunningServer) -> None:
        self._server = server

    async def bundles(self) -> Json:
        """Return what serves, is tried, offered and installed."""
        return await self._server.ask("GET", "bundles")

    async def trust(self, url: str, root: bytes) -> Json:
        """Trust a repository and look at it. Raises EdgeVoiceError."""
        return await self._server.ask("PUT", "bundles/repository", {"url": url, "root": json.loads(root)})

    async def distrust(self) -> Json:
        """Trust none any more. Raises EdgeVoiceError."""
        return await self._server.ask("DELETE", "bundles/repository")

    async def check(self) -> Json:
        """Look at the repository now. Raises EdgeVoiceError."""
        return await self._server.ask("POST", "bundles/check", {})

    async def install(self, kind: str, label: str | None, *, again: bool) -> Json:
        """Begin to install. Raises EdgeVoiceError."""
        return await self._server.ask("POST", "bundles/install", {"kind": kind, "label": label, "again": again})

    async def roll_back(self, kind: str) -> Json:
        """Return to the bundle before. Raises EdgeVoiceError."""
        return await self._server.ask("POST", "bundles/rollback", {"kind": kind})


@asynccontextmanager
async def remote_hub(data: Path, holder: Mapping[str, Any]) -> AsyncGenerator[RemoteHub]:
    """Speak with the server that holds a data folder's bundles, as it told of itself.

    Raises UpdateRunningError where it has no control API to speak with.
    """
    if not isinstance(holder.get("control"), str):
        raise UpdateRunningError(
            "A server or another command is at work on this data folder and takes no orders: "
            "wait until it has ended, or start the server with its control API on (--http)"
        )
    async with asked_at(data, holder) as server:
        yield RemoteHub(server)
