"""How long an upload waits for its row in the ledger: alone, while batches are written, and after a sync.

    python -m tests.server.benchmarks.ledger [--rows 300] [--folder DIR]

The last line is one JSON object, in milliseconds. The folder decides which disk is measured.
"""

import argparse
import asyncio
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from wyoming_server.pipeline.lanes import Upload
from wyoming_server.pipeline.policy import Trust
from wyoming_server.records.caps import LedgerSettings
from wyoming_server.records.ledger import EgressLedger
from wyoming_server.records.snapshots import Snapshots
from wyoming_server.records.store import Store, opened_store

CAPS = LedgerSettings(cloud_seconds_per_day=86_400, cloud_money_per_month=10_000)
PAUSE_SECONDS = 0.05
"""As between two turns, in which the disk is written to."""


def _upload() -> Upload:
    return Upload(
        lane="openai",
        trust=Trust.CLOUD,
        turn_id="0123456789abcdef",
        reason="risk",
        consent="2026-11-01",
        seconds=2.5,
        bytes=80_044,
        cost=0.000_25,
    )


def _month_of_rows(connection: sqlite3.Connection) -> None:
    """A busy home's month: 100 uploads a day."""
    connection.executemany(
        "INSERT INTO upload (at_utc, day, lane, turn_id, reason, consent, seconds, bytes, cost, currency, ending)"
        " VALUES (?, ?, 'openai', 'x', 'risk', '2026-11-01', 2.5, 80044, 0.00025, 'EUR', 'answered')",
        [(f"{day}", f"{datetime.now(UTC):%Y-%m}-{day % 28 + 1:02}") for day in range(3000)],
    )


async def _timed(ledger: EgressLedger, rows: int, pause_s: float, between: Callable[[], None]) -> list[float]:
    took: list[float] = []
    for _ in range(rows):
        between()
        start_s = time.perf_counter()
        number = await ledger.open(_upload())
        took.append(1000.0 * (time.perf_counter() - start_s))
        await ledger.close(number, "answered", 0.3)
        await asyncio.sleep(pause_s)
    return took


async def _empty_jobs(store: Store, rows: int) -> list[float]:
    """What the way to the writer's thread and back takes on this machine, now."""
    took: list[float] = []
    for _ in range(rows):
        start_s = time.perf_counter()
        await store.write(lambda connection: None, urgent=True)
        took.append(1000.0 * (time.perf_counter() - start_s))
    return took


def _figures(took: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(took, n=100)
    return {
        name: round(value, 2)
        for name, value in {"median": cuts[49], "p95": cuts[94], "p99": cuts[98], "most": max(took)}.items()
    }


def _many_records(store: Store) -> None:
    """500 rows that can wait: days of turns at once."""
    for number in range(500):
        store.later(partial(_record, number))
    store.later(lambda connection: None, soon=True)


def _record(number: int, connection: sqlite3.Connection) -> None:
    connection.execute("INSERT OR REPLACE INTO snapshot VALUES (?, 'x', 'y', ?)", (f"turn{number % 5000}", "z" * 600))


async def measure(folder: Path, rows: int) -> dict[str, dict[str, float]]:
    """Return the figures of each setting."""
    path, figures = folder / "edge-voice.sqlite", dict[str, list[float]]()
    async with opened_store(path) as store:
        await store.write(_month_of_rows)
        ledger = await EgressLedger.opened(store, CAPS)
        figures["a job that does nothing"] = await _empty_jobs(store, rows)
        figures["one after the other"] = await _timed(ledger, rows, 0.0, lambda: None)
        figures["under 500 waiting records"] = await _timed(ledger, rows, 0.0, partial(_many_records, store))
        state = {"values": [number / 7.0 for number in range(12_000)]}  # 240 kB: nearly the largest
        start_s = time.perf_counter()
        await Snapshots(store, lambda: datetime.now(UTC)).save("largest", state)
        figures["save of the largest snapshot"] = [1000.0 * (time.perf_counter() - start_s)] * 2
    async with opened_store(path, interval_seconds=PAUSE_SECONDS / 3) as store:
        ledger = await EgressLedger.opened(store, CAPS)
        figures["with the disk synced before each"] = await _timed(ledger, rows // 3, PAUSE_SECONDS, lambda: None)
    return {name: _figures(took) for name, took in figures.items()}


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        print(json.dumps(asyncio.run(measure(Path(folder), arguments.rows))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
