"""The frozen values that routing weighs: what is asked, who asks, what was learned, what the owner allows."""

import enum
import ipaddress
import math
from dataclasses import dataclass, field

from .checked import Checked, ranged

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HOME_NETWORKS: tuple[Network, ...] = tuple(
    ipaddress.ip_network(one)
    for one in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)
"""Loopback, RFC 1918, unique local (RFC 4193) and link-local. Not `is_private`, which also holds for tunnels from
anywhere (2002::, 2001::)."""


class WorkloadClass(enum.StrEnum):
    """What kind of thing is asked for; each has its own policy."""

    COMMAND = "device-command"
    LIST = "list-timer-note"
    QUESTION = "open-question"
    DICTATION = "dictation"


class WaitKind(enum.StrEnum):
    """What is as good an hour later."""

    LIST = "list"
    NOTE = "note"
    REMINDER = "reminder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What is asked for, and whether an error would cost."""

    kind: WorkloadClass
    critical: bool = False
    """Locks, alarms, doors, garage, "everything": raises the cost of an error, never its risk."""
    waits: WaitKind | None = None
    """As what it may wait; None for a timer, a broadcast, a device, and whatever is of use now or never."""
    is_known: bool = False
    """The home's grammar knows it."""
    is_answer: bool = False
    """It says yes or no, and nothing else."""
    reason: str = ""
    """What made it so, for people."""

    @property
    def can_wait(self) -> bool:
        """As good an hour later."""
        return self.waits is not None


class MicrophoneClass(enum.StrEnum):
    """What a satellite listens with."""

    FAR_FIELD = "far_field"
    NEAR_FIELD = "near_field"
    PHONE = "phone"
    HEADSET = "headset"


class RoutingMode(enum.StrEnum):
    """What the owner, or the caller for one turn, wants."""

    AUTO = "auto"
    EDGE = "edge"
    CLOUD = "cloud"


@dataclass(frozen=True, slots=True, kw_only=True)
class SatelliteSettings(Checked):
    """What the owner has set for one satellite; None leaves it to the home's setting, or to what the client says."""

    routing_mode: RoutingMode | None = None
    """Where its speech may be heard; of this and what the client asks for, `edge` wins."""
    microphone_class: MicrophoneClass | None = None
    answer_early: bool | None = None
    wake_threshold: float | None = None
    """Score that a wake word has to reach, 0 to 1."""

    def __post_init__(self) -> None:
        """Check the range. Raises ValueError."""
        if self.wake_threshold is not None and not 0.0 <= self.wake_threshold <= 1.0:
            raise ValueError(f"wake_threshold is {self.wake_threshold}; allowed is 0.0 to 1.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a threshold is learned for."""

    language: str
    microphone_class: MicrophoneClass = MicrophoneClass.FAR_FIELD


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing(Checked):
    """Where a hypothesis stands among those that this model gave before, in the same language and context."""

    confidence: float = ranged(0.5, at_least=0.0, at_most=1.0)
    """Share of earlier ones whose mean log-probability was lower."""
    entropy: float = ranged(0.5, at_least=0.0, at_most=1.0)
    """Share of earlier ones whose mean entropy was lower."""
    turns: int = ranged(0, at_least=0)
    """How many of this home's own turns that rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History(Checked):
    """What the session knew before this turn."""

    retries: int = ranged(0, at_least=0)
    """How often the same was just tried, this time included: 0 for a first try."""
    failed: bool = False
    """The turn before, within the retry window, came to nothing."""
    correction: bool = False
    """It begins as a correction of the turn before does ("no, …")."""
    microphone_usable: bool = True
    """False for a satellite whose microphone has clipped, or drowned in noise, for many turns on end."""
    microphone_reason: str = ""


FIRST_TRY = History()


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Platt's line in log-odds: probability = σ(intercept + slope · logit)."""

    intercept: float = 0.0
    slope: float = 1.0
    turns: int = 0
    """Labelled turns that it rests on."""

    def probability(self, logit: float) -> float:
        """Return the calibrated probability of a scorecard's log-odds."""
        at = max(-40.0, min(40.0, self.intercept + self.slope * logit))
        return 1.0 / (1.0 + math.exp(-at))


UNCALIBRATED = Calibration()


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Up to which risk the hub answers by itself."""

    logit: float
    """Of the scorecard's log-odds, before calibration: at most this is accepted; -inf accepts nothing."""
    value: float
    """The same as a calibrated probability, for people."""
    calibration: Calibration = UNCALIBRATED
    guaranteed: bool = False
    """Whether its bound holds: only with a consented cloud lane and audits."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, as far as it may be believed. A peer that is not trusted gets edge only, and no name."""

    trusted: bool = False
    session: str = ""
    """Its session_id, or what stands for one: the connection's peer."""
    satellite: str = ""
    device: str = ""
    """What the client calls the device; for requests that wait, which keep whose they are."""
    microphone_class: MicrophoneClass = MicrophoneClass.FAR_FIELD
    mode: RoutingMode | None = None
    """What it wants for this turn; None for the owner's setting."""
    can_confirm: bool = False
    keeps_queue: bool = False
    """It does requests that wait for a service, once that is back."""
    client_lane: bool = False
    """It can ask a cloud speech service by itself."""
    expect_confirmation: bool = False
    """The turn answers a yes-or-no question."""


UNTRUSTED = Caller()


class Trust(enum.StrEnum):
    """Where a lane's audio goes."""

    HUB = "hub"
    """This machine."""
    HOME = "home"
    """The owner's own server on the home's network: no consent, no cost, no ledger entry; counted."""
    CLOUD = "cloud"
    """Leaves the home: consent, caps, ledger."""


class LaneState(enum.StrEnum):
    """Whether a lane can be asked now."""

    READY = "ready"
    BROKEN = "broken"
    """Its breaker is open: it failed too often just now."""
    NOT_CONSENTED = "not-consented"
    CAPPED = "capped"
    """The owner's cap on seconds or money is reached."""
    WRONG_LANGUAGE = "wrong-language"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneHealth:
    """What routing may know of a lane."""

    name: str
    trust: Trust
    state: LaneState = LaneState.READY
    reason: str = ""
    """A sentence for people when it is not ready."""
    is_client: bool = False
    """The caller asks it by itself."""
    on_trial: bool = False
    """It failed, and nobody knows yet whether it answers again: the next utterance that may go there finds out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs(Checked):
    """What each choice costs, in units of one wrong light switch."""

    error: float = ranged(1.0, at_least=0.0, at_most=1000.0)
    """Of a wrong text that is used: the unit of the others."""
    critical_error: float = ranged(10.0, at_least=0.0, at_most=1000.0)
    """Of a lock, a door, an alarm, "everything off"."""
    confirm: float = ranged(0.2, at_least=0.0, at_most=1000.0)
    """The bother of one question back."""
    confirm_miss: float = ranged(0.1, at_least=0.0, at_most=1.0)
    """Share of errors that a question back lets through."""
    cloud_wait: float = ranged(0.05, at_least=0.0, at_most=1000.0)
    """The bother of waiting for a lane."""
    cloud_error: float = ranged(0.03, at_least=0.0, at_most=1.0)
    """Probability that the lane is wrong, too, until the home's own figure is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the owner decided about routing."""

    mode: RoutingMode = RoutingMode.AUTO
    costs: Costs = field(default_factory=Costs)
    confirm_critical: bool = True
    """Whether risky text that matters is said back first, where the client can."""
    refuse_unconfirmed: bool = True
    """Whether risky text that matters is refused where nobody can be asked."""
    defer: bool = False
    """Whether risky lists, notes and reminders wait for a service that cannot be reached; never device actions."""
    ask_text: bool = True
    """Whether a caller that can is asked for typed text when its microphone is unusable."""
    edge_dictation: bool = False
    """Whether dictation is left to the hub's small model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Checked):
    """What a second of cloud audio costs now: the dual price of the owner's budget."""

    per_second: float = ranged(0.0, at_least=0.0)
    """In units of one wrong light switch; grows when the budget runs out sooner than its time."""
