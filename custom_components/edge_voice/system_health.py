"""Whether the hubs answer, in Home Assistant's system information."""

from typing import Any

from homeassistant.components.system_health import SystemHealthRegistration
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN
from .errors import EdgeVoiceError
from .protocol import Status
from .types import EdgeVoiceConfigEntry


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Offer what is told."""
    register.async_register_info(async_system_health)


async def async_system_health(hass: HomeAssistant) -> dict[str, Any]:
    """Return how each hub is; whether it answers is found out while the page is shown."""
    entries: list[EdgeVoiceConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    told: dict[str, Any] = {"hubs": len(hass.config_entries.async_entries(DOMAIN))}
    for number, entry in enumerate(entries, 1):
        mark = "" if len(entries) == 1 else f" {number}"
        status = entry.runtime_data.coordinator.data
        told |= {
            f"reachable{mark}": _reachable(entry),
            f"connected{mark}": entry.runtime_data.coordinator.connected,
            f"version{mark}": status.server.version,
            f"mode{mark}": status.mode,
            f"model{mark}": f"{status.model.name} ({status.model.state})",
            f"turns{mark}": status.figures.turns,
            f"waiting{mark}": _waiting(status),
        }
    return told


def _waiting(status: Status) -> int:
    """Return how many requests wait, for a service or for their owner."""
    queue = status.queue
    return 0 if queue is None else queue.waiting + queue.ready + queue.started + queue.needs_you


async def _reachable(entry: EdgeVoiceConfigEntry) -> str | dict[str, str]:
    """Return `ok`, or how the hub fails to answer."""
    try:
        await entry.runtime_data.client.health()
    except EdgeVoiceError as error:
        return {"type": "failed", "error": error.translation_key}
    return "ok"
