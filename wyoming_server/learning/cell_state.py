"""What one cell has learned, and its exact image as plain JSON."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from ..pipeline.policy import Calibration
from .calibration import Fit, Information, Ridge, Values, fit
from .risk_curve import RiskCurve

_FARTHEST = 30.0
_MOST_WEIGHT = 20.0
"""A label's weight in the fit: a rarer audit is worth no more, or a single one would bend the line."""
_PROXIES_KEPT = 2000.0
"""Audited turns after which older ones count half: homes and habits change."""


class Tail:
    """The last values of a stream, in order and in one piece of memory."""

    __slots__ = ("_end", "_kept", "_room")

    def __init__(self, size: int, rows: int = 1) -> None:
        """Keep the last `size` columns of `rows` values."""
        self._room = np.zeros((rows, 2 * size))
        self._kept = 0
        self._end = 0

    def append(self, *column: float) -> None:
        """Take one column; the oldest leaves when all are taken."""
        size = self._room.shape[1] // 2
        if self._end == self._room.shape[1]:
            self._room[:, :size] = self._room[:, size:]
            self._end = size
        for row, value in enumerate(column):
            self._room[row, self._end] = value
        self._end += 1
        self._kept = min(size, self._kept + 1)

    def __len__(self) -> int:
        return self._kept

    @property
    def size(self) -> int:
        """How many columns are kept at most."""
        return self._room.shape[1] // 2

    @property
    def values(self) -> Values:
        """The kept columns, oldest first, shape (rows, kept)."""
        return self._room[:, self._end - self._kept : self._end]


class ProxyRates:
    """How often a proxy (a retry, a correction) follows wrong and right texts; learned from audits.

    Starts as a proxy that says little, so that one which says nothing does no harm.
    """

    __slots__ = ("right", "wrong")

    def __init__(self) -> None:
        """Begin with what audits of a handful of turns could have shown."""
        self.wrong = [2.0, 4.0]
        """Wrong texts: with the proxy, in all."""
        self.right = [1.0, 20.0]
        """Right texts, likewise."""

    def learn(self, *, proxy: bool, wrong: bool) -> None:
        """Hear of one audited turn."""
        counts = self.wrong if wrong else self.right
        counts[0] += proxy
        counts[1] += 1.0
        if counts[1] > _PROXIES_KEPT:
            counts[0], counts[1] = counts[0] / 2, counts[1] / 2

    def ratio(self, *, proxy: bool) -> float:
        """Return the likelihood ratio of wrong to right, given what the proxy says."""
        sensitivity, false_alarms = self.wrong[0] / self.wrong[1], self.right[0] / self.right[1]
        seen = (sensitivity, false_alarms) if proxy else (1.0 - sensitivity, 1.0 - false_alarms)
        return max(seen[0], 1e-3) / max(seen[1], 1e-3)


class CellState:
    """One cell's learning state. Mutable, owned by the threshold alone."""

    __slots__ = (
        "allowance",
        "closed",
        "curve",
        "decided",
        "fit",
        "labelled",
        "least_audit",
        "on_curve",
        "proxies",
        "recent",
        "unaudited",
        "watched",
    )

    def __init__(self, *, allowance: float, prior: Calibration, recent: int, labels: int) -> None:
        """Begin at the target, with what the parents know."""
        self.allowance = allowance
        """α_t: the risk that the plug-in curve may spend."""
        self.decided = 0
        self.closed = 0
        """Turns whose loss has been counted."""
        self.watched = 0
        """Of these, the ones since audits were last allowed: the bound speaks of them."""
        self.unaudited = 0
        """Watched turns that were accepted without a draw."""
        self.least_audit = 1.0
        """The smallest probability with which a watched turn was audited."""
        self.proxies = ProxyRates()
        self.recent = Tail(recent)
        self.labelled = Tail(labels, rows=3)
        """Log-odds, wrong or not, weight."""
        self.fit = Fit(calibration=prior)
        self.on_curve: Values = np.empty(0)
        """The recent log-odds that the curve was drawn from."""
        self.curve = RiskCurve(self.on_curve, (), prior, fills=0)

    def label(self, logit: float, *, wrong: bool, weight: float = 1.0) -> None:
        """Take one exact label."""
        self.labelled.append(rounded(logit), float(wrong), min(weight, _MOST_WEIGHT))

    def learn(self, prior: Calibration, ridge: Ridge, typical: Sequence[float]) -> None:
        """Fit the line anew and draw the curve from the turns so far."""
        logits, wrong, weights = self.labelled.values
        self.fit = fit(logits, wrong, weights, prior=prior, ridge=ridge, start=self.fit.calibration)
        self.on_curve = self.recent.values[0].copy()
        self.draw(typical)

    def draw(self, typical: Sequence[float]) -> None:
        """Draw the curve from what it was drawn from."""
        self.curve = RiskCurve(self.on_curve, typical, self.fit.calibration, fills=self.recent.size)

    def image(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        line, information = self.fit.calibration, self.fit.information
        logits, wrong, weights = self.labelled.values.tolist()
        return {
            "allowance": self.allowance,
            "decided": self.decided,
            "closed": self.closed,
            "watched": self.watched,
            "unaudited": self.unaudited,
            "least_audit": self.least_audit,
            "proxies": {"wrong": list(self.proxies.wrong), "right": list(self.proxies.right)},
            "line": [line.intercept, line.slope, line.turns],
            "information": [information.intercept, information.cross, information.slope],
            "recent": self.recent.values[0].tolist(),
            "on_curve": self.on_curve.tolist(),
            "labelled": {"logits": logits, "wrong": [int(one) for one in wrong], "weights": weights},
        }

    @classmethod
    def of(cls, image: Mapping[str, Any], *, typical: Sequence[float], recent: int, labels: int) -> Self:
        """Return the state of an image. Raises ValueError, KeyError or TypeError for a damaged one."""
        intercept, slope, turns = image["line"]
        line = Calibration(intercept=_number(intercept), slope=_number(slope, 1e-9), turns=_count(turns))
        state = cls(allowance=_number(image["allowance"], -1e3, 1.0), prior=line, recent=recent, labels=labels)
        for name in ("decided", "closed", "watched", "unaudited"):
            setattr(state, name, _count(image[name]))
        state.least_audit = _number(image["least_audit"], 1e-6, 1.0)
        state.proxies.wrong = _rate(image["proxies"]["wrong"])
        state.proxies.right = _rate(image["proxies"]["right"])
        first, cross, second = image["information"]
        information = Information(intercept=_number(first, 0.0), cross=_number(cross), slope=_number(second, 0.0))
        state.fit = Fit(calibration=line, information=information)
        for value in image["recent"]:
            state.recent.append(_number(value, -_FARTHEST, _FARTHEST))
        labelled = image["labelled"]
        for at, wrong, weight in zip(labelled["logits"], labelled["wrong"], labelled["weights"], strict=True):
            state.labelled.append(
                _number(at, -_FARTHEST, _FARTHEST), _number(wrong, 0, 1), _number(weight, 0.0, _MOST_WEIGHT)
            )
        state.on_curve = np.array([_number(value, -_FARTHEST, _FARTHEST) for value in image["on_curve"]])
        state.draw(typical)
        return state


def rounded(logit: float) -> float:
    """Return log-odds to four decimals, which is finer than any scorecard and keeps images small; NaN is the worst."""
    return _FARTHEST if math.isnan(logit) else round(max(-_FARTHEST, min(_FARTHEST, logit)), 4)


def _number(value: Any, least: float = -1e9, most: float = 1e9) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise ValueError(f"{value!r} is no number from {least} to {most}")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value


def _rate(value: Any) -> list[float]:
    seen, total = value
    rate = [_number(seen, 0.0), _number(total, 1e-9)]
    if rate[0] > rate[1]:
        raise ValueError(f"{seen} of {total}")
    return rate
