"""A hub's requests that wait, with what was said, read anew whenever one has moved: the hub's events tell no text."""

from typing import override

from homeassistant.core import callback

from .protocol_queue import WaitingRequests
from .reread import Reread


class QueueWatch(Reread[WaitingRequests]):
    """One hub's requests."""

    what = "waiting requests"
    cooldown_seconds = 0.5  # while a full queue is done, each of its requests moves several times

    @callback
    @override
    def async_start(self) -> None:
        super().async_start()
        self._entry.async_on_unload(self._coordinator.async_add_queue_listener(lambda _: self.async_read()))

    @override
    def _mark(self) -> object:
        return self._coordinator.data.queue

    @override
    async def _fetch(self) -> WaitingRequests:
        return await self._coordinator.client.queue.all()
