"""A hub's requests that wait, with what was said, read anew whenever one has moved: the hub's events tell no text."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .const import DOMAIN, LOGGER
from .coordinator import EdgeVoiceCoordinator
from .errors import EdgeVoiceError
from .protocol_queue import Queue, WaitingRequests

_COOLDOWN_SECONDS: Final = 0.5
"""While a full queue is done, each of its requests moves several times."""


class QueueWatch:
    """One hub's, as long as its entry is set up. What was said is in memory only."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], coordinator: EdgeVoiceCoordinator) -> None:
        self._hass, self._entry, self._coordinator = hass, entry, coordinator
        self.known: WaitingRequests | None = None
        """None until it was read, and of hubs that keep none."""
        self._listeners: list[Callable[[], None]] = []
        self._seen: Queue | None = None
        self._reading = self._again = False

    @callback
    def async_start(self) -> None:
        """Follow the hub until the entry is unloaded."""
        self._entry.async_on_unload(self._coordinator.async_add_listener(self._look))
        self._entry.async_on_unload(self._coordinator.async_add_queue_listener(lambda _: self.async_read()))

    @callback
    def async_add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call when it was read."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def async_read(self) -> None:
        """Read it in the background; asked for while it is being read, once more soon after that."""
        self._again = True
        if not self._reading:
            self._reading = True
            self._entry.async_create_background_task(self._hass, self._read(), name=f"{DOMAIN} waiting requests")

    @callback
    def _look(self) -> None:
        """Read it when the hub counts otherwise than before."""
        if not self._coordinator.connected:
            self._seen = None
            return
        seen = self._coordinator.data.queue
        if seen is not None and seen != self._seen:
            self.async_read()
        self._seen = seen

    async def _read(self) -> None:
        try:
            while self._again:
                self._again = False
                self.known = await self._coordinator.client.queue.all()
                for listener in tuple(self._listeners):
                    listener()
                await asyncio.sleep(_COOLDOWN_SECONDS)
        except EdgeVoiceError as error:
            LOGGER.debug("The requests that wait could not be read: %s", error)
        finally:
            self._reading = False
