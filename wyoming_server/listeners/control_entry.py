"""What anybody of the home may ask: whether the server is well, and how to be let in."""

import asyncio
import json
from typing import Any

from aiohttp import web

from ..errors import InvalidRequestError
from .control_access import Access
from .control_pairing import Pairing
from .control_schemas import PAIR, START_PAIRING
from .control_surface import Surface
from .control_values import checked

_BODY_SECONDS = 10.0
"""Whoever is not let in yet may not hold a request open."""


class Entry:
    """The requests that need no token."""

    def __init__(self, surface: Surface, pairing: Pairing, access: Access, fingerprint: str | None) -> None:
        """Pair for the token of `access`."""
        self._surface, self._pairing, self._access, self._fingerprint = surface, pairing, access, fingerprint

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/health", self.health),
            web.post("/api/v1/pair/start", self.start),
            web.post("/api/v1/pair", self.pair),
        ]

    async def health(self, _request: web.Request) -> web.Response:
        """Tell what anybody may know; 503 where no turn can be answered."""
        health = self._surface.health()
        return web.json_response(health, status=503 if health["status"] == "unavailable" else 200)

    async def start(self, request: web.Request) -> web.Response:
        """Write a code to the log."""
        checked(START_PAIRING.body, await _body(request))
        seconds = self._pairing.start()
        return web.json_response({"expires_in_seconds": seconds, "fingerprint": self._fingerprint}, status=202)

    async def pair(self, request: web.Request) -> web.Response:
        """Exchange a code for the token."""
        self._pairing.redeem(checked(PAIR.body, await _body(request))["code"])
        return web.json_response({"token": self._access.token, "id": self._surface.health()["id"]})


async def _body(request: web.Request) -> Any:
    """Return the JSON in the body; none is an empty object. Raises InvalidRequestError."""
    if request.content_length != 0 and request.can_read_body and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(reason="the body must be JSON (Content-Type: application/json)")
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            body = await request.read()
        return json.loads(body or b"{}")
    except TimeoutError as error:
        raise InvalidRequestError("the body did not arrive in time; send it again") from error
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("the body is no JSON") from error
