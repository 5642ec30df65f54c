"""A phone with the Home Assistant app: it registers, is pushed messages, and its owner taps their buttons.

Home Assistant's own component for the app imports its camera component, which asks for a library without a wheel; no
camera is in these homes, so that an empty module stands in its place.
"""

import asyncio
import contextlib
import sys
import types
from collections.abc import AsyncIterator
from typing import Any, Protocol, Self

from aiohttp import web

type Json = dict[str, Any]

NO_CAMERA = """
import sys, types
sys.modules.setdefault("turbojpeg", types.ModuleType("turbojpeg")).TurboJPEG = object
"""
"""Written as the package of custom integrations, which Home Assistant imports before anything that it sets up."""
CLEARED = "clear_notification"
_LONGEST_WAIT_S = 10.0


class Http(Protocol):
    """A client for Home Assistant's REST API, as the phone's owner."""

    def post(self, path: str, *, json: Json) -> Any:
        """Post JSON; an async context manager of the answer."""


def without_camera() -> None:
    """Do as NO_CAMERA for a Home Assistant in this process."""
    stand_in = types.ModuleType("turbojpeg")
    stand_in.__dict__["TurboJPEG"] = object
    sys.modules.setdefault("turbojpeg", stand_in)


class Phone:
    """One phone. What Home Assistant pushes goes to this machine instead of a vendor's push service."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pushed: list[Json] = []
        """Every message, also those that clear an earlier one."""
        self._came = asyncio.Event()
        self._http: Http | None = None
        self._webhook = ""

    @classmethod
    @contextlib.asynccontextmanager
    async def registered(cls, name: str, http: Http) -> AsyncIterator[Self]:
        """Run a phone until the end, registered with the Home Assistant behind a client."""
        phone = cls(name)
        application = web.Application()
        application.router.add_post("/push", phone._take)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            await phone._register(http, f"http://127.0.0.1:{runner.addresses[0][1]}/push")
            yield phone
        finally:
            await runner.cleanup()

    async def _register(self, http: Http, push_url: str) -> None:
        app: Json = {
            "app_id": "io.home_assistant.stand_in",
            "app_name": "Home Assistant",
            "app_version": "2026.10",
            "device_name": self.name,
            "device_id": self.name,
            "manufacturer": "None",
            "model": "None",
            "os_name": "None",
            "os_version": "1",
            "supports_encryption": False,
            "app_data": {"push_url": push_url, "push_token": "a token"},
        }
        async with http.post("/api/mobile_app/registrations", json=app) as reply:
            self._webhook = (await reply.json())["webhook_id"]
        self._http = http

    async def message(self, **having: object) -> Json:
        """Return the newest message, once one has come that has these values; an AssertionError shows what came."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_WAIT_S):
                while True:
                    self._came.clear()
                    for one in reversed(self.pushed):
                        if all(one.get(key) == value for key, value in having.items()):
                            return one
                    await self._came.wait()
        raise AssertionError(f"no {having} among {self.pushed}")

    async def tap(self, action: str, reply_text: str | None = None) -> None:
        """Tap a button of a message, or type into its field."""
        assert self._http is not None
        data = {"action": action} | ({} if reply_text is None else {"reply_text": reply_text})
        event = {"event_type": "mobile_app_notification_action", "event_data": data}
        async with self._http.post(
            f"/api/webhook/{self._webhook}", json={"type": "fire_event", "data": event}
        ) as reply:
            assert reply.status == 200, reply.status

    async def _take(self, request: web.Request) -> web.Response:
        message = await request.json()
        self.pushed.append({key: value for key, value in message.items() if key in {"title", "message", "data"}})
        self._came.set()
        return web.json_response({}, status=201)


def actions_of(message: Json) -> dict[str, str]:
    """Return a message's buttons: title → action."""
    return {one["title"]: one["action"] for one in message["data"].get("actions", [])}
