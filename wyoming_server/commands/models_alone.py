"""The bundles of a data folder that no server holds: the same updates, and arms that only try what comes."""

import asyncio
import datetime as dt
import random
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..bundles.bundle import Kind
from ..bundles.hub import STARTER
from ..bundles.hub_class import hub_class
from ..bundles.store import ModelStore
from ..bundles.tuned import CHOICE_FILE, read_choice
from ..canary.canary import Canary
from ..engines.apart import ApartModel, TrialLimits
from ..records.identity import identity_in
from ..settings import Settings
from ..updates.choose import HubSays
from ..updates.folder import BundleFolder
from ..updates.jobs import run_job
from ..updates.opening import opened
from ..updates.update import Updates
from ..updates.update_told import all_of

type Json = dict[str, Any]


class ArmsAtRest:
    """Tries models and runs none: the next server that starts here does."""

    def __init__(self, chosen: str) -> None:
        """Stand for a server whose own recogniser is called so."""
        self._chosen = chosen

    async def test(self, kind: Kind, label: str, folder: Path, *, memory_mb: int) -> None:  # noqa: ARG002  # the folder tells the label
        """Load it in a process of its own, and let it hear its golden recordings. Raises TrialError, ModelError."""
        limits = TrialLimits(memory_mb=memory_mb) if memory_mb else TrialLimits()
        await (await ApartModel.started(kind, folder, limits)).aclose()

    async def shadow(self, *_of: object, **_more: object) -> None:
        """Leave it to the next start."""

    async def serve(self, *_of: object) -> None:
        """Leave it to the next start."""

    async def activate(self, *_of: object) -> None:
        """Leave it to the next start."""

    async def rest(self, _kind: Kind) -> None:
        """Nothing runs."""

    def serving(self, kind: Kind) -> str:
        """Return what would serve without any bundle."""
        return self._chosen if kind is Kind.ASR else ""


class LocalHub:
    """Works on the disk."""

    looks_by_itself = False

    def __init__(self, updates: Updates, store: ModelStore) -> None:
        self._updates, self._store = updates, store

    async def bundles(self) -> Json:
        """Return what would serve, is offered and installed."""
        return all_of(self._updates, await asyncio.to_thread(self._store.models))

    async def trust(self, url: str, root: bytes) -> Json:
        """Trust a repository and look at it. Raises EdgeVoiceError."""
        await self._updates.trust(url, root)
        await self._updates.settled()
        return await self.bundles()

    async def distrust(self) -> Json:
        """Trust none any more. Raises EdgeVoiceError."""
        await self._updates.distrust()
        return await self.bundles()

    async def check(self) -> Json:
        """Look at the repository now. Raises EdgeVoiceError."""
        await self._updates.check()
        await self._updates.settled()
        return await self.bundles()

    async def install(self, kind: str, label: str | None, *, again: bool) -> Json:
        """Begin to install. Raises EdgeVoiceError."""
        await self._updates.install(Kind(kind), label, again=again)
        return await self.bundles()

    async def roll_back(self, kind: str) -> Json:
        """Return to the bundle before. Raises EdgeVoiceError."""
        await self._updates.roll_back(Kind(kind))
        return await self.bundles()


@asynccontextmanager
async def local_hub(settings: Settings) -> AsyncGenerator[LocalHub]:
    """Hold the bundles of a data folder until the block ends. Raises UpdateRunningError, DiskError."""
    data = Path(settings.server.data_dir)
    folder, store = BundleFolder(data / "bundles"), ModelStore(data / "models")

    def compares() -> bool:
        return bool(folder.read().of(Kind.ASR).active) or any(one.name != STARTER for one in store.models())

    # Who only looks from the shell does not want an installation to begin.
    asr, bundles = settings.asr, replace(settings.bundles, automatic=False)
    with opened(folder, _utc_now, loads=False) as opening:
        if opening.refusal is not None:
            raise opening.refusal
        updates = Updates(
            opening,
            arms=ArmsAtRest(_chosen(settings)),
            run_job=run_job,
            settings=bundles,
            hub=HubSays(
                hub_id=identity_in(data),
                server_version=__version__,
                hub_class=bundles.hub_class or hub_class(),
                region=bundles.region,
                languages=tuple(sorted({asr.language, *asr.languages} - {""})),
                chosen=asr.model,
                compares=compares,
            ),
            canary=Canary(bundles, folder.canary()),
            wall=_utc_now,
            clock=time.monotonic,
            chance=random.random,
        )
        try:
            yield LocalHub(updates, store)
        finally:
            await updates.aclose()


def _chosen(settings: Settings) -> str:
    """Return the recogniser of the settings, or that the machine was tuned for, or what comes with the software."""
    if settings.asr.model:
        return settings.asr.model
    tuned = read_choice(Path(settings.server.data_dir) / CHOICE_FILE)
    return tuned.model if tuned is not None else STARTER


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
