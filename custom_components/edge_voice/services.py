"""Actions with answers: transcribe a recording, say what was really said, look back, erase, test a microphone."""

from operator import itemgetter
from pathlib import Path
from typing import Any, Final, cast

import probatio as vol
from homeassistant.components.media_source import Unresolvable, async_resolve_media, is_media_source_id
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_config_entry, async_register_admin_service

from .client import EdgeVoiceClient
from .const import DOMAIN
from .entity import async_command
from .entity_past import OF_TURNS
from .microphone_test import DEFAULT_SECONDS, MOST_SECONDS, async_test_microphone
from .protocol import Turn
from .turns import turn_attributes
from .types import EdgeVoiceConfigEntry

ATTR_FILE: Final = "file"
ATTR_LANE: Final = "lane"
ATTR_LANGUAGE: Final = "language"
ATTR_LIMIT: Final = "limit"
ATTR_SATELLITE: Final = "satellite"
ATTR_SECONDS: Final = "seconds"
ATTR_TEXT: Final = "text"
ATTR_TURN_ID: Final = "turn_id"
ATTR_WHAT: Final = "what"

EVERYTHING: Final = "everything"
OF_A_SATELLITE: Final = (*OF_TURNS, "queue", "satellites")
"""What the server can erase of one satellite."""
ERASABLE: Final = (
    *OF_A_SATELLITE,
    *("aggregates", "learned", "vocabulary", "ledger", "choices", "lanes", EVERYTHING),
)
LANES: Final = ("auto", "edge", "cloud")
_MOST_TURNS: Final = 100
_MOST_BYTES: Final = 32 * 1024 * 1024
"""What the server takes."""

OF_A_HUB: Final = {vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string}
_CHOSEN_MEDIA = vol.All(
    vol.Schema({vol.Required("media_content_id"): cv.string}, extra=vol.ALLOW_EXTRA), itemgetter("media_content_id")
)
_TRANSCRIBE = vol.Schema(
    {
        **OF_A_HUB,
        vol.Required(ATTR_FILE): vol.Any(cv.string, _CHOSEN_MEDIA),
        vol.Optional(ATTR_LANGUAGE): cv.string,
        vol.Optional(ATTR_LANE, default="auto"): vol.In(LANES),
    }
)
_REPORT_CORRECTION = vol.Schema(
    {
        **OF_A_HUB,
        vol.Required(ATTR_TEXT): cv.string,
        vol.Exclusive(ATTR_TURN_ID, "which"): cv.string,
        vol.Exclusive(ATTR_SATELLITE, "which"): cv.entity_id,
    }
)
_LIST_TURNS = vol.Schema(
    {
        **OF_A_HUB,
        vol.Optional(ATTR_LIMIT, default=20): vol.All(vol.Coerce(int), vol.Range(1, _MOST_TURNS)),
        vol.Optional(ATTR_SATELLITE): cv.entity_id,
    }
)
_PURGE = vol.Schema(
    {
        **OF_A_HUB,
        vol.Required(ATTR_WHAT): vol.All(cv.ensure_list, [vol.In(ERASABLE)]),
        vol.Optional(ATTR_SATELLITE): cv.entity_id,
    }
)
_TEST_MICROPHONE = vol.Schema(
    {
        **OF_A_HUB,
        vol.Required(ATTR_SATELLITE): cv.entity_id,
        vol.Optional(ATTR_SECONDS, default=DEFAULT_SECONDS): vol.All(vol.Coerce(float), vol.Range(1, MOST_SECONDS)),
    }
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions; they are there whether or not a hub is connected, and say so when none is."""
    only, optional = SupportsResponse.ONLY, SupportsResponse.OPTIONAL
    hass.services.async_register(DOMAIN, "transcribe", _transcribe, _TRANSCRIBE, only)
    hass.services.async_register(DOMAIN, "report_correction", _report_correction, _REPORT_CORRECTION, optional)
    hass.services.async_register(DOMAIN, "list_turns", _list_turns, _LIST_TURNS, only)
    hass.services.async_register(DOMAIN, "test_microphone", _test_microphone, _TEST_MICROPHONE, only)
    async_register_admin_service(hass, DOMAIN, "purge", _purge, _PURGE, optional)


async def _transcribe(call: ServiceCall) -> ServiceResponse:
    """Let the hub hear a recording as if a satellite had sent it."""
    client = entry_of(call).runtime_data.client
    path = await _path_of(call.hass, call.data[ATTR_FILE])
    wav = await call.hass.async_add_executor_job(_read, path)
    return await async_command(client.transcribe(wav, call.data.get(ATTR_LANGUAGE), call.data[ATTR_LANE]))


async def _report_correction(call: ServiceCall) -> ServiceResponse:
    """Tell the hub what was really said, so that it learns how often it is wrong."""
    client = entry_of(call).runtime_data.client
    turn_id = call.data.get(ATTR_TURN_ID) or await _last_turn(client, call.data.get(ATTR_SATELLITE))
    return await async_command(client.tell_correction(turn_id, call.data[ATTR_TEXT]))


async def _list_turns(call: ServiceCall) -> ServiceResponse:
    """Return the last turns, the newest first; with texts where the owner keeps them."""
    client = entry_of(call).runtime_data.client
    turns = await _turns_of(client, call.data.get(ATTR_SATELLITE))
    return {"turns": [_told(turn) for turn in turns[: call.data[ATTR_LIMIT]]]}


async def _purge(call: ServiceCall) -> ServiceResponse:
    """Erase what the hub remembers, of one satellite where one is named."""
    what, satellite = call.data[ATTR_WHAT], call.data.get(ATTR_SATELLITE)
    if satellite is not None and not set(what) <= {*OF_A_SATELLITE, EVERYTHING}:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="not_of_a_satellite")
    data = entry_of(call).runtime_data
    try:
        return await async_command(data.client.purge(what, satellite))
    finally:
        data.ledger.async_read()


async def _test_microphone(call: ServiceCall) -> ServiceResponse:
    """Record a satellite's next turn and return its figures."""
    return await async_test_microphone(
        call.hass, entry_of(call), call.data[ATTR_SATELLITE], seconds=call.data[ATTR_SECONDS]
    )


def entry_of(call: ServiceCall) -> EdgeVoiceConfigEntry:
    """Return the hub that is meant, the only one by default. Raises ServiceValidationError."""
    entry = async_get_config_entry(call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID))
    return cast("EdgeVoiceConfigEntry", entry)


async def _last_turn(client: EdgeVoiceClient, satellite: str | None) -> str:
    turns = await _turns_of(client, satellite)
    if not turns:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_turn_yet")
    return turns[0].turn_id


async def _turns_of(client: EdgeVoiceClient, satellite: str | None) -> list[Turn]:
    return [turn for turn in await async_command(client.turns(_MOST_TURNS)) if satellite in {None, turn.satellite}]


def _told(turn: Turn) -> dict[str, Any]:
    return turn_attributes(turn) | ({} if turn.text is None else {"text": turn.text})


async def _path_of(hass: HomeAssistant, file: str) -> Path:
    """Return the path of a file that the owner lets Home Assistant read. Raises ServiceValidationError."""
    if is_media_source_id(file):
        try:
            path = (await async_resolve_media(hass, file, None)).path
        except Unresolvable as error:
            raise _file_refused("file_not_found", file) from error
        if path is None:
            raise _file_refused("file_not_local", file)
        return path
    if not await hass.async_add_executor_job(hass.config.is_allowed_path, file):
        raise _file_refused("file_not_allowed", file)
    return Path(file)


def _read(path: Path) -> bytes:
    """Return a file's bytes, up to what the server takes. Raises ServiceValidationError."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise _file_refused("file_not_found", str(path)) from error
    if len(content) > _MOST_BYTES:
        raise _file_refused("file_too_large", str(path))
    return content


def _file_refused(key: str, file: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders={"file": file}
    )
