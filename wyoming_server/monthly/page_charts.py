"""Figures as SVG for a scorecard. Each is drawn twice, for wide pages and for phones: scaled text is no text."""

import html
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from . import words
from .advice import STAGES
from .facts import Json
from .month import Month

WIDE, NARROW = 840, 340
"""Widths in px."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 8, 14, 24
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_CODE = re.compile(r"`([^`]+)`")

type Draw = Callable[[int], str]
"""Width → the inside of an SVG of that width."""


def escaped(text: object) -> str:
    """Return text as markup."""
    return html.escape(str(text))


def with_code(text: object) -> str:
    """Return a sentence as HTML, what it has between backticks as code."""
    return _CODE.sub(r"<code>\1</code>", escaped(text))


def ticks(highest: float, most: int = 5) -> list[float]:
    """Return round values from 0 up to at least `highest`."""
    size = 10.0 ** math.floor(math.log10(max(highest, 1e-9) / most))
    step = next(size * factor for factor in _STEPS if size * factor * most >= highest * 0.9999)
    return [step * number for number in range(math.ceil(highest / step - 1e-9) + 1)]


def figure(title: str, note: str, legend: Sequence[tuple[str, str]], said: str, height: int, draw: Draw) -> str:
    """Return a chart with its title and legend; `said` tells those who do not see it what it shows."""
    rows = "".join(f"<li>{_swatch(kind)}{escaped(name)}</li>" for kind, name in legend)
    drawn = "".join(
        f'<svg class="chart {size}" viewBox="0 0 {width} {height}" role="img" aria-label="{escaped(said)}">'
        f"{draw(width)}</svg>"
        for size, width in (("wide", WIDE), ("narrow", NARROW))
    )
    return (
        "<figure>"
        + (f"<figcaption>{escaped(title)}</figcaption>" if title else "")
        + (f'<p class="note">{escaped(note)}</p>' if note else "")
        + (f'<ul class="legend">{rows}</ul>' if rows else "")
        + f"{drawn}</figure>"
    )


def _swatch(kind: str) -> str:
    if kind == "budget":
        inside = '<path class="budget" d="M0 6H18"/>'
    elif kind.startswith("l-"):
        inside = f'<path class="{kind}" d="M1 6H17"/>'
    else:
        inside = f'<rect class="f-{kind}" width="18" height="11" rx="2"/>' + (
            _weave(0, 0, 18, 11) if kind == "cloud" else ""
        )
    return f'<svg viewBox="0 0 18 11" aria-hidden="true">{inside}</svg>'


def _weave(x: float, y: float, width: float, height: float) -> str:
    """Return stripes over a bar: what went to the cloud is told by a pattern, too."""
    lines, step = [], 6.0
    at = -height
    while at < width:
        begin, end = max(0.0, at), min(width, at + height)
        if end > begin:
            lines.append(
                f"M{x + begin:.1f} {y + height - (begin - at):.1f}L{x + end:.1f} {y + height - (end - at):.1f}"
            )
        at += step
    return f'<path class="weave" d="{"".join(lines)}"/>'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plot:
    """Where the days of a month are drawn."""

    width: int
    height: int
    ticks: Sequence[float]
    days: int

    @property
    def slot(self) -> float:
        return (self.width - _LEFT - _RIGHT) / self.days

    @property
    def bottom(self) -> float:
        return self.height - _BOTTOM

    def x(self, day: int) -> float:
        """Return a day's middle."""
        return _LEFT + (day - 0.5) * self.slot

    def y(self, value: float) -> float:
        return self.bottom - min(1.0, value / self.ticks[-1]) * (self.bottom - _TOP)

    def axes(self, shown: Callable[[float], str]) -> Iterator[str]:
        for value in self.ticks:
            y = self.y(value)
            yield f'<path class="grid" d="M{_LEFT} {y:.1f}H{self.width - _RIGHT}"/>'
            yield f'<text text-anchor="end" x="{_LEFT - 6}" y="{y + 4:.1f}">{escaped(shown(value))}</text>'
        every = 2 if self.slot > 20 else 7
        for day in range(1, self.days + 1, every):
            yield f'<text text-anchor="middle" x="{self.x(day):.1f}" y="{self.height - 6}">{day}</text>'


def turns_chart(days: Sequence[Json], month: Month) -> str:
    """Return how many turns each day had, and who answered."""
    by_day = {int(one["day"][-2:]): one for one in days}
    marks = ticks(max(5, *(one["turns"] for one in days)))

    def draw(width: int) -> str:
        plot = _Plot(width=width, height=190, ticks=marks, days=month.last.day)
        bars = (_day_bar(plot, number, one) for number, one in sorted(by_day.items()))
        return "".join((*plot.axes(words.count), *bars))

    most = max(days, key=lambda one: one["turns"], default=None)
    busiest = f"; the busiest was {words.day(most['day'])} with {most['turns']}" if most else ""
    said = f"Commands of each day of {month.name}, {len(days)} days with any{busiest}."
    legend = [("hub", "answered by the hub"), ("cloud", "asked a speech service"), ("failed", "ended in an error")]
    return figure("Commands a day", "", legend, said, 190, draw)


def _day_bar(plot: _Plot, number: int, one: Json) -> str:
    wide = max(2.0, min(18.0, plot.slot * 0.72))
    x, parts, below = plot.x(number) - wide / 2, [], 0.0
    failed, asked = one["errors"], min(one["escalations"], one["turns"] - one["errors"])
    title = f"{words.day(one['day'])}: {one['turns']} commands, {asked} asked a speech service, {failed} in an error"
    for kind, value in (("hub", one["turns"] - asked - failed), ("cloud", asked), ("failed", failed)):
        if value > 0:
            top, foot = plot.y(below + value), plot.y(below)
            tall = max(0.5, foot - top)
            parts.append(f'<rect class="f-{kind}" x="{x:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}"/>')
            if kind == "cloud":
                parts.append(_weave(x, top, wide, tall))
            below += value
    return f"<g><title>{escaped(title)}</title>{''.join(parts)}</g>"


def latency_chart(days: Sequence[Json], month: Month, budget_ms: float) -> str:
    """Return how long the slowest twentieth of each day took, beside the budget."""
    lines = {
        "hub": [(int(one["day"][-2:]), one["last_word_to_text_p95_ms"]) for one in days],
        "cloud": [(int(one["day"][-2:]), one["end_to_text_p95_ms"]) for one in days],
    }
    known = [value for points in lines.values() for _, value in points if value is not None]
    marks = ticks(max([budget_ms * 1.25, *known]), 4)

    def draw(width: int) -> str:
        plot = _Plot(width=width, height=210, ticks=marks, days=month.last.day)
        y = plot.y(budget_ms)
        parts = [*plot.axes(words.milliseconds), f'<path class="budget" d="M{_LEFT} {y:.1f}H{width - _RIGHT}"/>']
        for kind, points in lines.items():
            parts += _curve(plot, kind, [(day, value) for day, value in points if value is not None])
        return "".join(parts)

    slow = sum(value > budget_ms for _, value in lines["hub"] if value is not None)
    said = (
        f"The 95th percentile of each day in {month.name}, last word to text and end of turn to text, beside the "
        f"budget of {budget_ms:.0f} ms; {slow} days were above it."
    )
    legend = [
        ("l-hub", "last word to text"),
        ("l-cloud", "end of turn to text"),
        ("budget", f"budget, {budget_ms:.0f} ms"),
    ]
    note = "19 of 20 texts of the day came sooner. Where a service is asked more often than that, it sets the figure."
    return figure("How long the text took", note, legend, said, 210, draw)


def _curve(plot: _Plot, kind: str, points: Sequence[tuple[int, float]]) -> Iterator[str]:
    path = "L".join(f"{plot.x(day):.1f} {plot.y(value):.1f}" for day, value in points)
    if len(points) > 1:
        yield f'<path class="l-{kind}" d="M{path}"/>'
    for day, value in points:
        title = f"{day}: {words.milliseconds(value)}"
        yield (
            f'<circle class="d-{kind}" cx="{plot.x(day):.1f}" cy="{plot.y(value):.1f}" r="3.5">'
            f"<title>{escaped(title)}</title></circle>"
        )


def stages_chart(figures: Json, budget_ms: float) -> str:
    """Return each stage's median as a bar and its 95th percentile as a whisker; all together first, with the budget."""
    spreads = [("hub", "all together", figures["last_word_to_text_ms"])]
    spreads += [(kind, name, figures["stages_ms"].get(kind) or {}) for kind, name in STAGES.items()]
    rows = [(kind, name, one.get("p50"), one.get("p95")) for kind, name, one in spreads]
    rows = [(kind, name, p50, p95) for kind, name, p50, p95 in rows if p50 is not None and p95 is not None]
    longest = max([budget_ms * 1.1, *(p95 for *_, p95 in rows)])
    tall = 30 * len(rows) + 26

    def draw(width: int) -> str:
        left, right = (190, 118) if width == WIDE else (106, 96)
        scale = (width - left - right) / longest
        x = left + budget_ms * scale
        parts = [f'<path class="budget" d="M{x:.1f} 2V36"/>']
        parts.append(f'<text text-anchor="middle" x="{x:.1f}" y="{tall - 4}">budget {budget_ms:.0f} ms</text>')
        parts.append(f'<path class="grid" d="M{x:.1f} 38V{tall - 18}"/>')
        for at, (kind, name, p50, p95) in enumerate(rows):
            parts.append(_stage(width, left, scale, 6 + 30 * at, kind, name, p50, p95))
        return "".join(parts)

    said = "; ".join(f"{name}: {words.milliseconds(p50)}, slow {words.milliseconds(p95)}" for _, name, p50, p95 in rows)
    note = (
        "From your last word to the text. Bars are medians; the line behind a bar ends where the slowest twentieth of "
        "the turns begins."
    )
    return figure("", note, (), f"Where the time goes. {said}", tall, draw)


def _stage(width: int, left: int, scale: float, y: int, kind: str, name: str, p50: float, p95: float) -> str:
    is_all = y < 10
    bar, reach = p50 * scale, left + p95 * scale
    shown = f"{p50:.0f} / {p95:.0f} ms" if p95 < 999.5 else f"{words.milliseconds(p50)} / {words.milliseconds(p95)}"
    style = ' class="strong"' if is_all else ""
    return (
        f'<text{style} x="0" y="{y + 14}">{escaped(_short(name) if width == NARROW else name)}</text>'
        f'<path class="axis" d="M{left} {y + 10}H{reach:.1f}M{reach:.1f} {y + 4}V{y + 16}"/>'
        f'<rect class="f-{kind}" x="{left}" y="{y}" width="{bar:.1f}" height="20" rx="3"/>'
        f'<text{style} text-anchor="end" x="{width}" y="{y + 14}">{shown}</text>'
    )


def _short(name: str) -> str:
    """Return a stage's name as it fits beside a phone's chart."""
    return {
        "noticing the pause": "pause noticed",
        "waiting whether you go on": "waiting for more",
        "the speech service": "speech service",
    }.get(name, name)


def pair_chart(title: str, note: str, rows: Sequence[tuple[str, str, float, str]]) -> str:
    """Return bars to be held against each other: (kind, name, value, the value for people)."""
    high = max((value for _, _, value, _ in rows), default=0.0) or 1.0

    def draw(width: int) -> str:
        left, right = (150, 84) if width == WIDE else (92, 70)
        parts = []
        for at, (kind, name, value, shown) in enumerate(rows):
            y, wide = 4 + 34 * at, max(1.0, (width - left - right) * value / high)
            parts.append(f'<text class="strong" x="0" y="{y + 17}">{escaped(name)}</text>')
            parts.append(f'<rect class="f-{kind}" x="{left}" y="{y}" width="{wide:.1f}" height="24" rx="4"/>')
            parts += [_weave(left, y, wide, 24)] if kind == "cloud" else []
            parts.append(f'<text class="strong" x="{left + wide + 8:.1f}" y="{y + 17}">{escaped(shown)}</text>')
        return "".join(parts)

    said = f"{title}: " + ", ".join(f"{name} {shown}" for _, name, _, shown in rows)
    return figure(title, note, (), said, 4 + 34 * len(rows), draw)


def share_bar(value: float, low: float, high: float, whole: float) -> str:
    """Return a share and its interval as a small bar for a table, `whole` being its full length."""
    at, begin, end = (112.0 * min(1.0, one / whole) for one in (value, low, high))
    return (
        '<svg viewBox="0 0 112 16" aria-hidden="true"><rect class="track" y="4" width="112" height="8" rx="3"/>'
        f'<rect class="f-cloud" y="4" width="{at:.1f}" height="8" rx="3"/>'
        f'<path class="axis" d="M{begin:.1f} 8H{end:.1f}M{begin:.1f} 3V13M{end:.1f} 3V13"/></svg>'
    )
