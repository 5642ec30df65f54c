"""Processes that write turns down are killed at random moments: one line of JSON.

Long form: `python -m tests.server.proofs.record_kills [--times 200] [--served 10]`. No turn and no label that was told
of more than five seconds before the kill may be missing, the store must open, and every turn must be in its day's sums
exactly once, while days are summed up and old turns erased under the same load. `--served` of the kills hit whole
servers that hear speech.
"""

import argparse
import asyncio
import datetime as dt
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

from wyoming_server.control.history import TurnHistory
from wyoming_server.records.data_keys import DataKeys
from wyoming_server.records.day_sums import sum_up, sums_between
from wyoming_server.records.pseudonyms import TURN, Pseudonyms
from wyoming_server.records.store import FILE_NAME, Store, opened_store
from wyoming_server.records.turn_record import TurnLabel
from wyoming_server.resilience.degraded import Condition, Facts, Mode

from ..home import ServerProcess
from ..peer import connected, kitchen
from ..records.made_turns import made_turn

ALLOWED_SECONDS = 5.0
LONGEST_LIFE_SECONDS = 8.0
"""A process is killed within this time after its first turn."""
AT_ONCE = 3
"""Processes, each with a data folder of its own."""
TURN_SECONDS = 0.003
"""Three hundred turns a second: ten years' worth of a home's in three hours."""
BETWEEN = dt.timedelta(minutes=2)
"""Two turns, by the home's clock: days and epochs go by."""
FIRST = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NEVER = dt.date(9999, 12, 31)
SLICE = 200

type Told = dict[str, dict[str, float]]
"""`turn` and `label` → turn id → when it was told of, on the monotonic clock."""


async def busy(folder: Path, seed: int) -> None:
    """Write turns and labels down for ever, sum days up and erase old turns meanwhile, and print what was told of."""
    chance = random.Random(seed)
    async with opened_store(folder / FILE_NAME) as store:
        last_ms, mine = await store.read(_newest)
        now = FIRST if last_ms is None else dt.datetime.fromtimestamp(last_ms / 1000.0, dt.UTC)
        history = TurnHistory(
            store,
            DataKeys(folder),
            kept=lambda _turns, _connection: {},
            satellites=list,
            condition=lambda: (Condition(mode=Mode.NORMAL), Facts()),
            load=dict,
            clock=time.monotonic,
            wall=lambda: now,
        )

        async def keep_up() -> None:
            while True:
                await sum_up(store, before=now.date())
                await store.write(lambda connection: _erase(mine, connection))
                await asyncio.sleep(0.05)

        keeping = asyncio.create_task(keep_up())
        while not keeping.done():
            now += BETWEEN
            turn = made_turn(chance, now)
            history.turn(turn, None)
            print("turn", turn.turn_id, time.monotonic(), flush=True)
            history.label(TurnLabel(turn_id=turn.turn_id, at=now, wrong=True))
            print("label", turn.turn_id, time.monotonic(), flush=True)
            await asyncio.sleep(TURN_SECONDS)
        keeping.result()


def _newest(connection: sqlite3.Connection) -> tuple[int | None, int]:
    at_ms, number = connection.execute("SELECT max(at_ms), coalesce(max(number), 0) FROM turn").fetchone()
    return at_ms, number


def _erase(until: int, connection: sqlite3.Connection) -> int:
    """Let turns of earlier processes go, as retention does."""
    return connection.execute(
        "DELETE FROM turn WHERE number IN (SELECT number FROM turn WHERE summed AND number <= ? LIMIT ?)",
        (until, SLICE),
    ).rowcount


def killed(folder: Path, chance: random.Random, longest_s: float) -> tuple[Told, float]:
    """Start a process and kill it at some moment; return what it told of, and when it was killed."""
    argv = [sys.executable, "-m", __spec__.name, "--busy", str(folder), "--seed", f"{chance.randrange(1 << 30)}"]
    with (folder / "output").open("wb+") as output, subprocess.Popen(argv, stdout=output) as process:
        try:
            while process.poll() is None and not output.seek(0, 2):
                time.sleep(0.01)
            time.sleep(chance.random() * longest_s)
        finally:
            at_s = time.monotonic()
            process.kill()
            process.wait()
        output.seek(0)
        lines = output.read().decode().splitlines(keepends=True)
    told: Told = {"turn": {}, "label": {}}
    for kind, turn_id, told_s in (line.split() for line in lines if line.endswith("\n")):
        told[kind][turn_id] = float(told_s)
    return told, at_s


async def inspect(folder: Path, told: Told, at_s: float, counts: Counter[str]) -> float:
    """Open the store as the next start does; count what is wrong, and return how old the oldest is that was lost."""
    async with opened_store(folder / FILE_NAME) as store:
        counts["stores that did not open"] += store.failure is not None
        counts["damaged files"] += _set_aside(folder)
        counts["damaged files"] += await store.read(_check) != "ok"
        counts["turns not in sums exactly once"] += await _miscounted(store)
        names = Pseudonyms(DataKeys(folder))
        there = await store.read(lambda one: _there(names, told, one))
    lost_s = [0.0]
    for kind, ids in told.items():
        counts[f"{kind}s"] += len(ids)
        lost = [at_s - told_s for turn_id, told_s in ids.items() if turn_id not in there[kind]]
        counts[f"{kind}s of the last seconds lost"] += len(lost)
        counts[f"{kind}s lost"] += sum(age_s > ALLOWED_SECONDS for age_s in lost)
        lost_s += lost
    return max(lost_s)


def _set_aside(folder: Path) -> int:
    return len(list(folder.glob("*damaged*")))


def _check(connection: sqlite3.Connection) -> str:
    return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def _there(names: Pseudonyms, told: Told, connection: sqlite3.Connection) -> dict[str, set[str]]:
    whose = names.among(TURN, told["turn"], connection)
    rows = connection.execute("SELECT turn, wrong FROM turn").fetchall()
    return {
        "turn": {whose[turn] for turn, _ in rows if turn in whose},
        "label": {whose[turn] for turn, wrong in rows if wrong and turn in whose},
    }


async def _miscounted(store: Store) -> int:
    """Return by how many the sums are off all turns that were ever written down."""
    days = await store.read(lambda one: sums_between(FIRST.date(), NEVER, one))
    counted = sum(one.turns + one.silent + one.baseline for cells in days.values() for one in cells.values())
    ever = await store.read(
        lambda one: one.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'turn'").fetchone()[0]
    )
    return abs(int(ever) - counted)


def prove(
    folder: Path, *, times: int, seed: int, longest_s: float = LONGEST_LIFE_SECONDS
) -> tuple[Counter[str], float]:
    """Kill so many processes, one after the other; return the counts, and the age of the oldest that was lost."""
    chance, counts, oldest_s = random.Random(seed), Counter[str](), 0.0
    for _ in range(times):
        told, at_s = killed(folder, chance, longest_s)
        counts["kills"] += 1
        oldest_s = max(oldest_s, asyncio.run(inspect(folder, told, at_s, counts)))
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        (counts["days summed up"],) = connection.execute("SELECT count(DISTINCT day) FROM day_sum").fetchone()
    return counts, oldest_s


async def prove_served(folder: Path, *, times: int, seed: int) -> tuple[Counter[str], float]:
    """Kill so many whole servers while they hear speech; likewise."""
    chance, counts, oldest_s = random.Random(seed), Counter[str](), 0.0
    for number in range(times):
        server = ServerProcess(folder, "--uri", f"unix://{folder / f'voice-{number}.sock'}")
        told: Told = {"turn": {}, "label": {}}
        try:
            (uri,) = await server.uri()
            speaking = [asyncio.create_task(_speak(uri, told["turn"])) for _ in range(2)]
            await asyncio.sleep(chance.random() * LONGEST_LIFE_SECONDS)
            at_s = time.monotonic()
        finally:
            server.kill()
        await asyncio.gather(*speaking)
        counts["kills of whole servers"] += 1
        oldest_s = max(oldest_s, await inspect(folder / "data", told, at_s, counts))
    return counts, oldest_s


async def _speak(uri: str, told: dict[str, float]) -> None:
    """Say the same over and over, until nobody hears it any more."""
    with suppress(OSError, AssertionError, EOFError):
        async with connected(uri) as peer:
            while True:
                heard = await peer.turn(kitchen().pcm)
                told[heard.detail["turn_id"]] = time.monotonic()


def main() -> int:
    """Print the counts; return 1 when anything was lost that must not be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--served", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--busy", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.busy:
        asyncio.run(busy(arguments.busy, arguments.seed))
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, f"{n}") for n in range(AT_ONCE + 1)]
        for folder in folders:
            folder.mkdir()
        total, oldest_s = asyncio.run(prove_served(folders[-1], times=arguments.served, seed=arguments.seed))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            shares = [(arguments.times + n) // AT_ONCE for n in range(AT_ONCE)]
            proofs = [
                pool.submit(prove, folder, times=share, seed=arguments.seed + share_number)
                for share_number, (folder, share) in enumerate(zip(folders, shares, strict=False))
            ]
            for proof in proofs:
                counts, lost_s = proof.result()
                total.update(counts)
                oldest_s = max(oldest_s, lost_s)
    figures = {"seconds": round(time.monotonic() - start_s), "oldest that was lost, in seconds": round(oldest_s, 2)}
    print(json.dumps(figures | dict(sorted(total.items()))))
    wrong = ("turns lost", "labels lost", "stores that did not open", "damaged files", "turns not in sums exactly once")
    return int(any(total[one] for one in wrong) or not total["turns"])


if __name__ == "__main__":
    sys.exit(main())
