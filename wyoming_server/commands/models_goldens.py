"""Golden recordings for a bundle: a CSV file's rows → what is packed."""

import csv
import io
import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..bundles.bundle import Kind
from ..engines.asr_whisper import WhisperEngine
from ..errors import CalibrationError, ManifestError
from ..learning.comparison import canonical
from ..pipeline.types import SAMPLE_RATE_HZ, DecodeRequest, Samples
from ..publisher.build import Take
from .hearing import converter_of
from .recording import read_recording

COLUMNS = ("file", "text")
SPEECH = "speech"
"""What a VAD's golden recording says when somebody speaks in it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GoldenRow:
    """A recording that a model has to hear right."""

    path: Path
    text: str
    """As a manifest's golden recording has it: words, a wake word's name, `speech`, or nothing."""
    language: str
    samples: Samples
    """16 kHz, mono."""


def read_goldens(file: Path, kind: Kind) -> tuple[GoldenRow, ...]:
    """Return a CSV file's recordings, their paths relative to its folder; blocks.

    Raises ManifestError, naming the line, and RecordingError or UnsupportedAudioError for one that cannot be read.
    """
    try:
        lines = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig")), skipinitialspace=True))
    except (OSError, ValueError, csv.Error) as error:
        raise ManifestError(f"The golden recordings '{file}' cannot be read: {error}") from error
    if not lines or not all(name in lines[0] for name in COLUMNS):
        raise ManifestError(
            f"'{file}' names no golden recordings; its first line must be {','.join(COLUMNS)} and may add language"
        )
    return tuple(_row(number, line, file, kind) for number, line in enumerate(lines, 2))


def _row(number: int, line: dict[str, str | None], file: Path, kind: Kind) -> GoldenRow:
    cells = {name: (value or "").strip() for name, value in line.items() if isinstance(name, str)}
    text = cells["text"]
    if kind is Kind.ASR and not text:
        raise ManifestError(f"'{file}', line {number}: a recogniser's golden recording needs the text that is said")
    if kind is Kind.VAD and text not in {"", SPEECH}:
        raise ManifestError(f"'{file}', line {number}: a VAD's golden recording has the text {SPEECH}, or none")
    path = file.parent / cells["file"]
    return GoldenRow(path=path, text=text, language=cells.get("language", ""), samples=_samples(path))


def _samples(path: Path) -> Samples:
    recording = read_recording(path)
    converter = converter_of(recording)
    return np.concatenate([converter.convert(recording.pcm), converter.flush()])


def takes_of(rows: Iterable[GoldenRow], engine: WhisperEngine | None) -> tuple[Take, ...]:
    """Return what is packed; a recogniser's text is as it writes it itself. Blocks.

    Raises CalibrationError for a recording that the model hears wrong: it would refuse to serve anywhere.
    """
    return tuple(
        Take(
            name=f"{row.path.stem}.wav",
            wav=_wav(row.samples),
            text=row.text if engine is None else _heard(row, engine),
            language=row.language,
        )
        for row in rows
    )


def _heard(row: GoldenRow, engine: WhisperEngine) -> str:
    language = row.language or engine.languages[0]
    heard = engine.decode(DecodeRequest(samples=row.samples, language=language)).text
    if canonical(heard, language) != canonical(row.text, language):
        raise CalibrationError(
            f"The model hears '{heard}' in the golden recording '{row.path}', where '{row.text}' is said; take one "
            "that it hears right"
        )
    return heard


def _wav(samples: Samples) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())
    return content.getvalue()
