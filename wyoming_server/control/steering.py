"""The settings that hold, and the services made of them: what the owner changes makes new ones for later turns."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import EdgeVoiceError
from ..listeners.connection import Services
from ..pipeline.endpoint import VadModel
from ..pipeline.grammar import Vocabulary
from ..pipeline.lanes import LaneSettings
from ..pipeline.wake import WakeEngine
from ..records.choices import POLICY, Choices
from ..settings import Settings
from .choices import with_lanes, with_policy
from .feed import Json
from .parts import Parts

_LOGGER = logging.getLogger(__name__)
KINDS_OF_NAMES = ("names", "areas", "floors", "terms", "critical")
"""What a home tells of itself."""


class Steering:
    """One change at a time; a turn under way keeps the services that it began with."""

    def __init__(
        self, parts: Parts, settings: Settings, services: Services, *, on_change: Callable[[Settings], None]
    ) -> None:
        """Begin with the settings that hold; `on_change` is told of those before each change, once it holds."""
        self._parts, self._on_change = parts, on_change
        self.settings = settings
        """As they are now."""
        self.services = services
        """Likewise."""
        self._changing = asyncio.Lock()
        self._warming = set[asyncio.Task[None]]()

    async def change_policy(self, changes: Mapping[str, Any]) -> None:
        """Make some choices. Raises InvalidSettingsError, DiskError."""
        async with self._changing:
            settings = with_policy(self.settings, changes)
            kept = self._parts.choices.get(POLICY, {})
            await self._parts.choices.save(POLICY, {**(kept if isinstance(kept, dict) else {}), **changes})
            await self._adopt(settings)

    async def reset_policy(self) -> int:
        """Return to the settings file, and say whether anything was chosen. Raises DiskError."""
        async with self._changing:
            settings = with_lanes(self._parts.settings, self._parts.lane_book.lanes)
            found = await self._parts.choices.drop(POLICY)
            await self._adopt(settings)
        return int(found)

    async def change_lanes(self, lanes: Sequence[Mapping[str, Any]]) -> None:
        """Replace those that are not from the settings file. Raises UsageError, DiskError; then all is as before."""
        async with self._changing:
            book = self._parts.lane_book
            taken = book.taken(lanes)
            settings = self._with_lanes(taken)
            before = book.lanes
            await book.keep(taken)
            try:
                await self._adopt(settings)
            except EdgeVoiceError:
                await book.keep(before)
                raise

    async def erase_lanes(self) -> int:
        """Forget them, and their keys for good; return how many. Raises UsageError, DiskError."""
        async with self._changing:
            settings = self._with_lanes(())  # first: a mode that needs a lane must be changed before
            found = await self._parts.lane_book.erase()
            await self._adopt(settings)
        return found

    async def change_vocabulary(self, vocabulary: Mapping[str, Sequence[str]]) -> Json:
        """Take the home's names; return how many of each."""
        home = Vocabulary(**{key: tuple(value) for key, value in vocabulary.items()})
        async with self._changing:
            if home != self.services.defaults.vocabulary:
                await self._adopt(self.settings, home)
                self._warm(home)
        return {key: len(getattr(home, key)) for key in KINDS_OF_NAMES}

    async def swap(self, wake: WakeEngine | None, vad: VadModel | None) -> None:
        """Let other wake words or another VAD hold for what begins from now on; None leaves them as they are."""
        async with self._changing:
            now = self.services
            stages = now.stages if vad is None else replace(now.stages, vad=vad)
            self.services = replace(now, wake=wake or now.wake, stages=stages)
        self._on_change(self.settings)

    async def aclose(self) -> None:
        """End what is still being made ready."""
        for task in self._warming:
            task.cancel()
        await asyncio.gather(*self._warming, return_exceptions=True)

    def _with_lanes(self, lanes: Sequence[LaneSettings]) -> Settings:
        ours = self._parts.settings.cloud.lanes
        bare = replace(self.settings, cloud=replace(self.settings.cloud, lanes=ours))
        return with_lanes(bare, lanes)

    async def _adopt(self, settings: Settings, home: Vocabulary | None = None) -> None:
        """Let other settings hold for all turns that begin from now on. Raises UsageError."""
        before, now = self.settings, self.services
        home = home or now.defaults.vocabulary
        await self._parts.brain.adopt(settings, home)
        judgement = replace(now.stages.judgement, policy=settings.routing, hedge=settings.hedge)
        self.settings = settings
        self.services = replace(
            now,
            stages=replace(now.stages, judgement=judgement),
            wake_settings=settings.wake,
            defaults=replace(now.defaults, vocabulary=home, answer_early=settings.asr.early_answers),
        )
        self._on_change(before)

    def _warm(self, home: Vocabulary) -> None:
        language = self.settings.asr.language or "en"
        task = asyncio.create_task(self._parts.warm(language, home), name="grammar")
        self._warming.add(task)
        task.add_done_callback(self._warming.discard)


def chosen(settings: Settings, choices: Choices, lanes: Sequence[LaneSettings]) -> Settings:
    """Return the settings with what the owner chose at runtime; what no longer fits them is left, and said.

    Where choices cannot be read, the cloud stays off: the owner may have forbidden it.
    """
    kept = choices.get(POLICY, {})
    try:
        settings = with_lanes(settings, lanes)
        settings = with_policy(settings, kept if isinstance(kept, dict) else {})
    except EdgeVoiceError as error:
        _LOGGER.warning("what was chosen at runtime does not fit the settings, and the rest of it is left: %s", error)
    if choices.failure is not None or POLICY in choices.unread:
        settings = replace(settings, cloud=replace(settings.cloud, allowed=False))
    return settings
