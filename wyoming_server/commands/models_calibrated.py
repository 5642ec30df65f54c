"""A model's errors at each context floor, heard as a live turn is, and what it takes on this machine."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import psutil

from ..bundles.bundle import Kind, Resources
from ..bundles.hub_class import hub_class
from ..bundles.manifest import read_bundle
from ..engines.apart import ApartModel, TrialLimits
from ..engines.asr_whisper import HOP_SAMPLES, WhisperEngine
from ..engines.goldens import read_golden
from ..engines.vad_silero import SileroVad
from ..learning.comparison import base, compare
from ..pipeline.edge_asr import recognise
from ..pipeline.endpoint import EndpointSettings
from ..pipeline.types import SAMPLE_RATE_HZ, DecodeRequest, Hypothesis, Samples, Speech
from ..publisher.calibrate import FLOORS, Calibrated, Calibrator, Edits
from ..recogniser import cores, workers
from .hearing import frames_of, utterance
from .manifest import Row

COMMAND_SAMPLES = 3 * SAMPLE_RATE_HZ
_MOST_SECONDS = 600.0
"""A publisher's machine may be slow, and its models large."""
_DECODES = 20


class _Seeing:
    """A loaded model at one floor, for the path."""

    def __init__(self, engine: WhisperEngine) -> None:
        self._engine = engine
        self.name, self.languages, self.hallucination_phrases = (
            engine.name,
            engine.languages,
            engine.hallucination_phrases,
        )

    async def decode(self, request: DecodeRequest) -> Hypothesis:
        return await asyncio.to_thread(self._engine.decode, request)


async def calibrated(
    engine: WhisperEngine,
    rows: Sequence[Row],
    *,
    endpoint: EndpointSettings,
    margin_frames: int,
    language: str = "",
    report: Callable[[], object] = lambda: None,
) -> Calibrated:
    """Return what the recordings show, each heard at every floor; `report` is called after each.

    `language` is that of recordings whose row names none; empty: it is detected. Raises CalibrationError,
    RecordingError, UnsupportedAudioError, UnsupportedLanguageError and TurnError.
    """
    models = {floor: _Seeing(engine.seeing(floor)) for floor in FLOORS}
    calibrator, vad = Calibrator(), SileroVad()
    try:
        for row in rows:
            _, frames = await asyncio.to_thread(frames_of, row.path)
            speech = utterance(frames, await vad.open().probabilities(frames), endpoint)
            heard = await _heard(models, speech, base(row.language) or language, margin_frames)
            calibrator.add(
                {floor: _edits(text, row, one) for floor, (text, one) in heard.items()}, (row.voice, row.sentence)
            )
            report()
    finally:
        vad.close()
    return calibrator.result()


async def _heard(
    models: Mapping[int, _Seeing], speech: Speech | None, language: str, margin_frames: int
) -> Mapping[int, tuple[str, str]]:
    """Return floor → text and its language; floors that show the encoder as much hear the same."""
    if speech is None:
        return dict.fromkeys(models, ("", language))
    needed = -(-len(speech.samples) // HOP_SAMPLES) + margin_frames
    by_frames: dict[int, tuple[str, str]] = {}
    for floor, model in models.items():
        if (frames := max(floor, needed)) not in by_frames:
            one = await recognise(model, speech, language=language or None, languages=(), prompt=())
            by_frames[frames] = one.text, one.language
    return {floor: by_frames[max(floor, needed)] for floor in models}


def _edits(text: str, row: Row, language: str) -> Edits:
    found = compare(text, row.text, row.language or language)
    return Edits(edits=found.token_edits, words=found.tokens)


async def tried(folder: Path, kind: Kind) -> Resources:
    """Hold a bundle to its golden recordings in a process of its own, as hubs do, and return what it takes.

    Raises TrialError, SelfTestError and ModelError.
    """
    limits = TrialLimits(
        memory_mb=max(256, psutil.virtual_memory().available // 2**21),
        seconds=_MOST_SECONDS,
        threads=max(1, cores() // workers()),
    )
    model = await ApartModel.started(kind, folder, limits)
    try:
        if model.tried is None:
            raise RuntimeError("a model that has started has been tried")
        times = model.tried.decode_ms
        if kind is Kind.ASR:
            times = await _times(model, folder)
        p50_ms, p95_ms = (float(one) for one in np.percentile(times, (50, 95))) if times else (0.0, 0.0)
        return Resources(
            memory_mb=round(model.tried.memory_mb, 1),
            p50_ms=round(p50_ms, 1),
            p95_ms=round(p95_ms, 1),
            machine=hub_class(),
        )
    finally:
        await model.aclose()


async def _times(model: ApartModel, folder: Path) -> tuple[float, ...]:
    """Return how long commands of 3 s take, made of its golden recordings; ms."""
    samples = [_command(read_golden(folder / one.file)) for one in read_bundle(folder).golden]
    loop = asyncio.get_running_loop()
    times = []
    for number in range(_DECODES if samples else 0):
        began_s = loop.time()
        await model.decode(DecodeRequest(samples=samples[number % len(samples)], language=model.languages[0]))
        times.append(1000.0 * (loop.time() - began_s))
    return tuple(times)


def _command(samples: Samples) -> Samples:
    command = np.zeros(COMMAND_SAMPLES, np.int16)
    command[: len(samples)] = samples[:COMMAND_SAMPLES]
    return command
