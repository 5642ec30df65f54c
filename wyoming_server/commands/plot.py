"""Figures as SVG, written by hand: lines, points and bars with axes and a legend, legible in light and in dark."""

import html
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

WIDTH = 920
_MARGIN, _GAP, _HEADING = 24, 28, 82
_HEIGHT = 340
_LEFT, _TOP, _BOTTOM = 58, 76, 50
"""Of a panel, left for its axes, its title and legend, and its labels."""
_SIGN = 6.6
"""Mean width of a sign of 12 px sans-serif."""
_DASHES = ("", "7 4", "2 4", "9 3 2 3", "4 2")
"""Lines differ by dashes too: not everybody sees colours, and paper shows none."""
_STYLE = """
text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:#1f2328}
.h{font-size:18px;font-weight:600}.t{font-size:14px;font-weight:600}.f{fill:#59636e}
.p{fill:#ffffff}.g{stroke:#d1d9e0;stroke-width:1}.a{stroke:#59636e;stroke-width:1}
.l{fill:none;stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}.w{stroke-width:1.5}
.s0{stroke:#0969da}.s1{stroke:#bc4c00}.s2{stroke:#6e7781}.s3{stroke:#1a7f37}.s4{stroke:#8250df}
.b0{fill:#0969da}.b1{fill:#bc4c00}.b2{fill:#6e7781}.b3{fill:#1a7f37}.b4{fill:#8250df}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.f{fill:#9198a1}.p{fill:#0d1117}.g{stroke:#2f3742}.a{stroke:#9198a1}
.s0{stroke:#58a6ff}.s1{stroke:#f0883e}.s2{stroke:#9198a1}.s3{stroke:#3fb950}.s4{stroke:#bc8cff}
.b0{fill:#58a6ff}.b1{fill:#f0883e}.b2{fill:#9198a1}.b3{fill:#3fb950}.b4{fill:#bc8cff}
}"""
_COLOURS = 5
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What XML cannot hold, not even escaped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What is measured along an edge."""

    label: str
    low: float = 0.0
    high: float = 1.0
    is_share: bool = False
    """Labelled in per cent."""

    def at(self, value: float) -> float:
        """Return a value's place from 0 to 1; what lies beyond stays at the edge."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def ticks(self, most: int = 6) -> list[float]:
        """Return round values along the axis."""
        rough = (self.high - self.low) / most
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [step * number for number in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def shown(self, value: float) -> str:
        """Return a value as its label."""
        return f"{100 * value:.4g} %" if self.is_share else f"{value:.4g}".replace("-", "−")


def up_to(highest: float) -> float:
    """Return a round end for an axis that must show values up to `highest`; 1 when they are all 0."""
    if not highest > 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(highest))
    return next(
        size * factor for factor in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if size * factor >= highest * 0.999
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series of points."""

    name: str
    points: Sequence[tuple[float, float]]
    is_marked: bool = False
    """Points are dots; a line of one point always is one."""
    is_joined: bool = True
    spread: Sequence[tuple[float, float]] = ()
    """Each point's interval (low, high) along y, as whiskers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """A panel of lines and points."""

    title: str
    x: Axis
    y: Axis
    lines: Sequence[Line]
    is_wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A panel of bars, side by side in groups."""

    title: str
    y: Axis
    groups: Sequence[str]
    series: Mapping[str, Sequence[float | None]]
    """Name → a value for each group; None where there is none."""
    notes: Sequence[str] = field(default=())
    """A word under each group."""
    is_wide: bool = False


type Panel = Lines | Bars


def drawing(title: str, panels: Sequence[Panel], *, note: str = "") -> str:
    """Return one SVG with the panels in reading order, two beside each other unless they are wide."""
    placed, height = _placed(panels)
    body = "\n".join(
        f'<g transform="translate({x},{y})">{"".join(_panel(one, width))}</g>' for one, x, y, width in placed
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-labelledby="title note">\n'
        f'<title id="title">{_text(title)}</title>\n<desc id="note">{_text(note)}</desc>\n<style>{_STYLE}\n</style>\n'
        f'<rect class="p" width="{WIDTH}" height="{height}"/>\n'
        f'<text class="h" x="{_MARGIN}" y="34">{_text(title)}</text>\n'
        f'<text class="f" x="{_MARGIN}" y="54">{_text(note)}</text>\n{body}\n</svg>\n'
    )


def _placed(panels: Sequence[Panel]) -> tuple[list[tuple[Panel, int, int, int]], int]:
    """Return each panel with its left, top and width, and the height of them all."""
    whole = WIDTH - 2 * _MARGIN
    half = (whole - _GAP) // 2
    placed: list[tuple[Panel, int, int, int]] = []
    row, is_left_taken = 0, False
    for panel in panels:
        if panel.is_wide and is_left_taken:
            row, is_left_taken = row + 1, False
        top = _HEADING + row * (_HEIGHT + _GAP)
        placed.append((panel, _MARGIN + (half + _GAP) * is_left_taken, top, whole if panel.is_wide else half))
        is_left_taken = not panel.is_wide and not is_left_taken
        row += not is_left_taken
    return placed, _HEADING + (row + is_left_taken) * (_HEIGHT + _GAP)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Area:
    """Where a panel's data is drawn, in px of the panel."""

    left: float
    top: float
    width: float
    height: float

    def x(self, share: float) -> float:
        return self.left + share * self.width

    def y(self, share: float) -> float:
        return self.top + (1.0 - share) * self.height


def _panel(panel: Panel, width: int) -> Iterator[str]:
    area = _Area(left=_LEFT, top=_TOP, width=width - _LEFT - 18, height=_HEIGHT - _TOP - _BOTTOM)
    yield f'<text class="t" x="0" y="14">{_text(panel.title)}</text>'
    yield from _legend([one.name for one in panel.lines] if isinstance(panel, Lines) else list(panel.series), panel)
    yield from _y_axis(panel.y, area)
    if isinstance(panel, Lines):
        yield from _x_axis(panel.x, area)
        # Dots end up on top, and of the lines the first.
        for number, line in sorted(enumerate(panel.lines), key=lambda one: (_is_dotted(one[1]), -one[0])):
            yield from _line(line, number, panel, area)
    else:
        yield from _bars(panel, area)


def _legend(names: Sequence[str], panel: Panel) -> Iterator[str]:
    at = 0.0
    for number, name in enumerate(names):
        colour, dash = number % _COLOURS, _DASHES[number % len(_DASHES)]
        if isinstance(panel, Bars):
            yield f'<rect class="b{colour}" x="{at:.1f}" y="28" width="14" height="10" rx="2"/>'
        elif _is_dotted(panel.lines[number]):
            yield f'<circle class="b{colour}" cx="{at + 7:.1f}" cy="33" r="4.5"/>'
        else:
            yield f'<path class="l s{colour}" stroke-dasharray="{dash}" d="M{at:.1f} 33h24"/>'
            at += 10
        yield f'<text x="{at + 20:.1f}" y="37">{_text(name)}</text>'
        at += 34 + _SIGN * len(name)


def _is_dotted(line: Line) -> bool:
    return not line.is_joined or len(line.points) == 1


def _y_axis(axis: Axis, area: _Area) -> Iterator[str]:
    for tick in axis.ticks(5):
        y = area.y(axis.at(tick))
        yield f'<path class="g" d="M{area.left} {y:.1f}h{area.width}"/>'
        yield f'<text class="f" text-anchor="end" x="{area.left - 6}" y="{y + 4:.1f}">{axis.shown(tick)}</text>'
    yield f'<text class="f" x="0" y="{area.top - 14}">{_text(axis.label)}</text>'


def _x_axis(axis: Axis, area: _Area) -> Iterator[str]:
    bottom = area.y(0.0)
    yield f'<path class="a" d="M{area.left} {bottom:.1f}h{area.width}"/>'
    for tick in axis.ticks(10 if area.width > WIDTH / 2 else 5):
        x = area.x(axis.at(tick))
        yield f'<path class="a" d="M{x:.1f} {bottom:.1f}v4"/>'
        yield f'<text class="f" text-anchor="middle" x="{x:.1f}" y="{bottom + 18:.1f}">{axis.shown(tick)}</text>'
    middle = area.x(0.5)
    yield f'<text class="f" text-anchor="middle" x="{middle:.1f}" y="{bottom + 38:.1f}">{_text(axis.label)}</text>'


def _line(line: Line, number: int, panel: Lines, area: _Area) -> Iterator[str]:
    points = [(area.x(panel.x.at(x)), area.y(panel.y.at(y))) for x, y in line.points]
    colour, title = number % _COLOURS, f"<title>{_text(line.name)}</title>"
    for (x, _), (low, high) in zip(points, line.spread, strict=False):
        ends = f"{area.y(panel.y.at(low)):.1f}V{area.y(panel.y.at(high)):.1f}"
        yield f'<path class="w s{colour}" d="M{x:.1f} {ends}"/>'
    if line.is_joined and len(points) > 1:
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        dash = _DASHES[number % len(_DASHES)]
        yield f'<path class="l s{colour}" stroke-dasharray="{dash}" d="M{path}">{title}</path>'
    if line.is_marked or _is_dotted(line):
        for (x, y), (across, up) in zip(points, line.points, strict=True):
            said = f"{line.name}: {panel.x.shown(across)}, {panel.y.shown(up)}"
            yield f'<circle class="b{colour}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"><title>{_text(said)}</title></circle>'


def _bars(panel: Bars, area: _Area) -> Iterator[str]:
    bottom = area.y(0.0)
    slot = area.width / max(1, len(panel.groups))
    width = min(30.0, 0.76 * slot / max(1, len(panel.series)))
    for at, group in enumerate(panel.groups):
        middle = area.left + (at + 0.5) * slot
        yield f'<text text-anchor="middle" x="{middle:.1f}" y="{bottom + 18:.1f}">{_text(group)}</text>'
        for note in itertools.islice(panel.notes, at, at + 1):
            yield f'<text class="f" text-anchor="middle" x="{middle:.1f}" y="{bottom + 35:.1f}">{_text(note)}</text>'
        for number, (name, values) in enumerate(panel.series.items()):
            value = values[at]
            if value is None:
                continue
            left, top = middle + (number - len(panel.series) / 2) * width, area.y(panel.y.at(value))
            said = _text(f"{group}, {name}: {panel.y.shown(value)}")
            yield (
                f'<rect class="b{number % _COLOURS}" x="{left + 1:.1f}" y="{top:.1f}" width="{width - 2:.1f}" '
                f'height="{bottom - top:.1f}"><title>{said}</title></rect>'
            )
    yield f'<path class="a" d="M{area.left} {bottom:.1f}h{area.width}"/>'


def _text(text: str) -> str:
    return html.escape(_UNPRINTABLE.sub("", text))
