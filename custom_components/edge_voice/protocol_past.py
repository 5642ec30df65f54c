"""What a hub says of its past: drift, records, uploads, months. Fields are named as in docs/control-api.md."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

SUMMED_UP: Final = "summed-up"
"""The ending of a row that is the sum of a day whose own rows were erased."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """A figure of a language that has become worse than it was, for good as far as one can tell."""

    metric: str
    """`escalation`, `risk`, `confidence`, `disagreement` or `latency`."""

    language: str
    since: datetime | None = None
    """When it began."""

    at: datetime | None = None
    """When it was noticed."""

    before: float | None = None
    now: float | None = None
    turns: int = 0
    """Since it began."""

    e_value: float | None = None
    """How many times likelier the turns are if something has changed."""

    cause: str = "unknown"
    """`new-satellite`, `noise`, `language`, `bundle`, `cloud` or `unknown`."""

    subject: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """Slow changes for the worse."""

    state: str
    """`learning`, `steady` or `drifted`."""

    turns_to_go: int = 0
    """Until there is something to hold turns against."""

    alarms: tuple[Alarm, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftMoved:
    """An alarm was raised, has settled, or what is was accepted by the owner."""

    event: str
    """`alarm`, `settled` or `accepted`."""

    alarm: Alarm | None = None
    """None where the owner has accepted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Records:
    """What is kept of turns."""

    bytes: int = 0
    turns: int = 0
    oldest: str | None = None
    """The day of the oldest turn."""

    transcripts: int = 0
    recordings: int = 0
    corrections: int = 0
    key: str = "none"
    """`good`, `none` (nothing was sealed yet), `missing` or `wrong`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """A time in which speech services answer everything, to compare with."""

    began: datetime
    ends: datetime
    ended: datetime | None = None
    consent: str = ""
    """The day on which the owner agreed."""

    turns: int = 0
    pairs: int = 0
    """Turns that both the hub and a service have heard."""

    disagreed: int = 0
    would_escalate: int = 0
    """Of the turns, for how many the hub would have asked for help."""

    seconds: float = 0.0
    seconds_cap: float | None = None
    cost: float = 0.0
    money_cap: float | None = None
    reason: str = ""
    """Why it ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Headline:
    """What stands on top of a month's scorecard."""

    month: str
    made_at: datetime
    turns: int = 0
    escalation_rate: float | None = None
    within_budget: float | None = None
    end_to_text_p95_ms: float | None = None
    last_word_to_text_p95_ms: float | None = None
    cloud_seconds: float = 0.0
    cloud_cost: float = 0.0
    currency: str = "USD"


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """A row of the ledger: sound that left the home."""

    number: int
    at: datetime
    lane: str
    turn_id: str = ""
    reason: str = ""
    consent: str = ""
    """The day on which the owner agreed."""

    seconds: float = 0.0
    """Of audio."""

    bytes: int = 0
    cost: float = 0.0
    currency: str = "USD"
    ending: str = ""
    """Empty while it is under way."""

    took_seconds: float | None = None
    left: bool = True
    """Whether anything left after all: no connection may have come about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneSum:
    """What went to one lane."""

    lane: str
    trust: str = "cloud"
    uploads: int = 0
    seconds: float = 0.0
    cost: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """What left the home: single uploads, the newest first, and sums."""

    rows: tuple[Upload, ...] = ()
    today: tuple[LaneSum, ...] = ()
    this_month: tuple[LaneSum, ...] = ()

    @property
    def last_upload(self) -> Upload | None:
        """Return the last one that left; None where there is none, or its row was erased."""
        return next((one for one in self.rows if one.left and one.ending != SUMMED_UP), None)
