"""The satellites: what they were heard to do, and how their owner has set them."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import UnknownSatelliteError
from ..learning.learner import Learner
from ..learning.satellite_told import microphone_warning, told
from ..learning.satellites import Satellites
from ..settings import Settings
from .feed import Json
from .satellite_book import SatelliteBook


class Rooms:
    """Every satellite that was heard since the start, or that a client has told of."""

    def __init__(
        self,
        book: SatelliteBook,
        satellites: Satellites,
        learner: Learner,
        *,
        settings: Callable[[], Settings],
        clock: Callable[[], float],
        wall: Callable[[], dt.datetime],
    ) -> None:
        """Tell of satellites by the home's settings of now."""
        self._book, self._satellites, self._learner = book, satellites, learner
        self._settings, self._clock, self._wall = settings, clock, wall
        self._announced = dict[str, None]()
        self._since = dict[str, tuple[float, str]]()
        """When each came into its state: by the clock, and on the wall as it was when that was first asked."""

    def all(self) -> Sequence[Json]:
        """Return each."""
        return [self.one(satellite) for satellite in dict.fromkeys((*self._announced, *self._satellites.known()))]

    def one(self, satellite: str) -> Json:
        """Return one, known or not."""
        now_s, chosen, home = self._clock(), self._book.of(satellite), self._settings()
        threshold = home.wake.threshold if chosen.wake_threshold is None else chosen.wake_threshold
        evidence = self._learner.knowledge.microphones.evidence(satellite, now_s)
        return told(
            satellite,
            counts=self._satellites.counts(satellite, now_s),
            evidence=evidence,
            since=self._at(satellite, evidence.since_s, now_s),
            settings=chosen,
            answer_early=home.asr.early_answers,
            suggestion=self._satellites.suggestion(satellite, now_s, threshold=threshold),
        )

    def _at(self, satellite: str, since_s: float | None, now_s: float) -> str | None:
        """Return when that was on the wall; once it is known it stays, however that clock leaps."""
        if since_s is None:
            return None
        known = self._since.get(satellite)
        if known is None or known[0] != since_s:
            at = self._wall() - dt.timedelta(seconds=now_s - since_s)
            self._since[satellite] = known = (since_s, at.isoformat(timespec="seconds"))
        return known[1]

    def warnings(self) -> list[Json]:
        """Return what is to be done about microphones."""
        microphones, now_s = self._learner.knowledge.microphones, self._clock()
        found = (microphone_warning(one, microphones.evidence(one, now_s)) for one in microphones.satellites())
        return [one for one in found if one is not None]

    async def change(self, satellite: str, changes: Mapping[str, Any]) -> bool:
        """Change some settings; tell whether anybody should hear of it. Raises InvalidSettingsError, DiskError."""
        await self._book.change(satellite, changes)
        if "wake_threshold" in changes:
            self._satellites.threshold_changed(satellite)
        is_new = satellite not in self._announced and satellite not in self._satellites.known()
        self._announced[satellite] = None
        return bool(changes) or is_new

    async def forget(self, satellite: str) -> None:
        """Forget settings and evidence. Raises UnknownSatelliteError, DiskError."""
        self._since.pop(satellite, None)
        had_settings = await self._book.forget(satellite)
        was_told = self._announced.pop(satellite, "") is None
        if not (self._satellites.forget(satellite) or had_settings or was_told):
            raise UnknownSatelliteError("No satellite of that name was heard since the server started")

    async def clear(self) -> int:
        """Forget all of them; return how many settings and satellites that were. Raises DiskError."""
        self._announced.clear()
        self._since.clear()
        return self._satellites.clear() + await self._book.clear()
