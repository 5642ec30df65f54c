"""The last spoken turns of each language and kind of microphone: exact percentiles, no histogram and no sketch."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..pipeline.timeline import Spans
from ..records.recent import END_TO_TEXT, LAST_WORD_TO_TEXT, STAGES, WINDOW, nearest_rank
from ..records.turn_sums import BUDGET_MS
from . import meter_families as of
from .meter_tally import Sample

ALL = "all"
"""Instead of a language, or of a kind of microphone."""
SPANS = (*STAGES, LAST_WORD_TO_TEXT, END_TO_TEXT)

type WindowCell = tuple[str, str]
"""(language, kind of microphone), either of which may be ALL."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spoken:
    """What a window keeps of a turn."""

    escalated: bool
    by_hub: bool
    """Whether the hub answered it by itself."""
    spans: Spans | None
    """None when the turn failed before it was measured."""


type Window = tuple[Spoken, ...]
"""Turns, the oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFigures:
    """What a window comes to; None where no turn tells."""

    turns: int
    escalated: float | None
    within_budget: float | None
    """Share of those that the hub answered by itself."""
    p50: dict[str, float]
    """Span → seconds."""
    p95: dict[str, float]


class Windows:
    """A window for all, each language, each kind of microphone, and both: few, as labels are bounded."""

    def __init__(self) -> None:
        self._cells: dict[WindowCell, deque[Spoken]] = {}

    def add(self, language: str, microphone_class: str, turn: Spoken) -> None:
        """Take in a turn."""
        for cell in _cells_of(language, microphone_class):
            self._cells.setdefault(cell, deque(maxlen=WINDOW)).append(turn)

    def clear(self) -> None:
        """Forget all."""
        self._cells.clear()

    def turns(self) -> dict[WindowCell, Window]:
        """Return the turns of every window, the oldest first; quick, so that they can be summed up elsewhere."""
        return {cell: tuple(turns) for cell, turns in self._cells.items()}


def _cells_of(language: str, microphone_class: str) -> Iterator[WindowCell]:
    yield from ((one, other) for one in (ALL, language) for other in (ALL, microphone_class))


def figures_of(turns: Window) -> WindowFigures:
    """Sum a window up."""
    measured = [one.spans for one in turns if one.spans is not None]
    times = {span: sorted(getattr(one, f"{span}_ms") / 1000.0 for one in measured) for span in SPANS}
    alone = [one.spans for one in turns if one.by_hub and one.spans is not None]
    return WindowFigures(
        turns=len(turns),
        escalated=sum(one.escalated for one in turns) / len(turns) if turns else None,
        within_budget=sum(one.last_word_to_text_ms <= BUDGET_MS for one in alone) / len(alone) if alone else None,
        p50=_ranked(times, 0.5),
        p95=_ranked(times, 0.95),
    )


def _ranked(times: dict[str, list[float]], share: float) -> dict[str, float]:
    ranked = {span: nearest_rank(ordered, share) for span, ordered in times.items()}
    return {span: value for span, value in ranked.items() if value is not None}


class Summed:
    """Windows as figures; those of a window in which nothing has changed are not worked out again."""

    def __init__(self) -> None:
        self._known: dict[WindowCell, tuple[Window, WindowFigures]] = {}

    def figures(self, windows: Mapping[WindowCell, Window]) -> dict[WindowCell, WindowFigures]:
        """Sum all windows up."""
        before, self._known = self._known, {}
        for cell, turns in windows.items():
            known = before.get(cell)
            self._known[cell] = known if known and known[0] == turns else (turns, figures_of(turns))
        return {cell: figures for cell, (_, figures) in self._known.items()}


def window_samples(figures: Mapping[WindowCell, WindowFigures]) -> Iterator[Sample]:
    """Yield what the windows come to."""
    for cell, one in figures.items():
        yield of.WINDOW_TURNS, cell, one.turns
        yield of.WINDOW_ESCALATED, cell, one.escalated
        yield of.WINDOW_IN_BUDGET, cell, one.within_budget
        for family, times in ((of.WINDOW_P50, one.p50), (of.WINDOW_P95, one.p95)):
            for span, seconds in times.items():
                yield family, (span, *cell), seconds
