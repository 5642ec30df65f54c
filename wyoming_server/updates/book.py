"""What is remembered of bundles in a running server: changed one step at a time, each on the disk before it counts."""

import asyncio
import datetime as dt
import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..bundles.bundle import Kind
from ..bundles.state import State


class Event(enum.StrEnum):
    """What can happen to a bundle."""

    OFFERED = "offered"
    INSTALLING = "installing"
    SHADOW = "shadow"
    SERVING = "serving"
    WATCH = "watch"
    SETTLED = "settled"
    ACTIVATED = "activated"
    ROLLED_BACK = "rolled_back"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A step that a bundle has taken."""

    event: Event
    kind: Kind
    label: str
    at: dt.datetime
    code: str = ""
    """Empty unless something went wrong."""
    message: str = ""
    """A sentence for people."""
    evidence: Sequence[Mapping[str, Any]] = ()


type Tell = Callable[[Happened], None]
"""Told of each step; must not block."""


class Kept(Protocol):
    """Where the state lies."""

    def read(self) -> State:
        """Return what is on the disk; blocks. Raises BundleDamagedError, NewerRecordsError."""

    def write(self, state: State) -> None:
        """Replace what is on the disk by one rename; blocks. Raises DiskError."""


class Book:
    """The state as it is now."""

    def __init__(self, kept: Kept, state: State, *, wall: Callable[[], dt.datetime]) -> None:
        """Begin with what the disk holds."""
        self._kept, self._wall = kept, wall
        self._changing = asyncio.Lock()
        self.state = state
        self.on_step: Tell = lambda _: None
        """Told of each step that a bundle takes."""

    async def change(self, transition: Callable[[State], State]) -> State:
        """Take one step, on the disk first. Raises what the transition raises, and DiskError; then all is as before."""

        def step() -> State:
            before = self._kept.read()
            changed = transition(before)
            if changed != before:
                self._kept.write(changed)
            return changed

        return await self.written(step)

    async def reload(self) -> None:
        """Read what the start has changed. Raises BundleDamagedError."""
        await self.written(self._kept.read)

    async def written(self, write: Callable[[], State]) -> State:
        """Run what blocks, writes a state and returns it."""
        async with self._changing:
            # Not to be left half-way: the disk would know of a step that this server does not.
            self.state = await asyncio.shield(asyncio.to_thread(write))
            return self.state

    def tell(self, event: Event, kind: Kind, label: str, **said: Any) -> None:
        """Say that a bundle has taken a step."""
        self.on_step(Happened(event=event, kind=kind, label=label, at=self._wall(), **said))

    def now(self) -> dt.datetime:
        """Return the time, with its zone."""
        return self._wall()
