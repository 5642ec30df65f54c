"""What a hub does not push whole, read anew whenever its status says that something has moved."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .const import DOMAIN, LOGGER
from .coordinator import EdgeVoiceCoordinator
from .errors import EdgeVoiceError


class Reread[Known](ABC):
    """One hub's, as long as its entry is set up: read after a connect, and after each change; in memory only."""

    what: str
    """What is read, for the log."""
    cooldown_seconds = 0.0
    """Between two readings, for what moves often."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], coordinator: EdgeVoiceCoordinator) -> None:
        self._hass, self._entry, self._coordinator = hass, entry, coordinator
        self.known: Known | None = None
        """None until it was read, and of hubs that have none."""
        self._listeners: list[Callable[[], None]] = []
        self._seen: object = None
        self._reading = self._again = False

    @abstractmethod
    def _mark(self) -> object:
        """Return what of the status changes with it; None for a hub that has none."""

    @abstractmethod
    async def _fetch(self) -> Known:
        """Return it as it is now. Raises EdgeVoiceError."""

    @callback
    def async_start(self) -> None:
        """Follow the hub until the entry is unloaded."""
        self._entry.async_on_unload(self._coordinator.async_add_listener(self._look))

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
            self._entry.async_create_background_task(self._hass, self._read(), name=f"{DOMAIN} {self.what}")

    @callback
    def _look(self) -> None:
        """Read it when the status tells of another one than before."""
        mark = self._mark() if self._coordinator.connected else None
        if mark is not None and mark != self._seen:
            self.async_read()
        self._seen = mark

    async def _read(self) -> None:
        try:
            while self._again:
                self._again = False
                self.known = await self._fetch()
                for listener in tuple(self._listeners):
                    listener()
                await asyncio.sleep(self.cooldown_seconds)
        except EdgeVoiceError as error:
            LOGGER.debug("The %s could not be read: %s", self.what, error)
        finally:
            self._reading = False
