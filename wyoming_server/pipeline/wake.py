"""Scores of wake-word models → WakeHit; and which audio is worth scoring."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .checked import Checked, ranged
from .levels import block_levels
from .types import SAMPLE_RATE_HZ, Samples, WakeHit

WAKE_FRAME_SAMPLES = 1280
"""One score per word every 80 ms: what openWakeWord's models step by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeWord:
    """A word that can be listened for."""

    name: str
    phrase: str
    """As it is said."""
    languages: tuple[str, ...]
    version: str
    engine: str
    """What runs its model: onnx or tflite."""
    default: bool = True
    """Listened for without being asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeSettings(Checked):
    """When a score counts as a word said; one value per satellite."""

    threshold: float = ranged(0.5, at_least=0.0, at_most=1.0)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Word → its own threshold, 0 to 1, instead of `threshold`."""
    # Two: in 5.1 hours of synthetic speech, babble and noise (ten seeds of tests/server/proofs/false_wakes.py, before
    # streams began from silence) single frames woke ten times, pairs twice, threes once; of 1,457 synthetic words that
    # reach the threshold at all, pairs lose 14 %, threes 27 %.
    consecutive_frames: int = ranged(2, at_least=1, at_most=25)
    """Frames of 80 ms in a row that must reach the threshold."""
    refractory_seconds: float = ranged(2.0, at_least=0.0, at_most=60.0)
    """Audio time after a detection in which the same word is not detected again."""

    def __post_init__(self) -> None:
        """Check the words' own thresholds too; ValueError names the word."""
        Checked.__post_init__(self)
        for word, threshold in self.thresholds.items():
            if not 0.0 <= threshold <= 1.0:
                raise ValueError(f"WakeSettings.thresholds[{word!r}] is {threshold}; allowed is 0.0 to 1.0")

    def threshold_of(self, word: str) -> float:
        """Return the score that the word has to reach."""
        return self.thresholds.get(word, self.threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreFrame:
    """What the models made of 80 ms of audio."""

    end_sample: int
    """One past its last sample."""
    scores: Mapping[str, float]
    """Word → 0 to 1; all 0 where the gate skipped the models."""
    skipped: bool = False
    """The gate found nothing to hear, and no model ran."""


class WakeSession(Protocol):
    """One stream being listened to; its calls must not overlap, and a cancelled one is its last."""

    async def push(self, samples: Samples) -> list[ScoreFrame]:
        """Return a frame for every 80 ms that the samples, any number of them, complete."""


class WakeEngine(Protocol):
    """Scores words in many streams at once, off the event loop."""

    @property
    def words(self) -> tuple[WakeWord, ...]:
        """The words that can be opened."""

    def open(self, names: Collection[str] = ()) -> WakeSession:
        """Start listening for these words, or for all; raises UnknownWakeWordError."""


@dataclass(slots=True)
class _Count:
    """What is remembered of one word."""

    frames: int = 0
    has_fallen: bool = True
    quiet_until_sample: int = 0


class WakeDetector:
    """Frames of scores → hits: N consecutive frames at the threshold, once per word said."""

    def __init__(self, words: Iterable[WakeWord], settings: WakeSettings) -> None:
        self._words = {word.name: word for word in words}
        self._counts = {name: _Count() for name in self._words}
        self._settings = settings

    def feed(self, frame: ScoreFrame) -> tuple[WakeHit, ...]:
        """Return the words that this frame completes; frames come in audio order, and other words are ignored."""
        return tuple(
            WakeHit(
                name=name,
                phrase=self._words[name].phrase,
                score=min(1.0, score),
                timestamp_ms=round(frame.end_sample * 1000 / SAMPLE_RATE_HZ),
            )
            for name, score in frame.scores.items()
            if name in self._counts and self._completes(name, score, frame.end_sample)
        )

    def _completes(self, name: str, score: float, end_sample: int) -> bool:
        count, settings = self._counts[name], self._settings
        if score < settings.threshold_of(name):
            count.frames, count.has_fallen = 0, True
            return False
        if not count.has_fallen or end_sample <= count.quiet_until_sample:
            return False
        count.frames += 1
        if count.frames < settings.consecutive_frames:
            return False
        count.frames, count.has_fallen = 0, False
        count.quiet_until_sample = end_sample + round(settings.refractory_seconds * SAMPLE_RATE_HZ)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings(Checked):
    """Which audio is too quiet to hold a word."""

    margin_db: float = ranged(6.0, at_least=0.0, at_most=30.0)
    """A frame this far above the learned noise floor stands out from it."""
    always_open_dbfs: float = ranged(-50.0, at_least=-90.0, at_most=0.0)
    """A frame above this is scored whatever the floor, so constant loud noise never closes the gate."""
    silence_dbfs: float = ranged(-75.0, at_least=-120.0, at_most=-50.0)
    """A frame below this is silence whatever the floor: under the self-noise of a microphone that hears a room."""
    floor_share: float = ranged(0.1, at_least=0.01, at_most=0.5)
    """The floor is the level that this share of frames lies under."""
    floor_step_db: float = ranged(0.5, at_least=0.01, at_most=5.0)
    """How fast the floor follows: it rises by step x share and falls by step x (1 - share) a frame."""
    learning_frames: int = ranged(13, at_least=1, at_most=1000)
    """The first second only teaches the floor; nothing is skipped."""


class NoiseGate:
    """Levels of 80 ms frames → whether the models have anything to hear.

    The floor is a running quantile of the level (Robbins and Monro's stochastic approximation): deaf to speech, which
    is louder than the floor most of the time, and quick to follow a room that falls quiet. The gate closes only after
    `hold_frames` frames in a row without a sound, so that a model never loses sight of part of a word.
    """

    def __init__(self, settings: GateSettings, *, hold_frames: int) -> None:
        self._settings = settings
        self._hold_frames = hold_frames
        self._floor_dbfs = 0.0
        self._heard = 0
        self._quiet_frames = 0

    @property
    def floor_dbfs(self) -> float:
        """The learned level of the room."""
        return self._floor_dbfs

    def is_open(self, samples: Samples) -> bool:
        """Learn from the next 80 ms and say whether to score it."""
        level = float(block_levels(samples, len(samples))[0])
        stands_out = self._stands_out(level)
        self._learn(level)
        self._quiet_frames = 0 if stands_out else self._quiet_frames + 1
        return self._quiet_frames <= self._hold_frames

    def _stands_out(self, level: float) -> bool:
        settings = self._settings
        if self._heard < settings.learning_frames:
            return True
        if level < settings.silence_dbfs:
            return False
        return level > min(settings.always_open_dbfs, self._floor_dbfs + settings.margin_db)

    def _learn(self, level: float) -> None:
        settings = self._settings
        if self._heard < settings.learning_frames:
            self._heard += 1
            self._floor_dbfs = min(self._floor_dbfs, level)
        elif level < self._floor_dbfs:
            self._floor_dbfs -= settings.floor_step_db * (1.0 - settings.floor_share)
        else:
            self._floor_dbfs += settings.floor_step_db * settings.floor_share
