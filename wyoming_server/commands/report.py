"""What the commands print: tables, bars and figures."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np

from ..errors import EdgeVoiceError

MISSING = "–"


@dataclass(frozen=True, slots=True)
class Style:
    """Colours of a terminal, or none."""

    coloured: bool = False

    @classmethod
    def of(cls, stream: TextIO) -> Style:
        """Return colours for a terminal whose owner has not said NO_COLOR, none for a file or a pipe."""
        return cls(stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb")

    def _in(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.coloured and text else text

    def good(self, text: str) -> str:
        """Return text in green."""
        return self._in("32", text)

    def bad(self, text: str) -> str:
        """Return text in bold red."""
        return self._in("1;31", text)

    def faint(self, text: str) -> str:
        """Return text in grey."""
        return self._in("2", text)

    def strong(self, text: str) -> str:
        """Return text in bold."""
        return self._in("1", text)

    def span(self, number: int, text: str) -> str:
        """Return text in the colour of the nth span of a bar."""
        return self._in(("36", "35", "33", "34", "32")[number % 5], text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Median and 95th percentile of some times, in ms."""

    p50_ms: float
    p95_ms: float
    turns: int

    @classmethod
    def of(cls, seconds: Iterable[float | None]) -> Figure | None:
        """Return the figure of those that were measured; None without any."""
        measured = [value for value in seconds if value is not None]
        if not measured:
            return None
        p50, p95 = np.percentile(measured, (50, 95)) * 1000
        return cls(p50_ms=round(float(p50), 1), p95_ms=round(float(p95), 1), turns=len(measured))

    def __str__(self) -> str:
        return f"{self.p50_ms:.0f} / {self.p95_ms:.0f}"


def ratio(ours: Figure | None, peer: Figure | None) -> tuple[float, float] | None:
    """Return our median and p95 as shares of the peer's; None where a side was not measured."""
    if ours is None or peer is None or peer.p50_ms <= 0 or peer.p95_ms <= 0:
        return None
    return round(ours.p50_ms / peer.p50_ms, 3), round(ours.p95_ms / peer.p95_ms, 3)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of equal length as aligned columns, the first to the left and the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) if not at else cell.rjust(width) for at, (cell, width) in enumerate(cells)).rstrip()
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    )


def bar(milliseconds: Sequence[float], style: Style, *, ms_per_sign: float, width: int) -> str:
    """Return spans one after another as one bar of `width` signs; what goes beyond ends in an arrow."""
    drawn, at, edge = "", 0.0, 0
    for number, span in enumerate(milliseconds):
        at += span
        end = min(width, round(at / ms_per_sign))
        drawn += style.span(number, "█▓▒░▚"[number % 5] * (end - edge))
        edge = max(edge, end)
    if at / ms_per_sign > width + 0.5:
        return drawn + "→"
    return drawn + style.faint("·" * (width - edge)) + " "


def columns(rows: Sequence[Sequence[str]], *, right: int = 1) -> list[str]:
    """Return rows as lines, so many last columns to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    first = len(widths) - right
    return [
        "  ".join(
            cell.ljust(width) if at < first else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in rows
    ]


def coded(error: EdgeVoiceError) -> str:
    """Return a failure as the one line that goes to standard error."""
    return f"edge-voice: {error.code}: {' '.join(str(error).split())}"


def complain(error: EdgeVoiceError) -> None:
    """Print a failure's one line on standard error."""
    print(coded(error), file=sys.stderr, flush=True)


def print_json(result: Mapping[str, Any]) -> None:
    """Print one result as one line of JSON on standard output."""
    print(json.dumps(result, ensure_ascii=False), flush=True)
