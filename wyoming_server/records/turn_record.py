"""What is known of a turn, without a word of it: what the store, the metrics, the drift watch and the log all take.

A record names its satellite and session as they name themselves; whoever writes one down writes keyed hashes of these
(`pseudonyms`). No field ever holds a text or a sound.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..pipeline.checked import Checked, ranged
from ..pipeline.timeline import Spans

ERROR = "error"
"""The action of a turn that ended without an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRecord(Checked):
    """A turn that is over. Empty texts and None say that nothing is known: of a turn that failed, of a silent one."""

    turn_id: str = field(repr=False)
    at: dt.datetime
    """When it ended, with its zone."""
    satellite: str = field(default="", repr=False)
    session: str = field(default="", repr=False)
    trusted: bool = False
    """Whether it came from the home's own: others teach nothing."""
    microphone_class: str = "far_field"
    language: str = ""
    model: str = ""
    action: str
    """What became of it: a value of `Action`, or ERROR."""
    route: str = ""
    lane: str = ""
    """Whose text won, or that the client is to ask by itself."""
    error: str = ""
    """The code of what it ended in."""
    workload: str = ""
    critical: bool = False
    intent: str = ""
    ended_by: str = ""
    spoke: bool = False
    """Whether somebody did."""
    rules: tuple[str, ...] = ()
    risk: float | None = None
    """0 to 1."""
    logit: float | None = None
    """The same before calibration, in log-odds."""
    threshold: float | None = None
    """0 to 1."""
    points: Mapping[str, float] = field(default_factory=dict)
    """Feature → what it added to the risk, in points."""
    log_probability: float | None = None
    """Mean over the hypothesis's tokens."""
    entropy: float | None = None
    """Likewise, in nats."""
    snr_db: float | None = None
    clipping: float | None = None
    level_dbfs: float | None = None
    noise_dbfs: float | None = None
    speech_ratio: float | None = None
    speech_seconds: float = ranged(0.0, at_least=0.0)
    retries: int = ranged(0, at_least=0)
    """How often the same had just been tried before."""
    spans: Spans | None = None
    uploads: int = ranged(0, at_least=0)
    """To services beyond the home, whatever came of them."""
    cloud_seconds: float = ranged(0.0, at_least=0.0)
    cloud_cost: float = ranged(0.0, at_least=0.0)
    is_baseline: bool = False
    """Heard while the baseline is recorded, in which a service answers all."""
    would_escalate: bool | None = None
    """In a baseline: what the hub would have done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLabel:
    """What came to be known of a turn after it was told of. What is None says nothing."""

    turn_id: str = field(repr=False)
    at: dt.datetime
    """When it came to be known, with its zone."""
    language: str = ""
    wrong: bool | None = None
    """Its session's word, a proxy: whether it was said again, put right, taken back or given up."""
    retried: bool | None = None
    corrected: bool | None = None
    abandoned: bool | None = None
    no_intent: bool | None = None
    result: str | None = None
    """What the conversation made of its text: `intent`, `sentence_trigger`, `no_intent`, `error`, `follow_up`."""
    intent: str | None = None
    """What it took the text for."""
    disagreed: bool | None = None
    """Whether a service, asked for its text or to audit it, heard another intent."""
    token_error_rate: float | None = None
    """Between the two texts; 0 when they are the same."""
    audited: bool | None = None
    chance: float | None = None
    """With which it was drawn for the audit, 0 to 1."""
