"""What streams gave → a drawing of error, allowance and escalation over time."""

from collections.abc import Iterator, Sequence

import numpy as np

from .plot import Axis, Line, Lines, Panel, drawing, up_to
from .simulate_run import WINDOW, StreamResult
from .simulate_streams import TARGET, Values

PLOTTED = ("drift +0.9", "drift +1.8", "abrupt, twice", "spikes", "useless proxy", "labels 60 turns late", "no audits")
_POINTS = 200


def plot(results: Sequence[StreamResult]) -> str:
    """Return one SVG: a row for each of the streams that tell most."""
    shown = [one for one in results if one.stream.name in PLOTTED]
    seeds = max(one.seeds for one in results)
    return drawing(
        "The adaptive threshold on streams that drift, cheat and come late",
        [panel for one in shown for panel in _panels(one)],
        note=f"Mean of {seeds} seeds over windows of {WINDOW} turns; the dashed line of each panel is its yardstick.",
    )


def _panels(result: StreamResult) -> Iterator[Panel]:
    name, turns = result.stream.name, result.stream.turns
    along = Axis(label="thousands of turns", high=turns / 1000)
    error, allowance = _smooth(result.errors), _smooth(result.allowances)
    highest = max(2 * TARGET, *(value for _, value in (*error, *allowance)))
    yield Lines(
        title=f"{name}: error",
        x=along,
        y=Axis(label="share of all turns", high=up_to(highest), is_share=True),
        lines=(
            Line(name="accepted and wrong", points=error),
            Line(name="target", points=_level(TARGET, turns)),
            Line(name="allowance α", points=allowance),
        ),
    )
    yield Lines(
        title=f"{name}: escalation",
        x=along,
        y=Axis(label="share of all turns", is_share=True),
        lines=(
            Line(name="escalated", points=_smooth(result.escalations)),
            Line(name="oracle, mean", points=_level(result.oracle_escalation, turns)),
        ),
    )


def _level(value: float, turns: int) -> list[tuple[float, float]]:
    return [(0.0, value), (turns / 1000, value)]


def _smooth(values: Values) -> list[tuple[float, float]]:
    """Return means over windows, each at its window's end."""
    window = min(WINDOW, len(values))
    sums = np.cumsum(np.concatenate(([0.0], values)))
    means = (sums[window:] - sums[:-window]) / window
    chosen = np.unique(np.linspace(0, len(means) - 1, _POINTS).astype(int))
    return [((at + window) / 1000, float(means[at])) for at in chosen.tolist()]
