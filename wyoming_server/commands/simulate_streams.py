"""The streams that the threshold is proven on: drift, malice, useless proxies, late labels, restarts."""

import itertools
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

type Values = npt.NDArray[np.float64]
type Marks = npt.NDArray[np.bool_]

TARGET = 0.03
RECOVERS_WITHIN = 3000
"""Turns."""
_MEAN, _DEVIATION = -2.9435, 2.0
"""Log-odds of a text being wrong: 13.4 % are, and an oracle that lets 3 % through escalates 27 %."""
_INTERCEPT, _SLOPE = 0.3, 0.8
"""The scorecard of the streams is too sure of itself: true log-odds = 0.3 + 0.8 · its own."""
LONG, _SHORT, _SHORT_ADVERSARIAL = 20_000, 4000, 5000


def _drift(by: float) -> Callable[[Values], Values]:
    """Return a shift of the log-odds that comes half-way; the argument is the share of the stream gone by."""
    return lambda at: np.where(at >= 0.5, by, 0.0)


_WORSE = _drift(0.9)


def _abrupt(at: Values) -> Values:
    """Worse by two at a third, and as before at two thirds."""
    return np.where((at >= 1 / 3) & (at < 2 / 3), 2.0, 0.0)


def _sawtooth(at: Values) -> Values:
    """Ever worse, then suddenly better, twelve times."""
    return 2.0 * (12.0 * at % 1.0) - 0.5


def _spikes(at: Values) -> Values:
    """Far worse for a tenth of the time, in 24 bursts."""
    return np.where(24.0 * at % 1.0 >= 0.9, 3.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """How turns come about."""

    name: str
    turns: int = LONG
    shift: Callable[[Values], Values] = _WORSE
    """By how much log-odds are worse than the scorecard knows; its argument runs from 0 to 1 over the stream."""
    changes: tuple[float, ...] = (0.5,)
    """When it changes for good, as shares of the stream; recovery is measured from the first."""
    proxy: tuple[float, float] = (0.5, 0.03)
    """How often a retry follows a wrong text, and a right one."""
    delay: int = 0
    """Turns until a turn closes."""
    restarts: int = 0
    """Evenly spread; what is open then is lost, as in life."""
    audits: bool = True
    labels: bool = True
    """Whether turns that were not accepted get a label: a lane answers."""
    late_audits: float | None = None
    """Share of accepted turns that are audited after the first 2000, where it is not the server's own."""
    share: float = 1.0
    """Of the length that it is meant to have."""
    siblings: int = 0
    """Cells of the same language that learned before this one began; they share its shift."""

    def short(self, turns: int) -> Stream:
        """Return the stream at another length: `turns` is that of the long ones, the others keep their share."""
        return replace(self, turns=max(100, self.turns * turns // LONG), share=turns / LONG)

    def generator(self, seed: int) -> np.random.Generator:
        """Return the source of chance of one run; streams share none."""
        return np.random.default_rng((seed, zlib.crc32(self.name.encode())))


STREAMS: Sequence[Stream] = (
    Stream(name="drift +0.9"),
    Stream(name="drift +1.8", shift=_drift(1.8)),
    Stream(name="abrupt, twice", shift=_abrupt, changes=(1 / 3, 2 / 3)),
    Stream(name="sawtooth", shift=_sawtooth, changes=()),
    Stream(name="spikes", shift=_spikes, changes=()),
    Stream(name="useless proxy", proxy=(0.5, 0.5)),
    Stream(name="labels 60 turns late", delay=60),
    Stream(name="restarts", delay=3, restarts=7),
    Stream(name="rarer audits, 2 %", late_audits=0.02),
    Stream(name="no audits", audits=False),
    Stream(name="no cloud at all", audits=False, labels=False),
    Stream(name="short, drift +0.9", turns=_SHORT),
    Stream(name="short, abrupt, twice", turns=_SHORT_ADVERSARIAL, shift=_abrupt, changes=(1 / 3, 2 / 3)),
    Stream(name="short, sawtooth", turns=_SHORT_ADVERSARIAL, shift=_sawtooth, changes=()),
    Stream(name="short, spikes", turns=_SHORT_ADVERSARIAL, shift=_spikes, changes=()),
    Stream(name="new cell, +0.9", turns=_SHORT, shift=lambda at: np.full_like(at, 0.9), changes=(), siblings=3),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Turns:
    """One stream's turns, each of shape (turns,)."""

    logits: Values
    """As the scorecard says."""
    wrong: Marks
    proxies: Marks
    draws: Values
    """Uniform: a turn is audited when its draw is below the audit probability."""

    def __iter__(self) -> Iterator[tuple[float, bool, bool, float]]:
        """Yield turns as plain values, which are faster one by one."""
        columns = (self.logits, self.wrong, self.proxies, self.draws)
        return iter(zip(*(column.tolist() for column in columns), strict=True))


def draw(stream: Stream, turns: int, generator: np.random.Generator) -> Turns:
    """Return turns of a stream."""
    true = generator.normal(_MEAN, _DEVIATION, turns)
    shifted = true + stream.shift(np.arange(turns) / turns)
    wrong = generator.random(turns) < 1.0 / (1.0 + np.exp(-shifted))
    followed = generator.random(turns) < np.where(wrong, *stream.proxy)
    return Turns(logits=(true - _INTERCEPT) / _SLOPE, wrong=wrong, proxies=followed, draws=generator.random(turns))


def oracle_escalation(stream: Stream) -> float:
    """Return the share that escalates who knows the best threshold of every stretch and lets just the target through.

    A stretch is what lies between lasting changes and is at least as long as recovery may take; what changes faster,
    nobody could follow, and the oracle too has one threshold for all of it.
    """
    shifts = stream.shift(np.arange(stream.turns) / stream.turns)
    edges = [0, *(math.ceil(at * stream.turns) for at in stream.changes), stream.turns]
    if min(after - before for before, after in itertools.pairwise(edges)) < RECOVERS_WITHIN:
        edges = [0, stream.turns]
    stretches = [shifts[before:after] for before, after in itertools.pairwise(edges)]
    return sum(len(one) * _best_escalation(one) for one in stretches) / stream.turns


def _best_escalation(shifts: Values) -> float:
    """Return what the one best threshold for all these shifts escalates."""
    quantiles = _MEAN + _DEVIATION * np.array([NormalDist().inv_cdf((at + 0.5) / 4000) for at in range(4000)])
    values, counts = np.unique(np.round(shifts, 2), return_counts=True)
    risks = np.zeros(len(quantiles))
    for shift, count in zip(values, counts, strict=True):
        risks += count / len(shifts) / (1.0 + np.exp(-(quantiles + shift)))
    return float((np.cumsum(risks) / len(quantiles) > TARGET).mean())
