"""A bundle's way from its self-test to being what serves, and back: the state on the disk and the arms, in step."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from ..bundles.bundle import Kind
from ..bundles.state import Candidate, Stage, State
from ..canary.canary import Action, Canary
from ..errors import BundleDamagedError, DiskError, EdgeVoiceError, NothingToRollBackError, UpdateRunningError
from .book import Book, Event
from .folder import BundleFolder
from .opening import loaded_labels
from .running import mark_run
from .transitions import activate, advance, begin, lose, roll_back, settle

_LOGGER = logging.getLogger(__name__)


REPLACED = "replaced"
"""How a candidate ends that nobody is to blame for."""


class Arms(Protocol):
    """What runs the models. Nothing in it blocks the loop, and each call may come twice."""

    async def test(self, kind: Kind, label: str, folder: Path, *, memory_mb: int) -> object:
        """Load it in a process of its own, and let it hear its golden recordings. Raises TrialError, ModelError."""

    async def shadow(self, label: str, folder: Path, canary: Canary, share: float, *, memory_mb: int = 0) -> None:
        """Have a recogniser decode a share of the turns unheard from now on. Raises what `test` does."""

    async def serve(self, label: str, folder: Path, canary: Canary, share: float) -> None:
        """Have it answer a share of the turns. Raises EdgeVoiceError; then all is as before."""

    async def activate(self, kind: Kind, label: str, folder: Path | None, canary: Canary | None = None) -> None:
        """Have it answer all turns that begin from now on; without a folder, the plain model.

        Raises EdgeVoiceError; then what served before goes on serving.
        """

    async def rest(self, kind: Kind) -> None:
        """Have no candidate any more."""

    def serving(self, kind: Kind) -> str:
        """Return the label or the name of what serves now; empty for nothing."""


class Course:
    """Moves bundles. One step at a time: whoever calls waits for the one before."""

    def __init__(
        self, book: Book, folder: BundleFolder, arms: Arms, canary: Canary, *, memory_mb: int, loads: bool = True
    ) -> None:
        """Move the bundles of a folder; `canary` judges the recogniser that is on its way.

        A command, which `loads` none, leaves no mark that the next start would take for a crash.
        """
        self._book, self._folder, self._arms = book, folder, arms
        self._memory_mb, self._loads = memory_mb, loads
        self._step = asyncio.Lock()
        self._saved: dict[str, Any] | None = None
        self.canary = canary

    async def begin(self, label: str, kind: Kind, *, compares: bool) -> None:
        """Let a tried bundle serve: by stages where it `compares` to what serves, at once where it does not."""
        async with self._step:
            if compares:
                await self._begin(label)
            else:
                await self._activate(kind, label)

    async def resume(self) -> None:
        """Take up a candidate of the run before where it was."""
        async with self._step:
            of = self._book.state.of(Kind.ASR)
            if (candidate := of.candidate) is None:
                self._forget_watched()
                return
            was = of.previous if candidate.stage is Stage.WATCH else self._arms.serving(Kind.ASR)
            self.canary.begin(candidate.label, self._book.now(), incumbent=was, stage=candidate.stage)
            if not await self._arrived(candidate):
                await self._enter(candidate.label, candidate.stage)

    async def judge(self) -> None:
        """Do what the figures say of the candidate."""
        async with self._step:
            candidate = self._book.state.of(Kind.ASR).candidate
            if candidate is None or await self._arrived(candidate):
                return
            verdict = self.canary.verdict(self._book.now())
            if verdict.action is Action.ROLL_BACK:
                evidence = [one.as_json() for one in verdict.evidence]
                await self._leave(Kind.ASR, verdict.code, verdict.message, evidence=evidence)
            elif verdict.action is Action.SETTLE:
                await self._settle(candidate.label)
            elif verdict.action is Action.ADVANCE:
                self.canary.advance(self._book.now())  # before the first turn of the new stage is counted
                await self._arrived(candidate)

    async def leave(
        self, kind: Kind, label: str, code: str, message: str, *, to: str | None = None, deny: bool = True
    ) -> None:
        """Return from a bundle to the one before, to the installed one named, or (empty) to the plain model.

        Raises NothingToRollBackError where it was left meanwhile, DiskError.
        """
        async with self._step:
            of = self._book.state.of(kind)
            if label not in {of.active, of.candidate.label if of.candidate else ""}:
                raise NothingToRollBackError(f"{label} neither serves nor is tried any more")
            await self._leave(kind, code, message, to=to, deny=deny)

    async def drop(self, kind: Kind, why: str, *, spares_watched: bool = False) -> None:
        """Forget a candidate; it may come again. Raises UpdateRunningError for one that it `spares`: it serves all."""
        async with self._step:
            candidate = self._book.state.of(kind).candidate
            if spares_watched and candidate is not None and candidate.stage is Stage.WATCH:
                raise UpdateRunningError(
                    f"{candidate.label} has come to answer all turns meanwhile and is still watched; what is newer "
                    "comes after it"
                )
            await self._book.change(lambda state: settle(state, kind))
            self.canary.end(why, self._book.now())
            await self._arms.rest(kind)
            await self.save()

    async def save(self) -> None:
        """Write down what was counted so far. Raises DiskError."""
        fields = self.canary.snapshot()
        if fields != self._saved:  # a memory card lasts longer so
            await asyncio.to_thread(self._folder.write_canary, fields)
            self._saved = fields

    def _forget_watched(self) -> None:
        """Have the canary watch nobody, where it wakes up with a candidate that was left before anything was loaded."""
        if label := self.canary.label:
            left = self._book.state.last_rollback.get(Kind.ASR)
            self.canary.end(left.code if left and left.label == label else REPLACED, self._book.now())

    async def _begin(self, label: str) -> None:
        incumbent, now = self._arms.serving(Kind.ASR), self._book.now()
        await self._book.change(lambda state: begin(state, label, now))
        self.canary.begin(label, now, incumbent=incumbent)
        await self.save()
        self._book.tell(Event.SHADOW, Kind.ASR, label)
        await self._enter(label, Stage.SHADOW)

    async def _arrived(self, candidate: Candidate) -> bool:
        """Finish a step that the canary has taken already, and tell whether there was one."""
        label, stage = candidate.label, self.canary.stage
        if stage is None or self.canary.label != label or stage is candidate.stage:
            return False
        if await self._enter(label, stage):
            await self._book.change(lambda state: advance(state, Kind.ASR, stage, self._book.now()))
            await self.save()
            self._book.tell(Event(stage.value), Kind.ASR, label)
        return True

    async def _enter(self, label: str, stage: Stage) -> bool:
        """Have the arms do what a stage asks for; a candidate that they cannot run is left, and that is False."""
        folder, share = self._folder.folder_of(label), self.canary.share
        try:
            await asyncio.to_thread(self._folder.verify, label)
            if stage is Stage.SHADOW:
                await self._arms.shadow(label, folder, self.canary, share, memory_mb=self._memory_mb)
                return True
            await self._mark(label)
            if stage is Stage.SERVING:
                await self._arms.serve(label, folder, self.canary, share)
            else:
                await self._arms.activate(Kind.ASR, label, folder, self.canary)
        except DiskError:
            raise
        except BundleDamagedError as error:
            self.canary.end(REPLACED, self._book.now())
            await self._lose(Kind.ASR, label, error)
            await self._arms.rest(Kind.ASR)
            await self._serve_active(Kind.ASR)
        except EdgeVoiceError as error:
            await self._leave(Kind.ASR, error.code, str(error))
        else:
            return True
        return False

    async def _settle(self, label: str) -> None:
        evidence = [one.as_json() for one in self.canary.evidence()]
        await self._book.change(lambda state: settle(state, Kind.ASR))
        self.canary.settle(self._book.now())
        await self.save()
        self._book.tell(Event.SETTLED, Kind.ASR, label, evidence=evidence)

    async def _activate(self, kind: Kind, label: str) -> None:
        await self._mark(label)
        await self._arms.activate(kind, label, self._folder.folder_of(label))
        await self._book.change(lambda state: activate(state, label, self._book.now()))
        self._book.tell(Event.ACTIVATED, kind, label)

    async def _leave(
        self,
        kind: Kind,
        code: str,
        message: str,
        *,
        to: str | None = None,
        deny: bool = True,
        evidence: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """The disk first: from its rename on, every start serves what is returned to."""
        now, was = self._book.now(), self._book.state.of(kind)

        def transition(state: State) -> State:
            return roll_back(state, kind, code, message, now, evidence=evidence, to=to, deny=deny)

        try:
            state = await self._book.change(transition)
        except DiskError:
            # What is worse must not serve on because the disk is full; whoever asked asks again.
            await self._arms.rest(kind)
            await self._serve(kind, transition(self._book.state).of(kind).active)
            raise
        left = state.last_rollback[kind]
        _LOGGER.warning("The bundle %s is left for %s: %s", left.label, left.to or "the plain model", message)
        if kind is Kind.ASR and self.canary.label:
            self.canary.end(code, now)
        await self._arms.rest(kind)
        try:
            if left.label == was.active:
                await self._serve_active(kind)
        finally:  # also where not even the plain model can be loaded: the disk says so already
            said = {"code": left.code, "message": left.message, "evidence": left.evidence}
            self._book.tell(Event.ROLLED_BACK, kind, left.label, **said)
            await self.save()

    async def _serve_active(self, kind: Kind) -> None:
        """Serve the active bundle; one that is damaged is left for the one before it, and at last the plain model."""
        while label := self._book.state.of(kind).active:
            try:
                await self._serve(kind, label)
            except EdgeVoiceError as error:
                await self._lose(kind, label, error)
            else:
                return
        await self._serve(kind, "")

    async def _serve(self, kind: Kind, label: str) -> None:
        """Have a bundle serve, once its bytes are verified, or (empty) the plain model. Raises EdgeVoiceError."""
        if label:
            await asyncio.to_thread(self._folder.verify, label)
        await self._arms.activate(kind, label, self._folder.folder_of(label) if label else None)

    async def _lose(self, kind: Kind, label: str, error: EdgeVoiceError) -> None:
        _LOGGER.warning("%s: %s", error.code, error)
        code, message = error.code, str(error)
        await self._book.change(lambda state: lose(state, label, code, message, self._book.now()))
        self._book.tell(Event.REFUSED, kind, label, code=code, message=message)

    async def _mark(self, label: str) -> None:
        """Write down that a bundle is about to be loaded in the server, so that a crash is known to be its."""
        if not self._loads:
            return
        labels = loaded_labels(self._book.state) | {label}
        await asyncio.to_thread(mark_run, self._folder, labels, self._book.now())
