"""Edge Voice: a home's speech, answered on the hub, as Home Assistant sees and steers it."""

import random
from functools import partial

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PORT, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.typing import ConfigType

from . import frontend, websocket
from .client import EdgeVoiceClient
from .const import CONF_WYOMING_PORT, DEFAULT_WYOMING_PORT, DOMAIN, LOGGER
from .coordinator import EdgeVoiceCoordinator
from .devices import async_announce_satellites, async_watch_devices, is_stale
from .entity import hub_device_info
from .entry_options import CONF_ERASE_ON_REMOVAL, chosen
from .errors import EdgeVoiceError, OtherServerError, RefusedError, raised_in_setup
from .find_server import client_for
from .issues import async_forget_issues, async_tell_version, async_watch_issues
from .lanes import async_push_lanes
from .ledger_watch import LedgerWatch
from .panel import async_follow_administrators
from .protocol import Health
from .queue_runner import QueueRunner, async_leave
from .queue_watch import QueueWatch
from .recordings import async_register_recordings
from .services import async_setup_services
from .services_blueprints import async_setup_blueprint_services
from .services_bundles import async_setup_bundle_services
from .services_past import async_setup_past_services
from .services_queue import async_setup_queue_services
from .services_text import async_setup_text_services
from .types import EdgeVoiceConfigEntry, EdgeVoiceData
from .voice import async_forget_voice, async_setup_voice
from .wyoming_client import WyomingTarget

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CONVERSATION,
    Platform.EVENT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.STT,
    Platform.SWITCH,
    Platform.TODO,  # to-do lists: requests that wait are shown as one
    Platform.UPDATE,
    Platform.WAKE_WORD,
]
_VERSION = 1


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what all hubs share."""
    async_setup_services(hass)
    async_setup_blueprint_services(hass)
    async_setup_bundle_services(hass)
    async_setup_past_services(hass)
    async_setup_queue_services(hass)
    async_setup_text_services(hass)
    websocket.async_register(hass)
    async_register_recordings(hass)
    await frontend.async_register(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: EdgeVoiceConfigEntry) -> bool:
    """Set up one hub: see that it is there, the right one and ours, then show it and listen to it."""
    client = client_for(hass, entry.data)
    health = await _checked_health(hass, entry, client)
    chance = random.SystemRandom()
    coordinator = EdgeVoiceCoordinator(hass, entry, client, chance)
    await coordinator.async_config_entry_first_refresh()
    voice = await async_setup_voice(hass, entry, client, coordinator)
    entry.runtime_data = EdgeVoiceData(
        server_id=health.id,
        health=health,
        client=client,
        coordinator=coordinator,
        ledger=LedgerWatch(hass, entry, coordinator),
        wyoming=_wyoming(entry, health),
        voice=voice,
        queue=QueueRunner(hass, entry, coordinator, voice.errands, chance),
        waiting=QueueWatch(hass, entry, coordinator),
    )
    dr.async_get(hass).async_get_or_create(config_entry_id=entry.entry_id, **hub_device_info(coordinator))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    entry.runtime_data.ledger.async_start()
    entry.runtime_data.waiting.async_start()
    async_watch_devices(hass, entry)
    async_watch_issues(hass, entry)
    for introduce in (async_announce_satellites, _async_push_lanes):
        entry.async_on_unload(coordinator.async_connected_listener(partial(introduce, hass, entry)))
    async_follow_administrators(hass, entry)
    await entry.runtime_data.queue.async_start()
    entry.async_on_unload(entry.add_update_listener(_async_reload))
    coordinator.async_start()
    return True


async def async_unload_entry(hass: HomeAssistant, entry: EdgeVoiceConfigEntry) -> bool:
    """Stop listening and take the entities away."""
    await entry.runtime_data.queue.async_close()
    if unloaded := await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        await entry.runtime_data.voice.async_close()
    return unloaded


async def async_remove_entry(hass: HomeAssistant, entry: EdgeVoiceConfigEntry) -> None:
    """Leave nothing behind in Home Assistant, and on the hub what the owner did not choose to have erased there."""
    async_forget_issues(hass, entry)
    await async_forget_voice(hass, entry.entry_id)
    await async_leave(hass, entry, client_for(hass, entry.data))
    if chosen(entry.options, CONF_ERASE_ON_REMOVAL):
        try:
            await client_for(hass, entry.data).purge(["everything"])
        except EdgeVoiceError as error:
            LOGGER.warning("The hub could not erase what it knows of this home: %s", error)


async def async_migrate_entry(hass: HomeAssistant, entry: EdgeVoiceConfigEntry) -> bool:
    """Accept the entries of this version; those of a newer integration are left as they are, for it to come back."""
    return entry.version == _VERSION


async def async_remove_config_entry_device(
    hass: HomeAssistant,
    entry: EdgeVoiceConfigEntry,
    device: DeviceEntry,
) -> bool:
    """Allow to delete the device of a satellite that the hub no longer knows."""
    return is_stale(entry, device)


def _wyoming(entry: ConfigEntry, health: Health) -> WyomingTarget:
    """Return where the hub listens for speech; what it says itself is newer than what was said at pairing."""
    port = health.wyoming_port or entry.data.get(CONF_WYOMING_PORT) or DEFAULT_WYOMING_PORT
    return WyomingTarget(host=entry.data[CONF_HOST], port=port)


async def _checked_health(hass: HomeAssistant, entry: ConfigEntry, client: EdgeVoiceClient) -> Health:
    """Return what the hub tells everybody. Raises ConfigEntryNotReady when that is not the hub, or not now."""
    try:
        health = await client.health()
        if health.id != entry.unique_id:
            raise OtherServerError(host=entry.data[CONF_HOST], port=str(entry.data[CONF_PORT]))
    except EdgeVoiceError as error:
        async_tell_version(hass, entry, error)
        raise raised_in_setup(error) from error
    return health


async def _async_push_lanes(hass: HomeAssistant, entry: EdgeVoiceConfigEntry) -> None:
    """Tell the hub of the cloud lanes; one that does not take them is used without."""
    try:
        await async_push_lanes(hass, entry, entry.runtime_data.client)
    except RefusedError as error:
        LOGGER.warning("The hub did not take the cloud lanes: %s", error)


async def _async_reload(hass: HomeAssistant, entry: EdgeVoiceConfigEntry) -> None:
    """Set up anew: the address, the token, the options or the cloud lanes have changed."""
    await hass.config_entries.async_reload(entry.entry_id)
