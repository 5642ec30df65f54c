"""Roll good and bad bundles out to a made-up fleet, by the functions that publishers and hubs run."""

import argparse
import asyncio
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..bundles.bundle_settings import BundleSettings
from ..errors import DiskError
from ..settings import Settings
from .report import MISSING, Style, print_json, table
from .simulate_fleet import BUNDLES, MadeBundle
from .simulate_rollout_plot import plot
from .simulate_rollout_run import FULL, Outcome, Plan, simulate_rollout
from .whole_file import write_whole

MOST_EXPOSED, MOST_SERVED, MOST_FALSE = 0.12, 0.02, 0.01
"""Promised, with reports: of hubs that get a bundle of twice the failures, of their turns that it answers, and of hubs
that leave a bundle which is as good as the one before."""
_LEAST_HUBS = 1000
_FULL_FLEET = 20_000
"""With fewer hubs the reports of a day hold too little to promise anything."""
_HEAD = (
    "bundle", "reports", "exposed", "answered by it", "of their turns", "strictly", "went back", "paused", "withdrawn",
    "gone", f"{100 * FULL:g} % have it",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    plan = Plan(hubs=100_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw who has each bundle over time")
    parser.add_argument("--hubs", type=_at_least(_LEAST_HUBS), default=plan.hubs, metavar="N", help="hubs (100000)")
    parser.add_argument("--days", type=_at_least(1), default=plan.days, metavar="N", help=f"days ({plan.days})")
    parser.add_argument(
        "--stages",
        type=_percents,
        default=plan.percents,
        metavar="P,…",
        help="percentages one after another (10,50,100)",
    )
    parser.add_argument(
        "--stage-days", type=_at_least(1), default=plan.stage_days, metavar="N",
        help=f"days of a stage ({plan.stage_days}; without reports {plan.blind_days})",
    )  # fmt: skip
    parser.add_argument(
        "--reporting", type=_share, default=plan.reporting, metavar="SHARE",
        help=f"share of the hubs that report ({plan.reporting:g})",
    )  # fmt: skip
    parser.add_argument("--seed", type=_at_least(0), default=plan.seed, metavar="N", help="which fleet (1)")


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Simulate, print and draw; return 0 when what is promised was held, 1 when it was not."""
    if arguments.plot and (arguments.plot.is_dir() or not arguments.plot.parent.is_dir()):
        raise DiskError(f"'{arguments.plot}' cannot be written: name a file in a folder that exists")
    plan = Plan(
        hubs=arguments.hubs,
        days=arguments.days,
        percents=arguments.stages,
        stage_days=arguments.stage_days,
        reporting=arguments.reporting,
        seed=arguments.seed,
    )
    outcomes = await _simulated(plan, settings.bundles)
    if arguments.plot:
        await asyncio.to_thread(write_whole, arguments.plot, plot(plan, outcomes))
    if arguments.json:
        print_json(as_json(plan, outcomes))
    else:
        print(shown(plan, outcomes, Style.of(sys.stdout)))
    return 0 if not misses(plan, outcomes) else 1


def misses(plan: Plan, outcomes: Sequence[Outcome]) -> list[str]:
    """Return what is promised and not held, as sentences."""
    found = []
    for one in outcomes:
        if one.bundle.is_good and one.left > MOST_FALSE * max(1, one.exposed):
            found.append(f"{one.left} of {one.exposed} hubs left a bundle that is as good as the one before")
        if one.bundle.name != "bad" or not one.with_reports or plan.hubs < _FULL_FLEET:
            continue
        if one.exposed_share > MOST_EXPOSED:
            found.append(f"a bad bundle reached {100 * one.exposed_share:.1f} % of the hubs")
        if one.served_share_heard > MOST_SERVED:
            found.append(
                f"a bad bundle answered {100 * one.served_share_heard:.1f} % of the turns of hubs that heard it"
            )
    return found


def as_json(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the outcomes as one JSON object."""
    return {
        "hubs": plan.hubs,
        "days": plan.days,
        "stages": list(plan.percents),
        "reporting": plan.reporting,
        "seed": plan.seed,
        "bundles": [_outcome(one) for one in outcomes],
        "held": not misses(plan, outcomes),
    }


def shown(plan: Plan, outcomes: Sequence[Outcome], style: Style) -> str:
    """Return the outcomes as a table with what it means below it."""
    lines = table([_HEAD, *(_row(one) for one in outcomes)]).splitlines()
    lines[0] = style.strong(lines[0])
    broken = [style.bad(one) for one in misses(plan, outcomes)]
    verdict = style.good("What is promised was held.") if not broken else "\n".join(broken)
    return "\n".join((*lines, "", _legend(plan), verdict))


def _legend(plan: Plan) -> str:
    return (
        f"{plan.hubs} hubs, {100 * plan.reporting:g} % of which report where there are reports; days since the first\n"
        "could have it. exposed: took it up, heard or unheard. answered by it: hubs of which it answered any turn.\n"
        "of their turns: what it answered of all turns of the exposed hubs while they had it; strictly: of those hubs\n"
        "alone that it answered at all. went back: by their own figures. gone: no hub has it any more; the last ones\n"
        "were offline."
    )


def _row(one: Outcome) -> tuple[str, ...]:
    return (
        one.bundle.name,
        "a day late" if one.with_reports else "none",
        f"{one.exposed} ({100 * one.exposed_share:.1f} %)",
        str(one.heard),
        f"{100 * one.served_share:.2f} %",
        f"{100 * one.served_share_heard:.2f} %",
        str(one.left),
        *(_day(day) for day in (one.paused_day, one.withdrawn_day, one.gone_day, one.full_day)),
    )


def _day(day: float | None) -> str:
    return MISSING if day is None else f"{day:g} d"


def _outcome(one: Outcome) -> dict[str, Any]:
    return {
        "name": one.bundle.name,
        "reports": one.with_reports,
        "exposed": one.exposed,
        "exposed_share": round(one.exposed_share, 5),
        "heard": one.heard,
        "served_turns": one.served,
        "served_share": round(one.served_share, 5),
        "served_share_heard": round(one.served_share_heard, 5),
        "served_share_all_days": round(one.served_share_all_days, 5),
        "left": one.left,
        "paused_day": one.paused_day,
        "withdrawn_day": one.withdrawn_day,
        "gone_day": one.gone_day,
        "full_day": one.full_day,
        "reason": one.reason,
    }


async def _simulated(plan: Plan, settings: BundleSettings) -> list[Outcome]:
    """Simulate each bundle with reports and without, on all cores: a fleet is too much for one."""
    jobs = [(bundle, reports) for bundle in BUNDLES for reports in (True, False)]
    loop = asyncio.get_running_loop()
    pool = ProcessPoolExecutor(
        min(len(jobs), os.process_cpu_count() or 1), mp_context=multiprocessing.get_context("spawn")
    )
    try:
        running = [loop.run_in_executor(pool, _one, plan, bundle, reports, settings) for bundle, reports in jobs]
        with tqdm(desc="simulating", total=len(jobs), file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
            for done in asyncio.as_completed(running):
                await done
                bar.update()
        return [one.result() for one in running]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _one(plan: Plan, bundle: MadeBundle, with_reports: bool, settings: BundleSettings) -> Outcome:
    return simulate_rollout(plan, bundle, with_reports=with_reports, settings=settings)


def _at_least(least: int) -> Callable[[str], int]:
    """Return a number's reader for argparse, whose refusal names what is allowed."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} up")
        return int(text)

    return read


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no share from 0 to 1")
    return share


def _percents(text: str) -> tuple[float, ...]:
    try:
        percents = tuple(float(one) for one in text.split(","))
    except ValueError:
        percents = ()
    if not percents or any(not 0.0 < one <= 100.0 for one in percents) or list(percents) != sorted(percents):
        raise argparse.ArgumentTypeError(f"{text!r} are no growing percentages such as 10,50,100")
    return percents
