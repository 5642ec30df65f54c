"""The frozen values that pass between the stages. Audio positions count samples since audio-start."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..errors import EdgeVoiceError
from .checked import Checked, ranged
from .policy import UNCALIBRATED, UNTRUSTED, Calibration, Caller, Cell, History, Threshold, Trust, Workload
from .timeline import Timeline

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES = 512
"""One frame is 32 ms: what Silero VAD takes."""
MIN_SPEECH_SECONDS = 0.25
"""Less VAD speech than this is a cough or a door, whatever a model makes of it (Koenecke et al., FAccT 2024)."""

UNSURE_LOG_PROBABILITY = -0.3
"""A text below this mean token log-probability may be made up: the starter's wrong ones lie around it."""

type Samples = npt.NDArray[np.int16]
"""Mono PCM at 16 kHz, shape (n,)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """32 ms of audio as it came from the client."""

    samples: Samples
    """Shape (FRAME_SAMPLES,)."""
    start_sample: int
    """Position of its first sample."""
    arrived_s: float
    """Monotonic time when its last byte was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeHit(Checked):
    """A wake word was said."""

    name: str
    phrase: str
    score: float = ranged(at_least=0.0, at_most=1.0)
    timestamp_ms: int = ranged(at_least=0)
    """Audio time at the end of the frame that completed the detection."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Speech(Checked):
    """One utterance, cut from the stream and untouched."""

    samples: Samples
    """From a little before the first speech to a little after the last, shape (n,)."""
    noise: Samples
    """Audio without speech from the same stream, pre-roll first, for the noise floor; may be empty."""
    start_sample: int = ranged(at_least=0)
    end_sample: int = ranged(at_least=0)
    voiced_end_sample: int = ranged(at_least=0)
    """One past the last voiced sample, by energy."""
    active: tuple[bool, ...] = ()
    """Which of its frames (FRAME_SAMPLES each) the VAD took for speech."""
    starts_at_edge: bool = False
    """Speech was under way when the stream began: the first sound may be missing."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / SAMPLE_RATE_HZ

    @property
    def vad_speech_seconds(self) -> float:
        """How much of it the VAD took for speech."""
        return sum(self.active) * FRAME_SAMPLES / SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class Token(Checked):
    """One decoded token's evidence."""

    text: str
    log_probability: float = ranged(at_least=-1e4, at_most=1e-6)
    entropy: float = ranged(at_least=-1e-6)
    """Shannon entropy of the distribution it was drawn from, in nats."""
    margin: float = ranged(at_least=-1e-6, at_most=1.0 + 1e-6)
    """Probability of the best token minus that of the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis(Checked):
    """What a model heard."""

    text: str
    language: str
    model: str
    tokens: tuple[Token, ...] = ()
    end_probability: float = ranged(0.0, at_least=0.0, at_most=1.0 + 1e-6)
    """P(end of text) at the last step; 0 when the token cap cut it."""
    no_speech_probability: float = ranged(0.0, at_least=0.0, at_most=1.0 + 1e-6)
    tokens_per_second: float = ranged(0.0, at_least=0.0)
    """Tokens per second of VAD speech."""
    context_frames: int = ranged(0, at_least=0, at_most=3000)
    """Mel frames that the encoder saw."""
    rules: tuple[str, ...] = ()
    """Hallucination rules that it trips, by name."""
    language_probability: float | None = None
    """How sure language detection was; None when the language was given."""

    @property
    def mean_log_probability(self) -> float:
        """Mean over tokens; 0 without tokens."""
        return sum(token.log_probability for token in self.tokens) / len(self.tokens) if self.tokens else 0.0


class Continuation(enum.Enum):
    """Whether more words are to be expected after a sentence."""

    NONE = "none"
    """Complete, and nothing likely follows."""
    POSSIBLE = "possible"
    """Complete, but an area, a time or an item often follows."""
    EXPECTED = "expected"
    """Not a sentence yet, or none that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrammarMatch:
    """What the home's grammar makes of a text."""

    continuation: Continuation
    intent: str | None = None
    slots: Mapping[str, str | float] = field(default_factory=dict)
    of_home: bool = False
    """Whether it knew the home's own names; a text that fits only common ones says less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality(Checked):
    """How good the microphone's signal was."""

    snr_db: float | None
    """Speech level over noise floor; None when the stream held no noise to measure."""
    clipping: float = ranged(at_least=0.0, at_most=1.0)
    """Share of samples in flat runs at the signal's own maximum."""
    level_dbfs: float = ranged(at_least=-200.0, at_most=3.1)
    """RMS of the speech."""
    peak_dbfs: float = ranged(at_least=-200.0, at_most=0.1)
    noise_dbfs: float | None
    speech_ratio: float = ranged(at_least=0.0, at_most=1.0)
    """Share of the utterance that the VAD took for speech."""
    dc_offset: float = ranged(at_least=-1.0, at_most=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk(Checked):
    """How likely the hypothesis is wrong, and why."""

    value: float = ranged(at_least=0.0, at_most=1.0)
    reason: str
    """What weighs most, for people: "+18 quiet room noise, −9 matches your home's grammar"."""
    points: Mapping[str, float] = field(default_factory=dict)
    """Feature → its contribution, in points: ten double the odds, plus is riskier; `base` is the card's own."""
    logit: float = 0.0
    """Log-odds by the scorecard alone, before calibration."""
    calibration: Calibration = UNCALIBRATED
    rules: tuple[str, ...] = ()
    """Hallucination rules that made it 1."""


class Action(enum.StrEnum):
    """What becomes of a turn."""

    ACCEPT = "accept"
    ESCALATE = "escalate"
    CONFIRM = "confirm"
    DEFER = "defer"
    ASK_TEXT = "ask_text"
    DISCARD = "discard"


class Route(enum.StrEnum):
    """Who recognised the text."""

    EDGE = "edge"
    CLOUD = "cloud"
    CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do with a hypothesis."""

    action: Action
    reason: str
    threshold: Threshold | None = None
    """What the risk was held against."""
    to_client: bool = False
    """Escalate by the caller's own lane."""
    lane: str = ""
    """Which lane it is to go to first, when it is escalated."""
    by_mode: bool = False
    """It is escalated for the mode alone: its risk was not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneAttempt(Checked):
    """One upload that was tried for a turn."""

    lane: str
    trust: Trust
    seconds: float = ranged(at_least=0.0)
    """Audio."""
    cost: float = ranged(0.0, at_least=0.0)
    took_ms: float = ranged(0.0, at_least=0.0)
    ending: str = ""
    """`answered`, `cancelled`, or the code of its error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneAnswer:
    """What asking the lanes brought."""

    text: str = ""
    """Empty when none answered."""
    lane: str = ""
    language: str | None = None
    attempts: tuple[LaneAttempt, ...] = ()
    reason: str = ""
    """Why none answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A request that waits for a speech service: it is on the disk."""

    id: str
    expires_at: str
    """When it is let go: ISO 8601, with its zone."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Interpretation:
    """An utterance, with all that the hub made of it."""

    speech: Speech
    hypothesis: Hypothesis
    match: GrammarMatch
    quality: Quality
    risk: Risk
    workload: Workload
    cell: Cell
    history: History
    decision: Decision
    finished: float
    """Probability that the speaker has said all."""
    started_s: float
    """Monotonic time when its decode was asked for."""
    finished_s: float
    """Monotonic time when its hypothesis was there."""
    failure: EdgeVoiceError | None = None
    """Why the hub's own model gave no text."""
    answer: LaneAnswer | None = None
    """What the lanes said, when they were asked."""
    answer_match: GrammarMatch | None = None
    """What the home's grammar makes of that."""
    kept: Kept | None = None
    """How it is found again, when it waits for a lane."""
    asked_s: float | None = None
    """Monotonic time when waiting for the lanes began."""
    answered_s: float | None = None
    """Monotonic time when it was over."""

    @property
    def text(self) -> str:
        """What wins: a lane's text, else the hub's."""
        return (self.answer.text if self.answer else "") or self.hypothesis.text

    @property
    def is_forced(self) -> bool:
        """Whether it went to a lane for the mode alone: its risk was within the threshold."""
        limit = self.decision.threshold
        return self.decision.by_mode and limit is not None and self.risk.logit <= limit.logit


class EndedBy(enum.StrEnum):
    """What ended the listening."""

    HOLD = "hold"
    """Silence after a sentence."""
    AUDIO_STOP = "audio-stop"
    CAP = "cap"
    """The longest utterance."""
    IDLE = "idle"
    """The client sent nothing for too long."""
    NO_SPEECH = "no-speech"
    """Nobody spoke for too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How and when an utterance was over."""

    by: EndedBy
    end_s: float
    """Monotonic time of the decision, or of the client's word."""
    voiced_end_s: float
    """Monotonic time when the last voiced sample arrived; `end_s` when nobody spoke."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a turn ended."""

    turn_id: str
    text: str
    language: str
    decision: Decision
    route: Route
    risk: Risk | None
    quality: Quality | None
    hypothesis: Hypothesis | None
    match: GrammarMatch | None
    ended_by: EndedBy
    timeline: Timeline
    workload: Workload | None = None
    cell: Cell | None = None
    caller: Caller = UNTRUSTED
    answer: LaneAnswer | None = None
    """What the lanes said, when they were asked."""
    kept: Kept | None = None
    """How it is found again, when it waits for a lane."""
    failure: EdgeVoiceError | None = None
    """What is answered instead of the text: nobody could be asked whether it is right."""
    interpretation: Interpretation | None = None
    """Of a single utterance, its audio included: in memory for seconds, to learn from; never written."""
    began_s: float = 0.0
    """Monotonic time when its stream began."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodeRequest:
    """One utterance for a model."""

    samples: Samples
    language: str | None = None
    """None: detect it among `languages`."""
    languages: tuple[str, ...] = ()
    """Which languages detection may answer; () for all that the model knows."""
    prompt: tuple[str, ...] = ()
    """Names and terms to expect, most important first; the engine takes as many as its bundle allows."""
    speech_seconds: float = 0.0
    """VAD speech in it, for the token rate."""
    full_context: bool = False
    """Show the encoder the whole 30 s window."""
