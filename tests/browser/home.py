"""A real Home Assistant with our integration in it, satellites in three rooms, and a browser that its owner uses."""

import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.browser.chromium import Browser, Page
from tests.home_assistant.assist import Assist
from tests.home_assistant.hass_process import HomeAssistant, home_assistant

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT / "wyoming_server/recordings"
_MORE = "\nrecorder:\n  commit_interval: 1\nhistory:\nlogbook:\n"
_NO_CAMERA = """
import sys, types
sys.modules.setdefault("turbojpeg", types.ModuleType("turbojpeg")).TurboJPEG = object
"""
"""Pages load only where the camera component can be imported, which asks for a library without a wheel: no camera is
in this home. Home Assistant imports the package of custom integrations before anything that it sets up."""
_LONG_MS = 10**10
DEEP = """
window.deep = (selector, root = document) => {
  const found = [...root.querySelectorAll(selector)];
  for (const one of root.querySelectorAll('*')) if (one.shadowRoot) found.push(...deep(selector, one.shadowRoot));
  return found;
};
window.shown = (selector) => deep(selector).filter((one) => one.checkVisibility() && one.getBoundingClientRect().width);
window.words = (one) => {
  if (one.nodeType === Node.TEXT_NODE) return one.textContent;
  if (['STYLE', 'SCRIPT'].includes(one.tagName)) return '';
  const given = one.tagName === 'SLOT' ? one.assignedNodes() : [];
  const inner = given.length ? given : (one.shadowRoot ?? one).childNodes;
  return [...inner].map(words).join(' ').replace(/\\s+/g, ' ').trim();
};
window.saying = (selector, text) => shown(selector).find((one) => words(one).includes(text));
"""
"""Looks through shadow roots: `deep`, `shown` (what is visible of it), `words` (what is read), `saying`."""


@contextlib.asynccontextmanager
async def home(config: Path, port: int | None = None) -> AsyncIterator[HomeAssistant]:
    """Run a Home Assistant that has our integration, not set up, the rooms' satellites and a recorder."""
    custom = config / "custom_components"
    custom.mkdir(parents=True)
    # A package, so that the one beside which the tests run does not hide it.
    (custom / "__init__.py").write_text(_NO_CAMERA, "utf-8")
    (custom / "rooms").symlink_to(Path(__file__).parent / "rooms")
    async with home_assistant(config, port, more=_MORE) as hass:
        async with (
            hass.http() as http,
            http.post("/api/config/config_entries/flow", json={"handler": "rooms"}) as reply,
        ):
            assert (await reply.json())["type"] == "create_entry"
        yield hass


async def owner(browser: Browser, hass: HomeAssistant) -> Page:
    """Open a tab in which the owner is logged in."""
    tokens = {
        "hassUrl": hass.url,
        "clientId": f"{hass.url}/",
        "access_token": hass.token,
        "token_type": "Bearer",
        "refresh_token": "",
        "expires_in": _LONG_MS // 1000,
        "expires": round(time.time() * 1000) + _LONG_MS,
    }
    login = (
        f"if (location.origin === {json.dumps(hass.url)}) localStorage.hassTokens = {json.dumps(json.dumps(tokens))};"
    )
    return await browser.page(before=login + DEEP)


async def say(assist: Assist, room: str, file: str) -> None:
    """Have a room's satellite say a packaged recording; returns when the home has answered."""
    satellite = "assist_satellite." + room.lower().replace(" ", "_")
    await call(assist, "rooms", "say", target={"entity_id": satellite}, file=str(RECORDINGS / file))


async def call(assist: Assist, domain: str, service: str, *, target: dict[str, Any] | None = None, **data: Any) -> Any:
    """Call an action."""
    return await assist.call("call_service", domain=domain, service=service, service_data=data, target=target or {})
