"""Edge–cloud disagreement per locale: how often, and how far, a lane hears something else than the hub.

It is no word error rate: nobody knows the truth. What both get wrong alike is missed, and what only the lane gets
wrong is counted.
"""

import enum
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import voluptuous as vol

from ..pipeline.checked import Checked, ranged
from .comparison import UNSPACED, Comparison, base
from .snapshot import Snapshot, name, number, read, several, whole

WINDOW = 500
"""Pairs that are kept per locale."""
MAX_LOCALES = 64
"""The one unheard for longest goes first."""
SMALLEST_CHANCE = 1e-4
"""A pair that stood for more than 10,000 turns would be the whole figure."""
Z = 1.959963984540054
"""The normal distribution's 97.5th percentile."""

type Floats = npt.NDArray[np.float64]
"""Shape (n,)."""


class Population(enum.StrEnum):
    """Of which turns a figure speaks."""

    ALL = "all"
    """Every turn that had a text: needs audits, or nothing is known of those that the hub answered."""
    ACCEPTED = "accepted"
    """Turns that the hub answered by itself; known from random audits only."""
    ESCALATED = "escalated"
    """Turns that were risky enough to ask: their own, worse kind. All that is known without audits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair(Checked):
    """One utterance that both heard, and how it came to be asked."""

    comparison: Comparison
    audited: bool
    """The hub had answered it, and a coin decided to ask all the same; otherwise it was escalated."""
    chance: float = ranged(1.0, at_least=SMALLEST_CHANCE, at_most=1.0)
    """With which probability it was asked: an audit's q; 1 for an escalation, which is always asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure, and where it may well lie."""

    value: float
    low: float
    high: float
    """Of its 95 % interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """How a lane and the hub differ in one locale."""

    language: str
    population: Population
    pairs: int
    """Pairs that it rests on."""
    intent: Estimate
    """Share of turns with another intent or other slots."""
    words: Estimate
    """Share of turns that are not word for word the same after normalisation."""
    tokens: Estimate | None
    """Edits per token of the lane's text; None for languages without spaces."""
    characters: Estimate
    """Edits per character of the lane's text."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A pair without its texts."""

    audited: bool
    chance: float
    other_intent: bool
    other_words: bool
    token_edits: int
    tokens: int
    character_edits: int
    characters: int


class Disagreements:
    """The last 500 pairs of each locale, as figures: no text is kept."""

    def __init__(self) -> None:
        self._locales: OrderedDict[str, deque[_Row]] = OrderedDict()

    def observe(self, language: str, pair: Pair) -> None:
        """Take in a pair."""
        rows = self._locales.pop(language, None) or deque[_Row](maxlen=WINDOW)
        self._locales[language] = rows
        if len(self._locales) > MAX_LOCALES:
            self._locales.popitem(last=False)
        one = pair.comparison
        rows.append(
            _Row(
                pair.audited,
                pair.chance,
                not one.same_intent,
                not one.exact,
                one.token_edits,
                one.tokens,
                one.character_edits,
                one.characters,
            )
        )

    def languages(self) -> tuple[str, ...]:
        """Return the locales with pairs, the one heard last at the end."""
        return tuple(self._locales)

    def figures(self, language: str, population: Population | None = None) -> Disagreement | None:
        """Return a locale's figures over its window; None where no pair tells of that population.

        Without a population: of all turns when there are audits, else of the escalated ones. Each pair weighs 1/q
        (Horvitz and Thompson 1952), and weighted sums are divided by the sum of the weights (Hájek 1971): biased by
        O(1/n), and far steadier than dividing by a known number of turns. Escalations whose lane failed have no pair;
        the figure is right for them only as far as lanes fail at random.
        """
        every = list(self._locales.get(language, ()))
        if population is None:
            population = Population.ALL if any(row.audited for row in every) else Population.ESCALATED
        rows = [row for row in every if population is Population.ALL or row.audited is _AUDITED[population]]
        if not rows or (population is Population.ALL and not any(row.audited for row in rows)):
            return None
        weights = np.array([1.0 / row.chance for row in rows])
        audited = np.array([row.audited for row in rows])
        unspaced = base(language) in UNSPACED
        return Disagreement(
            language=language,
            population=population,
            pairs=len(rows),
            intent=_share(_column(rows, lambda row: row.other_intent), weights, audited),
            words=_share(_column(rows, lambda row: row.other_words), weights, audited),
            tokens=None
            if unspaced
            else _ratio(_column(rows, lambda row: row.token_edits), _column(rows, lambda row: row.tokens), weights),
            characters=_ratio(
                _column(rows, lambda row: row.character_edits), _column(rows, lambda row: row.characters), weights
            ),
        )

    def snapshot(self) -> Snapshot:
        """Return every pair's figures."""
        locales = [[key, [list(astuple(one)) for one in rows]] for key, rows in self._locales.items()]
        return {"version": 1, "locales": locales}

    @classmethod
    def restored(cls, snapshot: object) -> Self:
        """Take up a snapshot exactly. Raises SnapshotError."""
        fields = read(_FIELDS, snapshot, of="the edge–cloud disagreement", version=1)
        self = cls()
        for language, rows in fields["locales"]:
            self._locales[language] = deque((_Row(*row) for row in rows), maxlen=WINDOW)
        return self


def intent_share(pairs: Sequence[tuple[float | None, bool, int]]) -> Estimate | None:
    """Return the share of turns with another intent, from pairs that were counted: as `figures` does for one locale.

    Each is (chance of the audit, None for an escalation; whether the service heard something else; how many). None
    without any.
    """
    if not pairs:
        return None
    counts = [count for *_, count in pairs]
    chances = np.array([1.0 if chance is None else min(1.0, max(SMALLEST_CHANCE, chance)) for chance, *_ in pairs])
    audited = np.array([chance is not None for chance, *_ in pairs])
    hits = np.array([float(differs) for _, differs, _ in pairs])
    weights = np.repeat(1.0 / chances, counts)
    return _share(np.repeat(hits, counts), weights, np.repeat(audited, counts))


_AUDITED = {Population.ACCEPTED: True, Population.ESCALATED: False}


def _column(rows: Sequence[_Row], read_one: Callable[[_Row], float]) -> Floats:
    return np.array([float(read_one(row)) for row in rows])


def _share(hit: Floats, weights: Floats, audited: npt.NDArray[np.bool_]) -> Estimate:
    """Return a share of turns with its interval.

    Audits and escalations are strata: each has Wilson's interval (1927) on its effective number of pairs (Kish 1965),
    which says something with no hit at all, too. They are put together by the method of variance estimates recovery
    (Zou and Donner 2008), with the variance of the strata's estimated sizes added.
    """
    value = min(1.0, float(hit @ weights / weights.sum()))
    down = up = 0.0
    strata = [(hit[chosen], weights[chosen]) for chosen in (audited, ~audited) if chosen.any()]
    for hits, weight in strata:
        size = float(weight.sum() / weights.sum())
        one = _wilson(min(1.0, float(hits @ weight / weight.sum())), float(weight.sum() ** 2 / (weight**2).sum()))
        down += (size * (one.value - one.low)) ** 2
        up += (size * (one.high - one.value)) ** 2
    if len(strata) == 2:
        sizes = (Z * _size_error(hit, weights, audited)) ** 2
        down, up = down + sizes, up + sizes
    return Estimate(value=value, low=max(0.0, value - math.sqrt(down)), high=min(1.0, value + math.sqrt(up)))


def _size_error(hit: Floats, weights: Floats, audited: npt.NDArray[np.bool_]) -> float:
    """Return the standard error that comes from not knowing how large the two strata are.

    A stratum's size is estimated by its weights' sum; an audit with chance q adds a variance of (1 − q)/q² to it.
    """
    inside, outside = weights[audited], weights[~audited]
    gap = float(hit[audited] @ inside / inside.sum() - hit[~audited] @ outside / outside.sum())
    spread = math.sqrt(float((inside * (inside - 1.0)).sum()))
    return abs(gap) * spread * float(outside.sum()) / float(weights.sum()) ** 2


def _wilson(value: float, pairs: float) -> Estimate:
    middle = (value + Z**2 / (2 * pairs)) / (1 + Z**2 / pairs)
    half = Z / (1 + Z**2 / pairs) * math.sqrt(value * (1 - value) / pairs + (Z / (2 * pairs)) ** 2)
    return Estimate(value=value, low=max(0.0, min(value, middle - half)), high=min(1.0, max(value, middle + half)))


def _ratio(edits: Floats, lengths: Floats, weights: Floats) -> Estimate:
    """Return edits per unit of length over all pairs, with its interval by the delta method (Cochran 1977, 6.4)."""
    length = float(weights @ lengths)
    if length <= 0.0:
        return Estimate(value=0.0, low=0.0, high=1.0)
    value = float(weights @ edits) / length
    pairs = len(edits)
    inflation = pairs / (pairs - 1) if pairs > 1 else 1.0
    error = math.sqrt(inflation * float(((weights * (edits - value * lengths)) ** 2).sum())) / length
    if error == 0.0:  # no spread to go by: as if each pair were one thing that may go wrong
        bounds = _wilson(min(1.0, value), float(weights.sum() ** 2 / (weights**2).sum()))
        return Estimate(value=value, low=bounds.low, high=max(value, bounds.high))
    return Estimate(value=value, low=max(0.0, value - Z * error), high=value + Z * error)


def _row(value: object) -> list[object]:
    if not isinstance(value, list) or len(value) != 8:
        raise vol.Invalid("must hold eight values")
    flags, counts = (value[0], *value[2:4]), value[4:]
    if not all(isinstance(flag, bool) for flag in flags):
        raise vol.Invalid("must say true or false")
    return [value[0], number(at_least=SMALLEST_CHANCE, at_most=1.0)(value[1]), *value[2:4], *map(whole(), counts)]


def _locale(value: object) -> tuple[str, list[list[object]]]:
    if not isinstance(value, list) or len(value) != 2:
        raise vol.Invalid("must be [language, pairs]")
    return name(value[0]), several(_row, at_most=WINDOW)(value[1])


_FIELDS = {"locales": several(_locale, at_most=MAX_LOCALES)}
