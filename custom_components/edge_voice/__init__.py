"""Edge Voice: a home's speech, answered on the hub, as Home Assistant sees and steers it."""

import random
from pathlib import Path

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PORT, CONF_TOKEN, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.importlib import async_import_module
from homeassistant.helpers.typing import ConfigType

from .client import EdgeVoiceClient
from .const import CONF_FINGERPRINT, CONF_WYOMING_PORT, DEFAULT_WYOMING_PORT, DOMAIN
from .coordinator import EdgeVoiceCoordinator
from .devices import async_watch_devices, is_stale
from .entity import hub_device_info
from .errors import EdgeVoiceError, OtherServerError, raised_in_setup
from .protocol import Health
from .types import EdgeVoiceConfigEntry, EdgeVoiceData
from .wyoming_client import WyomingTarget

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = [one for one in Platform if (Path(__file__).parent / f"{one}.py").exists()]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:  # noqa: ARG001  # Home Assistant's signature
    """Set up what all hubs share."""
    for name in (
        "services.async_setup_services",
        "frontend.async_register",
        "websocket.async_register",
    ):
        module, function = name.split(".")
        if (Path(__file__).parent / f"{module}.py").exists():
            done = getattr(await async_import_module(hass, f"{__package__}.{module}"), function)(hass)
            if done is not None:
                await done
    return True


async def async_setup_entry(hass: HomeAssistant, entry: EdgeVoiceConfigEntry) -> bool:
    """Set up one hub: see that it is there, the right one and ours, then show it and listen to it."""
    client = client_of(hass, entry)
    health = await _checked_health(client, entry)
    coordinator = EdgeVoiceCoordinator(hass, entry, client, random.Random())  # noqa: S311  # spreads retries, no secret
    await coordinator.async_config_entry_first_refresh()
    voice = None
    if (Path(__file__).parent / "voice.py").exists():
        voice = await (await async_import_module(hass, f"{__package__}.voice")).async_setup_voice(
            hass, entry, client, coordinator
        )
    entry.runtime_data = EdgeVoiceData(
        server_id=health.id,
        health=health,
        client=client,
        coordinator=coordinator,
        wyoming=_wyoming(entry, health),
        voice=voice,
    )
    dr.async_get(hass).async_get_or_create(config_entry_id=entry.entry_id, **hub_device_info(coordinator))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    async_watch_devices(hass, entry)
    entry.async_on_unload(entry.add_update_listener(_async_reload))
    coordinator.async_start()
    return True


async def async_unload_entry(hass: HomeAssistant, entry: EdgeVoiceConfigEntry) -> bool:
    """Stop listening and take the entities away."""
    unloaded = await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
    if unloaded and entry.runtime_data.voice:
        await entry.runtime_data.voice.async_close()
    return unloaded


async def async_remove_config_entry_device(
    hass: HomeAssistant,  # noqa: ARG001  # Home Assistant's signature
    entry: EdgeVoiceConfigEntry,
    device: DeviceEntry,
) -> bool:
    """Allow to delete the device of a satellite that the hub no longer knows."""
    return is_stale(entry, device)


def client_of(hass: HomeAssistant, entry: ConfigEntry) -> EdgeVoiceClient:
    """Return a client for an entry's hub."""
    return EdgeVoiceClient(
        async_get_clientsession(hass),
        host=entry.data[CONF_HOST],
        port=entry.data[CONF_PORT],
        token=entry.data[CONF_TOKEN],
        fingerprint=entry.data.get(CONF_FINGERPRINT),
    )


def _wyoming(entry: ConfigEntry, health: Health) -> WyomingTarget:
    """Return where the hub listens for speech; what it says itself is newer than what was said at pairing."""
    port = health.wyoming_port or entry.data.get(CONF_WYOMING_PORT) or DEFAULT_WYOMING_PORT
    return WyomingTarget(host=entry.data[CONF_HOST], port=port)


async def _checked_health(client: EdgeVoiceClient, entry: ConfigEntry) -> Health:
    """Return what the hub tells everybody. Raises ConfigEntryNotReady when that is not the hub, or not now."""
    try:
        health = await client.health()
        if health.id != entry.unique_id:
            raise OtherServerError(host=entry.data[CONF_HOST], port=str(entry.data[CONF_PORT]))
    except EdgeVoiceError as error:
        raise raised_in_setup(error) from error
    return health


async def _async_reload(hass: HomeAssistant, entry: EdgeVoiceConfigEntry) -> None:
    """Set up anew: the address, the token, the options or the cloud lanes have changed."""
    await hass.config_entries.async_reload(entry.entry_id)
