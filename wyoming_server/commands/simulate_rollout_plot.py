"""What rollouts gave → a drawing of who has each bundle, and how much it answers, over time."""

from collections.abc import Iterator, Sequence

from .plot import Axis, Line, Lines, Panel, drawing, up_to
from .simulate_rollout_run import STEPS_A_DAY, Outcome, Plan

_POINTS = 120


def plot(plan: Plan, outcomes: Sequence[Outcome]) -> str:
    """Return one SVG: a row for each bundle, who has it on the left, what it answers on the right."""
    names = list(dict.fromkeys(one.bundle.name for one in outcomes))
    rows = {name: [one for one in outcomes if one.bundle.name == name] for name in names}
    stages = ", ".join(f"{one:g}" for one in plan.percents)
    return drawing(
        f"Four bundles, rolled out to {f'{plan.hubs:,}'.replace(',', '\u202f')} hubs",
        [panel for row in rows.values() for panel in _panels(row, plan)],
        note=f"Stages of {stages} %; reports of {100 * plan.reporting:g} % of the hubs, a day late, and none at all.",
    )


def _panels(row: Sequence[Outcome], plan: Plan) -> Iterator[Panel]:
    name = row[0].bundle.name
    along = Axis(label="days", high=float(plan.days))
    said = {True: "with reports", False: "without"}
    yield Lines(
        title=f"{name}: hubs that have it",
        x=along,
        y=Axis(label="share of all hubs, heard or unheard", is_share=True),
        lines=tuple(Line(name=said[one.with_reports], points=_thin(one.days, one.having)) for one in row),
    )
    highest = max(0.001, *(value for one in row for value in _daily(one.answered)))
    yield Lines(
        title=f"{name}: turns that it answers",
        x=along,
        y=Axis(label="share of all turns", high=min(1.0, up_to(highest)), is_share=True),
        lines=tuple(Line(name=said[one.with_reports], points=_thin(one.days, _daily(one.answered))) for one in row),
    )


def _daily(values: Sequence[float]) -> list[float]:
    """Return means over a day, each at its end."""
    width = STEPS_A_DAY
    return [sum(values[max(0, at + 1 - width) : at + 1]) / min(width, at + 1) for at in range(len(values))]


def _thin(days: Sequence[float], values: Sequence[float]) -> list[tuple[float, float]]:
    step = max(1, len(days) // _POINTS)
    return list(zip(days[::step], values[::step], strict=True))
