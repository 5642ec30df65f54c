"""Cloud lanes as the entry keeps them, and how the server is told of them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_ENTITY_ID, CONF_NAME
from homeassistant.core import HomeAssistant, callback

from .client import EdgeVoiceClient
from .const import SUBENTRY_LANE

CONF_KIND: Final = "kind"
KIND_ENTITY: Final = "entity"
"""An STT entity of this Home Assistant: we ask it ourselves, and report what came of it."""
KIND_PROVIDER: Final = "provider"
"""A speech service that the server asks, with a key that only the server holds."""

CONF_PROVIDER: Final = "provider"
CONF_KEY: Final = "key"
CONF_KEY_ENDS: Final = "key_ends"
CONF_CONSENT: Final = "consent"
"""The day on which the owner ticked the sentence; absent: nothing may be sent there."""
CONF_TRUST: Final = "trust"
TRUST_CLOUD: Final = "cloud"
TRUST_HOME: Final = "home"
CONF_SATELLITES: Final = "satellites"
CONF_SEND_NAMES: Final = "send_names"
CONF_PRICE: Final = "price_per_minute"
CONF_LANGUAGES: Final = "languages"
"""Those that an entity understands; a provider is asked for all."""
CONF_POSITION: Final = "position"
"""In the order of asking; subentries themselves cannot be moved."""

PROVIDER_FIELDS: Final = ("url", "model", "region", "project")
"""What a provider may want to know besides the key."""
_CLIENT: Final = "client"
_SHARED: Final = (CONF_TRUST, CONF_CONSENT, CONF_SATELLITES, CONF_SEND_NAMES, CONF_LANGUAGES, CONF_PRICE)


@callback
def ordered_lanes(entry: ConfigEntry) -> list[ConfigSubentry]:
    """Return an entry's lanes in the order in which they are asked."""
    lanes = [one for one in entry.subentries.values() if one.subentry_type == SUBENTRY_LANE]
    return sorted(lanes, key=lambda lane: lane.data.get(CONF_POSITION, 0.0))


def lane_settings(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a lane's data as the server takes it, without its key."""
    wanted = _SHARED if data[CONF_KIND] == KIND_ENTITY else (*_SHARED, *PROVIDER_FIELDS)
    settings: dict[str, Any] = {CONF_NAME: data[CONF_NAME], **{key: data[key] for key in wanted if data.get(key)}}
    if data[CONF_KIND] == KIND_ENTITY:
        return settings | {CONF_PROVIDER: _CLIENT, "entity": data[CONF_ENTITY_ID]}
    return settings | {CONF_PROVIDER: data[CONF_PROVIDER]}


async def async_push_lanes(_: HomeAssistant, entry: ConfigEntry, client: EdgeVoiceClient) -> None:
    """Tell the server of all lanes in their order; those that are not among them end. Raises EdgeVoiceError."""
    await client.change_lanes([lane_settings(lane.data) for lane in ordered_lanes(entry)])


async def async_push_lane(entry: ConfigEntry, client: EdgeVoiceClient, settings: Mapping[str, Any], key: str) -> None:
    """Tell the server of one new or changed lane and its key beside the others. Raises EdgeVoiceError.

    The server is the only one that is told: nothing is left to be read in Home Assistant's storage or backups.
    """
    others = [lane_settings(lane.data) for lane in ordered_lanes(entry)]
    changed = {**settings, **({CONF_KEY: key} if key else {})}
    await client.change_lanes(_with(others, changed))


@callback
def position_at(entry: ConfigEntry, moved: ConfigSubentry | None, place: int) -> float:
    """Return the position that puts a lane at a place among the others, the first being 0.

    It lies between its neighbours', so that only the moved lane changes.
    """
    others: list[float] = [lane.data.get(CONF_POSITION, 0.0) for lane in ordered_lanes(entry) if lane is not moved]
    before, after = others[:place], others[place:]
    if not before:
        return min(after, default=1.0) - 1.0
    if not after:
        return max(before) + 1.0
    return (before[-1] + after[0]) / 2.0


def _with(lanes: Sequence[dict[str, Any]], changed: dict[str, Any]) -> list[dict[str, Any]]:
    """Return lanes with one in the place of its namesake, or last."""
    if any(one[CONF_NAME] == changed[CONF_NAME] for one in lanes):
        return [changed if one[CONF_NAME] == changed[CONF_NAME] else one for one in lanes]
    return [*lanes, changed]
