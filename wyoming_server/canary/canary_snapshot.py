"""A canary's book as JSON, checked when it comes back: what it holds decides whether a bundle goes."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import voluptuous as vol

from ..bundles.state import Stage
from ..errors import SnapshotError
from ..learning.e_process import ODDS
from .canary_book import REMEMBERED, Book
from .canary_counts import Counters, Pairs, Tally
from .canary_evidence import METRICS, NAMES

_VERSION = 1
_STREAMS = ("recent", "unused", "waiting", "answers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What a snapshot held."""

    book: Book
    stage: Stage | None
    since: dt.datetime | None
    trigger: tuple[str, str] | None


def image_of(
    book: Book, *, stage: Stage | None, since: dt.datetime | None, trigger: tuple[str, str] | None
) -> dict[str, Any]:
    """Return everything as JSON-able values."""
    return {
        "version": _VERSION,
        "label": book.label,
        "incumbent": book.incumbent,
        "stage": stage.value if stage else None,
        "since": since.isoformat() if since else None,
        "trigger": list(trigger) if trigger else None,
        "turns": book.turns,
        "answered": book.answered,
        **{name: {key: _bits(stream) for key, stream in getattr(book, name).items()} for name in _STREAMS},
        "bets": {
            "grown": book.bets.grown[0].tolist(),
            "turns": book.bets.turns[0].tolist(),
            "bad": book.bets.bad[0].tolist(),
        },
        "tested": {key: [_pair(one.incumbent), _pair(one.candidate)] for key, one in book.tested.items()},
        "today": [dataclasses.asdict(one) for one in book.today.values()],
    }


def restored(snapshot: Mapping[str, Any]) -> Image:
    """Return what a snapshot holds. Raises SnapshotError, naming the first field that cannot be used."""
    try:
        said = _SNAPSHOT(dict(snapshot))
    except vol.MultipleInvalid as error:
        where = ".".join(map(str, error.errors[0].path)) or "its top"
        raise SnapshotError(f"What the canary knew is damaged at {where:.200}; it is learned anew") from error
    stage, since = said["stage"], said["since"]
    if not (bool(said["label"]) == (stage is not None) == (since is not None)):
        raise SnapshotError("What the canary knew is of half a candidate; it is learned anew")
    trigger = (said["trigger"][0], said["trigger"][1]) if said["trigger"] else None
    return Image(book=_book(said), stage=stage, since=since, trigger=trigger)


def _book(said: Mapping[str, Any]) -> Book:
    book = Book()
    book.label, book.incumbent = said["label"], said["incumbent"]
    book.turns, book.answered = said["turns"], said["answered"]
    for name in _STREAMS:
        for key, bits in said[name].items():
            getattr(book, name)[key].extend(one == "1" for one in bits)
    for name, values in said["bets"].items():
        getattr(book.bets, name)[0] = values
    for key, (incumbent, candidate) in said["tested"].items():
        book.tested[key].incumbent, book.tested[key].candidate = incumbent, candidate
    book.today = {one.label: one for one in said["today"]}
    return book


def _bits(stream: Iterable[bool]) -> str:
    return "".join("01"[one] for one in stream)


def _pair(tally: Tally) -> list[int]:
    return [tally.turns, tally.bad]


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 2**53:
        raise vol.Invalid("must be a whole number from 0 on")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 2000:
        raise vol.Invalid("must be a text")
    return value


def _stream(value: object) -> str:
    if not isinstance(value, str) or len(value) > REMEMBERED or set(value) - {"0", "1"}:
        raise vol.Invalid(f"must be at most {REMEMBERED} of 0 and 1")
    return value


def _numbers(shape: tuple[int, ...], low: float) -> Any:
    def check(value: object) -> Any:
        try:
            numbers = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise vol.Invalid("must be numbers") from error
        if numbers.shape != shape or not np.isfinite(numbers).all() or (numbers < low).any():
            raise vol.Invalid(f"must be {shape} finite numbers from {low:g} on")
        return numbers

    return check


def _moment(value: object) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(str(value))
    except ValueError as error:
        raise vol.Invalid("must be a moment") from error
    if moment.tzinfo is None:
        raise vol.Invalid("must have a zone")
    return moment


def _tally(value: object) -> Tally:
    if not isinstance(value, list) or len(value) != 2:
        raise vol.Invalid("must be two numbers")
    turns, bad = map(_count, value)
    return Tally(turns=turns, bad=bad)


def _counters(value: object) -> Counters:
    fields = _COUNTERS(value)
    for name in ("incumbents", "served", "watched"):
        fields[name] = {key: Tally(**one) for key, one in fields[name].items()}
    return Counters(**{**fields, "pairs": {key: Pairs(**one) for key, one in fields["pairs"].items()}})


def _of_metrics(check: Any) -> vol.Schema:
    return vol.Schema({vol.In(METRICS): check})


_TALLIES = _of_metrics(vol.Schema({"turns": _count, "bad": _count}, required=True))
_PAIRS = _of_metrics(
    vol.Schema({"turns": _count, "both": _count, "candidate_only": _count, "incumbent_only": _count}, required=True)
)
_COUNTERS = vol.Schema(
    {
        "label": _text,
        "incumbent": _text,
        "began": bool,
        "ended": _text,
        "incumbents": _TALLIES,
        "served": _TALLIES,
        "watched": _TALLIES,
        "pairs": _PAIRS,
    },
    required=True,
)
_SNAPSHOT = vol.Schema(
    {
        "version": vol.In([_VERSION]),
        "label": _text,
        "incumbent": _text,
        "stage": vol.Any(None, vol.Coerce(Stage)),
        "since": vol.Any(None, _moment),
        "trigger": vol.Any(None, vol.All([_text], vol.Length(2, 2))),
        "turns": _count,
        "answered": _count,
        **{name: _of_metrics(_stream) for name in _STREAMS},
        "bets": vol.Schema(
            {
                "grown": _numbers((len(NAMES), len(ODDS)), -np.inf),
                "turns": _numbers((len(NAMES),), 0.0),
                "bad": _numbers((len(NAMES),), 0.0),
            },
            required=True,
        ),
        "tested": _of_metrics(vol.All([_tally], vol.Length(2, 2))),
        "today": [_counters],
    },
    required=True,
)
