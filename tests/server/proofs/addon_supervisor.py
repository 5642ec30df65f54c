"""A stand-in for Home Assistant's Supervisor: its token, its discovery, its address, and a package index behind it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

ADDRESS = "172.30.32.2"
"""The Supervisor's, in every installation that has one."""
INDEX = f"http://{ADDRESS}/simple/"


class Supervisor:
    """What it was told, and whether the world is behind it."""

    def __init__(self, token: str, services: list[str], wheels: Path) -> None:
        """Know one add-on by its token and what its configuration lists under `discovery`."""
        self._token, self._services, self._wheels = token, services, wheels
        self.messages: dict[str, dict[str, Any]] = {}
        """Discovery messages that stand."""
        self.refused: list[str] = []
        self.fetched = 0
        self.is_online = False
        """Whether packages can be fetched."""
        self.is_tampered = False
        """Whether they are others than those that they are said to be."""
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Answer at the Supervisor's address."""
        app = web.Application()
        app.add_routes(
            [
                web.post("/discovery", self._told),
                web.delete("/discovery/{uuid}", self._withdrawn),
                web.get("/simple/openwakeword/", self._page),
                web.get("/wheels/{name}", self._wheel),
            ]
        )
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, ADDRESS, 80).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something that is told makes it so."""
        while not holds():
            self._changed.clear()
            await self._changed.wait()

    async def _told(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        message = await request.json()
        if message["service"] not in self._services:
            self.refused.append(message["service"])
            return web.json_response({"result": "error", "message": "not listed in its config"}, status=403)
        uuid = hashlib.sha256(repr(sorted(message["config"].items())).encode()).hexdigest()[:32]
        self.messages = {uuid: message["config"]}
        self._changed.set()
        return web.json_response({"result": "ok", "data": {"uuid": uuid}})

    async def _withdrawn(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        self.messages.pop(request.match_info["uuid"], None)
        self._changed.set()
        return web.json_response({"result": "ok", "data": {}})

    def _refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {self._token}":
            return None
        self.refused.append("token")
        return web.json_response({"result": "error", "message": "unauthorized"}, status=401)

    async def _page(self, _request: web.Request) -> web.Response:
        if not self.is_online:
            raise web.HTTPServiceUnavailable
        links = (f'<a href="/wheels/{file.name}">{file.name}</a>' for file in self._wheels.iterdir())
        return web.Response(text="<!DOCTYPE html><html><body>" + "".join(links), content_type="text/html")

    async def _wheel(self, request: web.Request) -> web.StreamResponse:
        self.fetched += 1
        file = self._wheels / request.match_info["name"]
        if not self.is_tampered:
            return web.FileResponse(file)
        return web.Response(body=file.read_bytes() + b"\0", content_type="application/octet-stream")
