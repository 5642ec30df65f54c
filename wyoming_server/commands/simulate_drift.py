"""Run the drift watch on made-up homes, and hold it to what it promises: rare false alarms, and soon enough."""

import argparse
import asyncio
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..errors import DiskError
from ..settings import Settings
from .report import MISSING, Style, print_json, table
from .simulate_drift_plot import plot
from .simulate_drift_run import CASES, HORIZON, MOST_DELAY, RUN_LENGTH, STEADY_BEFORE, Result, simulate
from .whole_file import write_whole

_LEAST_HOMES, _LEAST_TURNS = 10, 500
_HEAD = ("what changes", "homes", "to a false alarm", "between them", "told after", "nine in ten", "told first")
_PROMISED = (
    f"All metrics of a language together. Promised: where nothing changes, {RUN_LENGTH} turns to a false alarm and\n"
    "between two, on average, of turns that stand for themselves; where the hub comes to be unsure of 40 % instead of\n"
    f"25 %, half of the homes are told within {MOST_DELAY} turns. The rest is as it comes out."
)


class _CancelledError(Exception):
    """The work is not wanted any more."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw false alarms and delays")
    parser.add_argument("--homes", type=_at_least(_LEAST_HOMES), default=400, metavar="N", help="homes (400)")
    parser.add_argument(
        "--turns",
        type=_at_least(_LEAST_TURNS),
        default=RUN_LENGTH,
        metavar="N",
        help=f"turns of each home where nothing changes, and at most where something does ({RUN_LENGTH})",
    )
    parser.add_argument("--seed", type=_at_least(0), default=1, metavar="N", help="which homes (1)")


async def run(arguments: argparse.Namespace, _settings: Settings) -> int:
    """Simulate, print and draw; return 0 when what is promised was held, 1 when it was not."""
    if arguments.plot and (arguments.plot.is_dir() or not arguments.plot.parent.is_dir()):
        raise DiskError(f"'{arguments.plot}' cannot be written: name a file in a folder that exists")
    cancelled = threading.Event()
    simulating = asyncio.get_running_loop().run_in_executor(
        None, _simulated, arguments.homes, arguments.turns, arguments.seed, cancelled
    )
    try:
        results = await asyncio.shield(simulating)
    finally:
        cancelled.set()
    if arguments.plot:
        await asyncio.to_thread(write_whole, arguments.plot, plot(results, arguments.seed))
    if arguments.json:
        print_json({"cases": [as_json(one) for one in results], "held": held(results)})
    else:
        print(shown(results, Style.of(sys.stdout)))
    return 0 if held(results) else 1


def held(results: Sequence[Result]) -> bool:
    """Tell whether every case is within what is promised for it."""
    return not any(one.misses for one in results)


def as_json(one: Result) -> dict[str, Any]:
    """Return a case's figures."""
    return {
        "name": one.case.name,
        "homes": one.homes,
        "turns": one.turns,
        "run_length": None if one.run_length is None else round(one.run_length),
        "turns_per_false_alarm": None if one.between is None else round(one.between),
        "median_delay": one.delay,
        "late_delay": one.late_delay,
        "told_first": {metric.value: round(share, 3) for metric, share in one.first.items()},
        "promised": one.case.promised,
        "misses": one.misses,
    }


def shown(results: Sequence[Result], style: Style) -> str:
    """Return the results as a table with what it means below it."""
    lines = table([_HEAD, *(_row(one) for one in results)]).splitlines()
    lines[0] = style.strong(lines[0])
    misses = [style.bad(f"{one.case.name}: {miss}") for one in results for miss in one.misses]
    verdict = style.good("All that is promised was held.") if not misses else "\n".join(misses)
    return "\n".join((*lines, "", _PROMISED, verdict))


def _row(one: Result) -> tuple[str, ...]:
    is_steady = one.case.after is None
    none = f"> {one.homes * one.turns}" if is_steady else MISSING
    late = f"> {one.turns}" if not is_steady else MISSING
    return (
        one.case.name,
        str(one.homes),
        none if one.run_length is None else str(round(one.run_length)),
        none if one.between is None else str(round(one.between)),
        late if one.delay is None else str(round(one.delay)),
        late if one.late_delay is None else str(round(one.late_delay)),
        ", ".join(f"{metric.value} {100 * share:.0f} %" for metric, share in list(one.first.items())[:2]) or MISSING,
    )


def _simulated(homes: int, turns: int, seed: int, cancelled: threading.Event) -> list[Result]:
    changing = min(STEADY_BEFORE, turns) + min(HORIZON, turns)
    total = sum(turns if one.after is None else changing + one.creeps for one in CASES)
    hidden = not sys.stderr.isatty()
    with tqdm(desc="simulating", total=total, unit="turn", unit_scale=True, file=sys.stderr, disable=hidden) as bar:

        def after_each() -> None:
            bar.update()
            if cancelled.is_set():
                raise _CancelledError

        return [simulate(case, homes=homes, turns=turns, seed=seed, after_each=after_each) for case in CASES]


def _at_least(least: int) -> Callable[[str], int]:
    """Return a number's reader for argparse, whose refusal names what is allowed."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} up")
        return int(text)

    return read
