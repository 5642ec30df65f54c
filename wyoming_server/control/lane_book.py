"""The owner's lanes that came by the control API: kept with their keys sealed."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..engines.lanes import with_defaults
from ..errors import DiskError, EdgeVoiceError, InvalidSettingsError
from ..pipeline.lanes import LaneSettings
from ..records.choices import LANES, Choices
from ..records.keyring import Keyring
from .choices import lane_fields, lane_of

_LOGGER = logging.getLogger(__name__)
_SEALED = "sealed_key"


class LaneBook:
    """Lanes at rest. In memory they carry their keys; on the disk these are sealed."""

    def __init__(self, choices: Choices, keyring: Keyring) -> None:
        self._choices, self._keyring = choices, keyring
        self.lanes: tuple[LaneSettings, ...] = ()
        """As they are now, in the owner's order."""

    async def read(self) -> None:
        """Take up what is kept; a lane that cannot be read is left out and named in the log, a lost key is empty."""
        kept = self._choices.get(LANES, [])
        lanes = []
        for fields in kept if isinstance(kept, list) else []:
            try:
                lanes.append(await self._opened(fields))
            except EdgeVoiceError as error:
                _LOGGER.warning("a lane that was kept cannot be used: %s", error)
        self.lanes = tuple(lanes)

    async def _opened(self, fields: Mapping[str, Any]) -> LaneSettings:
        if not isinstance(fields, dict):
            raise InvalidSettingsError("what was kept of it is damaged; add it again")
        lane = lane_of({key: value for key, value in fields.items() if key != _SEALED})
        if (sealed := fields.get(_SEALED)) is None:
            return lane
        try:
            return replace(lane, key=await asyncio.to_thread(self._keyring.open, lane.name, str(sealed)))
        except EdgeVoiceError as error:
            _LOGGER.warning("%s", error)  # the lane stays, and says that its key is missing when it is asked
            return lane

    def taken(self, lanes: Sequence[Mapping[str, Any]]) -> tuple[LaneSettings, ...]:
        """Return lanes from JSON; one without a key keeps the one it has. Raises InvalidSettingsError.

        Only at the same provider and address: who may change lanes may not have a kept key sent elsewhere.
        """
        known = {_place(one): one.key for one in self.lanes}
        made = [lane_of(fields) for fields in lanes]
        return tuple(one if one.key else replace(one, key=known.get(_place(one), "")) for one in made)

    async def keep(self, lanes: Sequence[LaneSettings]) -> None:
        """Keep lanes from now on. Raises DiskError; then nothing has changed."""
        rows = []
        for lane in lanes:
            row = lane_fields(lane)
            if lane.key:
                row[_SEALED] = await asyncio.to_thread(self._keyring.seal, lane.name, lane.key)
            rows.append(row)
        await self._choices.save(LANES, rows)
        self.lanes = tuple(lanes)

    async def erase(self) -> int:
        """Forget all lanes, and make their keys unreadable for good; return how many. Raises DiskError."""
        found = len(self.lanes)
        await self._choices.drop(LANES)
        try:
            await asyncio.to_thread(self._keyring.destroy)
        except OSError as error:
            raise DiskError(f"the master key cannot be removed: {error.strerror}") from error
        self.lanes = ()
        return found


def _place(lane: LaneSettings) -> tuple[str, str, str]:
    """Return what a key is for."""
    return lane.name, lane.provider, with_defaults(lane).url
