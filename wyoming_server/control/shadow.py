"""A candidate that decodes unheard: one utterance at a time, in a process of its own, and only while nobody speaks."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from ..bundles.bundle import Kind
from ..bundles.scorecards import LoadedScorecards
from ..canary.canary import Canary
from ..engines.apart import ApartModel, TrialLimits, Tried
from ..errors import EdgeVoiceError, TrialCrashedError, TrialError, TurnError
from ..pipeline.edge_asr import recognise
from ..pipeline.grammar import Grammar
from ..pipeline.interpret import TurnRequest
from ..pipeline.listen import Mode
from ..pipeline.types import Interpretation, Outcome
from .canary_turns import CanaryTurns

_LOGGER = logging.getLogger(__name__)
AGAIN_SECONDS = 600.0
"""A process that dies twice within this is the bundle's fault; once, something else may have ended it."""


class Shadow:
    """Tries candidates, and has one of them decode what others answer."""

    def __init__(
        self,
        turns: CanaryTurns,
        grammar: Grammar,
        *,
        data: Path,
        cards: LoadedScorecards,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        """Have no candidate yet; `data` is the data folder, `chance` draws from 0 to 1, `cards` hears of scorecards."""
        self._turns, self._grammar, self._data, self._cards = turns, grammar, data, cards
        self._clock, self._chance = clock, chance
        self._model: ApartModel | None = None
        self._tried: ApartModel | None = None
        """The last one that passed its trial, and does not shadow."""
        self._canary: Canary | None = None
        """Of the candidate that shadows; None for none."""
        self._folder, self._limits = Path(), TrialLimits()
        self._work: asyncio.Task[None] | None = None
        self._crashed_s: float | None = None
        self._speaking = 0
        """Turns that are under way."""
        self.heard = 0
        """Utterances that were decoded so, ever."""

    @property
    def is_at_work(self) -> bool:
        """Whether an utterance is being decoded, or waits for silence."""
        return self._work is not None and not self._work.done()

    async def test(self, folder: Path, limits: TrialLimits) -> Tried:
        """Try a recogniser; its process stays, for `begin`. What shadows goes on.

        Raises TrialError, SelfTestError, ModelError and BundleManifestError.
        """
        await self._forget_tried()
        model = await ApartModel.started(Kind.ASR, folder, limits, data=self._data)
        self._tried = model
        if model.tried is None:
            raise TrialCrashedError(f"The model '{model.name}' was not tried")
        return model.tried

    async def begin(self, label: str, folder: Path, limits: TrialLimits, canary: Canary) -> None:
        """Have it decode unheard from now on; it is tried first unless that was just done. Raises as `test` does."""
        if self._model is not None and self._model.name == label:
            self._canary = canary
            return
        if self._tried is None or self._tried.name != label:
            await self.test(folder, limits)
        model, self._tried = self._tried, None
        await self.end()
        self._folder, self._limits, self._crashed_s = folder, limits, None
        self._model, self._canary = model, canary
        await self._settle_in()

    async def end(self) -> None:
        """Have no candidate, and none that was tried; their processes are gone afterwards."""
        self._canary = None
        await self._forget_tried()
        work, self._work = self._work, None
        if work is not None and work is not asyncio.current_task():
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        model, self._model = self._model, None
        if model is not None:
            await model.aclose()

    async def _forget_tried(self) -> None:
        model, self._tried = self._tried, None
        if model is not None:
            await model.aclose()

    async def _settle_in(self) -> None:
        if self._model is not None:
            self._cards.remember(self._model.name, self._model.scorecard)
            await self._model.be_idle()
            if self._speaking:
                self._model.hold()

    # What turns tell.

    def turn_began(self) -> None:
        """Halt: somebody speaks."""
        self._speaking += 1
        if self._model is not None:
            self._model.hold()

    def turn_over(self) -> None:
        """Go on when nobody speaks any more."""
        self._speaking -= 1
        if self._model is not None and not self._speaking:
            self._model.go_on()

    def offer(self, outcome: Outcome, request: TurnRequest) -> None:
        """Take an utterance that was answered, unless it was not drawn, or somebody else speaks, or one waits."""
        heard, canary = outcome.interpretation, self._canary
        if canary is None or heard is None or heard.failure is not None or not outcome.caller.trusted:
            return
        if request.mode is not Mode.LIVE or self._speaking > 1 or self.is_at_work or self._chance() >= canary.share:
            return
        self._work = asyncio.create_task(self._decode(heard, request), name="shadow")

    async def _decode(self, heard: Interpretation, request: TurnRequest) -> None:
        if self._model is None:
            return
        try:
            hypothesis = await recognise(
                self._model,
                heard.speech,
                language=request.language,
                languages=request.languages,
                prompt=request.prompt,
            )
            match = await self._grammar.match(hypothesis.text, hypothesis.language, request.vocabulary)
            self.heard += 1
            self._turns.shadowed(heard, hypothesis, match)
        except TurnError, ValueError:
            self._turns.shadow_failed(heard)
        except TrialCrashedError as error:
            await self._crashed(error)
        except TrialError as error:
            self._turns.trigger(error.code, str(error))
        # A fault of ours must cost a comparison, nothing else.
        except Exception:
            _LOGGER.exception("A shadow decode has failed")

    async def _crashed(self, error: TrialCrashedError) -> None:
        """Start its process anew, once: the system may have ended it for want of memory, which is no fault of its."""
        now_s, before_s, model = self._clock(), self._crashed_s, self._model
        self._crashed_s, self._model = now_s, None
        if model is not None:
            await model.aclose()
        if before_s is not None and now_s - before_s < AGAIN_SECONDS:
            self._turns.trigger(error.code, str(error))
            return
        _LOGGER.warning("%s: %s; it is started once more", error.code, error)
        try:
            self._model = await ApartModel.started(Kind.ASR, self._folder, self._limits, data=self._data)
        except EdgeVoiceError as worse:
            self._turns.trigger(worse.code, str(worse))
            return
        await self._settle_in()
