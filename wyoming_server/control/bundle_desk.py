"""Signed models as their owner sees and moves them."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..bundles.bundle import Kind
from ..bundles.store import PlainModel
from ..updates.update import Updates
from ..updates.update_told import all_of
from .feed import Json


class BundleDesk:
    """Asks the updates, and tells what came of it: the control API's `Bundles`."""

    def __init__(
        self, updates: Updates, plain_models: Callable[[], Sequence[PlainModel]], on_change: Callable[[], None]
    ) -> None:
        """`plain_models` are those without a signature that are on the disk; it blocks."""
        self._updates, self._plain_models, self._changed = updates, plain_models, on_change

    async def all(self) -> Json:
        """Return what serves, is tried, offered and installed."""
        plain = await asyncio.to_thread(self._plain_models)
        return all_of(self._updates, plain)

    async def trust(self, url: str, root: Mapping[str, Any]) -> Json:
        """Trust a repository, look at it, and return all. Raises RootRefusedError, BundleError, DiskError."""
        await self._updates.trust(url, json.dumps(root).encode())
        return await self._told()

    async def distrust(self) -> Json:
        """Trust none any more. Raises UpdateRunningError, DiskError."""
        await self._updates.distrust()
        return await self._told()

    async def check(self) -> Json:
        """Look at the repository now. Raises NoRepositoryError, BundleError, DiskError."""
        await self._updates.check()
        return await self._told()

    async def install(self, kind: str, label: str | None, *, again: bool) -> Json:
        """Begin to install; `again` also what failed here before. Raises BundleError, NoRepositoryError, DiskError."""
        await self._updates.install(Kind(kind), label, again=again)
        return await self._told()

    async def roll_back(self, kind: str) -> Json:
        """Return to the bundle before. Raises NothingToRollBackError, UpdateRunningError, DiskError."""
        await self._updates.roll_back(Kind(kind))
        return await self._told()

    async def _told(self) -> Json:
        self._changed()
        return await self.all()
