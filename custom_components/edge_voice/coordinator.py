"""What a hub pushes, kept current for every entity."""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any, Final, override

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .client import EdgeVoiceClient
from .const import DOMAIN, LOGGER
from .errors import (
    CannotConnectError,
    CertificateChangedError,
    EdgeVoiceError,
    OtherServerError,
    TokenRefusedError,
    raised_in_setup,
    translated,
)
from .protocol import Asking, Event, Hello, MonthOver, Status, Turn, Wake
from .protocol_bundles import BundleMoved
from .protocol_past import DriftMoved
from .protocol_queue import QueueMoved
from .signals import (
    SIGNAL_ASKING,
    SIGNAL_BUNDLE,
    SIGNAL_DRIFT,
    SIGNAL_MODE,
    SIGNAL_MONTH,
    SIGNAL_QUEUE,
    SIGNAL_SATELLITE,
    SIGNAL_TURN,
)

FIRST_BACKOFF_SECONDS: Final = 1.0
MOST_BACKOFF_SECONDS: Final = 60.0
RECENT_TURNS: Final = 50


class EdgeVoiceCoordinator(DataUpdateCoordinator[Status]):
    """Listens to one hub for as long as its entry is set up. There is no polling: the hub says what changes."""

    config_entry: ConfigEntry[Any]

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry[Any], client: EdgeVoiceClient, chance: random.Random
    ) -> None:
        super().__init__(hass, LOGGER, config_entry=entry, name=entry.title, update_interval=None, always_update=False)
        self.client = client
        self.connected = False
        """Whether the hub's events arrive."""
        self._chance = chance
        self._recent: deque[Turn] = deque(maxlen=RECENT_TURNS)
        self._turn_listeners: list[Callable[[Turn], None]] = []
        self._asking_listeners: list[Callable[[Asking], None]] = []
        self._wake_listeners: list[Callable[[Wake], None]] = []
        self._bundle_listeners: list[Callable[[BundleMoved], None]] = []
        self._drift_listeners: list[Callable[[DriftMoved], None]] = []
        self._queue_listeners: list[Callable[[QueueMoved], None]] = []
        self._month_listeners: list[Callable[[MonthOver], None]] = []
        self._connected_listeners: list[Callable[[], Coroutine[Any, Any, None]]] = []

    @property
    def server_id(self) -> str:
        """Return the hub's id, which stays over restarts and changed addresses."""
        return self.config_entry.unique_id or self.config_entry.entry_id

    @property
    def recent_turns(self) -> tuple[Turn, ...]:
        """Return the last turns, the newest first, without what was said."""
        return tuple(self._recent)

    @override
    async def _async_update_data(self) -> Status:
        """Return the status, asked for once: before the events flow, and when somebody asks for a refresh."""
        try:
            return await self.client.status()
        except EdgeVoiceError as error:
            if isinstance(error, (TokenRefusedError, CertificateChangedError)):
                raise raised_in_setup(error) from error
            raise UpdateFailed(**translated(error)) from error

    @callback
    def async_start(self) -> None:
        """Listen from now on until the entry is unloaded."""
        self.config_entry.async_create_background_task(self.hass, self._listen(), name=f"{DOMAIN} events")

    @callback
    def async_add_turn_listener(self, listener: Callable[[Turn], None]) -> CALLBACK_TYPE:
        """Call with every turn that ends, its text included where the owner keeps it."""
        return _added(self._turn_listeners, listener)

    @callback
    def async_add_asking_listener(self, listener: Callable[[Asking], None]) -> CALLBACK_TYPE:
        """Call when a turn was sent to a lane."""
        return _added(self._asking_listeners, listener)

    @callback
    def async_add_wake_listener(self, listener: Callable[[Wake], None]) -> CALLBACK_TYPE:
        """Call with every wake word."""
        return _added(self._wake_listeners, listener)

    @callback
    def async_add_bundle_listener(self, listener: Callable[[BundleMoved], None]) -> CALLBACK_TYPE:
        """Call when a bundle has moved."""
        return _added(self._bundle_listeners, listener)

    @callback
    def async_add_drift_listener(self, listener: Callable[[DriftMoved], None]) -> CALLBACK_TYPE:
        """Call when a figure has become worse, or is as before again."""
        return _added(self._drift_listeners, listener)

    @callback
    def async_add_queue_listener(self, listener: Callable[[QueueMoved], None]) -> CALLBACK_TYPE:
        """Call when a request that waits has moved."""
        return _added(self._queue_listeners, listener)

    @callback
    def async_add_month_listener(self, listener: Callable[[MonthOver], None]) -> CALLBACK_TYPE:
        """Call when the scorecard of a month is there."""
        return _added(self._month_listeners, listener)

    @callback
    def async_connected_listener(self, listener: Callable[[], Coroutine[Any, Any, None]]) -> CALLBACK_TYPE:
        """Run after each connect, in the background, and now if the hub is connected. An EdgeVoiceError ends it."""
        if self.connected:
            self._run_in_background(listener)
        return _added(self._connected_listeners, listener)

    async def _listen(self) -> None:
        """Listen, and connect again and again, less and less often, whatever happens."""
        failures = 0
        while True:
            try:
                async with contextlib.aclosing(self.client.events()) as events:
                    async for event in events:
                        self._handle(event)
                        failures = 0 if self.connected else failures
                raise CannotConnectError("the hub closed its events", host=self.name, port="")
            except EdgeVoiceError as error:
                self._handle_lost(error)
            await asyncio.sleep(backoff_seconds(failures, self._chance))
            failures += 1

    @callback
    def _handle(self, event: Event) -> None:
        """Take one event."""
        match event:
            case Hello():
                if event.id != self.server_id:
                    raise OtherServerError(host=self.name, port="")
            case Status():
                self._handle_status(event)
            case Turn():
                self._recent.appendleft(replace(event, text=None))
                _call(self._turn_listeners, event)
                async_dispatcher_send(self.hass, SIGNAL_TURN, self.config_entry.entry_id, event)
            case Asking():
                _call(self._asking_listeners, event)
                async_dispatcher_send(self.hass, SIGNAL_ASKING, self.config_entry.entry_id, event)
            case Wake():
                _call(self._wake_listeners, event)
            case _:
                self._handle_moved(event)

    @callback
    def _handle_moved(self, event: BundleMoved | DriftMoved | QueueMoved | MonthOver) -> None:
        """Take one event of what goes on beside the turns."""
        match event:
            case BundleMoved():
                _call(self._bundle_listeners, event)
                async_dispatcher_send(self.hass, SIGNAL_BUNDLE, self.config_entry.entry_id, event)
            case DriftMoved():
                _call(self._drift_listeners, event)
                async_dispatcher_send(self.hass, SIGNAL_DRIFT, self.config_entry.entry_id, event)
            case QueueMoved():
                _call(self._queue_listeners, event)
                async_dispatcher_send(self.hass, SIGNAL_QUEUE, self.config_entry.entry_id, event)
            case MonthOver():
                _call(self._month_listeners, event)
                async_dispatcher_send(self.hass, SIGNAL_MONTH, self.config_entry.entry_id, event)

    @callback
    def _handle_status(self, status: Status) -> None:
        """Show a status. The first one after a connect says that the hub is back."""
        returned = not self.connected
        if returned:
            if not self.last_update_success:
                LOGGER.info("%s is back", self.name)
            self.connected = True
            self.last_exception = None
        before: Status | None = self.data
        self.async_set_updated_data(status)
        if before is not None:
            self._tell_changes(before, status)
        if returned:
            self._end_reauth()
            self._run_in_background(self._fetch_recent_turns)
            for listener in self._connected_listeners.copy():
                self._run_in_background(listener)

    @callback
    def _tell_changes(self, before: Status, now: Status) -> None:
        """Tell of a mode and of satellites' states that are others than before; also than before the hub was away."""
        if now.mode != before.mode:
            async_dispatcher_send(self.hass, SIGNAL_MODE, self.config_entry.entry_id, now, before.mode)
        for satellite in now.satellites:
            known = before.satellite(satellite.id)
            if known is not None and known.state != satellite.state:
                async_dispatcher_send(self.hass, SIGNAL_SATELLITE, self.config_entry.entry_id, satellite, known.state)

    @callback
    def _handle_lost(self, error: EdgeVoiceError) -> None:
        """Make every entity unavailable, and say so once."""
        self.connected = False
        self.last_exception = error
        if isinstance(error, (TokenRefusedError, CertificateChangedError)):
            self.config_entry.async_start_reauth_if_available(self.hass)
        if self.last_update_success:
            LOGGER.warning("%s is away: %s", self.name, error)
            self.last_update_success = False
        else:
            LOGGER.debug("%s is still away: %s", self.name, error)
        self.async_update_listeners()

    async def _fetch_recent_turns(self) -> None:
        """Fill the recent turns with those that were missed; they are shown, and tell nobody."""
        fetched = await self.client.turns(RECENT_TURNS)
        known = {one.turn_id: one for one in self._recent}
        for one in fetched:
            known.setdefault(one.turn_id, replace(one, text=None))
        newest = sorted(known.values(), key=lambda one: one.at, reverse=True)[:RECENT_TURNS]
        self._recent = deque(newest, maxlen=RECENT_TURNS)

    @callback
    def _end_reauth(self) -> None:
        """Take back the question for a new token: the old one works again."""
        flows = self.hass.config_entries.flow
        for flow in flows.async_progress_by_handler(
            DOMAIN, match_context={"entry_id": self.config_entry.entry_id, "source": SOURCE_REAUTH}
        ):
            flows.async_abort(flow["flow_id"])

    @callback
    def _run_in_background(self, listener: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.config_entry.async_create_background_task(
            self.hass, _without_hub_errors(listener), name=f"{DOMAIN} connected"
        )


def backoff_seconds(failures: int, chance: random.Random) -> float:
    """Return a wait, each twice as long, and not in step with the other clients of a hub that has restarted."""
    longest: float = min(FIRST_BACKOFF_SECONDS * 2 ** min(failures, 10), MOST_BACKOFF_SECONDS)
    return longest * chance.uniform(0.5, 1.0)


async def _without_hub_errors(listener: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run what follows a connect; a hub that goes away meanwhile is told it at the next one."""
    try:
        await listener()
    except EdgeVoiceError as error:
        LOGGER.debug("The hub did not take what follows a connect: %s", error)


def _added[T](listeners: list[T], listener: T) -> CALLBACK_TYPE:
    listeners.append(listener)
    return lambda: listeners.remove(listener)


def _call[T](listeners: Iterable[Callable[[T], None]], event: T) -> None:
    """Call each listener; one that fails is logged and keeps nothing from the others."""
    for listener in tuple(listeners):
        try:
            listener(event)
        except Exception:  # noqa: BLE001  # the stream of events must outlive what a listener does wrong
            LOGGER.exception("A listener failed")
