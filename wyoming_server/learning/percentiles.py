"""Where a hypothesis stands among earlier ones of the same model and language: sorted rings, shrunk to a parent."""

import math
from array import array
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import voluptuous as vol

from ..pipeline.policy import Standing
from ..pipeline.scorecard import Reference, rank
from ..pipeline.types import Hypothesis
from .snapshot import Snapshot, name, number, parts, read, several

RING = 1024
"""Values a scale remembers. A share read off them errs by at most 4.2 points with 95 % confidence: √(ln(2/0.05)/2n),
the inequality of Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990)."""
PARENT_TURNS = 50.0
"""κ: how many of the home's own turns the parent's word is worth."""
FROZEN_TURNS = 200
"""Fewer turns are no ground to hold later ones against (an error of 9.6 points)."""
MAX_SCALES = 32
"""Each takes 32 kB, and 16 kB more once it is frozen; the one unused for longest goes first."""
MAX_BUNDLES = 8
ANY_LANGUAGE = ""
"""The key of a bundle's reference over all of its languages."""

GENERIC = Reference(
    log_probability=(-2.0, -1.0, -0.7, -0.5, -0.35, -0.25, -0.18, -0.12, -0.08, -0.04, 0.0),
    entropy=(0.0, 0.05, 0.1, 0.16, 0.24, 0.35, 0.5, 0.7, 1.0, 1.6, 4.0),
)
"""Deciles for a model that brings none: wide enough for small models (right sentences around −0.02) and for OpenAI's
(−0.1 to −0.6); the home's own turns outweigh them after 50."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What confidences may be compared within: their scale moves with the model, the language and the context."""

    bundle: str
    """The model and its version."""
    language: str
    context: str = ""
    """The encoder's context policy, such as `1000+256`: less context makes a model less sure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Values of many turns, ascending."""

    log_probability: tuple[float, ...]
    entropy: tuple[float, ...]


class _Ring:
    """The last 1024 values, in the order in which they came and sorted."""

    def __init__(self, values: Sequence[float] = ()) -> None:
        self.arrivals = array("d", values)
        """A ring once it is full: `oldest` is where the next value goes."""
        self.oldest = 0
        self.sorted = array("d", sorted(values))

    def add(self, value: float) -> None:
        if len(self.arrivals) < RING:
            self.arrivals.append(value)
        else:
            del self.sorted[bisect_left(self.sorted, self.arrivals[self.oldest])]
            self.arrivals[self.oldest] = value
            self.oldest = (self.oldest + 1) % RING
        insort(self.sorted, value)

    def share(self, value: float, parent: float) -> float:
        """Return the share of values below this one, ties by half, shrunk to the parent's."""
        below = (bisect_left(self.sorted, value) + bisect_right(self.sorted, value)) / 2.0
        return (below + PARENT_TURNS * parent) / (len(self.sorted) + PARENT_TURNS)

    def in_order(self) -> list[float]:
        """Return the values, oldest first."""
        return [*self.arrivals[self.oldest :], *self.arrivals[: self.oldest]]


class _Rings:
    """A scale's two rings, and the window that was frozen when its bundle was accepted."""

    def __init__(self, log_probability: Sequence[float] = (), entropy: Sequence[float] = ()) -> None:
        self.log_probability, self.entropy = _Ring(log_probability), _Ring(entropy)
        self.frozen: Window | None = None

    def window(self) -> Window:
        return Window(log_probability=tuple(self.log_probability.sorted), entropy=tuple(self.entropy.sorted))

    def freeze(self) -> None:
        if self.frozen is None and len(self.entropy.sorted) >= FROZEN_TURNS:
            self.frozen = self.window()


class Percentiles:
    """Rings per scale. A new bundle or context policy is a new scale: it starts from its reference, at no turns."""

    def __init__(self, references: Mapping[str, Mapping[str, Reference]] | None = None) -> None:
        """Start empty, with each bundle's references per language ("" for all languages together)."""
        self._scales: OrderedDict[Scale, _Rings] = OrderedDict()
        self._references: OrderedDict[str, dict[str, Reference]] = OrderedDict()
        self._accepted: OrderedDict[str, None] = OrderedDict()
        for bundle, known in (references or {}).items():
            self.adopt(bundle, known)

    def adopt(self, bundle: str, references: Mapping[str, Reference]) -> None:
        """Take a bundle's references; they stay as they are while it serves."""
        _touch(self._references, bundle, dict(references), MAX_BUNDLES)

    def accept(self, bundle: str) -> None:
        """Keep what its scales hold now as what later turns are held against.

        A rolling percentile cannot see a slow drift by itself. A scale with fewer than 200 turns is frozen once it
        has them; accepting a bundle again changes nothing.
        """
        _touch(self._accepted, bundle, None, MAX_BUNDLES)
        for scale, rings in self._scales.items():
            if scale.bundle == bundle:
                rings.freeze()

    def standing(self, scale: Scale, hypothesis: Hypothesis) -> Standing:
        """Return the shares of earlier hypotheses below this one: (n·F_home + κ·F_parent) / (n + κ), κ = 50.

        Changes nothing. A hypothesis without tokens stands in the middle: there is nothing to compare.
        """
        if not hypothesis.tokens:
            return Standing()
        log_probability, entropy = hypothesis.mean_log_probability, mean_entropy(hypothesis)
        parent = self._parent(scale)
        rings = self._scales.get(scale) or _NONE
        return Standing(
            confidence=rings.log_probability.share(log_probability, rank(parent.log_probability, log_probability)),
            entropy=rings.entropy.share(entropy, rank(parent.entropy, entropy)),
            turns=len(rings.entropy.sorted),
        )

    def observe(self, scale: Scale, hypothesis: Hypothesis) -> None:
        """Remember a hypothesis. Only of turns that were kept: made-up text says nothing about the home's voices."""
        if not hypothesis.tokens:
            return
        log_probability, entropy = hypothesis.mean_log_probability, mean_entropy(hypothesis)
        if not math.isfinite(log_probability + entropy):
            return
        rings = self._scales.get(scale) or _Rings()
        _touch(self._scales, scale, rings, MAX_SCALES)
        rings.log_probability.add(log_probability)
        rings.entropy.add(entropy)
        if scale.bundle in self._accepted:
            rings.freeze()

    def recent(self, scale: Scale) -> Window | None:
        """Return the values of its last 1024 turns; None without any."""
        rings = self._scales.get(scale)
        return rings.window() if rings else None

    def frozen(self, scale: Scale) -> Window | None:
        """Return the window that was kept when its bundle was accepted; None before."""
        rings = self._scales.get(scale)
        return rings.frozen if rings else None

    def scales(self) -> tuple[Scale, ...]:
        """Return the scales that have turns, the one used last at the end."""
        return tuple(self._scales)

    def snapshot(self) -> Snapshot:
        """Return all that was learned; references are the bundles' own."""
        return {"version": 1, "accepted": list(self._accepted), "scales": list(self._written())}

    @classmethod
    def restored(cls, snapshot: object, references: Mapping[str, Mapping[str, Reference]] | None = None) -> Self:
        """Take up a snapshot exactly. Raises SnapshotError."""
        fields = read(_FIELDS, snapshot, of="the percentiles", version=1)
        self = cls(references)
        self._accepted.update(dict.fromkeys(fields["accepted"]))
        for one in fields["scales"]:
            scale = Scale(bundle=one["bundle"], language=one["language"], context=one["context"])
            rings = self._scales[scale] = _Rings(one["log_probability"], one["entropy"])
            if one["frozen"] is not None:
                rings.frozen = Window(**{key: tuple(values) for key, values in one["frozen"].items()})
        return self

    def _parent(self, scale: Scale) -> Reference:
        known = self._references.get(scale.bundle, {})
        return known.get(scale.language) or known.get(ANY_LANGUAGE) or GENERIC

    def _written(self) -> Iterator[Snapshot]:
        for scale, rings in self._scales.items():
            frozen = rings.frozen
            yield {
                "bundle": scale.bundle,
                "language": scale.language,
                "context": scale.context,
                "log_probability": rings.log_probability.in_order(),
                "entropy": rings.entropy.in_order(),
                "frozen": frozen and {"log_probability": list(frozen.log_probability), "entropy": list(frozen.entropy)},
            }


_NONE = _Rings()
"""Of a scale without turns; never added to."""


def mean_entropy(hypothesis: Hypothesis) -> float:
    """Return the mean entropy over tokens, in nats; 0 without tokens."""
    tokens = hypothesis.tokens
    return sum(token.entropy for token in tokens) / len(tokens) if tokens else 0.0


def _touch[K, V](table: OrderedDict[K, V], key: K, value: V, at_most: int) -> None:
    """Put an entry last, and drop the one unused for longest where there are too many."""
    table[key] = value
    table.move_to_end(key)
    if len(table) > at_most:
        table.popitem(last=False)


def _ascending(value: object) -> list[float]:
    values = several(number(), at_most=RING)(value)
    if any(right < left for left, right in pairwise(values)):
        raise vol.Invalid("must not descend")
    return values


def _whole_scale(scale: Snapshot) -> Snapshot:
    for one in (scale, scale["frozen"] or scale):
        if len(one["log_probability"]) != len(one["entropy"]):
            raise vol.Invalid("must hold as many entropies as log-probabilities")
    return scale


_VALUES = several(number(), at_most=RING)
_WINDOW = parts({"log_probability": _ascending, "entropy": _ascending})
_SCALE = parts(
    {
        "bundle": name,
        "language": name,
        "context": name,
        "log_probability": _VALUES,
        "entropy": _VALUES,
        "frozen": vol.Any(None, _WINDOW),
    }
)
_FIELDS = {
    "accepted": several(name, at_most=MAX_BUNDLES),
    "scales": vol.All([vol.All(_SCALE, _whole_scale)], vol.Length(max=MAX_SCALES)),
}
