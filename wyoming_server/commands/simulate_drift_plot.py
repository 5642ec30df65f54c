"""What drift's homes gave → a drawing of false alarms, delays, and one home's evidence."""

import math
from collections.abc import Sequence

import numpy as np

from ..learning.drift_detectors import Detectors, bets, levels
from ..learning.drift_figures import INDEX
from ..learning.e_process import Values
from .plot import Axis, Line, Lines, Panel, drawing, up_to
from .simulate_drift_homes import Homes, World, gathered
from .simulate_drift_run import REFERENCE, RUN_LENGTH, Result

_POINTS = 200
_WINDOW = 100
_BEFORE, _AFTER = 500, 300
"""Turns of the one home."""


def plot(results: Sequence[Result], seed: int) -> str:
    """Return one SVG."""
    steady = [one for one in results if one.case.after is None]
    unsure = [one for one in results if one.case.name.startswith("unsure")]
    others = [one for one in results if one.case.after is not None and one not in unsure and not one.case.creeps]
    homes = max(one.homes for one in results)
    panels = [
        *_one_home(seed),
        _delays("the hub grows unsure, from 25 % to", unsure),
        _delays("other changes", others),
        _false(steady),
    ]
    return drawing(
        "Drift: how soon it is told of, and how rarely it is told of wrongly",
        panels,
        note=f"{homes} homes each; what was usual is of {REFERENCE} turns, one false alarm in {RUN_LENGTH} allowed.",
    )


def _one_home(seed: int) -> tuple[Panel, Panel]:
    """Return one home's share of unsure turns, and what that is worth as evidence."""
    homes = Homes(1, np.random.default_rng((seed, 0)))
    before, after = World(risky=0.25), World(risky=0.40)
    usual = gathered(homes, before, REFERENCE)
    against = bets(usual.mean, usual.deviation, usual.turns, usual.clumping, RUN_LENGTH)
    detectors, at = Detectors(1), INDEX["risky"]
    shares, evidence = [], []
    for turn in range(_BEFORE + _AFTER):
        numbers = usual.numbers(homes.turn(before if turn < _BEFORE else after))
        detectors.step(numbers, against)
        shares.append(float(numbers[0, at]))
        evidence.append(math.log10(max(1.0, float(detectors.e_values()[0, at]))))
    level = math.log10(float(levels(RUN_LENGTH)[at]))
    along = Axis(label="turns since the change", low=-_BEFORE, high=_AFTER)
    sums = np.cumsum([0.0, *shares])
    smooth = [(turn - _BEFORE, float(sums[turn] - sums[turn - _WINDOW]) / _WINDOW) for turn in _each(len(shares))]
    return (
        Lines(
            title="one home: unsure 25 → 40 %",
            x=along,
            y=Axis(label=f"share of the last {_WINDOW} turns", high=0.6, is_share=True),
            lines=(
                Line(name="not sure", points=smooth),
                Line(name="truth", points=[(-_BEFORE, 0.25), (0, 0.25), (0, 0.4), (_AFTER, 0.4)]),
            ),
        ),
        Lines(
            title="the same home: evidence",
            x=along,
            y=Axis(label="e-value, as a power of ten", high=up_to(max(level + 1, *evidence))),
            lines=(
                Line(name="evidence", points=[(turn - _BEFORE, value) for turn, value in enumerate(evidence)]),
                Line(name="alarm", points=[(-_BEFORE, level), (_AFTER, level)]),
            ),
        ),
    )


def _each(turns: int) -> range:
    return range(_WINDOW, turns, max(1, turns // _POINTS))


def _delays(title: str, results: Sequence[Result]) -> Panel:
    shown = 1000
    return Lines(
        title=title,
        x=Axis(label="turns since the change", high=shown),
        y=Axis(label="share of homes that were told", is_share=True),
        lines=tuple(Line(name=one.case.short, points=_over(one.alarmed[:shown], 1.0)) for one in results),
    )


def _false(results: Sequence[Result]) -> Panel:
    turns = max(one.turns for one in results)
    allowed = 1.0 - np.exp(-np.arange(turns) / RUN_LENGTH)
    return Lines(
        title="nothing changes: homes with a false alarm",
        x=Axis(label="thousands of turns", high=turns / 1000),
        y=Axis(label="share of homes", is_share=True),
        lines=(
            *(Line(name=one.case.short, points=_over(one.alarmed, 1000.0)) for one in results),
            Line(name="as allowed", points=_over(allowed, 1000.0)),
        ),
        is_wide=True,
    )


def _over(values: Values, per: float) -> list[tuple[float, float]]:
    chosen = np.unique(np.linspace(0, len(values) - 1, _POINTS).astype(int))
    return [(at / per, float(values[at])) for at in chosen.tolist()]
