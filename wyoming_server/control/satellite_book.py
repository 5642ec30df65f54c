"""The owner's settings of satellites: found again by a keyed digest, so that the disk names none of them."""

import logging
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidSettingsError
from ..learning.satellite_told import changed, kept, restored
from ..pipeline.policy import RoutingMode, SatelliteSettings
from ..records.choices import SATELLITES, Choices

_LOGGER = logging.getLogger(__name__)
NOTHING = SatelliteSettings()
UNREAD = SatelliteSettings(routing_mode=RoutingMode.EDGE)
"""What holds where a satellite's settings cannot be read: its owner may have kept its speech on the hub."""


class SatelliteBook:
    """Settings per satellite, read once and written when they change."""

    def __init__(self, choices: Choices, server_id: str) -> None:
        """Read what is kept; a damaged entry is as UNREAD."""
        self._choices, self._secret = choices, server_id.encode()
        self._settings: dict[str, SatelliteSettings] = {}
        for name, value in choices.all().items():
            if name.startswith(SATELLITES):
                try:
                    self._settings[name] = restored(value)
                except InvalidSettingsError as error:
                    _LOGGER.warning("a satellite's settings are as the home's, and its speech stays here: %s", error)
                    self._settings[name] = UNREAD
        self._settings |= {name: UNREAD for name in choices.unread if name.startswith(SATELLITES)}

    def of(self, satellite: str) -> SatelliteSettings:
        """Return a satellite's settings."""
        if not self._settings:
            return NOTHING
        return self._settings.get(self._name(satellite), NOTHING)

    async def change(self, satellite: str, changes: Mapping[str, Any]) -> None:
        """Change some and keep them. Raises InvalidSettingsError, DiskError."""
        name = self._name(satellite)
        made = changed(self._settings.get(name, NOTHING), changes)
        if made == self._settings.get(name, NOTHING):
            return
        await self._choices.save(name, kept(made))
        self._settings[name] = made

    async def forget(self, satellite: str) -> bool:
        """Forget a satellite's settings; tell whether there were any. Raises DiskError."""
        name = self._name(satellite)
        await self._choices.drop(name)
        return self._settings.pop(name, None) is not None

    async def clear(self) -> int:
        """Forget all and return how many. Raises DiskError."""
        found = await self._choices.purge(SATELLITES)
        self._settings.clear()
        return found

    def _name(self, satellite: str) -> str:
        import hmac  # noqa: PLC0415  # brings 2 MB of OpenSSL: only a home with such settings pays for it

        return SATELLITES + hmac.new(self._secret, satellite.encode(), "sha256").hexdigest()[:32]
