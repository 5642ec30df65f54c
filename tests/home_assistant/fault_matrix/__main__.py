"""Make every fault at every moment of a turn, from outside, and print the matrix.

python -m tests.server.benchmarks.at_home tests.home_assistant.fault_matrix [--group model] [--cells "disk full/idle"]

A cell holds when every turn ended as designed within its budget, the mode was shown, nothing vanished and nothing was
done twice, and all was as before without a hand. Exits with 1 when one does not.
"""

import argparse
import asyncio
import functools
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from .cell import Cell
from .faults import FAULTS, MOMENTS
from .house import house
from .matrix import matrix, wanted_of


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


async def _until_stopped[T](work: Coroutine[Any, Any, T]) -> T:
    """Do work; who stops it leaves no mounts and no servers behind."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


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
    open_house = functools.partial(house, with_home_assistant=not given.without_home_assistant)
    done = asyncio.run(_until_stopped(matrix(wanted, open_house, seed=given.seed, jobs=given.jobs)))
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
