"""Serves the card's modules and has every open page of Home Assistant load them."""

import hashlib
from pathlib import Path
from typing import Final

from homeassistant.components.frontend import add_extra_js_url
from homeassistant.components.http import StaticPathConfig
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN

MODULES: Final = Path(__file__).parent / "frontend"
ENTRANCE: Final = "edge-voice-card.js"
"""Imports the others."""
_SERVED: Final[HassKey[str]] = HassKey(f"{DOMAIN}_frontend")


async def async_register(hass: HomeAssistant) -> None:
    """Serve the modules and load them, once: Home Assistant cannot take back a static path."""
    if _SERVED in hass.data:
        return
    version = (await async_get_integration(hass, DOMAIN)).version
    # The address changes with any module, not with a query of the first one: modules import each other by relative
    # addresses, and browsers keep each for a month.
    hass.data[_SERVED] = url = f"/{DOMAIN}/{version}-{await hass.async_add_executor_job(_digest, MODULES)}"
    await hass.http.async_register_static_paths([StaticPathConfig(url, str(MODULES), cache_headers=True)])
    add_extra_js_url(hass, f"{url}/{ENTRANCE}")


def _digest(folder: Path) -> str:
    """Return eight hex digits that change with any of a folder's modules."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.js")):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:8]
