"""Recordings → what the hub makes of each: the path of a live turn, without its waiting."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ..bundles.hub import STARTER
from ..bundles.scorecards import find_scorecard
from ..bundles.store import ModelStore
from ..engines.decode_queue import DecodeQueue
from ..engines.grammar_hassil import HassilGrammar
from ..engines.vad_silero import SileroVad
from ..errors import UnsupportedAudioError
from ..learning.comparison import base, canonical
from ..learning.fit import LabelledTurn
from ..learning.percentiles import Percentiles, Scale
from ..pipeline.audio import Framer, PcmConverter
from ..pipeline.edge_asr import recognise
from ..pipeline.endpoint import Endpointer, EndpointSettings, VadModel
from ..pipeline.evidence import extract, mean_entropy, opening
from ..pipeline.grammar import Grammar, Vocabulary
from ..pipeline.policy import FIRST_TRY, UNCALIBRATED, Standing
from ..pipeline.quality import measure
from ..pipeline.risk import GENERIC, score
from ..pipeline.scorecard import Scorecard
from ..pipeline.types import MIN_SPEECH_SECONDS, Frame, Hypothesis, Quality, Risk, Speech
from ..recogniser import chosen_model, supply_of, workers
from ..settings import Settings
from .local import bundle_that_serves, with_model
from .manifest import Row, identity
from .recording import Recording, read_recording

UNHEARD = Risk(value=1.0, reason="no speech was found")
"""Of a recording in which the VAD finds nobody speaking, although somebody does."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heard:
    """What the hub made of one recording. The audio itself is gone: thousands of them would fill the memory."""

    row: Row
    hypothesis: Hypothesis
    """Without words where the VAD found no speech."""
    risk: Risk
    """By the scorecard that serves, before the home has turns of its own."""
    turn: LabelledTurn
    """What a scorecard can be fitted to."""
    quality: Quality | None
    """None where the VAD found no speech."""
    speech_seconds: float
    """VAD speech in it."""

    @property
    def is_wrong(self) -> bool:
        """Whether its words are not those that were said."""
        return self.turn.wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """The real parts of a hub, for recordings to go through."""

    edge: DecodeQueue
    vads: Sequence[VadModel]
    """One per worker: each runs on a thread of its own."""
    grammar: Grammar
    home: Vocabulary
    endpoint: EndpointSettings
    scorecard: Scorecard
    directory: Path
    """The model's folder."""
    language: str
    """Of the recordings whose manifest names none; empty: it is detected."""
    languages: tuple[str, ...]
    """Among these, or all that the model knows."""

    async def hear(self, rows: Sequence[Row], report: Callable[[], object] = lambda: None) -> list[Heard]:
        """Return what is made of each recording, in order; `report` is called after each.

        Raises RecordingError, UnsupportedAudioError or UnsupportedLanguageError for one that cannot be used, and
        TurnError when the model fails: half a measurement is none.
        """
        heard: dict[int, Heard] = {}
        waiting = iter(enumerate(rows))

        async def work(vad: VadModel) -> None:
            for index, row in waiting:  # the workers share it: each takes the next
                heard[index] = await self._hear_one(row, vad)
                report()

        tasks = [asyncio.create_task(work(vad)) for vad in self.vads]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return [heard[index] for index in range(len(rows))]

    async def _hear_one(self, row: Row, vad: VadModel) -> Heard:
        known, frames = await asyncio.to_thread(frames_of, row.path)
        language = base(row.language) or self.language
        speech = utterance(frames, await vad.open().probabilities(frames), self.endpoint)
        if speech is None:
            return _unheard(row, known, Hypothesis(text="", language=language, model=self.edge.name))
        hypothesis = await recognise(self.edge, speech, language=language or None, languages=self.languages, prompt=())
        match = await self.grammar.match(hypothesis.text, hypothesis.language, self.home)
        quality = measure(speech)
        standing = Percentiles({self.edge.name: self.scorecard.references}).standing(
            Scale(bundle=self.edge.name, language=hypothesis.language), hypothesis
        )
        risk = score(
            hypothesis,
            quality,
            match,
            speech=speech,
            standing=standing,
            history=FIRST_TRY,
            scorecard=self.scorecard,
            calibration=UNCALIBRATED,
        )
        features = extract(hypothesis, quality, match, speech=speech, standing=Standing(), history=FIRST_TRY)
        return Heard(
            row=row,
            hypothesis=hypothesis,
            risk=risk,
            turn=_labelled(row, known, hypothesis, features=features, is_ruled=risk.value >= 1.0),
            quality=quality,
            speech_seconds=speech.vad_speech_seconds,
        )


def _unheard(row: Row, known: str, hypothesis: Hypothesis) -> Heard:
    turn = _labelled(row, known, hypothesis, features={}, is_ruled=True)
    return Heard(row=row, hypothesis=hypothesis, risk=UNHEARD, turn=turn, quality=None, speech_seconds=0.0)


def _labelled(
    row: Row, known: str, hypothesis: Hypothesis, *, features: dict[str, float], is_ruled: bool
) -> LabelledTurn:
    """Return the turn with its label: wrong are other words; "40" and "forty" are the same."""
    language = row.language or hypothesis.language
    return LabelledTurn(
        features=features,
        wrong=canonical(hypothesis.text, language) != canonical(row.text, language),
        language=hypothesis.language,
        mean_log_probability=hypothesis.mean_log_probability,
        mean_entropy=mean_entropy(hypothesis),
        voice=row.voice,
        sentence=row.sentence,
        noise=row.noise,
        opening=opening(hypothesis.text, hypothesis.language),
        recording=known,
        ruled=is_ruled,
    )


def utterance(frames: Sequence[Frame], probabilities: Sequence[float], settings: EndpointSettings) -> Speech | None:
    """Return what a live turn would have recognised of a whole recording; None when nobody speaks.

    The turn decodes speculatively at each pause, so its model hears the speech up to the start of the last one and
    not the silence behind it. The client ends the turn: a pause in the middle is no end.
    """
    ears = Endpointer(settings)
    guess: Speech | None = None
    for frame, probability in zip(frames, probabilities, strict=True):
        ears.push(frame, probability)
        if ears.utterance_seconds >= settings.cap_seconds:
            break
        covered = guess is not None and ears.voiced_end <= guess.end_sample
        if ears.speaking and not covered and ears.silence_seconds >= settings.speculate_seconds:
            cut = ears.cut()
            guess = cut if cut.vad_speech_seconds >= MIN_SPEECH_SECONDS else None
    if not ears.speaking:
        return None
    return guess if guess is not None and ears.voiced_end <= guess.end_sample else ears.cut()


def check_recordings(rows: Iterable[Row]) -> list[str]:
    """Read every recording once, so that a bad one is known before minutes of work; blocks. Return their identities.

    Raises RecordingError and UnsupportedAudioError.
    """
    identities = []
    for row in rows:
        recording = read_recording(row.path)
        converter_of(recording)
        identities.append(identity(recording.pcm))
    return identities


def seen(row: Row, known: str) -> LabelledTurn:
    """Return a row as what a fit may have seen, before anything is heard."""
    return _labelled(row, known, Hypothesis(text="", language=base(row.language), model=""), features={}, is_ruled=True)


def frames_of(path: Path) -> tuple[str, list[Frame]]:
    """Return a recording's identity and its frames as a turn gets them; blocks."""
    recording = read_recording(path)
    converter, framer = converter_of(recording), Framer()
    frames = framer.push(converter.convert(recording.pcm), 0.0)
    return identity(recording.pcm), [*frames, *framer.push(converter.flush(), 0.0), *framer.flush(0.0)]


def converter_of(recording: Recording) -> PcmConverter:
    """Return what makes its samples fit. Raises UnsupportedAudioError, naming the recording."""
    try:
        return PcmConverter(rate_hz=recording.rate_hz, width_bytes=recording.width_bytes, channels=recording.channels)
    except UnsupportedAudioError as error:
        raise UnsupportedAudioError(f"{recording.path}: {error}") from error


@asynccontextmanager
async def hearing(
    settings: Settings,
    *,
    model: str | None = None,
    language: str | None = None,
    scorecard: Scorecard | None = None,
) -> AsyncIterator[Hearing]:
    """Load what is installed and give the parts until the end; the scorecard that serves, unless one is given.

    Raises UnknownModelError and ModelError.
    """
    if settings.server.log_level == "info":  # a line per model would run through what the command prints
        logging.getLogger(__package__.partition(".")[0]).setLevel(logging.WARNING)
    settings, directory = await asyncio.to_thread(_installed, with_model(settings, model))
    async with AsyncExitStack() as stack:
        supply = await stack.enter_async_context(supply_of(settings, chosen_model(settings)))
        await supply.serving()
        if supply.failure is not None:
            raise supply.failure  # the starter stands in for it, and its figures are not what was asked for
        edge = DecodeQueue(supply.lease, supply.serving, limit=2 * workers(), workers=workers())
        stack.callback(edge.close)
        vads = await asyncio.to_thread(lambda: [SileroVad() for _ in range(workers())])
        for vad in vads:
            stack.callback(vad.close)
        grammar = HassilGrammar()
        stack.push_async_callback(grammar.aclose)
        if scorecard is None:
            scorecard = await asyncio.to_thread(_scorecard, settings, directory, edge.name)
        home = settings.home
        yield Hearing(
            edge=edge,
            vads=vads,
            grammar=grammar,
            home=Vocabulary(names=home.names, areas=home.areas, floors=home.floors),
            endpoint=settings.endpoint,
            scorecard=scorecard,
            directory=directory,
            language=base(language or settings.asr.language),
            languages=settings.asr.languages,
        )


def _installed(settings: Settings) -> tuple[Settings, Path]:
    """Return the settings with a model that is there, and its folder. Raises UnknownModelError, ModelMissingError.

    Like every command that measures, it fetches nothing; where no model is named, it takes the bundle that serves, else
    the model that `serve` chose and fetched before, else the starter.
    """
    if bundle := bundle_that_serves(settings):
        return with_model(settings, str(bundle)), bundle
    found = chosen_model(settings).find()
    if found is None and not settings.asr.model:
        settings = with_model(settings, STARTER)
    return settings, found or ModelStore(Path(settings.server.data_dir) / "models").resolve(settings.asr.model)


def _scorecard(settings: Settings, directory: Path, model: str) -> Scorecard:
    return find_scorecard(directory, data=Path(settings.server.data_dir), model=model) or GENERIC
