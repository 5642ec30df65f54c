"""What left the home, read anew whenever something may have: the hub tells sums by itself, single uploads if asked."""

from collections.abc import Callable
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .const import DOMAIN, LOGGER
from .coordinator import EdgeVoiceCoordinator
from .errors import EdgeVoiceError
from .protocol import Turn
from .protocol_past import Ledger

LISTED: Final = 20
"""Uploads that are known one by one."""


class LedgerWatch:
    """One hub's ledger, as long as its entry is set up. It is read after a connect, and after each upload."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], coordinator: EdgeVoiceCoordinator) -> None:
        self._hass, self._entry, self._coordinator = hass, entry, coordinator
        self.known: Ledger | None = None
        """None until it was read."""
        self._listeners: list[Callable[[], None]] = []
        self._seen: tuple[float, float, float] | None = None
        self._reading = self._again = False

    @callback
    def async_start(self) -> None:
        """Follow the hub until the entry is unloaded."""
        self._entry.async_on_unload(self._coordinator.async_add_listener(self._look))
        self._entry.async_on_unload(self._coordinator.async_add_turn_listener(self._heard))

    @callback
    def async_add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call when it was read."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def async_read(self) -> None:
        """Read it in the background; asked for while it is being read, once more after that."""
        self._again = True
        if not self._reading:
            self._reading = True
            self._entry.async_create_background_task(self._hass, self._read(), name=f"{DOMAIN} ledger")

    @callback
    def _look(self) -> None:
        """Read it when the hub's sums are others than before."""
        if not self._coordinator.connected:
            self._seen = None
            return
        cloud = self._coordinator.data.cloud
        seen = (cloud.seconds_today, cloud.seconds_this_month, cloud.cost_this_month)
        if seen != self._seen:
            self._seen = seen
            self.async_read()

    @callback
    def _heard(self, turn: Turn) -> None:
        if turn.lanes:
            self.async_read()

    async def _read(self) -> None:
        try:
            while self._again:
                self._again = False
                self.known = await self._coordinator.client.past.ledger(LISTED)
                for listener in tuple(self._listeners):
                    listener()
        except EdgeVoiceError as error:
            LOGGER.debug("The ledger could not be read: %s", error)
        finally:
            self._reading = False
