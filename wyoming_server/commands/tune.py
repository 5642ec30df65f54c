"""Measure this machine and choose the model, threads and context that fit it."""

import argparse
import asyncio
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import psutil
from tqdm import tqdm

from ..bundles.choice import BUDGET_MS, NEEDED_MEMORY_MB, Choice, Measurement, choose
from ..bundles.tuned import CHOICE_FILE, write_choice
from ..engines.measure_whisper import COMMAND_SECONDS, TOKENS, measure_machine
from ..recogniser import cores, english_only
from ..settings import Settings
from .report import print_json, table
from .settings_file import Value, amend

_BUSY_PERCENT = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="settings file that gets the choice, made if need be; the one of --config by default, "
        "or else the data folder, where `serve` looks when no model is set",
    )
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure, print and write; return the exit status."""
    _warn_if_busy()
    cancelled = threading.Event()
    measuring = asyncio.get_running_loop().run_in_executor(None, _measured, cancelled)
    try:
        measurements = await asyncio.shield(measuring)
    finally:
        cancelled.set()  # Ctrl-C: the thread ends after the measurement that it is at
    memory_bytes = psutil.virtual_memory().available
    choice = choose(measurements, memory_bytes, english_only=english_only(settings))
    written = None if arguments.dry_run else await asyncio.to_thread(_write, arguments, settings, choice)
    if arguments.json:
        print_json(_result(measurements, memory_bytes, choice, written))
    else:
        print(_shown(measurements, choice))
        print(f"Written to {written}" if written else "Nothing was written")
    return 0


def _measured(cancelled: threading.Event) -> list[Measurement]:
    with tqdm(desc="measuring", total=100, unit="%", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:

        def show(share: float) -> None:
            bar.update(round(100 * share) - bar.n)

        return measure_machine(cores(), show, cancelled)


def _warn_if_busy() -> None:
    busy = psutil.cpu_percent(interval=0.5)
    if busy > _BUSY_PERCENT:
        print(
            f"The processor is {busy:.0f} % busy with other work, so these figures are too slow; "
            "stop what can be stopped and run this again",
            file=sys.stderr,
        )


def _write(arguments: argparse.Namespace, settings: Settings, choice: Choice) -> Path:
    """Write the choice where `serve` will read it, and return that file."""
    file: Path | None = arguments.write or arguments.config
    if file is None:
        file = Path(settings.server.data_dir) / CHOICE_FILE
        write_choice(file, choice)
    else:
        values: dict[str, Value] = {
            "model": choice.model,
            "threads": choice.threads,
            "context_floor_frames": choice.context_floor_frames,
        }
        amend(file, "asr", values)
    return file


def _result(
    measurements: Sequence[Measurement], memory_bytes: int, choice: Choice, written: Path | None
) -> dict[str, object]:
    return {
        "cores": cores(),
        "free_memory_mb": memory_bytes >> 20,
        "budget_ms": BUDGET_MS,
        "measurements": [asdict(one) for one in measurements],
        "choice": asdict(choice),
        "written": str(written) if written else None,
    }


def _shown(measurements: Sequence[Measurement], choice: Choice) -> str:
    head = ("model", "threads", "context, frames at least", "median, ms", "p95, ms", "memory, MB")
    rows = [
        (
            one.model,
            str(one.threads),
            str(one.context_floor_frames),
            f"{one.p50_ms:.0f}",
            f"{one.p95_ms:.0f}",
            str(NEEDED_MEMORY_MB[one.model]),
        )
        for one in measurements
    ]
    said = choice.reason[0].upper() + choice.reason[1:]
    return (
        f"A command of {COMMAND_SECONDS} s with {TOKENS} tokens, from samples to text\n{table([head, *rows])}\n"
        f"Chosen: {choice.model}, threads: {choice.threads}, at least {choice.context_floor_frames} frames. {said}."
    )
