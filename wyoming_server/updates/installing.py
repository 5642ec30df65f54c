"""How a bundle gets onto a hub: fetched, tried in a process of its own, and set on its course. One at a time."""

import asyncio
import contextlib
import datetime as dt
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..bundles.bundle import Kind
from ..bundles.bundle_settings import BundleSettings
from ..bundles.offer import Offer
from ..errors import (
    BundleDamagedError,
    BundleManifestError,
    EdgeVoiceError,
    ModelCorruptError,
    ModelMissingError,
    SelfTestError,
    TrialError,
    UpdateRunningError,
    WrongArtefactError,
)
from .book import Book, Event
from .course import REPLACED, Arms, Course
from .folder import BundleFolder
from .jobs import Limits, fetch_job, fetched_in
from .transitions import forgive, lose, refuse

_LOGGER = logging.getLogger(__name__)
ITS_OWN_FAULT = (TrialError, SelfTestError, ModelCorruptError, ModelMissingError, BundleManifestError)
"""What a trial can find that another try would find again."""


class RunJob(Protocol):
    """Runs a job in the updater's process."""

    def __call__(
        self, job: Mapping[str, Any], on_progress: Callable[[dict[str, Any]], None]
    ) -> Awaitable[dict[str, Any]]:
        """Return its result. Raises EdgeVoiceError."""


@dataclass(slots=True, kw_only=True)
class Work:
    """What is being done to a bundle."""

    action: str
    kind: Kind
    label: str
    state: str = "waiting"
    """waiting, checking, downloading, unpacking, verifying, testing or activating."""
    done: float = 0.0
    """0 to 1, of this state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A bundle that was not taken."""

    label: str
    error: EdgeVoiceError
    at: dt.datetime


class Installing:
    """Installs bundles, each in a task that it owns."""

    def __init__(self, book: Book, folder: BundleFolder, arms: Arms, run_job: RunJob, course: Course) -> None:
        self._book, self._folder, self._arms, self._run_job, self._course = book, folder, arms, run_job, course
        self._job: asyncio.Task[None] | None = None
        self.works: dict[Kind, Work] = {}
        """What is under way."""
        self.refusals: dict[Kind, Refusal] = {}
        """The last bundle of each kind that was not taken, and why; of this run."""

    @property
    def is_busy(self) -> bool:
        """Whether one is on its way."""
        return self._job is not None and not self._job.done()

    def must_be_free(self) -> None:
        """Refuse a second thing at a time. Raises UpdateRunningError."""
        if self.is_busy:
            works = ", ".join(one.label for one in self.works.values())
            raise UpdateRunningError(f"{works or 'A bundle'} is being installed; wait until that is done")

    def is_under_way(self, kind: Kind, label: str | None) -> bool:
        """Tell whether a bundle, or any without a label, is on its way."""
        work = self.works.get(kind)
        return self.is_busy and work is not None and label in {None, work.label}

    def install(self, offer: Offer, settings: BundleSettings, *, compares: bool, again: bool = False) -> None:
        """Begin to install; a recogniser `compares` to what serves, or serves at once."""
        self._start(offer, self._install(offer, settings, compares=compares, again=again))

    def put_back(self, offer: Offer, settings: BundleSettings, then: Callable[[bool], Awaitable[None]]) -> None:
        """Begin to fetch what shall be returned to, and do `then`, which hears whether it is there."""
        self._start(offer, self._put_back(offer, settings, then))

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        if self._job is not None:
            await asyncio.wait({self._job})

    async def aclose(self) -> None:
        """End what is under way."""
        if self._job is not None:
            self._job.cancel()
            await asyncio.gather(self._job, return_exceptions=True)

    async def collect(self) -> None:
        """Erase what nobody returns to; not while a bundle is on its way, which lies beside."""
        with contextlib.suppress(EdgeVoiceError):  # it is tried again soon, and nothing hangs on it
            await self._book.written(self._folder.collect)

    def refuse(self, kind: Kind, label: str, error: EdgeVoiceError) -> None:
        """Say that a bundle is not taken, and why."""
        _LOGGER.warning("The bundle %s is not taken: %s: %s", label, error.code, error)
        self.refusals[kind] = Refusal(label=label, error=error, at=self._book.now())
        self._book.tell(Event.REFUSED, kind, label, code=error.code, message=str(error))

    def _start(self, offer: Offer, work: Coroutine[Any, Any, None]) -> None:
        async def run() -> None:
            try:
                await calmly(work)
                await self.collect()
            finally:
                self.works.clear()

        self.works[offer.kind] = Work(action="install", kind=offer.kind, label=offer.label)
        self._job = asyncio.create_task(run(), name="bundle")

    async def _install(self, offer: Offer, settings: BundleSettings, *, compares: bool, again: bool) -> None:
        kind, label = offer.kind, offer.label
        self._book.tell(Event.INSTALLING, kind, label)
        try:
            await self._fetch_and_try(offer, settings)
            if again:
                await self._book.change(lambda state: forgive(state, label))
            if self._book.state.of(kind).candidate:
                await self._course.drop(kind, REPLACED, spares_watched=True)
            self.works[kind].state = "activating"
            await self._course.begin(label, kind, compares=compares)
        except EdgeVoiceError as error:
            await self._give_up(kind, label, error)
        else:
            self.refusals.pop(kind, None)

    async def _put_back(self, offer: Offer, settings: BundleSettings, then: Callable[[bool], Awaitable[None]]) -> None:
        try:
            await self._fetch_and_try(offer, settings)
        except EdgeVoiceError as error:
            self.refuse(offer.kind, offer.label, error)
            await then(False)
        else:
            await then(True)

    async def _fetch_and_try(self, offer: Offer, settings: BundleSettings) -> None:
        label, work = offer.label, self.works[offer.kind]
        known = self._book.state.installed.get(label)
        # Another repository or channel may have signed another bundle of that name.
        if known is not None and known.manifest_sha256 == offer.manifest_sha256 and await self._is_whole(label):
            await self._test(work, self._folder.folder_of(label), settings)
            return

        def on_progress(said: Mapping[str, Any]) -> None:
            work.state, work.done = said["state"], min(1.0, said["done"] / max(1, said["total"]))

        limits = Limits(largest_bytes=settings.largest_mb << 20)
        job = fetch_job(self._folder.root, offer.channel, offer.path, limits)
        fetched = fetched_in(await self._run_job(job, on_progress))
        if (fetched.label, fetched.installed.kind, fetched.installed.manifest_sha256) != (
            label,
            offer.kind,
            offer.manifest_sha256,
        ):
            raise WrongArtefactError(
                f"What is signed as {label} has changed since this hub looked whether it is meant for it; it is looked "
                "at anew"
            )
        await self._test(work, self._folder.staged_folder(label), settings)
        await self._book.written(lambda: self._folder.install(label, fetched.installed))

    async def _is_whole(self, label: str) -> bool:
        """Tell whether an installed bundle is what was signed; one that is not is forgotten, to be fetched again."""
        try:
            await asyncio.to_thread(self._folder.verify, label)
        except BundleDamagedError as error:
            code, message = error.code, str(error)
            await self._book.change(lambda state: lose(state, label, code, message, self._book.now()))
            return False
        return True

    async def _test(self, work: Work, folder: Path, settings: BundleSettings) -> None:
        work.state, work.done = "testing", 0.0
        await self._arms.test(work.kind, work.label, folder, memory_mb=settings.memory_mb)

    async def _give_up(self, kind: Kind, label: str, error: EdgeVoiceError) -> None:
        """Say why a bundle was not taken, and do not try again what would fail again."""
        self.refuse(kind, label, error)
        if isinstance(error, ITS_OWN_FAULT):
            await self._book.change(lambda state: refuse(state, label, error.code, str(error), self._book.now()))
        if self._book.state.of(kind).candidate is None:
            await self._arms.rest(kind)
        elif kind is Kind.ASR:
            await self._course.resume()  # the trial may have taken the place of what was shadowed


async def calmly(work: Awaitable[None]) -> None:
    """Do what must not end the task that does it."""
    try:
        await work
    except EdgeVoiceError as error:
        _LOGGER.warning("%s: %s", error.code, error)
    # A fault of ours must cost updates, never the voice of the home.
    except Exception:
        _LOGGER.exception("An update has failed")
