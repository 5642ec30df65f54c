"""A scorecard: monotone piecewise-linear points per feature, in log-odds. Data of a model's bundle."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A feature's log-odds, linear between its knots and flat beyond them."""

    knots: tuple[float, ...]
    log_odds: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """How features add up to a risk."""

    base: float = 0.0
    curves: Mapping[str, Curve] = field(default_factory=dict)
