"""A hub's counters of one day, as a publisher gets them, and what many of them say of a bundle. Pure.

A report names no hub and holds no text: a bundle, a day, a country, a class of hardware and counts. It is judged on its
own, the candidate's turns against the same home's other turns of the same day, so that homes may differ in anything.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..learning import e_process
from ..learning.e_process import Values
from .canary_counts import Counters, Pairs, Tally
from .canary_evidence import METRICS, NAMES, PRIORS, WEIGHTS, Evidence
from .cohort_report import LARGEST_BYTES, Report, fields_of, report_of

__all__ = ["LARGEST_BYTES", "Cell", "Cohort", "Judgement", "Report", "fields_of", "judged", "report_of"]

PAUSE_AT = 100.0
"""E-value at which no further hub gets the bundle: at most 1 in 100 as good ones is ever paused."""
WITHDRAW_AT = 1000.0
"""At which those that have it go back: 1 in 1000."""
_MOST_PER_REPORT = math.log(4.0)
"""A report multiplies no bet by more: one odd day, or one liar, proves nothing."""
_LEFT_ALLOWED = 0.02
"""Share of hubs that may leave a bundle by themselves: as good a one is left by at most 1 %, and triggers add to it."""
_LEFT_WEIGHT = 0.2
_COUNTRIES_WEIGHT, _MOST_COUNTRIES = 0.3, 250
_CLASSES_WEIGHT, _MOST_CLASSES = 0.2, 50
"""Of the mean: the countries together and the classes together; all hubs have the rest."""
type Marks = npt.NDArray[np.bool_]
type Key = tuple[str, str]
"""Country and class; empty for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The reports of one country, of one class, or all."""

    region: str
    hub_class: str
    reports: int
    began: int
    """Hubs that took the bundle up."""
    left: int
    """Hubs that went back by themselves."""
    e_value: float
    evidence: tuple[Evidence, ...]

    @property
    def said(self) -> str:
        """Return where it is, for people."""
        return self.region or self.hub_class or "everywhere"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {
            "region": self.region,
            "hub_class": self.hub_class,
            "reports": self.reports,
            "began": self.began,
            "left": self.left,
            "e_value": float(f"{self.e_value:.3g}"),
            "evidence": [one.as_json() for one in self.evidence],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the reports so far say of a bundle."""

    label: str
    reports: int
    hubs_began: int
    hubs_left: int
    action: str
    """none, pause or withdraw."""
    code: str
    """worse, or empty."""
    message: str
    e_value: float
    evidence: tuple[Evidence, ...]
    """Of all hubs together."""
    cells: tuple[Cell, ...]
    """All hubs first, then each country and each class."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {
            "label": self.label,
            "reports": self.reports,
            "hubs_began": self.hubs_began,
            "hubs_left": self.hubs_left,
            "action": self.action,
            "code": self.code,
            "message": self.message,
            "e_value": float(f"{self.e_value:.3g}"),
            "cells": [one.as_json() for one in self.cells],
        }


@dataclass(slots=True, kw_only=True)
class _Sums:
    """Totals of a cell; arrays are of shape (metrics,) or (metrics, odds)."""

    reports: int = 0
    began: int = 0
    left: int = 0
    grown: Values = field(default_factory=lambda: np.zeros((len(NAMES), len(e_process.ODDS))))
    counts: Values = field(default_factory=lambda: np.zeros((4, len(NAMES))))
    """Incumbent's turns and bad ones, candidate's turns and bad ones; pairs are in both."""
    served: Values = field(default_factory=lambda: np.zeros((2, len(NAMES))))
    """The incumbent's turns and bad ones beside the candidate: by these the next batch is guessed."""


class Cohort:
    """All reports of one bundle, in the order of batches in which they came. Reads no clock."""

    def __init__(self, label: str) -> None:
        """Begin with nothing known."""
        self.label = label
        self._cells: dict[Key, _Sums] = {("", ""): _Sums()}

    def add(self, batch: Sequence[Report]) -> None:
        """Take the reports of one day of receipt; what they are expected to hold is what earlier batches held."""
        batch = [one for one in batch if one.counters.label == self.label]
        if not batch:
            return
        self.add_counts(
            [(one.region, one.hub_class) for one in batch],
            served=np.array([_served(one.counters) for one in batch]),
            pairs=np.array([_pairs(one.counters) for one in batch]),
            began=np.array([one.counters.began for one in batch]),
            left=np.array([one.left for one in batch]),
        )

    def add_counts(self, places: Sequence[Key], *, served: Values, pairs: Values, began: Marks, left: Marks) -> None:
        """Take a batch as arrays: `served` and `pairs` (reports, 4, metrics), as `_Sums.counts` and `Pairs` are."""
        everywhere = self._cells["", ""].served
        expected = e_process.rate(everywhere[1], everywhere[0], PRIORS)
        turns, bad, candidate_turns, candidate_bad = (served[:, row] for row in range(4))
        grown = e_process.compared(turns, bad, candidate_turns, candidate_bad, np.broadcast_to(expected, turns.shape))
        grown = np.minimum(grown + e_process.paired(pairs[:, 2], pairs[:, 3]), _MOST_PER_REPORT)
        for key, rows in _cells_of(places).items():
            sums = self._cells.get(key) or self._new_cell(key)
            if sums is None:
                continue
            sums.reports += len(rows)
            sums.began += int(began[rows].sum())
            sums.left += int(left[rows].sum())
            sums.grown += grown[rows].sum(axis=0)
            together = pairs[rows].sum(axis=0)
            heard = np.stack((together[0], together[1] + together[3], together[0], together[1] + together[2]))
            sums.counts += served[rows].sum(axis=0) + heard
            sums.served += served[rows, :2].sum(axis=0)

    def _new_cell(self, key: Key) -> _Sums | None:
        """Return a new cell; None once there are as many of its kind as share its weight."""
        most = _MOST_COUNTRIES if key[0] else _MOST_CLASSES
        if sum(bool(one[0]) == bool(key[0]) for one in self._cells if any(one)) >= most:
            return None
        return self._cells.setdefault(key, _Sums())

    def judgement(self) -> Judgement:
        """Return what is known so far."""
        cells = tuple(_cell(key, sums) for key, sums in sorted(self._cells.items()))
        weights = [_weight(key) for key in sorted(self._cells)]
        # A mean of e-values with fixed weights is an e-value; places that nobody has reported from stay at 0.
        e_value = float(sum(weight * one.e_value for weight, one in zip(weights, cells, strict=True)))
        worst = max(zip(weights, cells, strict=True), key=lambda one: one[0] * one[1].e_value)[1]
        action = "withdraw" if e_value >= WITHDRAW_AT else "pause" if e_value >= PAUSE_AT else "none"
        return Judgement(
            label=self.label,
            reports=cells[0].reports,
            hubs_began=cells[0].began,
            hubs_left=cells[0].left,
            action=action,
            code="" if action == "none" else "worse",
            message=_sentence(self.label, worst, action),
            e_value=e_value,
            evidence=cells[0].evidence,
            cells=cells,
        )


def judged(batches: Iterable[Sequence[Report]]) -> dict[str, Judgement]:
    """Return what reports say of each bundle: label → judgement.

    One batch for each day on which reports came in, the oldest first, and the last may be of a day that is not over.
    """
    cohorts: dict[str, Cohort] = {}
    for batch in batches:
        for label in dict.fromkeys(one.counters.label for one in batch):
            cohorts.setdefault(label, Cohort(label)).add(batch)
    return {label: cohort.judgement() for label, cohort in cohorts.items()}


def _weight(key: Key) -> float:
    region, hub_class = key
    if region:
        return _COUNTRIES_WEIGHT / _MOST_COUNTRIES
    return _CLASSES_WEIGHT / _MOST_CLASSES if hub_class else 1.0 - _COUNTRIES_WEIGHT - _CLASSES_WEIGHT


def _cells_of(places: Sequence[Key]) -> dict[Key, list[int]]:
    """Return the rows of each cell: every report is in that of all, of its country and of its class."""
    rows: dict[Key, list[int]] = {("", ""): list(range(len(places)))}
    for row, (region, hub_class) in enumerate(places):
        for key in ((region, ""), ("", hub_class)):
            if any(key):
                rows.setdefault(key, []).append(row)
    return rows


def _served(counters: Counters) -> list[list[int]]:
    none = Tally()
    mine = [counters.incumbents.get(name, none) for name in NAMES]
    theirs = [counters.served.get(name, none) for name in NAMES]
    return [
        [one.turns for one in mine],
        [one.bad for one in mine],
        [one.turns for one in theirs],
        [one.bad for one in theirs],
    ]


def _pairs(counters: Counters) -> list[list[int]]:
    heard = [counters.pairs.get(name, Pairs()) for name in NAMES]
    return [[getattr(one, key) for one in heard] for key in ("turns", "both", "candidate_only", "incumbent_only")]


def _cell(key: Key, sums: _Sums) -> Cell:
    e_values = e_process.e_value(sums.grown)
    left = e_process.e_value(
        e_process.exceeded(np.array(sums.left), np.array(max(sums.began, sums.left)), _LEFT_ALLOWED)
    )
    turns, bad, candidate_turns, candidate_bad = sums.counts
    return Cell(
        region=key[0],
        hub_class=key[1],
        reports=sums.reports,
        began=sums.began,
        left=sums.left,
        e_value=float((1.0 - _LEFT_WEIGHT) * e_process.mean(e_values, WEIGHTS) + _LEFT_WEIGHT * left),
        evidence=tuple(
            Evidence(
                metric=name,
                baseline=float(bad[at] / turns[at]) if turns[at] else None,
                candidate=float(candidate_bad[at] / candidate_turns[at]) if candidate_turns[at] else None,
                baseline_turns=int(turns[at]),
                candidate_turns=int(candidate_turns[at]),
                e_value=float(e_values[at]),
            )
            for at, name in enumerate(NAMES)
        ),
    )


def _sentence(label: str, cell: Cell, action: str) -> str:
    if action == "none":
        return f"Nothing says so far that {label} is worse than what it replaces."
    known = [one for one in cell.evidence if one.candidate is not None and one.baseline is not None]
    worst = max(known, key=lambda one: one.e_value * METRICS[one.metric].weight, default=None)
    told = f"{cell.left} of {cell.began} hubs have left it by themselves"
    if worst is not None and worst.candidate is not None and worst.baseline is not None and worst.e_value > 1.0:
        told = (
            f"{100 * worst.candidate:.1f} % of {worst.candidate_turns} turns {METRICS[worst.metric].said}, "
            f"and {100 * worst.baseline:.1f} % of {worst.baseline_turns} without it; {told}"
        )
    cure = "withdraw it" if action == "withdraw" else "pause its rollout and look into it"
    return f"{label} is worse ({cell.said}): {told}; {cure}."
