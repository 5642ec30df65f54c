"""What turns come to: counts, and how long they took, for each language and kind of microphone.

Times are kept to a tenth of a millisecond, each span sorted by itself: percentiles over any turns are exact, and no
single turn can be read off.
"""

import math
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

BUDGET_MS = 300.0
"""From the last word to the text, where the hub answers by itself."""
SPANS = ("capture", "inference", "hold", "post", "cloud", "transport", "last_word_to_text", "end_to_text")
"""The rows of `times`."""
COUNTS = (
    *("turns", "silent", "baseline", "escalations", "errors", "uploads", "judged", "retried", "abandoned"),
    *("alone", "in_budget", "cloud_seconds", "cloud_cost"),
)
"""What of sums is simply added up."""
_TENTHS = 10.0
_MOST_TENTHS = 2**32 - 1
_ANSWERS = {"accept", "confirm"}
_LAST_NUMBER = 2**63 - 1
_TURNS = """
    SELECT language, microphone_class, model, at_ms, action, route, error, spoke, retried, abandoned, disagreed,
        audited, chance, uploads, cloud_seconds, cloud_cost, is_baseline, capture_ms, inference_ms, hold_ms, post_ms,
        cloud_ms, transport_ms, last_word_to_text_ms, end_to_text_ms
    FROM turn WHERE day = :day AND summed <= :summed AND number <= :last AND at_ms BETWEEN :since_ms AND :until_ms
"""

type Cell = tuple[str, str]
"""Language and microphone class."""
type Cells = dict[Cell, Sums]
type Spread = tuple[float | None, float | None]
"""p50 and p95, in ms; None without a turn that was timed."""
type Times = npt.NDArray[np.uint32]
"""Shape (8, n): tenths of a millisecond, a row for each of SPANS."""


def no_times() -> Times:
    """Return the times of no turn."""
    return np.empty((len(SPANS), 0), dtype=np.uint32)


@dataclass(slots=True, kw_only=True)
class Sums:
    """What some turns come to. A baseline's count in `baseline`, `uploads`, the cloud's sums and `models` alone."""

    turns: int = 0
    """In which somebody spoke, or which failed."""
    silent: int = 0
    """In which nobody did."""
    baseline: int = 0
    escalations: int = 0
    errors: int = 0
    uploads: int = 0
    judged: int = 0
    """About which the session had its say; the next two are of these."""
    retried: int = 0
    abandoned: int = 0
    alone: int = 0
    """Which the hub answered by itself."""
    in_budget: int = 0
    """Of these, within BUDGET_MS."""
    cloud_seconds: float = 0.0
    cloud_cost: float = 0.0
    pairs: Counter[tuple[float | None, bool]] = field(default_factory=Counter)
    """(chance of the audit, None for an escalation; whether the service heard something else) → how many."""
    models: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Model → turns, and when the first of them ended (ms since 1970)."""
    times: Times = field(default_factory=no_times)
    """Of turns in which somebody spoke."""

    def percentile(self, span: str, share: float) -> float | None:
        """Return a span's percentile in ms, by the nearest rank: a time that a turn really took. None without any."""
        of_span = self.times[SPANS.index(span)]
        if not len(of_span):
            return None
        at = max(0, math.ceil(share * len(of_span)) - 1)
        return float(np.partition(of_span, at)[at]) / _TENTHS

    def spread(self, span: str) -> Spread:
        """Return a span's p50 and p95, in ms."""
        return self.percentile(span, 0.5), self.percentile(span, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the turns of some time come to, in short."""

    turns: int = 0
    escalations: int = 0
    errors: int = 0
    retried: int = 0
    cloud_seconds: float = 0.0
    last_word_to_text_ms: Spread = (None, None)
    end_to_text_ms: Spread = (None, None)


def totals_of(cells: Iterable[Sums]) -> Totals:
    """Return what cells come to."""
    sums = together(cells)
    return Totals(
        turns=sums.turns,
        escalations=sums.escalations,
        errors=sums.errors,
        retried=sums.retried,
        cloud_seconds=round(sums.cloud_seconds, 3),
        last_word_to_text_ms=sums.spread("last_word_to_text"),
        end_to_text_ms=sums.spread("end_to_text"),
    )


def together(several: Iterable[Sums]) -> Sums:
    """Return the sums of all."""
    total, times = Sums(), [no_times()]
    for one in several:
        for name in COUNTS:
            setattr(total, name, getattr(total, name) + getattr(one, name))
        total.pairs.update(one.pairs)
        for model, (turns, first_ms) in one.models.items():
            before, known_ms = total.models.get(model, (0, first_ms))
            total.models[model] = before + turns, min(known_ms, first_ms)
        times.append(one.times)
    total.times = np.concatenate(times, axis=1)
    return total


def add_cells(more: Cells, cells: Cells) -> None:
    """Add cells to others."""
    for cell, sums in more.items():
        cells[cell] = together((cells[cell], sums)) if cell in cells else sums


def cells_of(
    connection: sqlite3.Connection,
    *,
    day: str,
    last: int = _LAST_NUMBER,
    since_ms: int = 0,
    until_ms: int = _LAST_NUMBER,
    summed: bool = False,
) -> Cells:
    """Return the cells of a day's turns up to a number, between two moments; of those in its sums only if `summed`."""
    values = {"day": day, "summed": summed, "last": last, "since_ms": since_ms, "until_ms": until_ms}
    return _summed(map(_Turn._make, connection.execute(_TURNS, values)))


class _Turn(NamedTuple):
    """A row, as _TURNS reads it."""

    language: str
    microphone_class: str
    model: str
    at_ms: int
    action: str
    route: str
    error: str
    spoke: int
    retried: int | None
    abandoned: int | None
    disagreed: int | None
    audited: int | None
    chance: float | None
    uploads: int
    cloud_seconds: float
    cloud_cost: float
    is_baseline: int
    capture_ms: float | None
    inference_ms: float | None
    hold_ms: float | None
    post_ms: float | None
    cloud_ms: float | None
    transport_ms: float | None
    last_word_to_text_ms: float | None
    end_to_text_ms: float | None

    @property
    def is_timed(self) -> bool:
        """Whether what it took counts: it was measured, and somebody spoke."""
        return bool(self.spoke) and not self.is_baseline and self.last_word_to_text_ms is not None


def _summed(turns: Iterator[_Turn]) -> Cells:
    cells: Cells = {}
    taken: dict[Cell, list[tuple[object, ...]]] = {}
    for turn in turns:
        cell = turn.language, turn.microphone_class
        _count(turn, cells.setdefault(cell, Sums()))
        if turn.is_timed:
            taken.setdefault(cell, []).append(turn[-len(SPANS) :])
    for cell, times in taken.items():
        tenths = np.rint(np.array(times, dtype=np.float64).T * _TENTHS)
        cells[cell].times = np.clip(tenths, 0, _MOST_TENTHS).astype(np.uint32)
    return cells


def _count(turn: _Turn, sums: Sums) -> None:
    sums.uploads += turn.uploads
    sums.cloud_seconds += turn.cloud_seconds
    sums.cloud_cost += turn.cloud_cost
    if turn.model:
        before, first_ms = sums.models.get(turn.model, (0, turn.at_ms))
        sums.models[turn.model] = before + 1, min(first_ms, turn.at_ms)
    if turn.is_baseline:
        sums.baseline += 1
        return
    if not turn.spoke and not turn.error:
        sums.silent += 1
        return
    sums.turns += 1
    sums.escalations += turn.action == "escalate"
    sums.errors += bool(turn.error)
    sums.judged += turn.retried is not None
    sums.retried += bool(turn.retried)
    sums.abandoned += bool(turn.abandoned)
    if turn.disagreed is not None:
        sums.pairs[turn.chance if turn.audited else None, bool(turn.disagreed)] += 1
    if turn.action in _ANSWERS and turn.route == "edge" and turn.last_word_to_text_ms is not None:
        sums.alone += 1
        sums.in_budget += turn.last_word_to_text_ms <= BUDGET_MS
