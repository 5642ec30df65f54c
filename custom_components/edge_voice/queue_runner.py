"""Does the requests that waited, once each, in their order, when the hub says that they are ready.

A request's id is on the disk before anything is done with it. After a cut, what was being done is told to the hub as
interrupted, and is its owner's to repeat: nothing here does an id twice.
"""

import asyncio
import logging
import random
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.start import async_at_started
from homeassistant.util.file import WriteError

from .agents import agent_behind, is_coming, is_there
from .client import EdgeVoiceClient
from .complaints import Complaints
from .const import DOMAIN, LOGGER
from .coordinator import EdgeVoiceCoordinator, backoff_seconds
from .errands import Errands
from .errors import EdgeVoiceError, RefusedError
from .protocol_queue import QueueMoved, WaitingRequest
from .queue_execution import async_execute
from .queue_record import QueueRecord, async_forget_record
from .queue_results import Reporter
from .queue_stages import ENDED, Stage
from .signals import SIGNAL_FINISHED

PATIENCE_SECONDS: Final = 10.0
"""For a request that is being done when everything is to stop; then it is cut, and its owner's to repeat."""
_WAKES: Final = frozenset({"ready", "repeated"})
_GONE: Final = frozenset({"request-taken", "unknown-request"})
"""Refusals that say that a request is no longer ours."""


class _NobodyThereError(Exception):
    """The agent comes back by itself; what it would have to do is not begun until then."""


async def async_leave(hass: HomeAssistant, entry: ConfigEntry[Any], client: EdgeVoiceClient) -> None:
    """Tell the hub of what was begun by an entry that is removed, and erase the record; nobody else would end it."""
    record = QueueRecord(hass, entry.entry_id)
    await record.async_load()
    for request_id, stage in record.begun():
        try:
            await client.queue.end(request_id, entry.entry_id, stage if stage in ENDED else Stage.INTERRUPTED)
        except RefusedError as error:
            LOGGER.debug("The hub does not take how a request ended: %s", error.code)
        except EdgeVoiceError as error:
            LOGGER.debug("The hub was not told of what was being done: %s", error)
            break
    await async_forget_record(hass, entry.entry_id)


class QueueRunner:
    """One entry's, as long as it is set up."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        coordinator: EdgeVoiceCoordinator,
        errands: Errands,
        chance: random.Random,
    ) -> None:
        """Do them as this entry: the hub hands a request that another has started to nobody else."""
        self._hass, self._entry, self._coordinator = hass, entry, coordinator
        self._errands, self._chance = errands, chance
        self._by = entry.entry_id
        self._record = QueueRecord(hass, entry.entry_id)
        self._reporter = Reporter(hass, entry, errands)
        self._complaints = Complaints()
        self._called = asyncio.Event()
        self._is_open = True
        self._current: asyncio.Task[None] | None = None

    async def async_start(self) -> None:
        """Begin, once Home Assistant has started: agents and lists are not there before."""
        await self._record.async_load()
        entry, coordinator = self._entry, self._coordinator
        entry.async_on_unload(coordinator.async_add_queue_listener(self._moved))
        entry.async_on_unload(coordinator.async_connected_listener(self._connected))
        entry.async_on_unload(async_at_started(self._hass, self._begin))
        entry.async_on_unload(self._hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, self._stopping))

    async def async_close(self) -> None:
        """Begin no further request, and let the one that is being done end, if that does not take long."""
        self._is_open = False
        if self._current is not None and not self._current.done():
            await asyncio.wait({self._current}, timeout=PATIENCE_SECONDS)

    async def _stopping(self, _: Event) -> None:
        await self.async_close()

    @callback
    def _begin(self, _: HomeAssistant) -> None:
        self._entry.async_create_background_task(self._hass, self._run(), name=f"{DOMAIN} queue")
        self._called.set()

    @callback
    def _moved(self, moved: QueueMoved) -> None:
        if moved.event in _WAKES:
            self._called.set()

    async def _connected(self) -> None:
        self._called.set()

    async def _run(self) -> None:
        """Do what is ready, whenever something may be; again and again, less and less often, where that fails."""
        failures = 0
        while True:
            try:
                async with asyncio.timeout(backoff_seconds(failures - 1, self._chance) if failures else None):
                    await self._called.wait()
            except TimeoutError:
                pass  # it is tried again
            self._called.clear()
            try:
                await self._drain()
                failures = 0
            except EdgeVoiceError as error:
                LOGGER.debug("The requests that wait cannot be done now: %s", error)
                failures += 1
            except _NobodyThereError:
                self._complaints.about("agent", "Requests that waited are not done yet: their agent is being set up")
                failures += 1
            except WriteError:
                self._complaints.about("disk", "No request that waited is done: the disk does not take the record")
                failures += 1

    async def _drain(self) -> None:
        """Do all that is ready. Raises EdgeVoiceError, WriteError, _NobodyThereError."""
        if not self._coordinator.connected or self._coordinator.data.queue is None:
            return
        seen: set[str] = set()
        try:
            while self._may_begin and await self._do_ready(seen):
                pass
            await self._record.async_settle()
        finally:
            self._reporter.flush()

    async def _do_ready(self, seen: set[str]) -> bool:
        """Do what is ready now and was not seen yet; return whether there was anything."""
        listed = await self._coordinator.client.queue.all()
        ours = {one.id: one for one in listed.requests if self._is_ours(one)}
        await self._close_what_was_cut(ours)
        new = [one for one in ours.values() if one.id not in seen]
        for request in sorted(new, key=lambda one: one.number):
            if not self._may_begin:
                return False
            agent = agent_behind(self._hass, self._entry)
            if not is_there(self._hass, agent) and is_coming(self._hass, agent):
                raise _NobodyThereError
            seen.add(request.id)
            self._current = self._errands.start(self._do(request), f"{DOMAIN} waiting request")
            await asyncio.shield(self._current)
        return bool(new)

    def _is_ours(self, request: WaitingRequest) -> bool:
        return request.state == "ready" or (request.state == "started" and request.started_by == self._by)

    async def _close_what_was_cut(self, ours: dict[str, WaitingRequest]) -> None:
        """Tell the hub of what an earlier run began: nothing of it is being done now."""
        for request_id, stage in self._record.begun():
            if stage is Stage.STARTING:
                if request_id not in ours:
                    self._record.forget(request_id)
                continue
            if stage is Stage.EXECUTING:
                await self._record.async_note(request_id, Stage.INTERRUPTED)
            await self._tell(request_id)
            ours.pop(request_id, None)

    async def _do(self, request: WaitingRequest) -> None:
        """Do one. Raises EdgeVoiceError, WriteError: it was not done then, or it is told later how it ended."""
        if (ended := self._record.told(request.id)) is not None:
            await self._tell_again(request, ended)
            return
        if request.state == "started" and self._record.stage(request.id) is None:
            # Begun here, and the record of it is lost: it may have been done.
            await self._record.async_note(request.id, Stage.INTERRUPTED)
            await self._tell(request.id)
            return
        await self._record.async_note(request.id, Stage.STARTING)
        if (taken := await self._take(request.id)) is None:
            return
        await self._record.async_note(request.id, Stage.EXECUTING)
        finished = await async_execute(self._hass, self._entry, taken)
        try:
            await self._record.async_note(request.id, finished.ended)
        except WriteError:
            self._complaints.about("disk", "The disk does not take how a request ended; the hub is told all the same")
        self._reporter.add(finished)
        await self._tell(request.id)
        async_dispatcher_send(self._hass, SIGNAL_FINISHED, self._entry.entry_id, finished)

    async def _take(self, request_id: str) -> WaitingRequest | None:
        """Return the request, which is ours now; None when it is not to be had any more."""
        try:
            return await self._coordinator.client.queue.start(request_id, self._by)
        except RefusedError as error:
            if error.code not in _GONE:
                raise
            self._record.forget(request_id)
            return None

    async def _tell_again(self, request: WaitingRequest, ended: Stage) -> None:
        """Tell a hub that has forgotten it how a request has ended here."""
        if request.state == "ready" and await self._take(request.id) is None:
            return
        await self._end(request.id, ended)

    async def _tell(self, request_id: str) -> None:
        """Tell the hub how a request has ended, and remember that it knows."""
        stage = self._record.stage(request_id)
        if stage in ENDED:
            await self._end(request_id, stage)
            self._record.close(request_id)

    async def _end(self, request_id: str, ended: Stage) -> None:
        try:
            await self._coordinator.client.queue.end(request_id, self._by, ended)
        except RefusedError as error:
            if error.code not in _GONE:
                raise
            # A hub that was put back from an older backup, or an owner who has purged: nobody else will tell of it.
            level = logging.WARNING if ended is Stage.INTERRUPTED else logging.DEBUG
            LOGGER.log(level, "A request that waited ended as %s, and the hub says %s", ended, error.code)

    @property
    def _may_begin(self) -> bool:
        return self._is_open and not self._hass.is_stopping
