"""The models of a server: what is on the disk, what serves, and what moves them. Built for `serve`."""

import asyncio
import datetime as dt
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Self

from . import __version__, memory
from .bundles.bundle import Kind
from .bundles.crash_book import CrashBook
from .bundles.hub import STARTER
from .bundles.hub_class import hub_class
from .bundles.scorecards import LoadedScorecards
from .canary.canary import Canary
from .control.arms import Arms
from .control.canary_turns import CanarySays, CanaryTurns
from .control.ears import LOOK_SECONDS, Ears, at_start, ear_loaders, fetched_at
from .control.shadow import Shadow
from .engines.decode_queue import DecodeQueue
from .errors import EdgeVoiceError, ModelMissingError
from .pipeline.grammar import Grammar
from .pipeline.risk import GENERIC
from .pipeline.scorecard import Scorecard
from .recogniser import chosen_model, supply_of
from .settings import Settings
from .updates.choose import HubSays
from .updates.installed import InstalledBundles
from .updates.jobs import run_job
from .updates.opening import Opened
from .updates.update import Updates

type Wall = Callable[[], dt.datetime]
"""The time, with its zone."""


class Models:
    """What is on the disk to hear with: signed bundles first, then the owner's choice, then what comes with us."""

    def __init__(self, opening: Opened, settings: Settings, wall: Wall, crashes: CrashBook) -> None:
        """Prepare to load; nothing is read yet."""
        self.opening, self.wall, self.crashes = opening, wall, crashes
        writing = threading.Lock()
        self.bundles = {kind: InstalledBundles(opening, kind, wall, writing) for kind in Kind}
        self.cards = LoadedScorecards()
        # Who named a recogniser wants that one.
        signed = None if settings.asr.model else self.bundles[Kind.ASR]
        self.supply = supply_of(settings, chosen_model(settings), signed=signed, cards=self.cards, crashes=crashes)

    @property
    def labels(self) -> dict[Kind, str]:
        """Of the small models that were found."""
        return {kind: self.bundles[kind].label for kind in (Kind.WAKE, Kind.VAD)}

    @property
    def refused(self) -> list[tuple[Kind, str, EdgeVoiceError]]:
        """Installed bundles that could not serve, and why."""
        return [one for found in self.bundles.values() for one in found.refused]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """What tries, moves and updates the models."""

    settings: Settings
    models: Models
    arms: Arms
    updates: Updates

    @classmethod
    async def built(
        cls,
        models: Models,
        settings: Settings,
        *,
        edge: DecodeQueue,
        ears: Ears,
        grammar: Grammar,
        says: CanarySays,
        server_id: str,
    ) -> Self:
        """Begin with what serves."""
        canary = Canary(settings.bundles, await asyncio.to_thread(models.opening.folder.canary))
        turns = CanaryTurns(canary, says, on_moved=lambda: updates.moved())  # noqa: PLW0108  # it is not there yet
        shadow = Shadow(
            turns,
            grammar,
            data=models.opening.folder.root.parent,
            cards=models.cards,
            clock=time.monotonic,
            chance=random.random,
        )
        arms = Arms(
            models.supply,
            edge,
            ears,
            turns,
            shadow,
            ear_loaders(settings),
            chance=random.random,
            trim=memory.trim,
            memory_mb=settings.bundles.memory_mb,
            data=models.opening.folder.root.parent,
        )
        updates = _updates(settings, models, arms, canary, server_id)
        return cls(settings=settings, models=models, arms=arms, updates=updates)

    async def run(self) -> None:
        """Take up updates once what is installed serves, or is refused."""
        with suppress(EdgeVoiceError):
            await self.models.supply.serving()
        for refused in self.models.refused:
            self.updates.refused(*refused)
        await self.updates.run()

    async def hear_late_words(self) -> None:
        """Take up wake words whose models come while the server runs; return once there are any."""
        load = partial(at_start, self.models.bundles[Kind.WAKE], ear_loaders(self.settings).wake)
        tried: int | None = -1
        while True:
            came = await asyncio.to_thread(fetched_at, self.settings)
            if came != tried and await self.arms.hear_words(load):
                return
            tried = came
            await asyncio.sleep(LOOK_SECONDS)


def _updates(settings: Settings, models: Models, arms: Arms, canary: Canary, server_id: str) -> Updates:
    """Return what installs bundles and watches them."""
    asr, bundles = settings.asr, settings.bundles
    hub = HubSays(
        hub_id=server_id,
        server_version=__version__,
        hub_class=bundles.hub_class or hub_class(),
        region=bundles.region,
        languages=tuple(sorted({asr.language, *asr.languages} - {""})),
        chosen=asr.model,
        compares=lambda: arms.serving(Kind.ASR) not in {"", STARTER},
    )
    return Updates(
        models.opening,
        arms=arms,
        run_job=run_job,
        settings=bundles,
        hub=hub,
        canary=canary,
        wall=models.wall,
        clock=time.monotonic,
        chance=random.random,
    )


def scorecard_of(edge: DecodeQueue, cards: LoadedScorecards, model: str) -> Scorecard:
    """Return a model's scorecard; without a name, or when it is long gone, that of the model that serves now."""
    try:
        return cards.of(model, lambda: edge.scorecard) or GENERIC
    except ModelMissingError:
        return GENERIC
