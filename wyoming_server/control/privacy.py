"""What is kept, why, for how long, and its end."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from ..pipeline.types import Outcome
from ..records.turn_record import TurnLabel, TurnRecord
from .feed import Json

type Eraser = Callable[[], Coroutine[Any, Any, int]]
"""Erases what it is for, and returns how much that was. Raises UsageError, DiskError."""


class Keeper:
    """Keeps texts and sound where the owner wants that, lets all go in time, and erases: a `Hearer`, and `Privacy`."""

    erasers: Mapping[str, Eraser]
    """Of what is kept elsewhere."""

    async def begin(self) -> None:
        """Look at the key, and at what is kept; never raises for the disk."""

    def turn(self, record: TurnRecord, outcome: Outcome | None) -> None:
        """Keep what of a turn is wanted."""

    def label(self, label: TurnLabel) -> None:
        """Labels are no texts."""

    def woke(self, satellite: str, word: str) -> None:
        """Wake words are no texts."""

    def corrected(self, turn_id: str, text: str) -> None:
        """Keep what was really said, where texts are kept."""

    def status(self) -> Json:
        """Return what of the status is ours, as it was last counted."""
        counts = dict.fromkeys(("bytes", "turns", "transcripts", "recordings", "corrections"), 0)
        return {**counts, "oldest": None, "key": "none"}

    def warnings(self) -> list[Json]:
        """Return what its owner should mend."""
        return []

    def lineage(self) -> Json:
        """Return every class of data and every flow of it."""
        raise NotImplementedError

    async def kept(self) -> Json:
        """Return how much is kept of each class now. Raises DiskError."""
        raise NotImplementedError

    async def purge(self, what: Sequence[str], satellite: str | None) -> Json:
        """Erase, of one satellite or altogether; return how much went, and what is left. UsageError, DiskError."""
        erased = {one: await self.erasers[one]() for one in what if one in self.erasers and satellite is None}
        return {"erased": erased, "left": dict.fromkeys(erased, 0)}

    async def recording(self, number: int) -> bytes:
        """Return a turn's sound as WAV. Raises NotKeptError, RecordsKeyError, DiskError."""
        raise NotImplementedError

    async def run(self) -> None:
        """Let go what is past its window, until cancelled."""
