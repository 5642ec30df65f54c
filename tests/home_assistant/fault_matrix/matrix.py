"""Cells worked off in houses side by side."""

import asyncio
import random
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from .cell import Cell
from .cells import tried
from .designed import designed
from .faults import BY_NAME, FAULTS, MOMENTS
from .house import House

type Wanted = tuple[str, str]
"""A fault, and a moment."""
type Open = Callable[[str], AbstractAsyncContextManager[House]]
"""Has a house of that name."""


def wanted_of(groups: Sequence[str], cells: Sequence[str]) -> list[Wanted]:
    """Return what was asked for. Raises KeyError for a fault that there is not."""
    if cells:
        pairs = [one.partition("/") for one in cells]
        return [(BY_NAME[fault].name, one) for fault, _, moment in pairs for one in ([moment] if moment else MOMENTS)]
    return [(fault.name, moment) for fault in FAULTS if not groups or fault.group in groups for moment in MOMENTS]


async def matrix(wanted: Sequence[Wanted], open_house: Open, *, seed: int = 1, jobs: int = 1) -> list[Cell]:
    """Try all cells, in an order that the seed gives."""
    waiting, done = list(wanted), list[Cell]()
    random.Random(seed).shuffle(waiting)
    waiting.sort(
        key=lambda one: designed(*one).heals_s + designed(*one).shown_s
    )  # the longest first, as they are taken from the end
    async with asyncio.TaskGroup() as tasks:
        for job in range(min(jobs, len(waiting))):
            tasks.create_task(_worked_off(f"{job}", waiting, done, open_house))
    return done


async def _worked_off(name: str, waiting: list[Wanted], done: list[Cell], open_house: Open) -> None:
    """Try cells in a house, in another one after each that did not hold, until none is left."""
    while waiting:
        async with open_house(name) as one:
            while waiting:
                fault, moment = waiting.pop()
                cell = await tried(one, BY_NAME[fault], moment)
                done.append(cell)
                print(_line(cell), file=sys.stderr, flush=True)
                if cell.wrong:
                    print(one.hub.said()[-3000:], one.said()[-3000:], file=sys.stderr, flush=True)
                    break


def _line(cell: Cell) -> str:
    turns = ", ".join(f"{when} {got.kind} {got.code or got.text} {got.late_s:.2f} s" for when, got in cell.turns)
    state = f"skipped: {cell.skipped}" if cell.skipped else "; ".join(cell.wrong) or "held"
    more = f"{turns}; {cell.mode}; {cell.request}; healed {cell.heals_s:.1f} s; {cell.seconds:.0f} s"
    return f"{cell.fault} / {cell.moment}: {state} [{more}]"
