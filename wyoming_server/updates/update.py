"""How models come and go on a hub: what its owner asks for, what the publisher offers and calls back, and when.

`_follow` is what a look at the repository leads to; `installing` brings one bundle, `course` has it serve or leave.
"""

import asyncio
import contextlib
import datetime as dt
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

from ..bundles.bundle import Kind
from ..bundles.bundle_settings import BundleSettings
from ..bundles.offer import Offer
from ..bundles.state import Stage, State
from ..canary.canary import Canary
from ..errors import EdgeVoiceError, NothingToRollBackError, UpdateRunningError
from .book import Book, Event
from .choose import Chooser, HubSays, label_of
from .course import REPLACED, Arms, Course
from .folder import BundleFolder, Trust
from .installing import Installing, RunJob, calmly
from .jobs import Limits, check_job, found_in, root_job
from .opening import Opened
from .report import Reports, Send

_LOGGER = logging.getLogger(__name__)
FIRST_CHECK_S = 60.0
"""After a start, and shifted by chance: hubs that lost their power together do not come together."""
LOOK_S = 1.0
"""How often is looked whether anything is due."""
SAVE_S = 60.0
"""What was counted since is lost with the power."""
OWNER = "owner"
WITHDRAWN = "withdrawn"


@dataclass(slots=True, kw_only=True)
class Repository:
    """What is known of the repository."""

    trust: Trust | None
    offers: tuple[Offer, ...] = ()
    """Of the channel, the newest first."""
    checked_at: dt.datetime | None = None
    error: EdgeVoiceError | None = None
    """Why the last look was in vain."""

    @classmethod
    def remembered(cls, folder: BundleFolder, channel: str) -> Self:
        """Return what an earlier run has seen of it; blocks."""
        known, said = cls(trust=folder.trusted()), folder.looked() or {}
        if known.trust is not None and (said.get("url"), said.get("channel")) == (known.trust.url, channel):
            with contextlib.suppress(EdgeVoiceError, KeyError, TypeError, ValueError, AttributeError):
                found = found_in(said["found"])
                known.offers, known.checked_at = found.offers, found.checked_at
        return known


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
        self.repository = Repository.remembered(self._folder, settings.channel.value)
        self.course = Course(self.book, self._folder, arms, canary, memory_mb=settings.memory_mb, loads=opened.loads)
        self.installing = Installing(self.book, self._folder, arms, run_job, self.course)
        self.chooser = Chooser(hub, self.book)
        self.reports = Reports(self._folder.root, canary, wall=wall, chance=chance, send=send)
        self._looking = asyncio.Lock()
        self._errand: asyncio.Task[None] | None = None
        self._told: set[str] = set()
        self._has_begun = self._has_looked = False
        self._check_due_s = clock() + FIRST_CHECK_S * (0.5 + chance())
        self._save_due_s = clock() + SAVE_S
        self._wake = asyncio.Event()

    @property
    def state(self) -> State:
        """Return what is remembered."""
        return self.book.state

    # What the owner asks for.

    async def trust(self, url: str, root: bytes) -> None:
        """Trust a repository and look at it; one that cannot be looked at leaves all as it was.

        Raises RootRefusedError, UpdateRunningError, BundleError, DiskError.
        """
        self._must_be_free()
        before, url = self._folder.trusted(), url.rstrip("/")
        await self._run_job(root_job(root), lambda _: None)
        self._must_be_free()
        if before is not None and json.loads(before.root) == json.loads(root):
            root = before.root  # the same one, spelt otherwise: what it has shown so far is not forgotten
        if before not in {None, Trust(url=url, root=root)}:
            await self._try(url, root)
        await asyncio.to_thread(self._folder.trust, url, root)
        self._has_looked = False
        self.repository = Repository(trust=Trust(url=url, root=root))
        try:
            await self.check()
        except EdgeVoiceError:
            if before is None:
                await self.distrust()
            raise

    async def _try(self, url: str, root: bytes) -> None:
        """Look at a repository from a folder of its own, beside the one that is trusted."""
        folder = self._folder.trying()
        try:
            await asyncio.to_thread(folder.trust, url, root)
            await self._run_job(check_job(folder.root, self.settings.channel.value, self._limits), lambda _: None)
        finally:
            await asyncio.to_thread(folder.erase)

    async def distrust(self) -> None:
        """Trust none any more; what is installed goes on serving. Raises UpdateRunningError, DiskError."""
        self._must_be_free()
        await asyncio.to_thread(self._folder.distrust)
        self.repository = Repository(trust=None)

    async def check(self) -> None:
        """Look at the repository, and follow what it says. Raises NoRepositoryError, BundleError, DiskError."""
        self._must_be_free()
        async with self._looking:
            await self._look()
            await self._follow()

    async def install(self, kind: Kind, label: str | None = None, *, again: bool = False) -> None:
        """Begin to install an offered bundle, the newest without a label; `again` also one that failed here.

        Raises NoRepositoryError, UnknownBundleError, NotEligibleError, DeniedError, VersionRollbackError,
        UpdateRunningError, and what a look at the repository raises where there was none yet.
        """
        if self.installing.is_under_way(kind, label):
            return
        self._must_be_free()
        self._folder.repository()
        if not self._has_looked:
            await self._look()
        candidate = self.state.of(kind).candidate
        if candidate is not None and candidate.label == label:
            return
        offer = self.chooser.wanted(self.repository.offers, kind, label, again=again)
        if candidate is not None and candidate.stage is Stage.WATCH:
            raise UpdateRunningError(
                f"{candidate.label} is new and still watched; roll it back, or wait until it has settled"
            )
        self._must_be_free()
        self._install(offer, again=again)

    async def roll_back(self, kind: Kind) -> None:
        """Return to the bundle before; the one that is left is not tried again.

        Raises NothingToRollBackError, UpdateRunningError, DiskError.
        """
        self._must_be_free()
        of = self.state.of(kind)
        label = of.candidate.label if of.candidate else of.active
        if not label or (kind is Kind.ASR and self.chooser.is_chosen_otherwise(self.repository.offers)):
            raise NothingToRollBackError(f"No bundle of kind '{kind}' serves here; there is nothing to go back from")
        await self.course.leave(kind, label, OWNER, "Its owner asked for it.")
        self.installing.refusals.pop(kind, None)

    def adopt(self, settings: BundleSettings) -> None:
        """Hear what the owner decided otherwise: what another channel offers is looked at soon."""
        before, self.settings = self.settings, settings
        self.course.canary.settings = settings
        if before.channel is not settings.channel:  # what the other one offers is not for this hub any more
            self.repository = replace(self.repository, offers=(), checked_at=None)
            self._has_looked = False
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
        self.installing.refuse(kind, label, error)

    async def settled(self) -> None:
        """Wait until nothing is looked for or being installed."""
        if self._errand is not None:
            await asyncio.wait({self._errand})
        await self.installing.settled()

    # Its task.

    async def run(self) -> None:
        """Look, follow and judge until cancelled."""
        try:
            while True:
                await calmly(self._tick())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """End what is being done, and write down what was counted."""
        if self._errand is not None:
            self._errand.cancel()
            await asyncio.gather(self._errand, return_exceptions=True)
        await self.installing.aclose()
        if self.is_used:
            await calmly(self.course.save())

    @property
    def is_used(self) -> bool:
        """Whether there is anything to keep count of; without a repository or a bundle nothing is ever written."""
        return self._opened.lock is not None and (self.repository.trust is not None or bool(self.state.kinds))

    async def _tick(self) -> None:
        now_s = self._clock()
        saves = now_s >= self._save_due_s
        if saves:
            self._save_due_s = now_s + SAVE_S
        if self._opened.lock is None and not (saves and await asyncio.to_thread(self._opened.take)):
            return
        if not self._has_begun:
            self._has_begun = True
            await calmly(self._begin())
        await calmly(self.course.judge())
        if self.state.of(Kind.ASR).candidate is None:
            self.course.canary.compare_with(self.serving(Kind.ASR))
        if not self.installing.is_busy and set(self.state.installed) - self.state.used:
            await self.installing.collect()
        if saves and self.is_used:
            await calmly(self.course.save())
        looks = self.repository.trust is not None and now_s >= self._check_due_s and not self.installing.is_busy
        if (looks or (saves and self.is_used)) and (self._errand is None or self._errand.done()):
            self._errand = asyncio.create_task(self._go(looks=looks, reports=saves), name="bundles' repository")

    async def _go(self, *, looks: bool, reports: bool) -> None:
        """Do what the network may hold up; the figures are judged meanwhile."""
        if looks:
            self._check_due_s = self._clock() + 3600.0 * self.settings.check_hours * (0.5 + self._chance())
            await calmly(self.check())
        if reports:
            offers, facts = self.repository.offers, self.chooser.facts()
            await calmly(self.reports.tick(offers, facts, agreed=self.settings.reports))

    async def _begin(self) -> None:
        """Take up what the run before has left."""
        await self.book.reload()
        for kind in self._opened.left:
            left = self.state.last_rollback[kind]
            said = {"code": left.code, "message": left.message, "evidence": left.evidence}
            self.book.tell(Event.ROLLED_BACK, kind, left.label, **said)
        if self.state.of(Kind.ASR).candidate and self.chooser.is_chosen_otherwise(self.repository.offers):
            await self.course.drop(Kind.ASR, REPLACED)  # the owner has named another model since
        await self.course.resume()

    # What it does.

    async def _look(self) -> None:
        trust = self._folder.repository()
        asked, channel, root = self.repository.trust, self.settings.channel.value, self._folder.root
        try:
            result = await self._run_job(check_job(root, channel, self._limits), lambda _: None)
        except EdgeVoiceError as error:
            if self.repository.trust is asked:
                self.repository.error = error
            raise
        if self.repository.trust is not asked or self.settings.channel.value != channel:
            raise UpdateRunningError("Another repository or channel was named during this look; look again")
        found = found_in(result)
        for path, why in found.unusable.items():
            _LOGGER.warning("%s is not offered here: %s", path, why)
        self.repository = replace(self.repository, offers=found.offers, checked_at=found.checked_at, error=None)
        self._has_looked = True
        said = {"schema": 1, "url": trust.url, "channel": channel, "found": result}
        await calmly(asyncio.to_thread(self._folder.write_looked, said))
        for kind in Kind:
            offer = self.chooser.newest(self.repository.offers, kind)
            if offer is not None and offer.label not in self._told:
                self._told.add(offer.label)
                self.book.tell(Event.OFFERED, kind, offer.label)

    async def _follow(self) -> None:
        """Leave what its publisher calls back, and take up what is offered, where the owner lets it."""
        for kind in Kind:
            await self._follow_withdrawal(kind)
        for kind in Kind:
            if not self.settings.automatic or self.installing.is_busy:
                return  # the other kinds at the next look: one thing at a time
            candidate = self.state.of(kind).candidate
            offer = self.chooser.newest(self.repository.offers, kind)
            if offer is None or (candidate and (candidate.stage is Stage.WATCH or candidate.label == offer.label)):
                continue
            self._install(offer)

    def _install(self, offer: Offer, *, again: bool = False) -> None:
        compares = offer.kind is Kind.ASR and self.chooser.hub.compares()
        self.installing.install(offer, self.settings, compares=compares, again=again)

    async def _follow_withdrawal(self, kind: Kind) -> None:
        by_label, of = {one.label: one for one in self.repository.offers}, self.state.of(kind)
        candidate = by_label.get(of.candidate.label) if of.candidate else None
        active = by_label.get(of.active)
        if candidate is not None and candidate.withdrawn and candidate.label != of.active:
            await self._call_back(kind, candidate.label, None)
        if active is None or not active.withdrawn or self.installing.is_busy:
            return
        to = label_of(active.name, active.rollback_to) if active.rollback_to else ""
        before = by_label.get(of.previous)
        last = "" if before is not None and before.withdrawn else of.previous
        if to in self.state.installed:
            await self._call_back(kind, active.label, to)
        elif to in by_label and not by_label[to].withdrawn:
            self.installing.put_back(by_label[to], self.settings, partial(self._put_back, kind, active.label, to, last))
        else:
            await self._call_back(kind, active.label, last)

    async def _put_back(self, kind: Kind, label: str, to: str, last: str, is_there: bool) -> None:
        await self._call_back(kind, label, to if is_there else last)

    async def _call_back(self, kind: Kind, label: str, to: str | None) -> None:
        """Leave a bundle for an installed one, for the plain model (empty), or (None) for what serves beside it."""
        to = "" if to in self.state.denied else to
        await self.course.leave(kind, label, WITHDRAWN, "Its publisher has called it back.", to=to, deny=False)

    @property
    def _limits(self) -> Limits:
        return Limits(largest_bytes=self.settings.largest_mb << 20)

    def _must_be_free(self) -> None:
        if self._opened.refusal is not None:
            raise self._opened.refusal
        self.installing.must_be_free()
