"""A scorecard: monotone piecewise-linear points per feature, in log-odds. Data of a model's bundle."""

import itertools
import json
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ModelCorruptError
from .policy import Standing

SCHEMA = 1
"""The newest scorecard that this server understands. Fields it does not know are ignored."""
LARGEST_LOG_ODDS = 50.0
"""No curve says more: e⁵⁰ to one is certainty, and sums of a few stay far from overflow."""
USUAL_SHARE, RAREST = 0.002, 0.001
"""What one in 500 begins with is usual; a thousandth of that is no different from nothing."""
SETS = ("recordings", "voices", "sentences", "noises")


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A feature's log-odds, linear between its knots and flat beyond them, never turning."""

    knots: tuple[float, ...]
    """Ascending values of the feature."""
    log_odds: tuple[float, ...]
    """At each knot: all ascending, or all descending."""

    def __post_init__(self) -> None:
        """Refuse, with ValueError, what is no monotone function."""
        if not self.knots or len(self.knots) != len(self.log_odds):
            raise ValueError("knots and log_odds must be as many, and one at least")
        if not all(map(math.isfinite, self.knots)):
            raise ValueError("knots must be finite")
        if not all(abs(one) <= LARGEST_LOG_ODDS for one in self.log_odds):  # NaN fails here too
            raise ValueError(f"log_odds must lie within ±{LARGEST_LOG_ODDS:.0f}")
        if any(right <= left for left, right in itertools.pairwise(self.knots)):
            raise ValueError("knots must ascend")
        steps = [right - left for left, right in itertools.pairwise(self.log_odds)]
        if any(step > 0 for step in steps) and any(step < 0 for step in steps):
            raise ValueError("log_odds must not turn: a feature is for or against, never both")

    def at(self, value: float) -> float:
        """Return the log-odds of a value."""
        knots, log_odds = self.knots, self.log_odds
        above = bisect_right(knots, value)
        if above == 0:
            return log_odds[0]
        if above == len(knots):
            return log_odds[-1]
        share = (value - knots[above - 1]) / (knots[above] - knots[above - 1])
        return log_odds[above - 1] + share * (log_odds[above] - log_odds[above - 1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """How sure a model was of the recordings that it was fitted on, in one language: what a home starts from.

    It stays as it is while the model serves: a rolling window alone cannot see a slow drift.
    """

    log_probability: tuple[float, ...]
    """Quantiles of the mean token log-probability at evenly spaced shares from 0 to 1, ascending."""
    entropy: tuple[float, ...]
    """The same of the mean token entropy."""

    def __post_init__(self) -> None:
        """Refuse, with ValueError, what are no quantiles."""
        for name in self.__slots__:
            quantiles = getattr(self, name)
            if len(quantiles) < 2 or not all(map(math.isfinite, quantiles)):
                raise ValueError(f"{name} must hold two finite numbers at least")
            if any(right < left for left, right in itertools.pairwise(quantiles)):
                raise ValueError(f"{name} must not descend")

    def standing(self, mean_log_probability: float, mean_entropy: float) -> Standing:
        """Return where a hypothesis stands among those recordings."""
        return Standing(
            confidence=rank(self.log_probability, mean_log_probability), entropy=rank(self.entropy, mean_entropy)
        )


def rank(quantiles: Sequence[float], value: float) -> float:
    """Return the share, 0 to 1, of a population that lies below a value, from its evenly spaced quantiles."""
    above = bisect_right(quantiles, value)
    if above == 0:
        return 0.0
    if above == len(quantiles):
        return 1.0
    left, right = quantiles[above - 1], quantiles[above]
    return (above - 1 + (value - left) / (right - left)) / (len(quantiles) - 1)


def rarity(count: int, total: int) -> float:
    """Return how rare is what comes `count` times in `total`, in powers of ten below a usual share: 0 to 3."""
    return -math.log10(min(1.0, count / (total * USUAL_SHARE) + RAREST))


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What a fit saw, as hashes: enough to refuse an evaluation on it, too little to tell what was said."""

    recordings: frozenset[str] = frozenset()
    voices: frozenset[str] = frozenset()
    sentences: frozenset[str] = frozenset()
    noises: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """How features add up to a risk: log-odds = base + the sum of the curves."""

    base: float = 0.0
    """Log-odds of a typical good utterance, for which every curve is 0."""
    curves: Mapping[str, Curve] = field(default_factory=dict)
    """Feature → its curve; a feature without one counts for nothing, and so does one that was not measured."""
    model: str = ""
    """The model that it was fitted for; empty for the generic one."""
    references: Mapping[str, Reference] = field(default_factory=dict)
    """Language → what a home's percentiles start from."""
    openings: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Language → how commands begin → how many of those that it was told of begin so.

    A command without its start comes out sure and wrong ("The lamp to 30%."): no token gives it away, this does.
    """
    logits: tuple[float, ...] = ()
    """Quantiles of its log-odds over the recordings of the fit, at evenly spaced shares: where thresholds start."""
    provenance: Provenance = field(default_factory=Provenance)
    turns: int = 0
    """Recordings that it was fitted on."""
    wrong: int = 0
    """How many of them were heard wrong."""

    @property
    def calibrated(self) -> bool:
        """Whether it was fitted on recordings of the very model."""
        return self.turns > 0

    def contributions(self, features: Mapping[str, float]) -> dict[str, float]:
        """Return each known feature's log-odds."""
        curves = self.curves
        return {name: curves[name].at(value) for name, value in features.items() if name in curves}

    def logit(self, features: Mapping[str, float]) -> float:
        """Return the log-odds that a text with these features is wrong."""
        return self.base + sum(self.contributions(features).values())

    def rarity(self, language: str, opening: str) -> float | None:
        """Return how rare a beginning is, 0 (usual) to 3 (none begins so); None where that is not known."""
        known = self.openings.get(language)
        return rarity(known.get(opening, 0), sum(known.values())) if known else None

    def standing(self, language: str, mean_log_probability: float, mean_entropy: float) -> Standing:
        """Return where a hypothesis stands before the home has turns of its own; in the middle when unknown."""
        reference = self.references.get(language)
        return reference.standing(mean_log_probability, mean_entropy) if reference else Standing()


def read_scorecard(content: bytes | str) -> Scorecard:
    """Return a scorecard from its JSON. Raises ModelCorruptError, naming the key that cannot be used."""
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:  # brackets by the thousand
        raise ModelCorruptError(f"The scorecard is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ModelCorruptError("The scorecard is not a JSON object")
    return _Reader(fields).scorecard()


def write_scorecard(card: Scorecard) -> str:
    """Return a scorecard as JSON, one line a curve, the same text for the same card."""
    parts = {
        "schema": SCHEMA,
        "model": card.model,
        "turns": card.turns,
        "wrong": card.wrong,
        "base": round(card.base, 4),
        "curves": {
            name: {"knots": _rounded(curve.knots), "log_odds": _rounded(curve.log_odds)}
            for name, curve in sorted(card.curves.items())
        },
        "references": {
            language: {name: _rounded(getattr(one, name)) for name in ("log_probability", "entropy")}
            for language, one in sorted(card.references.items())
        },
        "openings": {language: dict(sorted(known.items())) for language, known in sorted(card.openings.items())},
        "logits": _rounded(card.logits),
        "provenance": {name: sorted(getattr(card.provenance, name)) for name in SETS},
    }
    return "{\n" + ",\n".join(f" {json.dumps(key)}: {_laid_out(value)}" for key, value in parts.items()) + "\n}\n"


def _laid_out(value: Any) -> str:
    if not isinstance(value, dict) or not value:
        return json.dumps(value)
    return "{\n" + ",\n".join(f"  {json.dumps(key)}: {json.dumps(one)}" for key, one in value.items()) + "\n }"


def _rounded(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


class _Reader:
    """One scorecard's fields, each refusal with the key's path."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def scorecard(self) -> Scorecard:
        schema = self._whole("schema", 1)
        if schema > SCHEMA:
            raise _refusal("schema", f"is {schema}; this server understands up to {SCHEMA}, so update it")
        provenance = self._table("provenance")
        card = Scorecard(
            base=_number("base", self._fields.get("base")),
            curves={
                str(name): _made(f"curves.{name}", Curve, one, ("knots", "log_odds"))
                for name, one in self._table("curves").items()
            },
            model=self._text("model"),
            references={
                str(name): _made(f"references.{name}", Reference, one, ("log_probability", "entropy"))
                for name, one in self._table("references").items()
            },
            openings={str(name): _counts(f"openings.{name}", one) for name, one in self._table("openings").items()},
            logits=_numbers("logits", self._fields.get("logits", [])),
            provenance=Provenance(**{name: _names(f"provenance.{name}", provenance.get(name, [])) for name in SETS}),
            turns=self._whole("turns", 0),
            wrong=self._whole("wrong", 0),
        )
        if card.wrong > card.turns:
            raise _refusal("wrong", "is more than turns")
        if any(right < left for left, right in itertools.pairwise(card.logits)):
            raise _refusal("logits", "must not descend")
        return card

    def _table(self, key: str) -> dict[str, Any]:
        value = self._fields.get(key, {})
        if not isinstance(value, dict):
            raise _refusal(key, "must be an object")
        return value

    def _text(self, key: str) -> str:
        value = self._fields.get(key, "")
        if not isinstance(value, str):
            raise _refusal(key, "must be a text")
        return value

    def _whole(self, key: str, default: int) -> int:
        value = self._fields.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise _refusal(key, "must be a whole number, not negative")
        return value


def _made[T](key: str, kind: type[T], fields: object, names: tuple[str, ...]) -> T:
    """Build a value of number lists."""
    if not isinstance(fields, dict):
        raise _refusal(key, "must be an object")
    lists = {name: _numbers(f"{key}.{name}", fields.get(name)) for name in names}
    try:
        return kind(**lists)
    except ValueError as error:
        raise _refusal(key, str(error)) from error


def _numbers(key: str, values: object) -> tuple[float, ...]:
    if not isinstance(values, list):
        raise _refusal(key, "must be a list of numbers")
    return tuple(_number(f"{key}[{index}]", value) for index, value in enumerate(values))


def _number(key: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e9:
        raise _refusal(key, "must be a finite number")
    return float(value)


def _counts(key: str, values: object) -> dict[str, int]:
    if not isinstance(values, dict) or not all(
        isinstance(count, int) and not isinstance(count, bool) and count > 0 for count in values.values()
    ):
        raise _refusal(key, "must be an object of whole numbers above 0")
    return {str(name): count for name, count in values.items()}


def _names(key: str, values: object) -> frozenset[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _refusal(key, "must be a list of texts")
    return frozenset(values)


def _refusal(key: str, what: str) -> ModelCorruptError:
    return ModelCorruptError(f"The scorecard's {key} {what}")
