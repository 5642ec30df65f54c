"""A home's year in the records, and how long a real server takes to tell of it.

    python -m tests.server.benchmarks.store_year [--days 365] [--turns 200] [--repeat 20]

Every turn, label, upload, sample of the load and sweep of a year goes through the parts that a server keeps them with,
under a clock of its own; then a real server serves the folder, and each answer is timed by who asks for it over HTTP.
A table, and one line of JSON. Fails above the store's size or an answer's median time.
"""

import argparse
import asyncio
import datetime as dt
import json
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from wyoming_server.commands.report import table
from wyoming_server.control.history import TurnHistory
from wyoming_server.control.privacy import Keeper
from wyoming_server.errors import DiskError
from wyoming_server.pipeline.lanes import Upload
from wyoming_server.pipeline.policy import Trust
from wyoming_server.records.caps import LedgerSettings
from wyoming_server.records.data_keys import DataKeys
from wyoming_server.records.ledger import EgressLedger
from wyoming_server.records.load_samples import EVERY_SECONDS
from wyoming_server.records.snapshots import Snapshots
from wyoming_server.records.store import FILE_NAME, Store, opened_store
from wyoming_server.records.turn_record import TurnRecord
from wyoming_server.resilience.degraded import Condition, Facts, Mode
from wyoming_server.settings import Settings

from ..control.owner import Owner, owner_of
from ..home import home, settings_for_tests
from ..records.made_turns import SATELLITES, day_of_turns, made_labels

MOST_MB = 60.0
MOST_MS = 20.0
PATHS = (
    *("status", "figures?days=1", "figures?days=7", "figures?days=30"),
    *("history?hours=24", "history?hours=48", "history?hours=744", "history?hours=9600"),
    *("records?limit=50", "records?limit=500", f"records?limit=50&satellite={SATELLITES[0]}&language=fr"),
    *("incidents?limit=50", "ledger?limit=100", "kept", "drift", "baseline", "scorecard", "turns?limit=50", "lineage"),
)
DAY = dt.timedelta(days=1)
LEARNED = {"values": [number / 7.0 for number in range(6000)]}
"""As much as a large home has learned of one kind."""


@dataclass(slots=True, kw_only=True)
class Hub:
    """The parts that keep, under one clock that is set by hand."""

    store: Store
    folder: Path
    now: dt.datetime
    clock_s: float = 0.0

    def goes_to(self, at: dt.datetime) -> None:
        """Let time pass."""
        self.clock_s += max(0.0, (at - self.now).total_seconds())
        self.now = max(self.now, at)

    def history(self) -> TurnHistory:
        """Return what keeps turns."""
        chance = random.Random(2)
        return TurnHistory(
            self.store,
            DataKeys(self.folder),
            kept=lambda _turns, _connection: {},
            satellites=lambda: SATELLITES,
            condition=lambda: (Condition(mode=Mode.NORMAL), Facts()),
            load=lambda: {
                "cpu_percent": round(chance.uniform(2, 60), 1),
                "memory_percent": round(chance.uniform(30, 50), 1),
                "memory_mb": 210.0,
                "decode_busy": round(chance.random(), 4),
                "waiting": 0,
                "throttled": False,
            },
            clock=lambda: self.clock_s,
            wall=lambda: self.now,
        )


async def fill(hub: Hub, settings: Settings, first: dt.date, days: int, turns: int) -> None:
    """Live through so many days."""
    chance = random.Random(1)
    history, snapshots = hub.history(), Snapshots(hub.store, lambda: hub.now)
    ledger = await EgressLedger.opened(
        hub.store, LedgerSettings(cloud_seconds_per_day=86_400, cloud_money_per_month=10_000), lambda: hub.now
    )
    keeper = Keeper(
        hub.store, snapshots, hub.folder, settings=lambda: settings, wall=lambda: hub.now, clock=lambda: hub.clock_s
    )
    await keeper.begin()
    for number in range(days):
        day = first + number * DAY
        await _live(hub, history, ledger, chance, day_of_turns(chance, day, turns))
        if number % 3 == 0:
            history.happened("lane", "OpenAI", "'OpenAI' cannot be reached.")
        await snapshots.save("learned", LEARNED)
        await hub.store.flush()
        await keeper.sweep()


async def _live(
    hub: Hub, history: TurnHistory, ledger: EgressLedger, chance: random.Random, turns: Sequence[TurnRecord]
) -> None:
    """Live through a day's turns, with a look at the hub every five minutes."""
    due = hub.now
    for turn in turns:
        while due < turn.at:
            hub.goes_to(due)
            await history.look()
            due += dt.timedelta(seconds=EVERY_SECONDS)
        hub.goes_to(turn.at)
        if turn.uploads:
            await _upload(ledger, turn)
        history.turn(turn, None)
        for label in made_labels(chance, turn):
            history.label(label)


async def _upload(ledger: EgressLedger, turn: TurnRecord) -> None:
    upload = Upload(
        lane=turn.lane,
        trust=Trust.CLOUD,
        turn_id=turn.turn_id,
        reason="risk",
        consent="2026-11-01",
        seconds=turn.cloud_seconds,
        bytes=round(turn.cloud_seconds * 32_000),
        cost=turn.cloud_cost,
    )
    with suppress(DiskError):  # a busy machine's disk may take too long for a row, and then nothing leaves
        await ledger.close(await ledger.open(upload), "answered", 0.4)


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[Owner]:
    """Serve the folder."""
    with home(settings) as one:
        async with owner_of(one) as owner:
            yield owner


async def asked(owner: Owner, repeat: int) -> dict[str, list[float]]:
    """Return how long each answer took, in ms, sorted."""
    for name in SATELLITES:
        await owner.satellite(name)
    took: dict[str, list[float]] = {path: [] for path in PATHS}
    for _ in range(repeat + 1):
        for path in PATHS:
            start_s = time.perf_counter()
            async with owner.http.get(f"/api/v1/{path}") as answer:
                await answer.read()
                answer.raise_for_status()
            took[path].append(1000.0 * (time.perf_counter() - start_s))
    return {path: sorted(times[1:]) for path, times in took.items()}  # the first one imports what it needs


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        settings = settings_for_tests(Path(name), control={"address": "127.0.0.1:0", "announce": False})
        folder = Path(settings.server.data_dir)
        folder.mkdir()
        start_s = time.monotonic()
        rows = asyncio.run(_filled(folder, settings, arguments.days, arguments.turns))
        filled_s = time.monotonic() - start_s
        size_mb = sum(one.stat().st_size for one in folder.glob(f"{FILE_NAME}*")) / 1e6
        took = asyncio.run(_asked(settings, arguments.repeat))
    print(f"{arguments.days} days of {arguments.turns} turns: {size_mb:.1f} MB (goal: {MOST_MB:g}); {rows}\n")
    figures = {path: (times[len(times) // 2], times[-1]) for path, times in took.items()}
    lines = [[path, f"{median:.1f}", f"{most:.1f}"] for path, (median, most) in figures.items()]
    print(table([["GET /api/v1/", "median ms", "most ms"], *lines]))
    slowest = max(median for median, _ in figures.values())
    print(
        json.dumps(
            {
                "days": arguments.days,
                "turns": arguments.turns,
                "filled_s": round(filled_s),
                "mb": round(size_mb, 1),
                "slowest_median_ms": round(slowest, 1),
                "median_ms": {path: round(median, 1) for path, (median, _) in figures.items()},
            }
        )
    )
    return int(size_mb > MOST_MB or slowest > MOST_MS)


async def _filled(folder: Path, settings: Settings, days: int, turns: int) -> dict[str, int]:
    """Fill the store up to yesterday; return how many rows it has of what."""
    now = dt.datetime.now(dt.UTC)
    first = now.date() - days * DAY
    async with opened_store(folder / FILE_NAME) as store:
        hub = Hub(store=store, folder=folder, now=dt.datetime.combine(first, dt.time(), dt.UTC))
        await fill(hub, settings, first, days, turns)
        counts = "SELECT (SELECT count(*) FROM turn), (SELECT count(*) FROM day_sum), (SELECT count(*) FROM upload), "
        counts += "(SELECT count(*) FROM load_sample), (SELECT count(*) FROM incident)"
        found = await store.read(lambda one: one.execute(counts).fetchone())
    return dict(zip(("turns", "day sums", "uploads", "load samples", "incidents"), found, strict=True))


async def _asked(settings: Settings, repeat: int) -> dict[str, list[float]]:
    async with served(settings) as owner:
        return await asked(owner, repeat)


if __name__ == "__main__":
    sys.exit(main())
