"""The sums of each of the home's days, which outlive its turns.

Each turn is counted into its day exactly once: it says so itself (`summed`). So sums may be made at any time, twice,
after days without power, and under a clock that jumps, and stay right; what is asked for over some days is the sums of
these, and the turns that are in none yet.
"""

import datetime as dt
import json
import sqlite3
from collections import Counter
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from .store import Store
from .turn_sums import COUNTS, SPANS, Cell, Cells, Sums, Totals, add_cells, cells_of, totals_of
from .turns import OTHER

SLICE = 200
"""Turns that are summed in one transaction: a few milliseconds."""
MOST_CELLS = 48
"""Of a day; whoever is allowed in may name any language."""
ALL: Cell = ("", "")
"""The cell of a day altogether: it has `Totals`, and no times."""
_INSERT = "INSERT INTO day_sum (day, language, microphone_class, figures, times) VALUES (?, ?, ?, ?, ?)"


def sums_between(first: dt.date, last: dt.date, connection: sqlite3.Connection) -> dict[dt.date, Cells]:
    """Return each day's cells, of the home's days from the first to the last that have turns."""
    found: dict[dt.date, Cells] = {}
    for day, language, microphone, figures, times in connection.execute(
        "SELECT day, language, microphone_class, figures, times FROM day_sum"
        " WHERE day BETWEEN ? AND ? AND microphone_class <> ''",
        (f"{first}", f"{last}"),
    ):
        found.setdefault(dt.date.fromisoformat(day), {})[language, microphone] = _decoded(figures, times)
    for day in _open_days(first, last, connection):
        add_cells(cells_of(connection, day=f"{day}"), found.setdefault(day, {}))
    return dict(sorted(found.items()))


def days_between(first: dt.date, last: dt.date, connection: sqlite3.Connection) -> dict[dt.date, Totals]:
    """Return each day that has turns; of days that are summed, this reads a small row."""
    found = {
        dt.date.fromisoformat(day): _day_read(figures)
        for day, figures in connection.execute(
            "SELECT day, figures FROM day_sum WHERE day BETWEEN ? AND ? AND microphone_class = ''",
            (f"{first}", f"{last}"),
        )
    }
    for day in _open_days(first, last, connection):
        found[day] = totals_of(sums_between(day, day, connection)[day].values())
    return dict(sorted(found.items()))


async def sum_up(store: Store, *, before: dt.date) -> int:
    """Sum up all days before one that have turns in no sum yet; return how many turns that were. Raises DiskError."""
    total = 0
    while turns := await store.write(partial(sum_slice, before)):
        total += turns
    return total


def sum_slice(before: dt.date, connection: sqlite3.Connection) -> int:
    """Count up to SLICE turns of one day into its sums; return how many, 0 when none is left before that day."""
    (day,) = connection.execute("SELECT min(day) FROM turn WHERE NOT summed AND day < ?", (f"{before}",)).fetchone()
    if day is None:
        return 0
    (last,) = connection.execute(
        "SELECT max(number) FROM (SELECT number FROM turn WHERE NOT summed AND day = ? ORDER BY number LIMIT ?)",
        (day, SLICE),
    ).fetchone()
    cells = cells_of(connection, day=day, last=last)
    for language, microphone, figures, times in connection.execute(
        "SELECT language, microphone_class, figures, times FROM day_sum WHERE day = ? AND microphone_class <> ''",
        (day,),
    ):
        add_cells({(language, microphone): _decoded(figures, times)}, cells)
    cells = _bounded(cells)
    connection.execute("DELETE FROM day_sum WHERE day = ?", (day,))
    connection.executemany(_INSERT, [(day, *cell, *_encoded(sums)) for cell, sums in cells.items()])
    connection.execute(_INSERT, (day, *ALL, _day_written(totals_of(cells.values())), b""))
    return connection.execute(
        "UPDATE turn SET summed = 1 WHERE NOT summed AND day = ? AND number <= ?", (day, last)
    ).rowcount


def _open_days(first: dt.date, last: dt.date, connection: sqlite3.Connection) -> list[dt.date]:
    """Return the days with turns that are in no sum yet."""
    found = connection.execute(
        "SELECT DISTINCT day FROM turn WHERE NOT summed AND day BETWEEN ? AND ?", (f"{first}", f"{last}")
    )
    return [dt.date.fromisoformat(day) for (day,) in found]


def _bounded(cells: Cells) -> Cells:
    """Return so many cells at most: languages with the fewest turns are put together as others."""
    if len(cells) <= MOST_CELLS:
        return cells
    room = MOST_CELLS - len({microphone for _, microphone in cells})
    ranked = sorted(cells, key=lambda cell: cells[cell].turns, reverse=True)
    kept: Cells = {cell: cells[cell] for cell in ranked[:room]}
    for cell in ranked[room:]:
        add_cells({(OTHER, cell[1]): cells[cell]}, kept)
    return kept


def _encoded(sums: Sums) -> tuple[str, bytes]:
    """Return a cell's two columns."""
    figures = {
        **{name: value for name in COUNTS if (value := round(getattr(sums, name), 8))},
        "pairs": [[chance, int(differs), turns] for (chance, differs), turns in sums.pairs.items()],
        "models": [[model, turns, first_ms] for model, (turns, first_ms) in sums.models.items()],
    }
    return json.dumps(figures, separators=(",", ":")), np.sort(sums.times, axis=1).astype("<u4").tobytes()


def _decoded(figures: str, times: bytes) -> Sums:
    found = json.loads(figures)
    pairs = Counter({(chance, bool(differs)): turns for chance, differs, turns in found.pop("pairs")})
    models = {model: (turns, first_ms) for model, turns, first_ms in found.pop("models")}
    tenths = np.frombuffer(times, dtype="<u4").reshape(len(SPANS), -1)
    return Sums(**found, pairs=pairs, models=models, times=tenths)


def _day_written(day: Totals) -> str:
    return json.dumps(asdict(day), separators=(",", ":"))


def _day_read(figures: str) -> Totals:
    found: dict[str, Any] = json.loads(figures)
    for spread in ("last_word_to_text_ms", "end_to_text_ms"):
        found[spread] = tuple(found[spread])
    return Totals(**found)
