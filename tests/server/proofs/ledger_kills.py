"""Processes that open ledger rows are killed at random moments: one line of JSON.

Long form: `python -m tests.server.proofs.ledger_kills [--times 200]`. All of them share one file. A row whose `open`
had returned must be there, no day and no month may pass its cap, and the snapshots must be whole.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from wyoming_server.errors import CapReachedError
from wyoming_server.pipeline.lanes import Upload
from wyoming_server.pipeline.policy import Trust
from wyoming_server.records.caps import LedgerSettings
from wyoming_server.records.ledger import INTERRUPTED, EgressLedger
from wyoming_server.records.snapshots import Snapshots
from wyoming_server.records.store import opened_store

FIRST_DAY = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
CAPS = LedgerSettings(cloud_seconds_per_day=200.0, cloud_money_per_month=40.0, hedge_seconds_per_day=30.0)
LONGEST_LIFE_SECONDS = 0.4
"""A process is killed within this time after its first row."""
AT_ONCE = 4
ALLOWED = 1e-3
"""Of rounding, in sums of many rows."""


async def busy(path: Path, seed: int) -> None:
    """Open and close rows for ever, several at once, and print each number that `open` returned."""
    generator = random.Random(seed)
    now = FIRST_DAY + timedelta(days=generator.randrange(5))
    async with opened_store(path, interval_seconds=0.05) as store:
        ledger, snapshots = await EgressLedger.opened(store, CAPS, lambda: now), Snapshots(store, lambda: now)

        async def upload_for_ever(lane: str) -> None:
            nonlocal now
            while True:
                seconds = generator.uniform(0.1, 4.0)
                reason = generator.choice(("risk", "hedge"))
                upload = Upload(
                    lane=lane,
                    trust=Trust.CLOUD,
                    turn_id=f"{seed}",
                    reason=reason,
                    consent="2026-11-01",
                    seconds=seconds,
                    bytes=1,
                    cost=seconds / 10.0,
                )
                try:
                    number = await ledger.open(upload)
                except CapReachedError:
                    now += timedelta(hours=generator.randrange(12))
                    continue
                print(number, flush=True)
                await asyncio.sleep(generator.random() * 0.002)
                if generator.random() < 0.8:
                    await ledger.close(number, "answered", 0.1)
                await snapshots.save(lane, {"number": number, "filling": ["x" * 100] * generator.randrange(100)})

        await asyncio.gather(*(upload_for_ever(f"lane{n}") for n in range(AT_ONCE)))


def killed(path: Path, generator: random.Random) -> list[int]:
    """Start a process, kill it at some moment, and return the numbers that it had been given."""
    argv = [sys.executable, "-m", __spec__.name, "--busy", str(path), "--seed", f"{generator.randrange(1 << 30)}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            first = process.stdout.readline()
            time.sleep(generator.random() * LONGEST_LIFE_SECONDS)
        finally:
            process.kill()
        lines = (first + process.stdout.read()).splitlines(keepends=True)
    return [int(line) for line in lines if line.endswith("\n")]


async def inspect(path: Path, counts: Counter[str]) -> None:
    """Open the file as the next start does, and count what is wrong with it."""
    now = FIRST_DAY
    async with opened_store(path) as store:
        ledger, snapshots = await EgressLedger.opened(store, CAPS, lambda: now), Snapshots(store, lambda: now)
        counts["rows shown"] += len(await ledger.rows(10))
        for n in range(AT_ONCE):
            found = await store.read(
                lambda connection, n=n: connection.execute(
                    "SELECT 1 FROM snapshot WHERE name = ?", (f"lane{n}",)
                ).fetchone()
            )
            counts["damaged snapshots"] += bool(found) and await snapshots.load(f"lane{n}") is None
            counts["snapshots"] += bool(found)
        counts["damaged files"] += bool(list(path.parent.glob("*damaged*")))
        counts["damaged files"] += (
            await store.read(lambda one: one.execute("PRAGMA integrity_check").fetchone()[0]) != "ok"
        )


def passed(path: Path) -> int:
    """Return how many days and months have more than their cap."""
    most = [
        ("SELECT sum(seconds) FROM upload GROUP BY day", CAPS.cloud_seconds_per_day),
        ("SELECT sum(seconds) FROM upload WHERE reason = 'hedge' GROUP BY day", CAPS.hedge_seconds_per_day),
        ("SELECT sum(cost) FROM upload GROUP BY substr(day, 1, 7)", CAPS.cloud_money_per_month),
    ]
    with closing(sqlite3.connect(path)) as connection:
        return sum(used > cap + ALLOWED for query, cap in most for (used,) in connection.execute(query))


def prove(folder: Path, *, times: int, seed: int) -> Counter[str]:
    """Kill so many processes."""
    generator = random.Random(seed)
    path = folder / "edge-voice.sqlite"
    counts = Counter[str]({"rows lost": 0, "caps passed": 0, "left under way": 0, "damaged snapshots": 0})
    for _ in range(times):
        numbers = killed(path, generator)
        counts["kills"] += 1
        counts["rows"] += len(numbers)
        asyncio.run(inspect(path, counts))
        with closing(sqlite3.connect(path)) as connection:
            there = {number for (number,) in connection.execute("SELECT number FROM upload")}
            counts["left under way"] += ended(connection, "")
            counts["interrupted"] = ended(connection, INTERRUPTED)
        counts["rows lost"] += len(set(numbers) - there)
        counts["caps passed"] += passed(path)
    return counts


def ended(connection: sqlite3.Connection, ending: str) -> int:
    """Return how many rows ended so."""
    return int(connection.execute("SELECT count(*) FROM upload WHERE ending = ?", (ending,)).fetchone()[0])


def main() -> int:
    """Print the counts; return 1 when a row was lost, a cap was passed or a file was damaged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--busy", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.busy:
        asyncio.run(busy(arguments.busy, arguments.seed))
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        counts = prove(Path(folder), times=arguments.times, seed=arguments.seed)
    print(json.dumps({"seconds": round(time.monotonic() - start_s)} | dict(sorted(counts.items()))))
    wrong = ("rows lost", "caps passed", "left under way", "damaged snapshots", "damaged files")
    return int(any(counts[name] for name in wrong))


if __name__ == "__main__":
    sys.exit(main())
