"""A change for the worse that was found, its end, and both in words."""

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import voluptuous as vol

from .drift_figures import INDEX, Metric, figure
from .drift_reference import LEAST_DEVIATION, Reference
from .snapshot import Snapshot, name, number, parts, whole

SETTLED_AT = 1000.0
"""While it is half as bad as when it alarmed, or worse, so many turns pass, on average, until it is called settled."""
_MOST_STAKED = 0.9
_LEAST_RISE = 0.02
_HALF = 0.5
"""Of the rise: what was measured when it alarmed is too much, on average, since it alarmed for being so much."""


class Cause(enum.StrEnum):
    """What a change most likely comes from."""

    NEW_SATELLITE = "new-satellite"
    NOISE = "noise"
    LANGUAGE = "language"
    BUNDLE = "bundle"
    CLOUD = "cloud"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A figure of one language that has risen above its reference."""

    figure: str
    language: str
    since_s: float
    """Seconds since 1970: likeliest beginning."""
    at_s: float
    before: float
    """Mean of the reference, 0 to 1."""
    now: float
    """Mean since it began."""
    turns: int
    """That tell of it since it began."""
    e_value: float
    limit: float = 0.0
    """Of a time: how many ms count as slow."""
    cause: Cause = Cause.UNKNOWN
    subject: str = ""
    """The satellite, language, model or lane that it comes from."""
    subject_is_secret: bool = False
    """Whether the subject names a satellite, which is not written down."""

    @property
    def metric(self) -> Metric:
        """What an owner is told of."""
        return figure(self.figure).metric

    def for_store(self) -> Snapshot:
        """Return it as JSON, without a satellite's name."""
        fields = {one: getattr(self, one) for one in _FIELDS}
        return {**fields, "cause": self.cause.value, "subject": "" if self.subject_is_secret else self.subject}

    @classmethod
    def from_store(cls, fields: Mapping[str, Any]) -> Self:
        """Return what `for_store` wrote; its fields were checked."""
        return cls(**{**fields, "cause": Cause(fields["cause"])})

    def public(self) -> Alarm:
        """Return it as it may be written down."""
        return replace(self, subject="", subject_is_secret=False) if self.subject_is_secret else self


class Recovery:
    """The evidence that a figure is back: bets, downwards, against its being half as bad still. Mutable."""

    __slots__ = ("_mean", "_stake", "evidence")

    def __init__(self, known: Reference, now: float, evidence: float = 0.0) -> None:
        """Bet that the mean is what it was in the reference, against half-way to what it was when it alarmed: `now`."""
        rise = max(_LEAST_RISE, _HALF * (now - known.mean))
        self._mean = min(0.99, known.mean + rise)
        spread = max(known.deviation, LEAST_DEVIATION)
        self._stake = min(rise / (known.clumping * spread**2), _MOST_STAKED / (1.0 - self._mean))
        self.evidence = evidence

    def step(self, number: float) -> bool:
        """Take a turn's number, 0 to 1; return whether the alarm has settled."""
        self.evidence = (self.evidence + 1.0) * (1.0 - self._stake * (number - self._mean))
        return self.evidence >= SETTLED_AT


def message(alarm: Alarm) -> str:
    """Return what happened, what it most likely comes from, and what to do: sentences for its owner."""
    since = dt.datetime.fromtimestamp(alarm.since_s, dt.UTC).date().isoformat()
    of = figure(alarm.figure)
    now, before = _share(alarm.now), _share(alarm.before)
    what = _WHAT[alarm.figure].format(language=alarm.language, now=now, limit=round(alarm.limit))
    turns = "turns that tell of it" if of.share < 1.0 else "turns"
    grown = f"{what}, up from {before}, since about {since} ({alarm.turns} {turns})."
    subject = _BEFORE_SUBJECT.get(alarm.cause, " ") + f"'{alarm.subject}'" if alarm.subject else ""
    return f"{grown} {_CAUSES[alarm.cause].format(subject=subject)} {_ACCEPT}"


def settled_message(alarm: Alarm) -> str:
    """Return that it is over."""
    return f"{_NAMES[alarm.figure].format(language=alarm.language)} is back at what was usual ({_share(alarm.before)})."


_WHAT = {
    "risky": "Of turns in '{language}', the hub is not sure of {now}",
    "risk": "The mean risk of turns in '{language}', by what was usual for this model here, is {now}",
    "doubt": "Turns in '{language}' are less sure than {now} of the model's first turns here, on average",
    "unsure": "Of turns in '{language}', {now} are less sure than nine in ten of the model's first turns here",
    "differs": "Of turns in '{language}' that a speech service heard, too, it hears {now} as another command than the "
    "hub, at the same risk",
    "own_time": "Of turns in '{language}', {now} take longer than {limit} ms on the hub",
    "lane_time": "Of turns in '{language}' that waited for a speech service, {now} waited longer than {limit} ms",
}
_NAMES = {
    "risky": "How often the hub is not sure of '{language}'",
    "risk": "The mean risk of '{language}'",
    "doubt": "How sure the model is of '{language}'",
    "unsure": "How sure the model is of '{language}'",
    "differs": "How often a speech service hears '{language}' otherwise",
    "own_time": "How long turns in '{language}' take on the hub",
    "lane_time": "How long turns in '{language}' wait for a speech service",
}
_CAUSES = {
    Cause.NEW_SATELLITE: "Most of it comes from a satellite that is new{subject}: look where it stands and how it "
    "sounds, and set what kind of microphone it has.",
    Cause.NOISE: "It comes with louder noise than was usual{subject}: look for what hums or plays near the satellite, "
    "or move it.",
    Cause.LANGUAGE: "Most of it comes with speech that may be in another language{subject}: add that language, and a "
    "pipeline for it.",
    Cause.BUNDLE: "It came with another model{subject}: `edge-voice models rollback` returns to the one before.",
    Cause.CLOUD: "It came with the speech service{subject}: test it, or put another one first.",
    Cause.UNKNOWN: "Nothing that the hub measures explains it: look at the turns that went wrong lately, and whether "
    "the owner's settings or the rooms have changed.",
}
_BEFORE_SUBJECT = {Cause.NOISE: ", above all at ", Cause.NEW_SATELLITE: ", "}
_ACCEPT = "If that is how it is to be, accept it as what is usual."


def _share(value: float) -> str:
    return f"{100.0 * value:.0f} %" if value >= 0.1 else f"{100.0 * value:.1f} %"


_SHARE = number(at_least=0.0, at_most=1.0)
_FIELDS: Mapping[str, Any] = {
    "figure": vol.In(INDEX),
    "language": name,
    "since_s": number(),
    "at_s": number(),
    "before": _SHARE,
    "now": _SHARE,
    "turns": whole(),
    "e_value": number(at_least=0.0),
    "limit": number(),
    "cause": vol.In({one.value for one in Cause}),
    "subject": name,
}
ALARM = parts(dict(_FIELDS))
