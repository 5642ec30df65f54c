"""What one cell has learned, and its exact image as plain JSON."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import voluptuous as vol

from ..pipeline.policy import Calibration, MicrophoneClass
from .calibration import LEAST_SLOPE, Fit, Information, Ridge, Values, fit
from .risk_curve import RiskCurve
from .snapshot import name, number, parts, several, whole

_FARTHEST = 30.0
_MOST_WEIGHT = 20.0
"""A label's weight in the fit: a rarer audit is worth no more, or a single one would bend the line."""
_MOST_VALUES = 20_000
_PROXIES_KEPT = 2000.0
"""Audited turns after which older ones count half: homes and habits change."""


_LOGIT = number(at_least=-_FARTHEST, at_most=_FARTHEST)
_LOGITS = several(_LOGIT, at_most=_MOST_VALUES)


def _row(*checks: Callable[[object], float]) -> Callable[[object], list[float]]:
    """Return a check for a list of so many values."""

    def check(value: object) -> list[float]:
        if not isinstance(value, list) or len(value) != len(checks):
            raise vol.Invalid(f"must be a list of {len(checks)} numbers")
        return [one(part) for one, part in zip(checks, value, strict=True)]

    return check


def _rate(value: object) -> list[float]:
    """Check a pair of counts: with the proxy, in all."""
    rate = _row(number(at_least=0.0), number(at_least=1e-9))(value)
    if rate[0] > rate[1]:
        raise vol.Invalid("must not count more with the proxy than in all")
    return rate


def _columns(value: Any) -> Any:
    """Check that each label has its three parts."""
    if len({len(column) for column in value.values()}) > 1:
        raise vol.Invalid("must have as many logits as labels and weights")
    return value


FIELDS: dict[str, Any] = {
    "language": name,
    "microphone_class": vol.In([one.value for one in MicrophoneClass]),
    "allowance": number(at_least=-1e3, at_most=1.0),
    **dict.fromkeys(("decided", "closed", "watched", "unaudited"), whole()),
    "least_audit": number(at_least=1e-6, at_most=1.0),
    "proxies": parts({"wrong": _rate, "right": _rate}),
    "line": _row(number(), number(at_least=LEAST_SLOPE), whole()),
    "information": _row(number(at_least=0.0), number(), number(at_least=0.0)),
    "recent": _LOGITS,
    "on_curve": _LOGITS,
    "labelled": vol.All(
        parts(
            {
                "logits": _LOGITS,
                "wrong": several(whole(at_most=1), at_most=_MOST_VALUES),
                "weights": several(number(at_least=0.0, at_most=_MOST_WEIGHT), at_most=_MOST_VALUES),
            }
        ),
        _columns,
    ),
}
"""What an image holds, and in which ranges."""


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
        """Return the state of an image that `FIELDS` found whole."""
        intercept, slope, turns = image["line"]
        line = Calibration(intercept=intercept, slope=slope, turns=turns)
        state = cls(allowance=image["allowance"], prior=line, recent=recent, labels=labels)
        for field in ("decided", "closed", "watched", "unaudited", "least_audit"):
            setattr(state, field, image[field])
        state.proxies.wrong, state.proxies.right = list(image["proxies"]["wrong"]), list(image["proxies"]["right"])
        first, cross, second = image["information"]
        state.fit = Fit(calibration=line, information=Information(intercept=first, cross=cross, slope=second))
        for value in image["recent"]:
            state.recent.append(value)
        labelled = image["labelled"]
        for column in zip(labelled["logits"], labelled["wrong"], labelled["weights"], strict=True):
            state.labelled.append(*column)
        state.on_curve = np.array(image["on_curve"], dtype=np.float64)
        state.draw(typical)
        return state


def rounded(logit: float) -> float:
    """Return log-odds to four decimals, which is finer than any scorecard and keeps images small; NaN is the worst."""
    return _FARTHEST if math.isnan(logit) else round(max(-_FARTHEST, min(_FARTHEST, logit)), 4)
