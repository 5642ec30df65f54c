"""What the card asks of Home Assistant: turns without their texts, an overview, and both as they change.

Any user may read this: it says less than the entities do.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Final

import probatio as vol
from homeassistant.components import websocket_api
from homeassistant.components.websocket_api import ActiveConnection
from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange, ConfigEntryState
from homeassistant.const import Platform
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .coordinator import RECENT_TURNS
from .errors import EdgeVoiceError
from .past_events import alarm_attributes
from .protocol import Status, Turn
from .protocol_past import SUMMED_UP
from .protocol_queue import Queue
from .signals import SIGNAL_TEXT_RETURNED, SIGNAL_TURN
from .turns import turn_attributes
from .types import EdgeVoiceConfigEntry, EdgeVoiceData

type Json = dict[str, Any]

_ENTRY: Final[dict[str | vol.Marker, Any]] = {vol.Optional("entry_id"): str}
_LIMIT: Final = vol.All(int, vol.Range(min=1, max=RECENT_TURNS))
_WAITS: Final[HassKey[dict[str, float]]] = HassKey(f"{DOMAIN}_waits")
"""Per turn: the milliseconds from the hub's transcript to the text that went on. The hub cannot know them, and where
Home Assistant itself has asked a service, they are most of what was waited for."""
_MOST_WAITS: Final = 4 * RECENT_TURNS
_CLIENT: Final = "client"
"""The route of a turn for which Home Assistant itself asks a service."""


@callback
def async_register(hass: HomeAssistant) -> None:
    """Register the commands, for as long as Home Assistant runs."""
    waits = hass.data[_WAITS] = {}

    @callback
    def remember(turn_id: str, milliseconds: float) -> None:
        waits[turn_id] = milliseconds
        if len(waits) > _MOST_WAITS:
            del waits[next(iter(waits))]

    async_dispatcher_connect(hass, SIGNAL_TEXT_RETURNED, remember)
    for command in (ws_turns, ws_overview, ws_subscribe_turns):
        websocket_api.async_register_command(hass, command)


class _NoSuchEntryError(Exception):
    """A card asks for a hub that is not there, or does not say which of several."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@websocket_api.websocket_command(
    {vol.Required("type"): "edge_voice/turns", vol.Optional("limit", default=RECENT_TURNS): _LIMIT, **_ENTRY}
)
@websocket_api.async_response
async def ws_turns(hass: HomeAssistant, connection: ActiveConnection, msg: Json) -> None:
    """Answer with a hub's last turns, the newest first."""
    if (entry := _entry(hass, connection, msg)) is not None:
        turns = await _turns(hass, entry, msg["limit"])
        connection.send_result(msg["id"], {"entry_id": entry.entry_id, "turns": turns})


@websocket_api.websocket_command({vol.Required("type"): "edge_voice/overview", **_ENTRY})
@callback
def ws_overview(hass: HomeAssistant, connection: ActiveConnection, msg: Json) -> None:
    """Answer with how a hub stands."""
    if (entry := _entry(hass, connection, msg)) is not None:
        connection.send_result(msg["id"], _overview(hass, entry))


@websocket_api.websocket_command({vol.Required("type"): "edge_voice/subscribe_turns", **_ENTRY})
@websocket_api.async_response
async def ws_subscribe_turns(hass: HomeAssistant, connection: ActiveConnection, msg: Json) -> None:
    """Send `overview`, `turns` and `ledger` at once, then each `turn` as it ends, and the others as they change."""
    if (entry := _entry(hass, connection, msg)) is None:
        return
    subscription = _Subscription(hass=hass, connection=connection, number=msg["id"], entry=entry)
    connection.subscriptions[msg["id"]] = subscription.async_end
    connection.send_result(msg["id"])
    subscription.async_start()
    turns = await _turns(hass, entry, RECENT_TURNS)
    subscription.send(overview=_overview(hass, entry), turns=turns, ledger=_ledger(entry))


@dataclass(kw_only=True, slots=True)
class _Subscription:
    """One card's. It outlives reloads of the entry, and ends with the card's connection."""

    hass: HomeAssistant
    connection: ActiveConnection
    number: int
    entry: EdgeVoiceConfigEntry
    _ends: list[CALLBACK_TYPE] = field(default_factory=list)
    _leaves: list[CALLBACK_TYPE] = field(default_factory=list)
    """End listening to coordinator and ledger; each reload makes new ones."""

    @callback
    def async_start(self) -> None:
        """Listen to the turns, to the entry, and to its coordinator while there is one."""
        self._ends = [
            async_dispatcher_connect(self.hass, SIGNAL_TURN, self._handle_turn),
            async_dispatcher_connect(self.hass, SIGNAL_TEXT_RETURNED, self._handle_text_returned),
            async_dispatcher_connect(self.hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._handle_entry),
        ]
        self._follow()

    @callback
    def async_end(self) -> None:
        """Listen no more."""
        for end in self._ends:
            end()
        self._unfollow()

    def send(self, **event: Any) -> None:
        """Send an event to the card."""
        self.connection.send_event(self.number, event)

    @callback
    def _handle_turn(self, entry_id: str, turn: Turn) -> None:
        if entry_id == self.entry.entry_id:
            self.send(turn=_told(self.hass, turn))

    @callback
    def _handle_text_returned(self, turn_id: str, _milliseconds: float) -> None:
        """Tell a turn again when the service that Home Assistant has asked for it is done."""
        recent = data.coordinator.recent_turns if (data := _data(self.entry)) is not None else ()
        for turn in recent:
            if turn.turn_id == turn_id and turn.route == _CLIENT:
                self.send(turn=_told(self.hass, turn))

    @callback
    def _handle_entry(self, change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.entry_id == self.entry.entry_id and change is not ConfigEntryChange.ADDED:
            self._follow()
            self._handle_status()

    @callback
    def _handle_status(self) -> None:
        self.send(overview=_overview(self.hass, self.entry))

    @callback
    def _handle_ledger(self) -> None:
        self.send(ledger=_ledger(self.entry))

    def _follow(self) -> None:
        """Listen to the coordinator and the ledger that the entry has now, if it has them."""
        self._unfollow()
        if (data := _data(self.entry)) is not None:
            self._leaves = [
                data.coordinator.async_add_listener(self._handle_status),
                data.ledger.async_add_listener(self._handle_ledger),
            ]

    def _unfollow(self) -> None:
        for leave in self._leaves:
            leave()
        self._leaves = []


def _entry(hass: HomeAssistant, connection: ActiveConnection, msg: Json) -> EdgeVoiceConfigEntry | None:
    """Return the entry that is asked for, by its id or because it is the only one; None when the refusal was sent."""
    try:
        return _chosen(hass, msg.get("entry_id"))
    except _NoSuchEntryError as error:
        connection.send_error(msg["id"], error.code, str(error), translation_domain=DOMAIN, translation_key=error.code)
        return None


def _chosen(hass: HomeAssistant, entry_id: str | None) -> EdgeVoiceConfigEntry:
    """Return an entry of ours; without an id, the only one. Raises _NoSuchEntryError."""
    entries = hass.config_entries.async_entries(DOMAIN, include_ignore=False, include_disabled=False)
    if entry_id is not None:
        entries = [entry for entry in entries if entry.entry_id == entry_id]
        if not entries:
            raise _NoSuchEntryError("entry_not_found", "This Edge Voice hub is not set up, or is switched off")
    if not entries:
        raise _NoSuchEntryError("no_entry", "Edge Voice is not set up")
    if len(entries) > 1:
        raise _NoSuchEntryError("several_entries", "There are several Edge Voice hubs: name one by entry_id")
    return entries[0]


def _data(entry: EdgeVoiceConfigEntry) -> EdgeVoiceData | None:
    return entry.runtime_data if entry.state is ConfigEntryState.LOADED else None


async def _turns(hass: HomeAssistant, entry: EdgeVoiceConfigEntry, limit: int) -> list[Json]:
    """Return the turns that the hub and Home Assistant remember, the newest first: either may have been restarted."""
    if (data := _data(entry)) is None:
        return []
    try:
        told = await data.client.turns(RECENT_TURNS) if data.coordinator.connected else ()
    except EdgeVoiceError:
        told = ()
    by_id = {turn.turn_id: turn for turn in (*told, *data.coordinator.recent_turns)}
    newest_first = sorted(by_id.values(), key=lambda turn: turn.at, reverse=True)
    return [_told(hass, turn) for turn in newest_first[:limit]]


def _told(hass: HomeAssistant, turn: Turn) -> Json:
    """Return a turn without its text; its times hold what Home Assistant itself has waited for a service."""
    told = turn_attributes(turn)
    waited = hass.data[_WAITS].get(turn.turn_id)
    if waited is None or turn.route != _CLIENT or turn.latency_ms is None:
        return told
    times = dict(turn.latency_ms)
    for name in ("cloud", "last_word_to_text"):
        times[name] = (times.get(name) or 0.0) + waited
    return told | {"latency_ms": times}


def _overview(hass: HomeAssistant, entry: EdgeVoiceConfigEntry) -> Json:
    """Return how a hub stands; of one that is not set up, no more than that."""
    overview: Json = {"entry_id": entry.entry_id, "title": entry.title, "state": entry.state.value, "connected": False}
    if (data := _data(entry)) is None:
        return overview
    overview["connected"] = data.coordinator.connected
    overview["entities"] = _entities(hass, data.server_id)
    return overview | _of_status(data.coordinator.data)


def _of_status(status: Status) -> Json:
    return {
        "mode": status.mode,
        "mode_reason": status.mode_reason,
        "mode_ends": status.mode_ends,
        "model": asdict(status.model),
        "lanes": [
            {"name": lane.name, "provider": lane.provider, "trust": lane.trust, "state": lane.state}
            for lane in status.lanes
        ],
        "cloud": asdict(status.cloud),
        "figures": asdict(status.figures),
        "routing_mode": status.policy.routing_mode,
        "queue": _counts(status.queue),
        "drift": [alarm_attributes(one) for one in (status.drift.alarms if status.drift else ())],
    }


def _counts(queue: Queue | None) -> Json | None:
    """Return how many requests wait; None for a hub that keeps none."""
    if queue is None:
        return None
    return {key: getattr(queue, key) for key in ("waiting", "ready", "started", "needs_you")}


def _ledger(entry: EdgeVoiceConfigEntry) -> Json | None:
    """Return the last uploads and the sums; None while they are not known."""
    if (data := _data(entry)) is None or (known := data.ledger.known) is None:
        return None
    uploads = (one for one in known.rows if one.ending != SUMMED_UP)
    return asdict(known) | {"rows": [asdict(one) | {"at": one.at.isoformat()} for one in uploads]}


def _entities(hass: HomeAssistant, server_id: str) -> dict[str, str | None]:
    """Return the entities whose history the card draws, by their keys."""
    find = er.async_get(hass).async_get_entity_id
    return {key: find(Platform.SENSOR, DOMAIN, f"{server_id}_{key}") for key in ("escalation_rate",)}
