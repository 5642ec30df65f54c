"""Speak packaged recordings to a real server on this machine and show where every millisecond goes."""

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from ..errors import EdgeVoiceError
from ..settings import Settings
from .client import Answer, Connection, Manner, connected
from .local import demo_home, in_process
from .recording import PACKAGED, Recording, listed_recordings, words
from .report import MISSING, Figure, Style, bar, complain, print_json

BUDGET_MS = {"capture": 60, "inference": 120, "post": 80, "transport": 40}
"""What each span may take; their sum is what the last word may be ahead of its text."""
_SUM_MS = sum(BUDGET_MS.values())
_BAR_SIGNS, _HEARD = 24, 29
_COLUMNS = ("capture", "infer", "post", "trans", "word→text", "end→text")
_SATELLITE = Manner(client_silence_seconds=0.7, answer_seconds=10.0)
"""Home Assistant's own patience: it says audio-stop after 0.7 s of silence."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--json", action="store_true", help="one JSON object per turn, then the summary")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One turn of the demonstration."""

    file: str
    kind: str
    expected: str
    heard: str
    right: bool
    action: str | None = None
    risk: float | None = None
    spans_ms: Mapping[str, float] = field(default_factory=dict)
    """By BUDGET_MS; the hold belongs to post."""
    last_word_to_text_ms: float | None = None
    end_to_text_ms: float | None = None
    ended_by: str | None = None

    @classmethod
    def of_turn(cls, recording: Recording, answer: Answer) -> Self:
        """Return the verdict on a transcript: its words must be those spoken, and none where nobody spoke."""
        told, expected = answer.detail, recording.text or ""
        spans = told.get("latency_ms") or {}
        speech = bool(answer.text or expected)
        return cls(
            file=recording.path.name,
            kind=recording.kind,
            expected=expected,
            heard=answer.text,
            right=words(answer.text) == words(expected),
            action=told.get("action"),
            risk=told.get("risk"),
            spans_ms=budgeted(spans) if speech and spans else {},
            last_word_to_text_ms=spans.get("last_word_to_text") if speech else None,
            end_to_text_ms=spans.get("end_to_text") if speech else None,
            ended_by=told.get("ended_by"),
        )

    @classmethod
    def of_wake(cls, recording: Recording, name: str | None) -> Self:
        """Return the verdict on a wake word: its name must be the one spoken."""
        heard = (name or "").rsplit("_v", 1)[0].replace("_", " ")
        expected = recording.text or ""
        right = words(heard) == words(expected)
        action = "wake" if name else None
        return cls(file=recording.path.name, kind="wake", expected=expected, heard=heard, right=right, action=action)


def budgeted(spans: Mapping[str, float]) -> dict[str, float]:
    """Return the server's spans by the budget's names."""
    given = {name: spans.get(name, 0.0) for name in BUDGET_MS}
    return {**given, "post": given["post"] + spans.get("hold", 0.0)}


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run the demonstration; return 1 when a row is not what it should be."""
    style = Style.of(sys.stdout)
    rows: list[Row] = []
    async with in_process(demo_home(settings)) as uri:
        if not arguments.json:
            print(heading(uri, style), flush=True)
        recordings = listed_recordings(PACKAGED)
        async with connected(uri) as connection:  # one connection wakes and is then spoken to, as a satellite's does
            for recording in recordings[:2]:
                rows.append(await _turn(connection, recording))
                _print(rows[-1], style, arguments)
        for recording in recordings[2:]:
            async with connected(uri) as connection:
                rows.append(await _turn(connection, recording))
                _print(rows[-1], style, arguments)
    if arguments.json:
        print_json(summary(rows))
    else:
        print(closing(rows, style))
    return int(not all(row.right for row in rows))


async def _turn(connection: Connection, recording: Recording) -> Row:
    """Speak one recording; a failure is a row that is not what it should be, and the others go on."""
    try:
        if recording.kind == "wake":
            detection = await connection.detect(recording, dataclasses.replace(_SATELLITE, until_answered=True))
            return Row.of_wake(recording, detection.name if detection else None)
        return Row.of_turn(recording, await connection.transcribe(recording, _SATELLITE))
    except EdgeVoiceError as error:
        complain(error)
        expected = recording.text or ""
        return Row(
            file=recording.path.name, kind=recording.kind, expected=expected, heard="", right=False, action="error"
        )


def _print(row: Row, style: Style, arguments: argparse.Namespace) -> None:
    """Print a row as soon as it is known."""
    if arguments.json:
        print_json({**dataclasses.asdict(row), "budget_ms": BUDGET_MS})
    else:
        print(line(row, style), flush=True)


def heading(uri: str, style: Style) -> str:
    """Return what stands above the rows."""
    legend = "  ".join(
        style.span(at, sign) + f" {name}" for at, (sign, name) in enumerate(zip("█▓▒░", BUDGET_MS, strict=True))
    )
    columns = (
        f"{'heard':<{_HEARD}}{'action':<9}{'risk':>4}   {'last word to text':<{_BAR_SIGNS + 1}}{_numbers(_COLUMNS)}"
    )
    return (
        f"\n  {style.strong('Edge Voice')}  starter model, in real time over {uri}; no sound leaves this machine\n"
        f"  {legend}   {style.faint(f'a full bar is the budget of {_SUM_MS} ms')}\n\n"
        + style.faint(f"{'':13}{columns}")
    )


def line(row: Row, style: Style) -> str:
    """Return one row."""
    mark = style.good("✓") if row.right else style.bad("✗")
    heard = (row.heard or "(nothing)")[: _HEARD - 1].ljust(_HEARD)
    risk = MISSING if row.risk is None else f"{row.risk:.2f}"
    text = heard if row.right else style.bad(heard)
    start = f"   {mark} {style.faint(row.kind.ljust(8))}{text}{(row.action or MISSING):<9}{risk:>4}   "
    expected = "" if row.right else style.bad(f"\n{'':13}expected: {row.expected or '(nothing)'}")
    if not row.spans_ms:
        return start.rstrip() + expected
    drawn = bar(list(row.spans_ms.values()), style, ms_per_sign=_SUM_MS / _BAR_SIGNS, width=_BAR_SIGNS)
    values = [*row.spans_ms.values(), row.last_word_to_text_ms, row.end_to_text_ms]
    return start + drawn + _numbers([_ms(value) for value in values]) + expected


def _numbers(cells: Sequence[str]) -> str:
    """Return the six columns of milliseconds."""
    return "".join(cell.rjust(width) for cell, width in zip(cells, (8, 7, 6, 7, 11, 10), strict=True))


def _ms(value: float | None) -> str:
    return MISSING if value is None else f"{value:.0f}"


def spans_figures(rows: Sequence[Row]) -> dict[str, Figure | None]:
    """Return each span's figure over the turns that had speech, and the two headline figures."""
    spoken = [row for row in rows if row.spans_ms]
    figures = {name: Figure.of(row.spans_ms[name] / 1000 for row in spoken) for name in BUDGET_MS}
    for name in ("last_word_to_text_ms", "end_to_text_ms"):
        values = [value for row in spoken if (value := getattr(row, name)) is not None]
        figures[name.removesuffix("_ms")] = Figure.of(value / 1000 for value in values)
    return figures


def summary(rows: Sequence[Row]) -> dict[str, object]:
    """Return the demonstration's last JSON object."""
    figures = {name: figure and dataclasses.asdict(figure) for name, figure in spans_figures(rows).items()}
    return {"rows": len(rows), "right": sum(row.right for row in rows), "latency": figures, "budget_ms": BUDGET_MS}


def closing(rows: Sequence[Row], style: Style) -> str:
    """Return what stands below the rows: each column's figures against the budget, and the verdict."""
    figures = list(spans_figures(rows).values())
    label = 13 + _HEARD + 9 + 4 + 3
    limits = [*map(str, BUDGET_MS.values()), str(_SUM_MS), ""]
    lines = [
        f"{name:>{label + _BAR_SIGNS}} {_numbers(cells)}".rstrip()
        for name, cells in (
            ("p50", [_ms(figure.p50_ms if figure else None) for figure in figures]),
            ("p95", [_ms(figure.p95_ms if figure else None) for figure in figures]),
            ("budget", limits),
        )
    ]
    right = sum(row.right for row in rows)
    verdict = f"{right} of {len(rows)} as they should be"
    return "\n" + style.faint("\n".join(lines)) + "\n\n  " + (style.good if right == len(rows) else style.bad)(verdict)
