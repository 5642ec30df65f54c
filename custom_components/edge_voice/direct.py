"""Straight to the owner's own lanes while the hub cannot be reached: within its caps, and with rows for its ledger."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final, TypedDict

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .const import DOMAIN, LOGGER
from .coordinator import EdgeVoiceCoordinator
from .entity_lane import LISTENING_SECONDS, Ending, EntityLane, LaneAnswer, can_hear, entity_lanes, hear
from .entry_options import CONF_DIRECT_FALLBACK, chosen
from .errands import Errands
from .errors import RefusedError
from .protocol import Status
from .tape import Tape

DIRECT_SECONDS: Final = 3.0
"""After the last word, as the hub promises: there is no other text to fall back on."""
_VERSION: Final = 1
_MOST_ROWS: Final = 1000
_KEPT: Final = timedelta(days=31)
"""For rows that the hub refuses, because their lane is no more; longer than any cap counts."""


class Row(TypedDict):
    """One upload, as the hub's ledger takes it."""

    at: str
    lane: str
    turn_id: str
    seconds: float
    ending: str
    took_ms: float


class DirectLanes:
    """Which lane may be asked without the hub, and what was sent there."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry[Any], coordinator: EdgeVoiceCoordinator, errands: Errands
    ) -> None:
        """Rest on the last status that the hub pushed."""
        self._hass, self._entry, self._coordinator, self._errands = hass, entry, coordinator, errands
        self._store: Store[dict[str, list[Row]]] = store_of(hass, entry.entry_id)
        self._rows: list[Row] = []
        self._under_way: list[Row] = []
        self._as_of = dt_util.now()
        """When the last status came."""

    async def async_load(self) -> None:
        """Take up the rows that the hub has not been told of."""
        self._rows = ((await self._store.async_load()) or {}).get("rows", [])

    @callback
    def note_status(self) -> None:
        """Remember that the status is of now."""
        if self._coordinator.connected:
            self._as_of = dt_util.now()

    @callback
    def lane_for(self, language: str, satellite_id: str | None) -> EntityLane | str:
        """Return the first lane that may be asked now, or the reason, for the log, why there is none."""
        if not chosen(self._entry.options, CONF_DIRECT_FALLBACK):
            return "speech is not to go anywhere else"
        status = self._coordinator.data
        if not status.policy.cloud_allowed or status.policy.routing_mode == "edge":
            return "nothing is to leave the hub"
        if (known := status.satellite(satellite_id or "")) is not None and known.routing_mode == "edge":
            return "this satellite's speech is not to leave the hub"
        lanes = [one for one in entity_lanes(self._hass, self._entry) if one.serves(satellite_id)]
        if not lanes:
            return "no entity of this Home Assistant is a lane of this satellite"
        able = [one for one in lanes if can_hear(self._hass, one, language)]
        if not able:
            return "no lane's entity is available for this language"
        free = [one for one in able if not one.is_capped or self._is_within_caps(status)]
        return free[0] if free else "the cap is reached"

    async def async_ask(self, lane: EntityLane, language: str, tape: Tape) -> LaneAnswer:
        """Have a lane hear a tape from its beginning, and what is still being said. Raises nothing."""
        answer = LaneAnswer(ending=Ending.CANCELLED)
        async with self._row(lane) as row:
            try:
                answer = await hear(
                    self._hass,
                    lane,
                    language,
                    tape.chunks(LISTENING_SECONDS),
                    seconds=DIRECT_SECONDS,
                    ended=tape.ended,
                    errands=self._errands,
                )
            finally:
                row["ending"], row["took_ms"] = answer.ending, round(answer.took_ms, 1)
                row["seconds"] = round(tape.seconds, 2)
        return answer

    @asynccontextmanager
    async def _row(self, lane: EntityLane) -> AsyncIterator[Row]:
        """Write a row down before anything is sent, and again with its ending. A hub that is back is told later."""
        row = Row(
            at=dt_util.utcnow().isoformat(),
            lane=lane.name,
            turn_id=uuid.uuid4().hex,
            seconds=0.0,
            ending=Ending.CANCELLED,
            took_ms=0.0,
        )
        self._rows.append(row)
        self._under_way.append(row)
        try:
            await self._save()
            yield row
        finally:
            self._under_way.remove(row)
            self._errands.start(self._save(), "edge_voice ledger")

    async def async_hand_in(self) -> None:
        """Tell the hub of what was sent without it. Raises EdgeVoiceError."""
        for row in [one for one in self._rows if one not in self._under_way]:
            try:
                await self._coordinator.client.write_ledger([row])
            except RefusedError as error:
                LOGGER.warning("The hub's ledger did not take an upload to %s: %s", row["lane"], error.code)
                continue
            self._rows.remove(row)
            await self._save()

    async def _save(self) -> None:
        oldest = dt_util.utcnow() - _KEPT
        kept = [one for one in self._rows if datetime.fromisoformat(one["at"]) > oldest]
        self._rows = kept[-_MOST_ROWS:]
        await self._store.async_save({"rows": list(self._rows)})

    def _is_within_caps(self, status: Status) -> bool:
        """Tell whether the hub's caps leave anything, by its last word and what was sent since."""
        now, cloud, policy = dt_util.now(), status.cloud, status.policy
        same_day = now.date() == self._as_of.date()
        same_month = same_day or (now.year, now.month) == (self._as_of.year, self._as_of.month)
        seconds = cloud.seconds_left_today if same_day else policy.cloud_seconds_per_day
        money = cloud.money_left_this_month if same_month else policy.cloud_money_per_month
        sent = sum(one["seconds"] for one in self._rows if _day_of(one) == now.date())
        return (seconds or 0.0) - sent > 0.0 and (money or 0.0) > 0.0


def store_of(hass: HomeAssistant, entry_id: str) -> Store[Any]:
    """Return where an entry's rows are kept."""
    return Store(hass, _VERSION, f"{DOMAIN}.{entry_id}.uploads", private=True, atomic_writes=True)


def _day_of(row: Row) -> Any:
    return dt_util.as_local(datetime.fromisoformat(row["at"])).date()
