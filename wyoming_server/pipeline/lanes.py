"""What a lane is: a speech service that is asked when the hub is likely to be wrong."""

from dataclasses import dataclass, field
from typing import Protocol

from ..errors import LaneCertificateError, LaneError, LaneNotPrivateError, LaneUnreachableError
from .checked import Checked, ranged
from .policy import Caller, Trust
from .types import SAMPLE_RATE_HZ, Samples

NEVER_LEFT = frozenset(one.code for one in (LaneUnreachableError, LaneCertificateError, LaneNotPrivateError))
"""Endings before any byte of speech could leave: they cost nothing and count towards no cap."""
PROVIDERS = (
    "client",
    "openai",
    "wyoming",
    "deepgram",
    "assemblyai",
    "azure",
    "google",
    "elevenlabs",
    "home_assistant",
)
"""`client` is no connection of ours: the caller asks a speech service that it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSettings(Checked):
    """One lane, as its owner set it up. A secret never shows in its repr."""

    name: str
    """Any, each its own."""
    provider: str
    """One of PROVIDERS."""
    url: str = ""
    """The service's address where it has no fixed one, or instead of it: https://…, tcp://… for wyoming."""
    key: str = field(default="", repr=False)
    """The secret itself; for google a service account's JSON."""
    key_file: str = ""
    """A file that holds it, instead."""
    model: str = ""
    """Empty for the provider's own default here."""
    region: str = ""
    """Where the provider has several (azure, google, assemblyai's eu)."""
    project: str = ""
    """Google's project."""
    entity: str = ""
    """Home Assistant's stt entity."""
    languages: tuple[str, ...] = ()
    """Languages that it is asked for; empty for all."""
    trust: str = ""
    """home or cloud; empty: home for wyoming, cloud for all others."""
    consent: str = ""
    """The day (YYYY-MM-DD) on which the owner agreed that speech goes there; empty: it does not."""
    satellites: tuple[str, ...] = ()
    """Satellites that the consent is for; empty for all."""
    send_names: bool = False
    """Whether the home's names go along as a prompt."""
    deadline_seconds: float = ranged(2.2, at_least=0.1, at_most=30.0)
    """Longest wait for its text."""
    price_per_minute: float = ranged(0.0, at_least=0.0, at_most=10.0)
    """What it charges, in the ledger's `currency`."""
    minimum_seconds: float = ranged(0.0, at_least=0.0, at_most=60.0)
    """The least that it charges a request for."""
    price_as_of: str = ""
    """When the owner looked the price up."""
    ca_file: str = ""
    """A certificate authority of the owner's own, for servers with a certificate made at home."""

    @property
    def trust_class(self) -> Trust:
        """Where its audio goes."""
        return Trust(self.trust) if self.trust else Trust.HOME if self.provider == "wyoming" else Trust.CLOUD

    def cost(self, seconds: float) -> float:
        """Return what a request of so much audio costs, in the ledger's currency."""
        return max(seconds, self.minimum_seconds) / 60.0 * self.price_per_minute


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LaneRequest:
    """What leaves for a lane: the speech, and no more."""

    samples: Samples
    """16 kHz mono, trimmed to the speech, shape (n,)."""
    language: str | None = None
    """A code such as `en`, or `en-GB` where the client said so; None: the lane detects it."""
    prompt: tuple[str, ...] = ()
    """Names to expect; empty unless the owner allows them to leave."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneText:
    """What a lane heard."""

    text: str
    """Never empty: a lane that heard nothing raises LaneEmptyError."""
    language: str | None = None
    """As the lane says, reduced to its code (`en`); None when it does not."""
    confidence: float | None = None
    """For information only: providers mean different things by it. A probability where there is one."""
    bytes_sent: int = 0
    """Of the request's body."""


class Lane(Protocol):
    """One speech service. Every failure is a LaneError that names the lane and the cure, and no secret."""

    @property
    def settings(self) -> LaneSettings:
        """How its owner set it up."""

    async def warm(self) -> None:
        """Have a connection ready (TLS included) without sending anything of the home; never raises."""

    async def transcribe(self, request: LaneRequest) -> LaneText:
        """Return what it hears. Raises LaneError. May be cancelled at any time; knows no deadline of its own."""

    async def aclose(self) -> None:
        """Drop its connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload(Checked):
    """One upload, as it is written down before its first byte leaves."""

    lane: str
    trust: Trust
    turn_id: str
    reason: str
    """Why: risk, hedge, audit or mode."""
    consent: str
    """The day of the consent that it rests on; empty for what stays at home."""
    seconds: float = ranged(at_least=0.0)
    bytes: int = ranged(at_least=0)
    cost: float = ranged(0.0, at_least=0.0)
    """As estimated from the lane's price."""


class Ledger(Protocol):
    """Writes uploads down and keeps the owner's caps."""

    async def open(self, upload: Upload) -> int:
        """Commit an upload before it happens and return its number.

        Raises CapReachedError when it would exceed a cap, and DiskError when it cannot be written: then nothing
        may leave.
        """

    async def close(self, number: int, ending: str, seconds_taken: float) -> None:
        """Say how an upload ended: `answered`, `cancelled`, or the code of its error. Never raises."""


class Breaker(Protocol):
    """Keeps a failing lane from being asked over and over."""

    def permits(self, at_s: float) -> bool:
        """Tell whether the lane may be asked: closed, or half-open with its one trial free."""

    def is_on_trial(self, at_s: float) -> bool:
        """Tell whether it has failed, and the next that it is asked for finds out whether it answers again."""

    def entered(self, at_s: float) -> None:
        """Hear that it is being asked (takes the half-open trial)."""

    def succeeded(self, at_s: float) -> None:
        """Hear that it answered."""

    def failed(self, at_s: float, error: LaneError) -> None:
        """Hear that it failed; a wrong key or a spent quota opens it at once, Retry-After is kept."""

    def left(self, at_s: float) -> None:
        """Hear that it was given up without a verdict: cancelled."""

    def hurry(self, at_s: float) -> None:
        """Hear that its owner wants it tried now: open becomes half-open."""

    def reason(self, at_s: float) -> str:
        """Return a sentence that says why it is not permitted and until when; empty when it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanesSettings(Checked):
    """How lanes are asked."""

    lanes: tuple[LaneSettings, ...] = ()
    """In the order in which they are asked."""
    allowed: bool = True
    """False: nothing leaves the home, whatever lanes are consented to; those at home are asked all the same."""
    next_after_seconds: float = ranged(1.0, at_least=0.05, at_most=30.0)
    """A lane that is so late gets the next one beside it, once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedLane:
    """A lane and what keeps it from being asked in vain. Without `lane` it is the caller's own."""

    settings: LaneSettings
    lane: Lane | None
    breaker: Breaker


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """For whom, and why, lanes are asked."""

    turn_id: str
    caller: Caller
    reason: str
    """risk, hedge, audit or mode."""
    deadline_s: float
    """Monotonic time by which an answer is of use."""
