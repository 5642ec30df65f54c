"""How to erase what is not among the records of turns, or not only there."""

from collections.abc import Callable, Mapping

from ..errors import UnknownSatelliteError
from .parts import Parts
from .past import Past
from .purge import Eraser
from .rooms import Rooms
from .steering import KINDS_OF_NAMES, Steering
from .watch import Watch


class Erasers:
    """One for each class of data that is kept elsewhere, too: in memory, with the owner's choices, in the ledger."""

    def __init__(
        self,
        parts: Parts,
        past: Past,
        watch: Watch,
        rooms: Rooms,
        steering: Steering,
        *,
        forget_requests: Callable[[str | None], None],
    ) -> None:
        self._parts, self._past, self._watch = parts, past, watch
        self._rooms, self._steering = rooms, steering
        self._forget_requests = forget_requests

    def by_name(self) -> Mapping[str, Eraser]:
        """Return each by its class."""
        return {
            "turns": self._turns,
            "transcripts": self._texts,
            "queue": self._queue,
            "aggregates": lambda _: self._past.months.forget(),
            "learned": lambda _: self._learned(),
            "satellites": self._satellites,
            "vocabulary": lambda _: self._names(),
            "ledger": lambda _: self._parts.brain.ledger.purge(),
            "choices": lambda _: self._steering.reset_policy(),
            "lanes": lambda _: self._steering.erase_lanes(),
        }

    async def _turns(self, satellite: str | None) -> int:
        self._past.drift.forget_satellites(satellite)
        self._past.metrics.forget()
        if satellite is None:
            self._past.history.forget()
        return self._watch.clear(satellite)

    async def _texts(self, satellite: str | None) -> int:
        return self._watch.forget_texts(satellite)

    async def _queue(self, satellite: str | None) -> int:
        self._forget_requests(satellite)
        return 0

    async def _learned(self) -> int:
        self._past.drift.forget_learned()
        return await self._parts.brain.forget(self._steering.settings)

    async def _satellites(self, satellite: str | None) -> int:
        self._past.drift.forget_satellites(satellite)
        if satellite is None:
            return await self._rooms.clear()
        try:
            await self._rooms.forget(satellite)
        except UnknownSatelliteError:
            return 0
        return 1

    async def _names(self) -> int:
        before = self._steering.services.defaults.vocabulary
        await self._steering.change_vocabulary(dict.fromkeys(KINDS_OF_NAMES, ()))
        return sum(map(len, (getattr(before, kind) for kind in KINDS_OF_NAMES)))
