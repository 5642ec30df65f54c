"""Make every fault at every moment of a turn, from outside, and print the matrix.

python -m tests.server.benchmarks.at_home tests.home_assistant.fault_matrix [--group model] [--cells "disk full/idle"]

A cell holds when every turn ended as designed within its budget, the mode was shown, nothing vanished and nothing was
done twice, and all was as before without a hand. Exits with 1 when one does not.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Sequence

from .cell import Cell
from .cells import tried
from .designed import designed
from .faults import BY_NAME, FAULTS, MOMENTS
from .house import house

type Wanted = tuple[str, str]


def wanted_of(groups: Sequence[str], cells: Sequence[str]) -> list[Wanted]:
    """Return (fault, moment) for what was asked for. Raises KeyError for a fault that there is not."""
    if cells:
        pairs = [one.partition("/") for one in cells]
        return [(BY_NAME[fault].name, one) for fault, _, moment in pairs for one in ([moment] if moment else MOMENTS)]
    return [(fault.name, moment) for fault in FAULTS if not groups or fault.group in groups for moment in MOMENTS]


async def worked_off(name: str, waiting: list[Wanted], done: list[Cell], *, with_home_assistant: bool) -> None:
    """Try cells in a house, in another one after each that did not hold, until none is left."""
    while waiting:
        async with house(name, with_home_assistant=with_home_assistant) as one:
            while waiting:
                fault, moment = waiting.pop()
                cell = await tried(one, BY_NAME[fault], moment)
                done.append(cell)
                print(_line(cell), file=sys.stderr, flush=True)
                if cell.wrong:
                    print(one.hub.said()[-3000:], one.said()[-3000:], file=sys.stderr, flush=True)
                    break


async def matrix(wanted: list[Wanted], *, seed: int, jobs: int, with_home_assistant: bool = True) -> list[Cell]:
    """Try all cells, in an order that the seed gives."""
    waiting, done = list(wanted), list[Cell]()
    random.Random(seed).shuffle(waiting)
    waiting.sort(key=lambda one: designed(*one).heals_s)  # the longest first, as they are taken from the end
    async with asyncio.TaskGroup() as tasks:
        for job in range(min(jobs, len(waiting))):
            tasks.create_task(
                worked_off("abcdefgh"[job] * (job + 1), waiting, done, with_home_assistant=with_home_assistant)
            )
    return done


def _line(cell: Cell) -> str:
    turns = ", ".join(f"{when} {got.kind} {got.code or got.text} {got.late_s:.2f} s" for when, got in cell.turns)
    state = f"skipped: {cell.skipped}" if cell.skipped else "; ".join(cell.wrong) or "held"
    more = f"{turns}; {cell.mode}; {cell.request}; healed {cell.heals_s:.1f} s; {cell.seconds:.0f} s"
    return f"{cell.fault} / {cell.moment}: {state} [{more}]"


def _shown(cell: Cell | None) -> str:
    if cell is None:
        return ""
    if cell.skipped:
        return "skipped"
    return "DIFFERS" if cell.wrong else f"held {cell.late_s:.1f}, {cell.heals_s:.0f}"


def table(done: list[Cell]) -> str:
    """Return the matrix: for each cell the seconds of its longest turn, and those that it took to heal."""
    found = {(one.fault, one.moment): one for one in done}
    rows: list[tuple[str, ...]] = [("", *MOMENTS)]
    names = [one.name for one in FAULTS if any(fault == one.name for fault, _ in found)]
    rows += [(name, *(_shown(found.get((name, moment))) for moment in MOMENTS)) for name in names]
    widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
    return "\n".join("".join(one.ljust(width) for one, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", nargs="*", default=[], choices=("model", "cloud", "host"))
    parser.add_argument("--cells", nargs="*", default=[], metavar="FAULT/MOMENT", help="a moment left out: all of them")
    parser.add_argument("--jobs", type=int, default=3, help="houses side by side")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-home-assistant", action="store_true")
    given = parser.parse_args()
    wanted = wanted_of(given.group, given.cells)
    done = asyncio.run(
        matrix(wanted, seed=given.seed, jobs=given.jobs, with_home_assistant=not given.without_home_assistant)
    )
    print(table(done))
    tried_ones = [one for one in done if not one.skipped]
    print(f"\ncells: {len(tried_ones)}, held: {sum(not one.wrong for one in tried_ones)}")
    print(f"skipped: {len(done) - len(tried_ones)}")
    print(
        f"longest from the last voiced sample to text or error, s: {max((one.late_s for one in tried_ones), default=0)}"
    )
    print(f"longest to heal, s: {max((one.heals_s for one in tried_ones), default=0):.1f}")
    for one in done:
        for what in (one.wrong, [f"skipped: {one.skipped}"] if one.skipped else []):
            print("".join(f"{one.fault} / {one.moment}: {line}\n" for line in what), end="")
    return int(any(one.wrong for one in done))


if __name__ == "__main__":
    sys.exit(main())
