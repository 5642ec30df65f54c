"""The server that runs with a data folder, by its control API: found by what it tells of itself, asked by its token."""

import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from ..errors import ServerUnreachableError
from ..listeners.control_access import token_of
from ..settings import Settings
from ..updates.folder import BundleFolder
from ..updates.jobs import refusal_of

type Json = dict[str, Any]

SECONDS = 180.0
"""For one request: what is looked up elsewhere may be slow."""


class RunningServer:
    """Asks it."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """Return what `/api/v1/PATH` answers. Raises the EdgeVoiceError that it names, or ServerUnreachableError."""
        answer, told = await self._asked(method, f"/api/v1/{path}", body)
        if answer.status >= 400:
            raise refusal_of(str(told.get("code", "")), str(told.get("message", "")))
        return told

    async def _asked(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[aiohttp.ClientResponse, Json]:
        try:
            async with self._http.request(method, path, json=body) as answer:
                told: Json = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ServerUnreachableError(f"The server of this data folder does not answer: {error}") from error
        return answer, told


@asynccontextmanager
async def asked_at(data: Path, holder: Mapping[str, Any]) -> AsyncGenerator[RunningServer]:
    """Speak with the server that has told so of itself. Raises ServerUnreachableError where it takes no orders."""
    url, fingerprint = holder.get("control"), holder.get("fingerprint")
    if not isinstance(url, str):
        raise ServerUnreachableError(
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
        yield RunningServer(await stack.enter_async_context(session))


@asynccontextmanager
async def asked(settings: Settings) -> AsyncGenerator[RunningServer]:
    """Speak with the server of the data folder that the settings name. Raises ServerUnreachableError without one."""
    data = Path(settings.server.data_dir)
    holder = BundleFolder(data / "bundles").holder()
    if holder is None:
        raise ServerUnreachableError(
            f"No server runs with the data folder '{data}': start it (edge-voice serve), or name another (--data-dir)"
        )
    async with asked_at(data, holder) as server:
        yield server
