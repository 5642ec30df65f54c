"""The bundles of a running server, by its control API: it finds the server of a data folder, and shows its token."""

import contextlib
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from ..errors import ServerUnreachableError, UpdateRunningError
from ..listeners.control_access import token_of
from ..updates.jobs import refusal_of

type Json = dict[str, Any]

SECONDS = 180.0
"""For one request: a look at the repository may be slow."""


class RemoteHub:
    """Asks a server."""

    looks_by_itself = True

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def bundles(self) -> Json:
        """Return what serves, is tried, offered and installed."""
        return await self._ask("GET", "bundles")

    async def trust(self, url: str, root: bytes) -> Json:
        """Trust a repository and look at it. Raises EdgeVoiceError."""
        return await self._ask("PUT", "bundles/repository", {"url": url, "root": json.loads(root)})

    async def distrust(self) -> Json:
        """Trust none any more. Raises EdgeVoiceError."""
        return await self._ask("DELETE", "bundles/repository")

    async def check(self) -> Json:
        """Look at the repository now. Raises EdgeVoiceError."""
        return await self._ask("POST", "bundles/check", {})

    async def install(self, kind: str, label: str | None, *, again: bool) -> Json:
        """Begin to install. Raises EdgeVoiceError."""
        return await self._ask("POST", "bundles/install", {"kind": kind, "label": label, "again": again})

    async def roll_back(self, kind: str) -> Json:
        """Return to the bundle before. Raises EdgeVoiceError."""
        return await self._ask("POST", "bundles/rollback", {"kind": kind})

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        try:
            async with self._http.request(method, f"/api/v1/{path}", json=body) as answer:
                told: Json = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ServerUnreachableError(f"The server of this data folder does not answer: {error}") from error
        if answer.status >= 400:
            raise refusal_of(str(told.get("code", "")), str(told.get("message", "")))
        return told


@asynccontextmanager
async def remote_hub(data: Path, holder: Mapping[str, Any]) -> AsyncGenerator[RemoteHub]:
    """Speak with the server that holds a data folder's bundles, as it told of itself.

    Raises UpdateRunningError where it has no control API to speak with.
    """
    url, fingerprint = holder.get("control"), holder.get("fingerprint")
    if not isinstance(url, str):
        raise UpdateRunningError(
            "A server or another command is at work on this data folder and takes no orders: "
            "wait until it has ended, or start the server with its control API on (--http)"
        )
    pinned: bool | aiohttp.Fingerprint = aiohttp.Fingerprint(bytes.fromhex(fingerprint)) if fingerprint else True
    async with contextlib.AsyncExitStack() as stack:
        session = aiohttp.ClientSession(
            url,
            connector=aiohttp.TCPConnector(ssl=pinned),
            headers={"Authorization": f"Bearer {token_of(data)}"},
            timeout=aiohttp.ClientTimeout(total=SECONDS),
        )
        yield RemoteHub(await stack.enter_async_context(session))
