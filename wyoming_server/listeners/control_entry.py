"""What anybody of the home may ask: whether the server is well, and how to be let in, a program or a browser."""

import asyncio
import json
from typing import Any

from aiohttp import web

from ..errors import InvalidRequestError, OriginRefusedError, TokenRefusedError
from .control_access import Access
from .control_pairing import Pairing
from .control_schemas import BEGIN_SESSION, OPEN_PANEL, PAIR, START_PAIRING
from .control_sessions import SESSION_SECONDS, Sessions
from .control_sockets import SOCKETS, TOKEN_ENDED
from .control_surface import Surface
from .control_values import checked
from .control_visitors import Visitors, by_ingress

_BODY_SECONDS = 10.0
"""Whoever is not let in yet may not hold a request open."""


class Entry:
    """The requests that need no token, and the one that says who needs none."""

    def __init__(
        self,
        surface: Surface,
        *,
        pairing: Pairing,
        access: Access,
        visitors: Visitors,
        sessions: Sessions,
        fingerprint: str | None,
    ) -> None:
        """Pair for the token of `access`; begin `sessions`, which `visitors` knows again."""
        self._surface, self._pairing, self._access, self._fingerprint = surface, pairing, access, fingerprint
        self._visitors, self._sessions = visitors, sessions

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/health", self.health),
            web.post("/api/v1/pair/start", self.start),
            web.post("/api/v1/pair", self.pair),
            web.get("/session", self.session),
            web.post("/session", self.begin_session),
            web.delete("/session", self.end_session),
            web.put("/api/v1/panel", self.open_panel),
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

    async def session(self, request: web.Request) -> web.Response:
        """Tell whether this browser is let in."""
        by_cookie = "cookie" if await self._visitors.by_cookie(request) else None
        by = "ingress" if self._visitors.opens_by_ingress(request) else by_cookie
        return web.json_response({"open": by is not None, "by": by})

    async def begin_session(self, request: web.Request) -> web.Response:
        """Exchange the token for a cookie. Raises TokenRefusedError, TooManyRequestsError."""
        shown = checked(BEGIN_SESSION.body, await _body(request))["token"]
        if not await self._visitors.shows_token(request, shown):
            raise TokenRefusedError("this is not the token; take what `edge-voice token` prints")
        answer = web.json_response({"open": True, "by": "cookie"})
        answer.set_cookie(
            self._visitors.cookie,
            self._sessions.begin(),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="Strict",
            secure=request.secure,
            path=self._cookie_path(request),
        )
        return answer

    async def end_session(self, request: web.Request) -> web.Response:
        """Forget this browser, and close what it has open."""
        answer = web.json_response({"open": False, "by": None})
        if secret := await self._visitors.by_cookie(request):
            if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
                raise OriginRefusedError("only the server's own page may end its session")
            self._sessions.end(secret)
            await request.app[SOCKETS].close(TOKEN_ENDED, "the session has ended", owner=secret)
        answer.del_cookie(
            self._visitors.cookie,
            httponly=True,
            samesite="Strict",
            secure=request.secure,
            path=self._cookie_path(request),
        )
        return answer

    def _cookie_path(self, request: web.Request) -> str:
        """Return where the cookie goes: by ingress not to Home Assistant itself, nor to its other add-ons."""
        return f"{request.headers['X-Ingress-Path'].rstrip('/')}/" if self._visitors.is_ingress(request) else "/"

    async def open_panel(self, request: web.Request) -> web.Response:
        """Let users in by ingress, and others no longer: what they have open is closed."""
        users = checked(OPEN_PANEL.body, await _body(request))["users"]
        shut_out, self._visitors.panel_users = self._visitors.panel_users - {*users}, frozenset(users)
        for user in shut_out:
            await request.app[SOCKETS].close(TOKEN_ENDED, "no administrator any more", owner=by_ingress(user))
        return web.json_response({"users": len(self._visitors.panel_users)})


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
