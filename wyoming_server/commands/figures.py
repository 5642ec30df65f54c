"""Timed turns → each side's figures and their ratios to the peer's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from .client import Answer
from .recording import Recording, words
from .report import MISSING, Figure, ratio, table


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A server that is measured."""

    name: str
    uri: str
    asked: Mapping[str, Any] = field(default_factory=dict)
    """What goes into transcribe.context.edge_voice."""
    is_peer: bool = False
    pid: int | None = None
    """Its process, when it is on this machine and known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One measured turn."""

    side: str
    file: str
    batch: int
    """Turns of one batch ran at once."""
    text: str = ""
    right: bool | None = None
    """Whether the words are those of the recording; None when they are not known."""
    audio_stop_to_text_ms: float | None = None
    """None when the answer came before audio-stop."""
    last_word_to_text_ms: float | None = None
    spans_ms: Mapping[str, float] = field(default_factory=dict)
    """What the server itself measured."""
    error: str | None = None

    @property
    def answered_early(self) -> bool:
        """Whether the answer came before the client's audio-stop."""
        return self.error is None and self.audio_stop_to_text_ms is None

    @classmethod
    def of(cls, side: Side, recording: Recording, answer: Answer, batch: int) -> Self:
        """Return the turn of an answer."""
        known = recording.text
        return cls(
            side=side.name,
            file=recording.path.name,
            batch=batch,
            text=answer.text,
            right=None if known is None else words(known) == words(answer.text),
            audio_stop_to_text_ms=_ms(answer.stop_to_text_s),
            last_word_to_text_ms=_ms(answer.last_word_to_text_s),
            spans_ms=dict(answer.detail.get("latency_ms") or {}),
        )


METRICS: Mapping[str, str] = {
    "audio_stop_to_text": "audio-stop → text",
    "last_word_to_text": "last voiced sample → text",
    "last_finisher_after_stop": "last finisher, from audio-stop",
    "last_finisher_after_word": "last finisher, from the last voiced sample",
}
"""What is measured, by its key in JSON and its name in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideFigures:
    """What a side measured."""

    side: str
    turns: int
    figures: Mapping[str, Figure | None]
    """By METRICS; None where no turn was measured."""
    ratios: Mapping[str, tuple[float, float] | None]
    """Each figure's median and p95 as shares of the peer's."""
    answered_before_audio_stop: int
    right: int
    known: int
    """How many turns' words were known."""
    failed: int
    resident_mb: float | None = None
    """Memory of its process after the turns."""


def _ms(seconds: float | None) -> float | None:
    """Return milliseconds to a tenth."""
    return None if seconds is None else round(seconds * 1000, 1)


def _figure(values: Iterable[float | None]) -> Figure | None:
    """Return the figure of values in ms."""
    return Figure.of(None if value is None else value / 1000 for value in values)


def last_finishers(turns: Iterable[Timed], measured: str) -> list[float]:
    """Return the largest value of a batch for each batch of several turns that were all measured."""
    batches: dict[int, list[float | None]] = {}
    for turn in turns:
        batches.setdefault(turn.batch, []).append(getattr(turn, measured))
    whole = [[value for value in batch if value is not None] for batch in batches.values() if None not in batch]
    return [max(batch) for batch in whole if len(batch) > 1]


def measured(turns: Sequence[Timed]) -> Mapping[str, Figure | None]:
    """Return the turns' figures by METRICS."""
    return {
        "audio_stop_to_text": _figure(turn.audio_stop_to_text_ms for turn in turns),
        "last_word_to_text": _figure(turn.last_word_to_text_ms for turn in turns),
        "last_finisher_after_stop": _figure(last_finishers(turns, "audio_stop_to_text_ms")),
        "last_finisher_after_word": _figure(last_finishers(turns, "last_word_to_text_ms")),
    }


def figures(
    turns: Sequence[Timed], sides: Sequence[Side], resident_mb: Mapping[str, float | None] = MappingProxyType({})
) -> list[SideFigures]:
    """Return every side's figures, in the order given, with ratios to the peer among them, if any."""
    by_side = {side.name: [turn for turn in turns if turn.side == side.name] for side in sides}
    peer = next((measured(by_side[side.name]) for side in sides if side.is_peer), {})
    rows = []
    for side in sides:
        own = by_side[side.name]
        values = measured(own)
        rows.append(
            SideFigures(
                side=side.name,
                turns=len(own),
                figures=values,
                ratios={key: None if side.is_peer else ratio(values[key], peer.get(key)) for key in METRICS},
                answered_before_audio_stop=sum(turn.answered_early for turn in own),
                right=sum(turn.right is True for turn in own),
                known=sum(turn.right is not None for turn in own),
                failed=sum(turn.error is not None for turn in own),
                resident_mb=resident_mb.get(side.name),
            )
        )
    return rows


def shown(rows: Sequence[SideFigures]) -> str:
    """Return the figures as a table, a column per side; lines that nobody measured are left out."""
    lines = [["", *(row.side for row in rows)]]
    for key, name in METRICS.items():
        lines.append([name, *(_cell(row.figures[key]) for row in rows)])
        lines.append(["  as a share of the peer", *(_share(row.ratios[key]) for row in rows)])
    lines += [
        ["answered before audio-stop", *(f"{row.answered_before_audio_stop} of {row.turns}" for row in rows)],
        ["texts right", *(f"{row.right} of {row.known}" if row.known else MISSING for row in rows)],
        ["resident memory, MB", *(MISSING if row.resident_mb is None else f"{row.resident_mb:.0f}" for row in rows)],
        ["failed", *(str(row.failed) for row in rows)],
    ]
    return table([line for line in lines if any(cell != MISSING for cell in line[1:])])


def _cell(figure: Figure | None) -> str:
    return MISSING if figure is None else str(figure)


def _share(shares: tuple[float, float] | None) -> str:
    return MISSING if shares is None else f"{shares[0]:.2f} / {shares[1]:.2f}"
