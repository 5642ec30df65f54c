"""What the hub says: the JSON of its control API as values. Fields are named as in docs/control-api.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .const import API_MIN_VERSION, API_VERSION
from .decoding import decode
from .errors import MalformedAnswerError, ServerTooNewError, ServerTooOldError
from .protocol_bundles import BundleMoved, Bundles
from .protocol_past import Baseline, Drift, DriftMoved, Headline, Records
from .protocol_queue import Queue, QueueMoved

type Json = dict[str, Any]
"""A JSON object."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Api:
    """Which versions of the control API a hub serves."""

    version: int
    min_version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """What a hub tells everybody."""

    id: str
    """Made on its first start; it stays."""

    name: str
    version: str
    """Of the program."""

    api: Api
    status: str
    """`ok`, `starting` or `unavailable`."""

    wyoming_port: int | None = None
    model: str | None = None
    languages: tuple[str, ...] = ()

    @property
    def api_version(self) -> int:
        """Return the newest version of the control API that it serves."""
        return self.api.version

    @property
    def api_min_version(self) -> int:
        """Return the oldest one."""
        return self.api.min_version


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """The program itself."""

    id: str
    name: str
    version: str
    started_at: datetime | None = None
    uptime_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """The speech model that answers, or is about to."""

    name: str = ""
    state: str = "ready"
    """`measuring`, `waiting`, `fetching`, `loading`, `ready` or `failed`."""

    progress: float | None = None
    """0 to 1, while it is fetched."""

    starter: bool = False
    languages: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class WakeWord:
    """A wake word that the hub listens for."""

    id: str
    phrase: str
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The owner's choices."""

    routing_mode: str = "auto"
    """`auto`, `edge` or `cloud`."""

    cloud_allowed: bool = True
    audits: bool = False
    keep_transcripts: bool = False
    error_target: float | None = None
    cloud_seconds_per_day: float | None = None
    audit_seconds_per_day: float | None = None
    hedge_seconds_per_day: float | None = None
    cloud_money_per_month: float | None = None
    hedge: bool = False
    wake_threshold: float | None = None
    answer_early: bool = True
    confirm_critical: bool = True
    refuse_unconfirmed: bool = True
    defer: bool = False
    list_hours: float | None = None
    note_hours: float | None = None
    reminder_hours: float | None = None
    """None of the three for a hub that keeps no requests."""

    ask_text: bool = False
    release_channel: str | None = None
    """`stable` or `beta`. A hub that knows no bundles has none of these three."""

    automatic_updates: bool | None = None
    cohort_reports: bool | None = None
    keep_recordings: bool | None = None
    """A hub that keeps no records has none of these two."""

    log_level: str | None = None
    """`debug`, `info`, `warning` or `error`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneStatus:
    """A cloud lane as it stands."""

    name: str
    provider: str = ""
    trust: str = "cloud"
    """`cloud`, or `home` for a service in the owner's own network."""

    state: str = "ready"
    """`ready`, `broken`, `not-consented`, `capped` or `wrong-language`."""

    reason: str = ""
    consent: str | None = None
    """The date on which the owner consented."""

    key_ends: str | None = None
    languages: tuple[str, ...] = ()
    error_code: str | None = None
    from_file: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Cloud:
    """What the cloud lanes cost and reach."""

    reachable: bool | None = None
    """None without a lane."""

    over_budget: bool = False
    currency: str = "USD"
    seconds_today: float = 0.0
    seconds_this_month: float = 0.0
    cost_this_month: float = 0.0
    seconds_left_today: float | None = None
    money_left_this_month: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Percentiles:
    """Of a time, in milliseconds; None without turns."""

    p50: float | None = None
    p95: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """How the last turns went. Rates are 0 to 1, None without turns."""

    turns: int = 0
    escalations: int = 0
    errors: int = 0
    window_turns: int = 0
    """How many turns the rates and times span."""

    escalation_rate: float | None = None
    last_word_to_text_ms: Percentiles = field(default_factory=Percentiles)
    end_to_text_ms: Percentiles = field(default_factory=Percentiles)
    stages_p95_ms: Mapping[str, float | None] = field(default_factory=dict)
    retry_rate: float | None = None
    abandonment_rate: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneUse:
    """One question to a lane within a turn."""

    lane: str
    ending: str = ""
    seconds: float | None = None
    """Of audio."""

    took_ms: float | None = None
    cost: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One utterance and what became of it. What was never known is None."""

    turn_id: str
    at: datetime
    satellite: str | None = None
    microphone_class: str | None = None
    language: str | None = None
    action: str = ""
    reason: str | None = None
    why: str | None = None
    """The weightiest points, in words."""

    intent: str | None = None
    route: str | None = None
    """`edge`, `cloud` or `client`."""

    lane: str | None = None
    risk: float | None = None
    threshold: float | None = None
    points: Mapping[str, float] | None = None
    class_: str | None = None
    critical: bool | None = None
    lanes: tuple[LaneUse, ...] | None = None
    model: str | None = None
    rules: tuple[str, ...] | None = None
    ended_by: str | None = None
    quality: Mapping[str, object] | None = None
    latency_ms: Mapping[str, float | None] | None = None
    """Per stage, with `last_word_to_text` and `end_to_text`."""

    error: str | None = None
    text: str | None = None
    """Only while the owner keeps transcripts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """Above which risk a language's turns are not answered by the hub alone."""

    language: str
    microphone_class: str
    value: float
    guaranteed: bool = False
    reason: str = ""
    turns_to_go: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreement:
    """How often hub and cloud heard different things, with its interval."""

    language: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    pairs: int = 0
    population: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """Of the machine, and of the program."""

    cpu_percent: float | None = None
    memory_percent: float | None = None
    memory_mb: float | None = None
    throttled: bool | None = None
    """Whether the machine has slowed its processor, for heat or a weak supply; None where it does not tell."""

    decode_busy: float | None = None
    """Share of the last minute in which the recogniser worked, 0 to 1; None for a hub that does not tell."""

    waiting: int | None = None
    """Turns; None likewise."""

    most_waiting: int | None = None
    saturated: bool | None = None
    """Whether the hub strains; None likewise."""

    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What the hub has seen of a satellite."""

    turns: int = 0
    wakes: int = 0
    false_wakes: int = 0
    snr_db: float | None = None
    clipping: float | None = None
    clipped_turns: int = 0
    noisy_turns: int = 0
    cut_starts: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """A satellite's setting that would suit what was seen of it."""

    setting: str
    value: object
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Satellite:
    """One satellite: its settings and its evidence."""

    id: str
    microphone_class: str | None = None
    answer_early: bool | None = None
    wake_threshold: float | None = None
    """None for the home's."""

    routing_mode: str | None = ""
    """`auto`, `edge` or `cloud`; None for the home's, empty of hubs that know none for a satellite."""

    state: str = "good"
    """`good`, `noisy` or `text_only`."""

    reason: str = ""
    since: datetime | None = None
    ends: str = ""
    """What would end it."""

    evidence: Evidence = field(default_factory=Evidence)
    suggestion: Suggestion | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """A warning of the hub."""

    code: str
    message: str = ""
    subject: str = ""
    """The lane's, satellite's or bundle's name, where it is about one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """Everything that a hub has to show."""

    server: Server
    mode: str = "normal"
    """`normal`, `edge_only`, `starter`, `shedding`, `cloud_only` or `unavailable`."""

    mode_reason: str = ""
    mode_since: datetime | None = None
    mode_ends: str = ""
    """What would end it. A hub of an earlier version tells neither."""

    model: Model = field(default_factory=Model)
    wake_words: tuple[WakeWord, ...] = ()
    policy: Policy = field(default_factory=Policy)
    lanes: tuple[LaneStatus, ...] = ()
    cloud: Cloud = field(default_factory=Cloud)
    figures: Figures = field(default_factory=Figures)
    last_turn: Turn | None = None
    thresholds: tuple[Threshold, ...] = ()
    disagreement: tuple[Disagreement, ...] = ()
    resources: Resources = field(default_factory=Resources)
    satellites: tuple[Satellite, ...] = ()
    bundles: Bundles | None = None
    """None for a hub that knows none."""

    drift: Drift | None = None
    records: Records | None = None
    """None of both for a hub that keeps no records."""

    queue: Queue | None = None
    """None for a hub that keeps no requests."""

    baseline: Baseline | None = None
    """The one that is being recorded."""

    scorecard: Headline | None = None
    """The last whole month's; None without one."""

    warnings: tuple[Notice, ...] = ()

    def satellite(self, satellite_id: str) -> Satellite | None:
        """Return a satellite, or None when the hub does not know it."""
        return next((one for one in self.satellites if one.id == satellite_id), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hello:
    """The first message of the events."""

    id: str
    version: int
    min_version: int
    server_version: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """A turn has just been sent to a lane."""

    turn_id: str
    satellite: str | None = None
    lane: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Wake:
    """A wake word was heard."""

    word: str
    satellite: str | None = None
    score: float | None = None
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthOver:
    """The scorecard of a month is there."""

    scorecard: Headline


type Event = Hello | Status | Asking | Turn | Wake | BundleMoved | DriftMoved | QueueMoved | MonthOver

_EVENTS: dict[str, tuple[type[Event], str | None]] = {
    "hello": (Hello, None),
    "status": (Status, "status"),
    "asking": (Asking, None),
    "turn": (Turn, "turn"),
    "wake": (Wake, None),
    "bundle": (BundleMoved, None),
    "drift": (DriftMoved, None),
    "queue": (QueueMoved, None),
    "scorecard": (MonthOver, None),
}
"""Per type of message: its value, and the key that holds it where it is not the message itself."""


def parse_event(message: object) -> Event | None:
    """Return a message of the WebSocket as a value, None for a type that only newer integrations know."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise MalformedAnswerError("an event has no type")
    known = _EVENTS.get(message["type"])
    if known is None:
        return None
    kind, key = known
    return decode(kind, message if key is None else message.get(key), message["type"])


def check_version(version: int, min_version: int, server_version: str) -> None:
    """Raise ServerTooOldError or ServerTooNewError unless hub and integration share a version of the control API."""
    if version < API_MIN_VERSION:
        raise ServerTooOldError(version=server_version)
    if min_version > API_VERSION:
        raise ServerTooNewError(version=server_version)
