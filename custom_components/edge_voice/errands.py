"""What goes on after a turn has been answered: nobody waits for it but the unloading of the entry."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback

from .const import LOGGER
from .errors import EdgeVoiceError

_PATIENCE_SECONDS: Final = 2.0
"""For errands that end by themselves; then they are told to stop, and what does not stop is left behind."""


class Errands:
    """Tasks beside the turns."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with none."""
        self._hass = hass
        self._tasks: set[asyncio.Task[Any]] = set()

    @callback
    def start[T](self, errand: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Start one; whoever awaits it gets its result, and its failure is nobody else's."""
        task = self._hass.async_create_background_task(errand, name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    @callback
    def tell(self, message: Coroutine[Any, Any, Any], name: str) -> None:
        """Tell the hub something that it may miss: it can go away at any time."""
        self.start(_without_hub_errors(message, name), f"edge_voice {name}")

    async def async_close(self) -> None:
        """Wait for all of them, not for long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_PATIENCE_SECONDS)
        for task in self._tasks.copy():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_PATIENCE_SECONDS)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            LOGGER.debug("%s failed: %s", task.get_name(), type(failure).__name__)


async def _without_hub_errors(message: Coroutine[Any, Any, Any], name: str) -> None:
    try:
        await message
    except EdgeVoiceError as error:
        LOGGER.debug("The hub was not told (%s): %s", name, error)
