"""Frames → where speech starts, pauses, goes on and ends. All in audio time.

The VAD says that there is speech; energy says where exactly it stopped: Silero's own last speech frame lies 80 to
170 ms behind the last voiced sample, and that lag would be paid on every turn.
"""

import enum
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .checked import Checked, ranged
from .levels import block_levels
from .types import FRAME_SAMPLES, SAMPLE_RATE_HZ, Continuation, Frame, Samples, Speech

BLOCK_SAMPLES = 128
"""Energy is looked at every 8 ms."""
BLOCKS_PER_FRAME = FRAME_SAMPLES // BLOCK_SAMPLES
FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE_HZ
VAD_LAG_FRAMES = 6
"""How long after its last speech frame the VAD's word still covers a voiced block: 190 ms."""


SPLIT_SECONDS = 4.0
"""How far back a split looks for a quiet frame."""


class VadStream(Protocol):
    """One stream's voice activity detector."""

    async def probabilities(self, frames: list[Frame]) -> list[float]:
        """Return each frame's probability of speech, in order."""


class VadModel(Protocol):
    """A voice activity detector for many streams."""

    def open(self) -> VadStream:
        """Return a stream with a state of its own."""


class Sensitivity(enum.StrEnum):
    """A satellite's own wish for how soon silence ends a turn (Wyoming's vad_sensitivity)."""

    DEFAULT = "default"
    RELAXED = "relaxed"
    AGGRESSIVE = "aggressive"


PATIENCE = {Sensitivity.DEFAULT: 1.0, Sensitivity.RELAXED: 1.6, Sensitivity.AGGRESSIVE: 0.6}
"""How each sensitivity stretches the holds; Home Assistant's own silences are 0.7, 1.25 and 0.25 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings(Checked):
    """When a turn starts and ends, in seconds of audio."""

    start_probability: float = ranged(0.5, at_least=0.05, at_most=0.95)
    """VAD probability that starts speech."""
    stop_probability: float = ranged(0.35, at_least=0.01, at_most=0.95)
    """VAD probability below which speech may have stopped."""
    start_frames: int = ranged(2, at_least=1, at_most=20)
    """Consecutive frames above `start_probability` that make a start."""
    speculate_seconds: float = ranged(0.064, at_least=0.03, at_most=1.0)
    """Silence after which the speech so far is decoded, just in case it is all."""
    short_hold_seconds: float = ranged(0.2, at_least=0.05, at_most=5.0)
    """Silence that ends a complete sentence after which nothing likely follows."""
    medium_hold_seconds: float = ranged(0.25, at_least=0.05, at_most=5.0)
    """Silence that ends a complete sentence after which an area or a time often follows.

    Latency and cut-offs are one choice here: 0.25 s answers every complete command within 0.3 s of its last word, and
    cuts off who pauses longer than that before "… in the kitchen". docs/measured.md has the curve.
    """
    long_hold_seconds: float = ranged(0.8, at_least=0.1, at_most=10.0)
    """Silence that ends everything else."""
    sure_probability: float = ranged(0.35, at_least=0.0, at_most=1.0)
    """Probability of being finished from which a sentence may end early."""
    cap_seconds: float = ranged(15.0, at_least=1.0, at_most=29.0)
    """Longest utterance of a live turn."""
    wait_seconds: float = ranged(15.0, at_least=1.0, at_most=120.0)
    """Longest wait for speech to start."""
    chunk_seconds: float = ranged(20.0, at_least=2.0, at_most=28.0)
    """Speech in a file after which the next pause ends a chunk."""
    chunk_pause_seconds: float = ranged(0.4, at_least=0.1, at_most=5.0)
    """A pause that ends a chunk of a file."""
    pad_seconds: float = ranged(0.3, at_least=0.0, at_most=2.0)
    """Audio kept before the start of speech: VAD and energy both see it late."""
    noise_seconds: float = ranged(1.2, at_least=0.1, at_most=5.0)
    """Audio kept before that, for the noise floor."""

    def __post_init__(self) -> None:
        """Check ranges, and that the holds are in order."""
        super(EndpointSettings, self).__post_init__()
        if not self.speculate_seconds <= self.short_hold_seconds <= self.medium_hold_seconds <= self.long_hold_seconds:
            raise ValueError(
                "EndpointSettings: speculate_seconds, short_hold_seconds, medium_hold_seconds and long_hold_seconds "
                "must not descend"
            )


def hold_seconds(
    settings: EndpointSettings, continuation: Continuation, finished: float, sensitivity: Sensitivity
) -> float:
    """Return how much silence ends the turn, given what its text is taken for and how sure that is.

    Never less than the VAD's lag: until then it may still hear speech that energy has lost.
    """
    if finished < settings.sure_probability or continuation is Continuation.EXPECTED:
        hold = settings.long_hold_seconds
    elif continuation is Continuation.POSSIBLE:
        hold = settings.medium_hold_seconds
    else:
        hold = settings.short_hold_seconds
    return max(hold * PATIENCE[sensitivity], VAD_LAG_FRAMES * FRAME_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Heard:
    """A frame with what VAD and energy made of it."""

    frame: Frame
    active: bool


class Endpointer:
    """One stream's state: push frames with their VAD probability, then ask."""

    def __init__(self, settings: EndpointSettings) -> None:
        """Start before any speech."""
        self._settings = settings
        kept = _frames(settings.noise_seconds) + _frames(settings.pad_seconds) + settings.start_frames
        self._before: deque[_Heard] = deque(maxlen=kept)
        self._utterance: list[_Heard] = []
        self._noise: Samples = np.empty(0, np.int16)
        self._floor_db: deque[float] = deque(maxlen=_frames(settings.noise_seconds) * BLOCKS_PER_FRAME)
        self._peak_db = -120.0
        self._run = 0
        self._since_active = 0
        self._edge = False
        self.speech_start = 0
        """Position of the utterance's first frame of speech."""
        self.position = 0
        """Samples heard so far."""
        self.voiced_end = 0
        """One past the last voiced sample of the utterance."""
        self.voiced_end_s = 0.0
        """Monotonic time when that sample arrived."""

    @property
    def speaking(self) -> bool:
        """Whether speech has started."""
        return bool(self._utterance)

    @property
    def silence_seconds(self) -> float:
        """Audio since the last voiced sample; since the stream's start when nothing was said."""
        return (self.position - self.voiced_end) / SAMPLE_RATE_HZ

    @property
    def utterance_seconds(self) -> float:
        """Audio since speech started."""
        return (self.position - self.speech_start) / SAMPLE_RATE_HZ if self._utterance else 0.0

    def push(self, frame: Frame, probability: float) -> None:
        """Hear one frame."""
        self.position = frame.start_sample + FRAME_SAMPLES
        blocks = block_levels(frame.samples, BLOCK_SAMPLES).tolist()
        active = probability >= self._settings.stop_probability
        heard = _Heard(frame=frame, active=active)
        if self._utterance:
            self._utterance.append(heard)
            self._since_active = 0 if active else self._since_active + 1
            self._find_voiced(frame, blocks)
            if active:
                self._follow_vad()
            return
        self._before.append(heard)
        self._run = self._run + 1 if probability >= self._settings.start_probability else 0
        if self._run >= self._settings.start_frames:
            self._start()
        elif not active:
            self._floor_db.extend(blocks)

    def _start(self) -> None:
        """Begin the utterance with the padding that lies before it."""
        pad = _frames(self._settings.pad_seconds) + self._run
        heard = list(self._before)
        self._utterance, quiet = heard[-pad:], heard[:-pad]
        self._before.clear()
        self._edge = self._utterance[0].frame.start_sample == 0 and self._utterance[0].active
        self._noise = _join([one.frame for one in quiet if not one.active])
        self.speech_start = self._utterance[-self._run].frame.start_sample
        self._since_active = self._run = 0
        self._peak_db = -120.0
        for one in self._utterance:
            self._find_voiced(one.frame, block_levels(one.frame.samples, BLOCK_SAMPLES).tolist())

    def _find_voiced(self, frame: Frame, blocks: list[float]) -> None:
        """Move the last voiced sample on when this frame holds voiced blocks."""
        if self._since_active > VAD_LAG_FRAMES:
            return
        self._peak_db = max(self._peak_db, *blocks)
        threshold = self._voiced_threshold()
        voiced = [index for index, level in enumerate(blocks) if level >= threshold]
        if voiced:
            self.voiced_end = frame.start_sample + (voiced[-1] + 1) * BLOCK_SAMPLES
            self.voiced_end_s = frame.arrived_s

    def _follow_vad(self) -> None:
        """Count no more silence than the VAD's lag while the VAD hears speech.

        Energy alone would take quiet speech behind a bang or a satellite's own beep for silence.
        """
        behind = self._utterance[max(0, len(self._utterance) - 1 - VAD_LAG_FRAMES)].frame
        if behind.start_sample + FRAME_SAMPLES > self.voiced_end:
            self.voiced_end, self.voiced_end_s = behind.start_sample + FRAME_SAMPLES, behind.arrived_s

    def _voiced_threshold(self) -> float:
        """Return the level above which a block counts as voice, in dBFS.

        Within 30 dB of the loudest, and 6 dB above the noise floor; yet in noise as loud as the speech the loudest
        10 dB must do, or nothing would be voiced at all.
        """
        floor = float(np.median(self._floor_db)) if self._floor_db else -120.0
        return max(self._peak_db - 30.0, min(floor + 6.0, self._peak_db - 10.0))

    def cut(self) -> Speech:
        """Return the utterance so far."""
        return self._speech(self._utterance)

    def split(self) -> Speech:
        """Cut behind the quietest frame of the last seconds, and go on with the rest: one frame at least."""
        tail = self._utterance[-_frames(SPLIT_SECONDS) : -1]
        levels = [float(block_levels(one.frame.samples, FRAME_SAMPLES)[0]) for one in tail]
        at = len(self._utterance) - len(tail) + int(np.argmin(levels))
        head, self._utterance = self._utterance[:at], self._utterance[at:]
        self.speech_start = self._utterance[0].frame.start_sample
        self._edge = False
        return self._speech(head)

    def _speech(self, heard: list[_Heard]) -> Speech:
        frames = [one.frame for one in heard]
        end = frames[-1].start_sample + FRAME_SAMPLES if frames else self.position
        return Speech(
            samples=_join(frames),
            noise=self._noise,
            start_sample=frames[0].start_sample if frames else self.position,
            end_sample=end,
            voiced_end_sample=min(self.voiced_end, end),
            active=tuple(one.active for one in heard),
            starts_at_edge=self._edge,
        )

    def restart(self) -> None:
        """Forget the utterance and go on listening, the silence behind it as the new one's lead-in."""
        self._before.extend(one for one in self._utterance if one.frame.start_sample >= self.voiced_end)
        self._utterance = []
        self._run = self._since_active = 0
        self.voiced_end = self.position


def _frames(seconds: float) -> int:
    return max(1, round(seconds / FRAME_SECONDS))


def _join(frames: list[Frame]) -> Samples:
    return np.concatenate([frame.samples for frame in frames]) if frames else np.empty(0, np.int16)
