"""What left the home, read anew whenever something may have: the hub tells sums by itself, single uploads if asked."""

from typing import Final, override

from homeassistant.core import callback

from .protocol import Turn
from .protocol_past import Ledger
from .reread import Reread

LISTED: Final = 20
"""Uploads that are known one by one."""


class LedgerWatch(Reread[Ledger]):
    """One hub's ledger, read after each upload, too."""

    what = "ledger"

    @callback
    @override
    def async_start(self) -> None:
        super().async_start()
        self._entry.async_on_unload(self._coordinator.async_add_turn_listener(self._heard))

    @override
    def _mark(self) -> object:
        cloud = self._coordinator.data.cloud
        return cloud.seconds_today, cloud.seconds_this_month, cloud.cost_this_month

    @override
    async def _fetch(self) -> Ledger:
        return await self._coordinator.client.past.ledger(LISTED)

    @callback
    def _heard(self, turn: Turn) -> None:
        if turn.lanes:
            self.async_read()
