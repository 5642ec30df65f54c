"""One hub's counters of one day as JSON: what is sent, and what is believed of it."""

import dataclasses
import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from ..errors import ReportRefusedError
from .canary_counts import Counters, Pairs, Tally
from .canary_evidence import METRICS

SCHEMA = 1
LARGEST_BYTES = 8192
_MOST_TURNS = 5000
"""Of one home on one day."""
_OLDEST_DAYS = 14
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}@[0-9][0-9a-z.]{0,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one hub says of one day."""

    counters: Counters
    day: dt.date
    """In UTC."""
    region: str
    """Country; empty while unknown."""
    hub_class: str
    server: str
    """The server's version."""

    @property
    def left(self) -> bool:
        """Whether the hub went back by itself; what its owner or the publisher decided proves nothing new."""
        return self.counters.ended not in {"", "settled", "owner", "withdrawn", "replaced"}


def fields_of(counters: Counters, *, day: dt.date, region: str, hub_class: str, server: str) -> dict[str, Any]:
    """Return the JSON of a report. What the candidate is compared with is named only if it is a bundle itself."""
    return {
        "schema": SCHEMA,
        "day": day.isoformat(),
        "region": region,
        "hub_class": hub_class,
        "server": server,
        "label": counters.label,
        "incumbent": counters.incumbent if _LABEL.fullmatch(counters.incumbent) else "",
        "began": counters.began,
        "ended": counters.ended,
        **{name: _tallies(getattr(counters, name)) for name in ("incumbents", "served", "watched")},
        "pairs": {key: list(dataclasses.astuple(one)) for key, one in counters.pairs.items()},
    }


def report_of(fields: Any, *, today: dt.date) -> Report:
    """Return what a report says. Raises ReportRefusedError, which names the field.

    It is of 1 to 14 days before `today`; an hour to midnight is no different day to somebody on another clock.
    """
    try:
        said = _REPORT(fields)
    except vol.MultipleInvalid as error:
        first = error.errors[0]
        where = ".".join(map(str, first.path)) or "the report"
        raise ReportRefusedError(f"{where:.80}: {first.error_message:.200}") from error
    day = said["day"]
    if not 0 <= (today - day).days <= _OLDEST_DAYS:
        raise ReportRefusedError(f"day: {day} is not within the {_OLDEST_DAYS} days before {today}")
    counters = Counters(
        label=said["label"],
        incumbent=said["incumbent"],
        began=said["began"],
        ended=said["ended"],
        incumbents=said["incumbents"],
        served=said["served"],
        watched=said["watched"],
        pairs=said["pairs"],
    )
    return Report(counters=counters, day=day, region=said["region"], hub_class=said["hub_class"], server=said["server"])


def _tallies(tallies: Mapping[str, Tally]) -> dict[str, list[int]]:
    return {key: [one.turns, one.bad] for key, one in tallies.items()}


def _numbers(value: object, count: int) -> list[int]:
    if not isinstance(value, list) or len(value) != count:
        raise vol.Invalid(f"must be {count} numbers")
    if any(type(one) is not int or not 0 <= one <= _MOST_TURNS for one in value):
        raise vol.Invalid(f"must be whole numbers from 0 to {_MOST_TURNS}")
    return value


def _tally(value: object) -> Tally:
    turns, bad = _numbers(value, 2)
    if bad > turns:
        raise vol.Invalid("must not hold more bad turns than turns")
    return Tally(turns=turns, bad=bad)


def _pair(value: object) -> Pairs:
    turns, both, candidate_only, incumbent_only = _numbers(value, 4)
    if both + candidate_only + incumbent_only > turns:
        raise vol.Invalid("must not hold more bad turns than turns")
    return Pairs(turns=turns, both=both, candidate_only=candidate_only, incumbent_only=incumbent_only)


def _day(value: object) -> dt.date:
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError as error:
        raise vol.Invalid("must be a day such as 2026-11-22") from error


def _schema(value: object) -> int:
    if type(value) is not int or not 1 <= value <= SCHEMA:
        raise vol.Invalid(f"must be {SCHEMA}: this publisher reads no other")
    return value


def _form(pattern: str, said: str) -> vol.All:
    return vol.All(str, vol.Match(rf"^(?:{pattern})\Z", msg=f"must be {said}"))


_TALLIES = vol.Schema({vol.In(METRICS): _tally})
_REPORT = vol.Schema(
    {
        "schema": _schema,
        "day": _day,
        "region": _form("|[A-Z]{2}", "a country such as DE, or empty"),
        "hub_class": _form("|[a-z0-9][a-z0-9-]{0,31}", "a hub class such as pi5, or empty"),
        "server": _form("[0-9a-z.+-]{0,40}", "a version"),
        "label": _form(_LABEL.pattern, "a bundle such as home-en@1.2.0"),
        "incumbent": _form(f"|{_LABEL.pattern}", "a bundle such as home-en@1.1.0, or empty"),
        "began": bool,
        "ended": _form("[a-z-]{0,40}", "a code such as worse"),
        **dict.fromkeys(("incumbents", "served", "watched"), _TALLIES),
        "pairs": vol.Schema({vol.In(METRICS): _pair}),
    },
    required=True,
    extra=vol.REMOVE_EXTRA,
)
