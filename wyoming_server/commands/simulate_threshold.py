"""Run the server's own learning on made-up streams, and hold it to what it promises."""

import argparse
import asyncio
import sys
import threading
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..errors import DiskError
from ..settings import Settings
from .report import MISSING, Style, print_json, table
from .simulate_plot import plot
from .simulate_run import ESCALATION_SLACK, RECOVERED, WINDOW, StreamResult, simulate
from .simulate_streams import LONG, RECOVERS_WITHIN, STREAMS, TARGET, Stream
from .whole_file import write_whole

_LEAST_TURNS = 1000
_PROMISED = (
    f"Target {100 * TARGET:g} %. Promised: error at most the bound + 3 σ; escalation at most the oracle's + "
    f"{100 * ESCALATION_SLACK:g} points,\nat the server's own rate of audits; a window of {WINDOW} turns back under "
    f"{100 * RECOVERED:g} % within {RECOVERS_WITHIN} turns of a lasting change.\n"
    "Without audits nothing is promised; fewer seeds or turns than by default show the error's bound alone."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw error and escalation over time")
    parser.add_argument("--seeds", type=_at_least(1), default=10, metavar="N", help="runs of each stream (10)")
    parser.add_argument(
        "--turns",
        type=_at_least(_LEAST_TURNS),
        default=LONG,
        metavar="N",
        help=f"length of the long streams ({LONG}); the short ones keep their share of it",
    )


async def run(arguments: argparse.Namespace, _settings: Settings) -> int:
    """Simulate, print and draw; return 0 when every stream held, 1 when one did not."""
    # Said before a minute's work, not after.
    if arguments.plot and (arguments.plot.is_dir() or not arguments.plot.parent.is_dir()):
        raise DiskError(f"'{arguments.plot}' cannot be written: name a file in a folder that exists")
    streams = [one.short(arguments.turns) for one in STREAMS]
    cancelled = threading.Event()
    simulating = asyncio.get_running_loop().run_in_executor(None, _simulated, streams, arguments.seeds, cancelled)
    try:
        results = await asyncio.shield(simulating)
    finally:
        cancelled.set()  # Ctrl-C: the thread ends after the seed that it is at
    if arguments.plot:
        await asyncio.to_thread(write_whole, arguments.plot, plot(results))
    if arguments.json:
        print_json(as_json(results))
    else:
        print(shown(results, Style.of(sys.stdout)))
    return 0 if held(results) else 1


def held(results: Sequence[StreamResult]) -> bool:
    """Tell whether every stream is within what is promised for it."""
    return not any(one.misses for one in results)


def as_json(results: Sequence[StreamResult]) -> dict[str, Any]:
    """Return the results as one JSON object."""
    return {"target_error": TARGET, "streams": [_stream(one) for one in results], "held": held(results)}


def shown(results: Sequence[StreamResult], style: Style) -> str:
    """Return the results as a table with what it means below it."""
    head = ("stream", "turns", "error, %", "bound", "3 σ", "escalated, %", "oracle", "recovered after")
    lines = table([head, *(_row(one) for one in results)]).splitlines()
    lines[0] = style.strong(lines[0])
    misses = [style.bad(f"{one.stream.name}: {miss}") for one in results for miss in one.misses]
    verdict = style.good("All streams held.") if not misses else "\n".join(misses)
    return "\n".join((*lines, "", _PROMISED, verdict))


def _row(one: StreamResult) -> tuple[str, ...]:
    return (
        one.stream.name,
        str(one.stream.turns),
        f"{100 * one.error:.2f}",
        MISSING if one.bound is None else f"{100 * one.bound:.2f}",
        MISSING if one.bound is None else f"{300 * one.sigma:.2f}",
        f"{100 * one.escalation:.1f}",
        f"{100 * one.oracle_escalation:.1f}",
        MISSING if one.recovery_turns is None else str(one.recovery_turns),
    )


def _stream(one: StreamResult) -> dict[str, Any]:
    return {
        "name": one.stream.name,
        "turns": one.stream.turns,
        "seeds": one.seeds,
        "error": round(one.error, 5),
        "error_deviation": round(one.deviation, 5),
        "estimated_error": round(one.estimated, 5),
        "bound": None if one.bound is None else round(one.bound, 5),
        "sigma": None if one.bound is None else round(one.sigma, 5),
        "escalation": round(one.escalation, 4),
        "oracle_escalation": round(one.oracle_escalation, 4),
        "recovery_turns": one.recovery_turns,
        "first_400_error": round(one.first_error, 5),
        "guaranteed": one.bound is not None,
        "judged": ["error", "escalation", "recovery_turns"] if one.is_full else ["error"],
        "misses": one.misses,
    }


def _simulated(streams: Sequence[Stream], seeds: int, cancelled: threading.Event) -> list[StreamResult]:
    hidden = not sys.stderr.isatty()
    total = seeds * sum(one.turns for one in streams)
    with tqdm(desc="simulating", total=total, unit="turn", unit_scale=True, file=sys.stderr, disable=hidden) as bar:

        def after_each(stream: Stream) -> None:
            bar.update(stream.turns)

        results = []
        for stream in streams:
            if cancelled.is_set():
                break
            chosen = takewhile(lambda seed: not (seed and cancelled.is_set()), range(seeds))
            results.append(simulate(stream, chosen, after_each))
        return results


def _at_least(least: int) -> Callable[[str], int]:
    """Return a number's reader for argparse, whose refusal names what is allowed."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} up")
        return int(text)

    return read
