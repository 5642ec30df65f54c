"""The arms: which models hear, which is tried, and how one takes another's place without a turn noticing.

A turn that has begun keeps what it began with; a model that is replaced is closed after its last decode.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil

from ..bundles.arms import CandidateArm
from ..bundles.bundle import Kind
from ..bundles.leases import Leases
from ..bundles.state import Stage
from ..bundles.supply import ModelSupply
from ..canary.canary import Canary
from ..engines.apart import ApartModel, TrialLimits, Tried
from ..engines.asr_whisper import WhisperEngine
from ..engines.decode_queue import DecodeQueue
from ..errors import EdgeVoiceError, TrialMemoryError
from ..learning.sessions import ClosedTurn
from ..pipeline.endpoint import VadModel
from ..pipeline.interpret import TurnRequest
from ..pipeline.listen import Mode
from ..pipeline.timeline import Spans
from ..pipeline.turn import Stages
from ..pipeline.types import Outcome
from ..pipeline.wake import WakeEngine
from .canary_turns import CanaryTurns
from .ears import ClosableWake, EarLoaders, Ears, NoWakeWords
from .shadow import Shadow

_LOGGER = logging.getLogger(__name__)
_MB = 1 << 20
_SHARE_OF_FREE = 0.5
"""What a model may take while it is tried, where the owner says nothing."""


type Swap = Callable[[WakeEngine | None, VadModel | None], Awaitable[None]]
"""Lets another wake word engine or VAD hold for all that begins from now on."""


class Arms:
    """Moves models in and out of service. Nothing in it blocks the loop; its calls come one at a time."""

    def __init__(
        self,
        supply: ModelSupply[WhisperEngine],
        edge: DecodeQueue,
        ears: Ears,
        turns: CanaryTurns,
        shadow: Shadow,
        loaders: EarLoaders,
        *,
        chance: Callable[[], float],
        trim: Callable[[], None],
        memory_mb: int = 0,
        data: Path | None = None,
    ) -> None:
        """Begin with what serves; `chance` draws from 0 to 1 which arm a turn gets, `trim` gives freed memory back.

        `memory_mb` is what the owner lets a new model take, as after a restart, until another one is tried; `data` is
        the data folder, where wake words' models may lie that were fetched.
        """
        self._supply, self._edge, self._ears = supply, edge, ears
        self._turns, self._shadow, self._loaders = turns, shadow, loaders
        self._chance, self._trim = chance, trim
        self._candidate: Leases[WhisperEngine] = supply.apart()
        self._beside = edge.beside(self._candidate.lease)
        self._canary: Canary | None = None
        """Of the candidate that answers a share, or is watched."""
        self._data = data
        self._memory_mb = memory_mb
        """What the owner lets a new model take; 0 for half of what is free."""
        self._limit_bytes = self._before_bytes = 0
        """Of the server's memory since a candidate was loaded; 0 for no limit."""
        self._given: dict[str, tuple[TurnRequest, str]] = {}
        """Turns that are under way, and the model that each was given."""
        self.swap: Swap | None = None
        """Of the control, once there is one."""

    # What the conductor asks for.

    async def test(self, kind: Kind, label: str, folder: Path, *, memory_mb: int = 0) -> Tried:
        """Try a bundle in a process of its own. A recogniser's stays, to shadow with.

        Raises TrialError, SelfTestError, ModelError and BundleManifestError.
        """
        self._memory_mb = memory_mb
        limits = _limits(memory_mb)
        if kind is Kind.ASR:
            return await self._shadow.test(folder, limits)
        _LOGGER.info("trying %s", label)
        model = await ApartModel.started(kind, folder, limits, data=self._data)
        await model.aclose()
        if model.tried is None:
            raise EdgeVoiceError(f"The bundle {label} was not tried")
        return model.tried

    async def shadow(self, label: str, folder: Path, canary: Canary, share: float, *, memory_mb: int = 0) -> None:  # noqa: ARG002  # the canary's own share is asked for at each turn
        """Have a recogniser decode a share of the turns unheard. Raises what `test` does."""
        self._memory_mb = memory_mb
        await self._drop()
        self._turns.canary = canary
        await self._shadow.begin(label, folder, _limits(memory_mb), canary)

    async def serve(self, label: str, folder: Path, canary: Canary, share: float) -> None:  # noqa: ARG002  # as above
        """Have it answer a share of the turns that begin from now on. Raises EdgeVoiceError; then all is as before."""
        if self._name_of(self._candidate) != label:
            await self._load(folder, is_new=True)
        await self._shadow.end()
        self._canary = self._turns.canary = canary

    async def activate(self, kind: Kind, label: str, folder: Path | None, canary: Canary | None = None) -> None:
        """Have it serve all that begins from now on; without a folder, what was there before any bundle.

        Raises EdgeVoiceError; then what served before goes on serving.
        """
        if kind is Kind.ASR:
            await self._activate_recogniser(label, folder)
            self._canary = canary
            self._turns.canary = canary or self._turns.canary
        elif self.serving(kind) != label:
            await self._activate_ear(kind, label, folder)

    async def rest(self, kind: Kind) -> None:
        """Have no candidate any more: turns that begin from now on are the incumbent's."""
        if kind is Kind.ASR:
            await self._drop()
            await self._shadow.end()
            self._supply.after_closing(self._trim)

    def serving(self, kind: Kind) -> str:
        """Return the label or the name of what serves now; empty for nothing, and for ears that are no bundle's."""
        return self._supply.status.serving if kind is Kind.ASR else self._ears.labels.get(kind, "")

    @property
    def is_shadowing(self) -> bool:
        """Whether an utterance is being decoded unheard, or waits for that."""
        return self._shadow.is_at_work

    @property
    def shadowed(self) -> int:
        """How many utterances were decoded unheard since the start."""
        return self._shadow.heard

    async def aclose(self) -> None:
        """End what is tried, and the small models."""
        await self._shadow.end()
        self._candidate.replace(None)
        await asyncio.to_thread(self._ears.close)

    # What turns ask and tell.

    def begin_turn(self, request: TurnRequest, stages: Stages) -> tuple[Stages, Callable[[], None]]:
        """Return a turn's stages, the candidate's where it was drawn, and what to call when the turn is over."""
        self._shadow.turn_began()
        given = self._name_of(self._candidate) if self._draws(request) else ""
        self._given[request.turn_id] = (request, given or self._supply.status.serving)
        if given:
            arm = CandidateArm(self._beside, self._edge, on_error=partial(self._stood_in, request, given))
            stages = replace(stages, judgement=replace(stages.judgement, edge=arm))

        def over() -> None:
            self._given.pop(request.turn_id, None)
            self._shadow.turn_over()

        return stages, over

    def turn_ended(self, outcome: Outcome, spans: Spans) -> None:
        """Hear of a turn that was answered."""
        with _harmless():
            self._turns.ended(outcome, spans)
            self._look_at_memory()
            if (known := self._given.get(outcome.turn_id)) is not None:
                self._shadow.offer(outcome, known[0])

    def turn_failed(self, request: TurnRequest, failure: EdgeVoiceError) -> None:
        """Hear of a turn that ended in an error."""
        _, model = self._given.get(request.turn_id, (request, self._supply.status.serving))
        with _harmless():
            self._turns.failed(request, failure, model)

    def turn_judged(self, closed: ClosedTurn) -> None:
        """Hear whether a turn was said again, put right, or given up."""
        with _harmless():
            self._turns.judged(closed)

    def _stood_in(self, request: TurnRequest, given: str, error: EdgeVoiceError) -> None:
        _LOGGER.warning("%s: the candidate failed on a turn, and what serves decodes it: %s", error.code, error)
        with _harmless():
            self._turns.stood_in(request, given)

    def _draws(self, request: TurnRequest) -> bool:
        canary = self._canary
        if canary is None or canary.stage is not Stage.SERVING or canary.label != self._name_of(self._candidate):
            return False
        return request.mode is Mode.LIVE and request.caller.trusted and self._chance() < canary.share

    # How it is done.

    async def _load(self, folder: Path, *, is_new: bool) -> None:
        """Load a model beside what serves; a new one may take so much memory only. Raises EdgeVoiceError."""
        limit = _limits(self._memory_mb).memory_mb * _MB
        before = _resident()
        engine = await self._supply.made_ready(folder)
        if is_new and _resident() - before > limit:
            await asyncio.to_thread(engine.close)
            raise TrialMemoryError(
                f"The model '{engine.name}' takes more than {limit // _MB} MB beside the one that serves"
            )
        self._before_bytes, self._limit_bytes = before, limit
        self._candidate.replace(engine)

    async def _activate_recogniser(self, label: str, folder: Path | None) -> None:
        if folder is None:
            await self._supply.return_to_chosen()
        elif self._supply.status.serving != label:
            if self._name_of(self._candidate) != label:
                await self._load(folder, is_new=False)
            await self._supply.adopt(self._candidate)
        await self._drop()
        await self._shadow.end()
        self._supply.after_closing(self._trim)

    async def _activate_ear(self, kind: Kind, label: str, folder: Path | None) -> None:
        """Load a small model and let it hold; the one before ends with the last stream that uses it."""
        if self.swap is None:
            raise EdgeVoiceError("The server has not begun yet; try again in a moment")
        if kind is Kind.WAKE:
            wake = await asyncio.to_thread(self._loaders.wake, folder)
            await self.swap(wake, None)
            self._ears.wake = wake
        else:
            vad = await asyncio.to_thread(self._loaders.vad, folder)
            await self.swap(None, vad)
            self._ears.vad = vad
        self._ears.labels[kind] = label

    async def hear_words(self, load: Callable[[], ClosableWake]) -> bool:
        """Take wake words up where there were none; False while there are still none. Raises EdgeVoiceError."""
        before = self._ears.wake
        if not isinstance(before, NoWakeWords) or self.swap is None:
            return True
        wake = await asyncio.to_thread(load)
        if isinstance(wake, NoWakeWords) or self._ears.wake is not before:  # a bundle's words came meanwhile
            wake.close()
            return not isinstance(self._ears.wake, NoWakeWords)
        await self.swap(wake, None)
        self._ears.wake = wake
        return True

    async def _drop(self) -> None:
        self._canary = None
        self._candidate.replace(None)

    def _look_at_memory(self) -> None:
        canary = self._canary
        if canary is None or not self._limit_bytes or not canary.label:
            return
        if (grown := _resident() - self._before_bytes) > self._limit_bytes:
            self._limit_bytes = 0
            self._turns.trigger("memory", f"The server has grown by {grown // _MB} MB since {canary.label} was loaded.")

    @staticmethod
    def _name_of(leases: Leases[WhisperEngine]) -> str:
        return leases.current.name if leases.current else ""


@contextlib.contextmanager
def _harmless() -> Iterator[None]:
    """Log a fault of ours: it may cost a comparison, and never a turn."""
    try:
        yield
    except Exception:
        _LOGGER.exception("A turn is not compared")


def _limits(memory_mb: int) -> TrialLimits:
    """Return what a trial may take: as the owner says, or half of what is free."""
    free_mb = int(psutil.virtual_memory().available * _SHARE_OF_FREE) // _MB
    return TrialLimits(memory_mb=memory_mb or max(1, free_mb))


def _resident() -> int:
    resident: int = psutil.Process().memory_info().rss
    return resident
