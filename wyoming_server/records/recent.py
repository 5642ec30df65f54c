"""The last turns, in memory, and what they come to in figures.

Percentiles are by the nearest rank: each is a time that a turn really took.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import UnknownTurnError

WINDOW = 500
"""Turns that are kept, and turns that figures span."""
STAGES = ("capture", "inference", "hold", "post", "cloud", "transport")
LAST_WORD_TO_TEXT = "last_word_to_text"
END_TO_TEXT = "end_to_text"

type Json = dict[str, Any]
"""A JSON object, as docs/control-api.md describes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFigures:
    """What one turn adds to the figures."""

    spoke: bool
    """Whether there was speech: a turn without any says nothing about how fast or how sure the hub is."""
    escalated: bool = False
    failed: bool = False
    """It ended in an error."""
    latency_ms: Mapping[str, float] | None = None
    """Stage → its time; None when it was never measured."""


def figures_of(turn: Json) -> TurnFigures:
    """Read a turn's figures off what is told of it."""
    return TurnFigures(
        spoke=turn.get("quality") is not None,
        escalated=turn.get("action") == "escalate",
        failed=turn.get("error") is not None,
        latency_ms=turn.get("latency_ms"),
    )


class RecentTurns:
    """The last 500 turns and the figures of the last 500 in which somebody spoke. Counters begin with the server."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, Json] = OrderedDict()
        self._window: deque[TurnFigures] = deque(maxlen=WINDOW)
        self._count = self._escalations = self._errors = 0
        self._known: Json | None = None

    def take_up(self, earlier: Sequence[TurnFigures]) -> None:
        """Put the figures of an earlier run's turns, the oldest first, before those that have come since."""
        self._window = deque((*earlier, *self._window), maxlen=WINDOW)
        self._known = None

    @property
    def last_turn(self) -> Json | None:
        """The newest turn; None before the first."""
        return dict(next(reversed(self._turns.values()))) if self._turns else None

    def add(self, turn: Json, figures: TurnFigures | None = None) -> None:
        """Take in a turn that has ended; without figures they are read off it."""
        figures = figures or figures_of(turn)
        self._turns[turn["turn_id"]] = dict(turn)
        self._turns.move_to_end(turn["turn_id"])
        if len(self._turns) > WINDOW:
            self._turns.popitem(last=False)
        self._count += 1
        self._escalations += figures.escalated
        self._errors += figures.failed
        if figures.spoke:
            self._window.append(figures)
        self._known = None

    def last(self, most: int) -> list[Json]:
        """Return the last turns, the newest first."""
        newest = reversed(self._turns.values())
        return [dict(turn) for turn, _ in zip(newest, range(most), strict=False)]

    def find(self, turn_id: str) -> Json:
        """Return a turn. Raises UnknownTurnError."""
        return dict(self._found(turn_id))

    def amend(self, turn_id: str, **fields: Any) -> Json:
        """Add what came to be known later, and return the turn; figures stay. Raises UnknownTurnError."""
        turn = self._found(turn_id)
        turn.update(fields)
        return dict(turn)

    def _found(self, turn_id: str) -> Json:
        turn = self._turns.get(turn_id)
        if turn is None:
            raise UnknownTurnError(f"None of the last {WINDOW} turns has that id; it may be older")
        return turn

    def forget_texts(self, satellite: str | None = None) -> int:
        """Drop what was said, at a satellite or at all; return in how many turns that was."""
        return sum(self._turns[one].pop("text", None) is not None for one in self._of(satellite))

    def clear(self, satellite: str | None = None) -> int:
        """Forget turns, of a satellite or all, and then the figures that they came to, too; return how many.

        Counters stay.
        """
        gone = self._of(satellite)
        for one in gone:
            del self._turns[one]
        if satellite is None:
            self._window.clear()
            self._known = None
        return len(gone)

    def _of(self, satellite: str | None) -> list[str]:
        return [key for key, turn in self._turns.items() if satellite in {None, turn.get("satellite")}]

    def figures(self) -> Json:
        """Return counters, rates and times; computed once for each turn, however often it is asked for."""
        if self._known is None:
            self._known = self._computed()
        return dict(self._known)

    def _computed(self) -> Json:
        spoken = len(self._window)
        return {
            "turns": self._count,
            "escalations": self._escalations,
            "errors": self._errors,
            "window_turns": spoken,
            "escalation_rate": sum(one.escalated for one in self._window) / spoken if spoken else None,
            "last_word_to_text_ms": self._spread(LAST_WORD_TO_TEXT),
            "end_to_text_ms": self._spread(END_TO_TEXT),
            "stages_p95_ms": {stage: nearest_rank(self._times(stage), 0.95) for stage in STAGES},
        }

    def _spread(self, stage: str) -> dict[str, float | None]:
        times = self._times(stage)
        return {"p50": nearest_rank(times, 0.5), "p95": nearest_rank(times, 0.95)}

    def _times(self, stage: str) -> list[float]:
        return sorted(one.latency_ms[stage] for one in self._window if one.latency_ms and stage in one.latency_ms)


def nearest_rank(ordered: list[float], share: float) -> float | None:
    """Return the least of some ordered values that a share of them does not exceed; None without values."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
