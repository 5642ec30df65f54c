"""How models come and go on a hub: looks at the repository, fetches, tries, and follows what figures and publisher say.

The order of work is `_install` for one bundle, and `_follow` for what a look at the repository leads to.
"""

import asyncio
import contextlib
import datetime as dt
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from ..errors import (
    BundleDamagedError,
    BundleManifestError,
    DiskError,
    EdgeVoiceError,
    ModelCorruptError,
    ModelMissingError,
    NothingToRollBackError,
    SelfTestError,
    TrialError,
    UpdateRunningError,
)
from .book import Book, Event
from .bundle import Kind
from .bundle_settings import BundleSettings
from .canary import Canary
from .choose import Chooser, HubSays, label_of
from .course import Arms, Course
from .folder import Trust
from .jobs import Limits, check_job, fetch_job, fetched_in, found_in, root_job
from .offer import Offer
from .opening import Opened
from .report import Reports, Send
from .state import Stage, State
from .transitions import forgive, lose, refuse

_LOGGER = logging.getLogger(__name__)
FIRST_CHECK_S = 60.0
"""After a start, and shifted by chance: hubs that lost their power together do not come together."""
LOOK_S = 1.0
"""How often is looked whether anything is due."""
SAVE_S = 60.0
"""What was counted since is lost with the power."""
OWNER = "owner"
WITHDRAWN = "withdrawn"
SUPERSEDED = "replaced"
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


@dataclass(slots=True, kw_only=True)
class Repository:
    """What is known of the repository."""

    trust: Trust | None
    offers: tuple[Offer, ...] = ()
    """Of the channel, the newest first."""
    checked_at: dt.datetime | None = None
    error: EdgeVoiceError | None = None
    """Why the last look was in vain."""


class Updates:
    """The bundles of a running server, or of a command that holds their lock."""

    def __init__(
        self,
        opened: Opened,
        *,
        arms: Arms,
        run_job: RunJob,
        settings: BundleSettings,
        hub: HubSays,
        canary: Canary,
        wall: Callable[[], dt.datetime],
        clock: Callable[[], float],
        chance: Callable[[], float],
        send: Send | None = None,
    ) -> None:
        """Begin with what `opened` found; `chance` draws from [0, 1)."""
        self._opened, self._folder, self._arms, self._run_job = opened, opened.folder, arms, run_job
        self.settings = settings
        """What the owner has decided by now."""
        self._clock, self._chance = clock, chance
        self.book = Book(self._folder, opened.state, wall=wall)
        self.repository = Repository(trust=self._folder.trusted())
        self.course = Course(self.book, self._folder, arms, canary, memory_mb=settings.memory_mb)
        self.chooser = Chooser(hub, self.book)
        self.reports = Reports(self._folder.root, canary, wall=wall, chance=chance, send=send)
        self.works: dict[Kind, Work] = {}
        self.refusals: dict[Kind, Refusal] = {}
        """The last bundle of each kind that was not taken, and why; of this run."""
        self._job: asyncio.Task[None] | None = None
        self._told: set[str] = set()
        self._check_due_s = clock() + FIRST_CHECK_S * (0.5 + chance())
        self._save_due_s = clock() + SAVE_S
        self._wake = asyncio.Event()

    @property
    def state(self) -> State:
        """Return what is remembered."""
        return self.book.state

    # What the owner asks for.

    async def trust(self, url: str, root: bytes) -> None:
        """Trust a repository and look at it. Raises RootRefusedError, UpdateRunningError, BundleError, DiskError."""
        self._must_be_free()
        await self._run_job(root_job(root), lambda _: None)
        await asyncio.to_thread(self._folder.trust, url, root)
        self.repository = Repository(trust=Trust(url=url, root=root))
        await self.check()

    async def distrust(self) -> None:
        """Trust none any more; what is installed goes on serving. Raises UpdateRunningError, DiskError."""
        self._must_be_free()
        await asyncio.to_thread(self._folder.distrust)
        self.repository = Repository(trust=None)

    async def check(self) -> None:
        """Look at the repository, and follow what it says. Raises NoRepositoryError, BundleError, DiskError."""
        self._must_be_free()
        await self._look()
        await self._follow()

    async def install(self, kind: Kind, label: str | None = None, *, again: bool = False) -> None:
        """Begin to install an offered bundle, the newest without a label; `again` also one that failed here.

        Raises NoRepositoryError, UnknownBundleError, NotEligibleError, DeniedError, VersionRollbackError,
        UpdateRunningError, and what a look at the repository raises where there was none yet.
        """
        if self._is_busy and (work := self.works.get(kind)) is not None and label in {None, work.label}:
            return  # it is on its way
        self._must_be_free()
        self._folder.repository()
        if self.repository.checked_at is None:
            await self._look()
        candidate = self.state.of(kind).candidate
        if candidate is not None and candidate.label == label:
            return
        offer = self.chooser.wanted(self.repository.offers, kind, label, again=again)
        if candidate is not None and candidate.stage is Stage.WATCH:
            raise UpdateRunningError(
                f"{candidate.label} is new and still watched; roll it back, or wait until it has settled"
            )
        self._start(offer, self._install(offer, again=again))

    async def roll_back(self, kind: Kind) -> None:
        """Return to the bundle before; the one that is left is not tried again.

        Raises NothingToRollBackError, UpdateRunningError, DiskError.
        """
        self._must_be_free()
        of = self.state.of(kind)
        if not of.active and of.candidate is None:
            raise NothingToRollBackError(f"No bundle of kind '{kind}' serves here; there is nothing to go back from")
        await self.course.leave(kind, OWNER, "Its owner asked for it.")
        self.refusals.pop(kind, None)

    def adopt(self, settings: BundleSettings) -> None:
        """Hear what the owner decided otherwise: what another channel offers is looked at soon."""
        before, self.settings = self.settings, settings
        self.course.canary.settings = settings
        if (before.channel, before.automatic) != (settings.channel, settings.automatic):
            self._check_due_s = self._clock()
            self._wake.set()

    def serving(self, kind: Kind) -> str:
        """Return the label or name of what serves now; empty for nothing."""
        return self._arms.serving(kind)

    def moved(self) -> None:
        """Hear that a candidate was counted, or has failed."""
        self._wake.set()

    def refused(self, kind: Kind, label: str, error: EdgeVoiceError) -> None:
        """Hear that an installed bundle could not be loaded at the start, and what was before it serves."""
        self.refusals[kind] = Refusal(label=label, error=error, at=self.book.now())
        self.book.tell(Event.REFUSED, kind, label, code=error.code, message=str(error))

    async def settled(self) -> None:
        """Wait until nothing is being done."""
        if self._job is not None:
            await asyncio.wait({self._job})

    # Its task.

    async def run(self) -> None:
        """Look, follow and judge until cancelled."""
        try:
            await self.book.reload()
            for kind in self._opened.left:
                left = self.state.last_rollback[kind]
                self.book.tell(
                    Event.ROLLED_BACK, kind, left.label, code=left.code, message=left.message, evidence=left.evidence
                )
            await self._calmly(self.course.resume())
            while True:
                await self._tick()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """End what is being done."""
        if self._job is not None:
            self._job.cancel()
            await asyncio.gather(self._job, return_exceptions=True)
        if self.is_used:
            with contextlib.suppress(EdgeVoiceError):
                await self.course.save()

    @property
    def is_used(self) -> bool:
        """Whether there is anything to keep count of; without a repository or a bundle nothing is ever written."""
        return self._opened.lock is not None and (self.repository.trust is not None or bool(self.state.kinds))

    async def _tick(self) -> None:
        if self._opened.lock is None:
            if self._clock() >= self._save_due_s:
                self._save_due_s = self._clock() + SAVE_S
                await asyncio.to_thread(self._opened.take)
            return
        await self._calmly(self.course.judge())
        if self.state.of(Kind.ASR).candidate is None:
            self.course.canary.compare_with(self.serving(Kind.ASR))
        if not self._is_busy and set(self.state.installed) - self.state.used:
            await self._collect()  # not before: a bundle that is on its way lies beside
        now_s = self._clock()
        if self.repository.trust is not None and now_s >= self._check_due_s and not self._is_busy:
            self._check_due_s = now_s + 3600.0 * self.settings.check_hours * (0.5 + self._chance())
            await self._calmly(self.check())
        if self.is_used and now_s >= self._save_due_s:
            self._save_due_s = now_s + SAVE_S
            await self._calmly(self.course.save())
            offers, facts = self.repository.offers, self.chooser.facts()
            await self._calmly(self.reports.tick(offers, facts, agreed=self.settings.reports))

    async def _calmly(self, work: Awaitable[None]) -> None:
        """Do what must not end the task."""
        try:
            await work
        except EdgeVoiceError as error:
            _LOGGER.warning("%s: %s", error.code, error)
        # A fault of ours must cost updates, never the voice of the home.
        except Exception:
            _LOGGER.exception("An update has failed")

    # What it does.

    async def _look(self) -> None:
        self._folder.repository()
        channel, root = self.settings.channel.value, self._folder.root
        try:
            result = await self._run_job(check_job(root, channel, self._limits), lambda _: None)
        except EdgeVoiceError as error:
            self.repository.error = error
            raise
        found = found_in(result)
        for path, why in found.unusable.items():
            _LOGGER.warning("%s is not offered here: %s", path, why)
        self.repository = replace(self.repository, offers=found.offers, checked_at=found.checked_at, error=None)
        for kind in Kind:
            offer = self.chooser.newest(self.repository.offers, kind)
            if offer is not None and offer.label not in self._told:
                self._told.add(offer.label)
                self.book.tell(Event.OFFERED, kind, offer.label)

    async def _follow(self) -> None:
        """Leave what its publisher calls back, and take up what is offered, where the owner lets it."""
        for kind in Kind:
            await self._follow_withdrawal(kind)
        if not self.settings.automatic or self._is_busy:
            return
        for kind in Kind:
            candidate = self.state.of(kind).candidate
            offer = self.chooser.newest(self.repository.offers, kind)
            if offer is None or (candidate and (candidate.stage is Stage.WATCH or candidate.label == offer.label)):
                continue
            self._start(offer, self._install(offer))
            return  # the other kinds at the next look: one thing at a time

    async def _follow_withdrawal(self, kind: Kind) -> None:
        by_label, of = {one.label: one for one in self.repository.offers}, self.state.of(kind)
        candidate = by_label.get(of.candidate.label) if of.candidate else None
        active = by_label.get(of.active)
        if candidate is not None and candidate.withdrawn and candidate.label != of.active:
            await self.course.leave(kind, WITHDRAWN, "Its publisher has called it back.", deny=False)
        if active is None or not active.withdrawn or self._is_busy:
            return
        to = label_of(active.name, active.rollback_to) if active.rollback_to else ""
        if to in by_label and to not in self.state.installed and not by_label[to].withdrawn:
            self._start(by_label[to], self._fetch_and_return(kind, by_label[to]))
            return
        before = by_label.get(of.previous)
        last = "" if before is not None and before.withdrawn else of.previous
        await self._call_back(kind, to if to in self.state.installed else last)

    async def _call_back(self, kind: Kind, to: str) -> None:
        to = "" if to in self.state.denied else to
        await self.course.leave(kind, WITHDRAWN, "Its publisher has called it back.", to=to, deny=False)

    async def _fetch_and_return(self, kind: Kind, offer: Offer) -> None:
        """Return to the older version that the publisher has signed, which is not on this disk any more."""
        to = offer.label
        try:
            await self._fetch_and_try(offer)
        except EdgeVoiceError as error:
            self._refuse(kind, offer.label, error)
            to = self.state.of(kind).previous
        await self._call_back(kind, to)

    async def _install(self, offer: Offer, *, again: bool = False) -> None:
        kind, label = offer.kind, offer.label
        self.book.tell(Event.INSTALLING, kind, label)
        try:
            await self._fetch_and_try(offer)
            if again:
                await self.book.change(lambda state: forgive(state, label))
            if self.state.of(kind).candidate:
                await self.course.drop(kind, SUPERSEDED)
            self.works[kind].state = "activating"
            await self.course.begin(label, kind, compares=kind is Kind.ASR and self.chooser.hub.compares())
        except EdgeVoiceError as error:
            await self._give_up(kind, label, error)
        else:
            self.refusals.pop(kind, None)
        await self._collect()

    async def _fetch_and_try(self, offer: Offer) -> None:
        kind, label = offer.kind, offer.label
        work = self.works[kind]
        if label in self.state.installed and await self._is_whole(label):
            await self._test(work, self._folder.folder_of(label))
            return

        def on_progress(said: Mapping[str, Any]) -> None:
            work.state, work.done = said["state"], said["done"] / max(1, said["total"])

        job = fetch_job(self._folder.root, offer.channel, offer.path, self._limits)
        fetched = fetched_in(await self._run_job(job, on_progress))
        await self._test(work, self._folder.staged_folder(label))
        await self.book.written(lambda: self._folder.install(label, fetched.installed))

    async def _is_whole(self, label: str) -> bool:
        """Tell whether an installed bundle is what was signed; one that is not is forgotten, to be fetched again."""
        try:
            await asyncio.to_thread(self._folder.verify, label)
        except BundleDamagedError as error:
            code, message = error.code, str(error)
            await self.book.change(lambda state: lose(state, label, code, message, self.book.now()))
            return False
        return True

    async def _test(self, work: Work, folder: Path) -> None:
        work.state, work.done = "testing", 0.0
        await self._arms.test(work.kind, work.label, folder, memory_mb=self.settings.memory_mb)

    async def _give_up(self, kind: Kind, label: str, error: EdgeVoiceError) -> None:
        """Say why a bundle was not taken, and do not try again what would fail again."""
        self._refuse(kind, label, error)
        if isinstance(error, ITS_OWN_FAULT):
            await self.book.change(lambda state: refuse(state, label, error.code, str(error), self.book.now()))
        if self.state.of(kind).candidate is None:
            await self._arms.rest(kind)
        elif kind is Kind.ASR:
            await self.course.resume()  # the trial took the place of what was shadowed

    def _refuse(self, kind: Kind, label: str, error: EdgeVoiceError) -> None:
        _LOGGER.warning("The bundle %s is not taken: %s: %s", label, error.code, error)
        self.refusals[kind] = Refusal(label=label, error=error, at=self.book.now())
        self.book.tell(Event.REFUSED, kind, label, code=error.code, message=str(error))

    async def _collect(self) -> None:
        with contextlib.suppress(DiskError):
            await self.book.written(self._folder.collect)

    @property
    def _limits(self) -> Limits:
        return Limits(largest_bytes=self.settings.largest_mb << 20)

    # One thing at a time.

    @property
    def _is_busy(self) -> bool:
        return self._job is not None and not self._job.done()

    def _must_be_free(self) -> None:
        if self._opened.refusal is not None:
            raise self._opened.refusal
        if self._is_busy:
            works = ", ".join(one.label for one in self.works.values())
            raise UpdateRunningError(f"{works or 'A bundle'} is being installed; wait until that is done")

    def _start(self, offer: Offer, work: Coroutine[Any, Any, None]) -> None:
        async def run() -> None:
            try:
                await self._calmly(work)
            finally:
                self.works.clear()

        self.works[offer.kind] = Work(action="install", kind=offer.kind, label=offer.label)
        self._job = asyncio.create_task(run(), name="bundle")
