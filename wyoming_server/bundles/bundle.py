"""What a bundle is: a model, what the server must know to run it, and how its files are told from any others."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..pipeline.checked import Checked, ranged
from ..pipeline.scorecard import Scorecard


class Kind(enum.StrEnum):
    """What a bundle's model does."""

    ASR = "asr"
    WAKE = "wake"
    VAD = "vad"


ENGINES: Mapping[Kind, str] = {Kind.ASR: "faster-whisper", Kind.WAKE: "openwakeword", Kind.VAD: "silero-vad"}
"""What runs each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A recording that the model must hear right before it may serve."""

    file: str
    """16 kHz mono WAV, relative to the model's folder."""
    text: str
    """Of a recogniser: what is said. Of a wake word: its name, or empty for one that must not wake. Of VAD: `speech`,
    or empty."""
    language: str = ""
    """Empty for the model's first language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry(Checked):
    """One file of a bundle; `bundle.json` itself is not listed."""

    name: str
    """Relative to the folder, with forward slashes."""
    length: int = ranged(at_least=0)
    """Bytes."""
    sha256: str
    """64 hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorError(Checked):
    """How often a model is wrong when its encoder sees at least so much."""

    context_floor_frames: int = ranged(at_least=200, at_most=3000)
    """Mel frames of 10 ms."""
    word_error: float = ranged(at_least=0.0)
    """Edits over words, all recordings together."""
    sentence_error: float = ranged(at_least=0.0, at_most=1.0)
    """Share of recordings with any edit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration(Checked):
    """What its publisher measured: error at each context floor; the last one is the whole context, 3000 frames."""

    recordings: int = ranged(at_least=0)
    floors: tuple[FloorError, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources(Checked):
    """What it took on its publisher's machine, for a command of 3 s."""

    memory_mb: float = ranged(at_least=0.0)
    """Resident memory that loading and decoding added."""
    p50_ms: float = ranged(0.0, at_least=0.0)
    p95_ms: float = ranged(0.0, at_least=0.0)
    machine: str = ""
    """Its hub class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle(Checked):
    """A model and what the server must know to run it."""

    name: str
    version: str = ""
    """Empty for a model without a manifest."""
    kind: Kind = Kind.ASR
    engine: str = ENGINES[Kind.ASR]
    languages: tuple[str, ...] = ()
    """Language codes; empty means that the loaded model is asked."""
    licence: str = ""
    hub_classes: tuple[str, ...] = ()
    """The hardware that it is made for, such as pi5 or n100; empty for any."""
    min_server: str = ""
    """The oldest server that runs it; empty for any."""
    files: tuple[FileEntry, ...] = ()
    """Every file but the manifest; empty where the manifest is of schema 1, whose files nobody can verify."""
    context_floor_frames: int = ranged(1000, at_least=200, at_most=3000)
    """The encoder never sees fewer mel frames (10 ms each) than this."""
    context_margin_frames: int = ranged(256, at_least=0, at_most=3000)
    """Mel frames of silence after the speech."""
    prompt_tokens: int = ranged(48, at_least=0, at_most=200)
    """How many tokens of names and terms the model takes as previous text; 0 for a model that never learned to."""
    golden: tuple[Golden, ...] = ()
    hallucination_phrases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Language → what the model is known to make up out of noise."""
    notes: str = ""
    """A sentence for the people who run the server."""
    scorecard: Scorecard | None = None
    """How its evidence adds up to a risk; None for a model that nobody fitted one for."""
    calibration: Calibration | None = None
    resources: Resources | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """Fields of a newer manifest, as they are."""

    @property
    def label(self) -> str:
        """What tells it from any other: its folder, its archive, and the model that turns name."""
        return f"{self.name}@{self.version}" if self.files else self.name
