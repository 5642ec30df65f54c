"""What was purged, or is past its window, is looked for in every byte of the data folder: one line of JSON.

Long form: `python -m tests.server.proofs.erasure [--days 45] [--turns 60] [--kills 40]`. A home speaks day after day
with texts, sound and corrections kept, and lets go as it does in real life. Every text, recording, name, pseudonym and
sealed content is remembered outside, and looked for: as it is, as UTF-16, hex, base64, floats and backwards. What is
kept must be found where it lies, so that a search that finds nothing is worth something. Copies of the folder are taken
each day, as a backup would, and tried with the key file of today. Then processes that purge are killed.
"""

import argparse
import asyncio
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.server.proofs.searched import count_in, forms_of_bytes, forms_of_sound, forms_of_text
from tests.server.records.kept_home import KeptHome, Said, kept_home
from wyoming_server.records.data_keys import CORRECTIONS, RECORDINGS, TRANSCRIPTS, DataKeys
from wyoming_server.records.data_keys import FILE_NAME as KEY_FILE
from wyoming_server.records.pseudonyms import SATELLITE
from wyoming_server.records.seals import Seals
from wyoming_server.records.store import FILE_NAME

ROOMS = tuple(f"assist_satellite.room_{name}" for name in ("kitchen", "nursery", "attic", "study", "hall"))
WINDOW_DAYS = 7
TURN_DAYS = 30
LONGEST_LIFE_SECONDS = 0.3
"""A process is killed within this time after it began."""
PURGED = {
    **{one: (one,) for one in (TRANSCRIPTS, RECORDINGS, CORRECTIONS)},
    "turns": (TRANSCRIPTS, RECORDINGS, CORRECTIONS),
}
"""What is purged → whose seals go."""
_SEALED_OF = "SELECT content FROM sealed WHERE class IN (SELECT value FROM json_each(?))"
_SEALED_BY = "SELECT content FROM sealed WHERE satellite IN (SELECT value FROM json_each(?))"
_TURNS_BY = "SELECT turn FROM turn WHERE ? = '' OR satellite IN (SELECT value FROM json_each(?))"
WRONG = ("plaintext", "gone", "opened copies", "left after kills", "not found before")

type Secret = dict[str, bytes]


@dataclass(slots=True, kw_only=True)
class Seen:
    """What lay in the file under names and seals: day by day."""

    sealed: dict[str, list[Secret]] = field(default_factory=dict)
    hashes: dict[str, list[Secret]] = field(default_factory=dict)
    keys: list[Secret] = field(default_factory=list)


def plain_of(said: list[Said]) -> list[Secret]:
    """Return what must never be found: texts, names, ids and sound."""
    texts = [text for one in said for text in (one.text, one.satellite, one.turn_id)]
    return [*map(forms_of_text, texts), *(forms_of_sound(one.samples) for one in said)]


async def lived(home: KeptHome, day: int, turns: int) -> list[Said]:
    """Speak for a day, and correct some of it."""
    said = []
    for number in range(turns):
        said.append(home.say(ROOMS[home.chance.randrange(len(ROOMS))]))
        if number % 10 == 0:
            await home.store.flush()
            home.keeper.corrected(said[-1].turn_id, f"rather {home.word()} on day {day}")
    await home.store.flush()
    return said


async def look(home: KeptHome, seen: Seen) -> None:
    """Remember what lies in the file of today."""
    day = f"{home.now.date()}"
    seen.sealed[day] = [
        forms_of_bytes(content) for (content,) in await home.rows("SELECT content FROM sealed WHERE day = ?", day)
    ]
    rows = await home.rows("SELECT turn, session FROM turn WHERE day = ?", day)
    seen.hashes[day] = [forms_of_text(one) for row in rows for one in row]


def copied(data: Path, copy: Path) -> None:
    """Copy the records as a good backup does: as they are at one moment."""
    copy.mkdir()
    with closing(sqlite3.connect(data / FILE_NAME)) as source, closing(sqlite3.connect(copy / FILE_NAME)) as target:
        source.backup(target)


async def opened(copy: Path, key: Path, until: str) -> int:
    """Return how many texts and sounds of days up to one a copy gives away, with the key file of today."""
    shutil.copy(key, copy / KEY_FILE)
    seals = Seals(DataKeys(copy))
    with closing(sqlite3.connect(copy / FILE_NAME)) as records:
        turns = [turn for (turn,) in records.execute("SELECT DISTINCT turn FROM sealed WHERE day <= ?", (until,))]
        found = len(seals.of_turns(turns, records))
    (copy / KEY_FILE).unlink()
    return found


async def expire(folder: Path, *, days: int, turns: int, seed: int, counts: Counter[str]) -> None:
    """Live for some days, and look each day for what is over."""
    seen, said = Seen(), list[Said]()
    copies = dict[str, Path]()
    async with kept_home(folder, seed=seed, correction_days=WINDOW_DAYS) as home:
        for day in range(days):
            said += await lived(home, day, turns)
            await look(home, seen)
            copies[f"{home.now.date()}"] = copy = folder / f"copy-{day}"
            await asyncio.to_thread(copied, home.folder, copy)
            today = f"{home.now.date()}"
            counts["not found before"] += not await opened(copy, home.folder / KEY_FILE, today)
            home.passes(days=1)
            before_s = time.perf_counter()
            await home.keeper.sweep()
            counts["longest sweep ms"] = max(counts["longest sweep ms"], round(1000 * (time.perf_counter() - before_s)))
        counts["turns"] += len(said)
        counts["bytes searched"] += sum(one.stat().st_size for one in home.folder.iterdir())
        counts["plaintext"] += count_in(home.folder, plain_of(said))
        dates = sorted(seen.sealed)
        over, alive = dates[: len(dates) - WINDOW_DAYS + 1], dates[len(dates) - WINDOW_DAYS + 1 :]
        gone = [one for day in over for one in seen.sealed[day]]
        gone += [one for day in dates[: max(0, len(dates) - TURN_DAYS + 1)] for one in seen.hashes[day]]
        counts["gone, looked for"] += len(gone)
        counts["gone"] += count_in(home.folder, gone)
        there = [one for day in alive for one in (*seen.sealed[day], *seen.hashes[day])]
        counts["kept, looked for"] += len(there)
        counts["not found before"] += len(there) - count_in(home.folder, there)
        counts["copies"] += len(copies)
        for copy in copies.values():
            counts["opened copies"] += await opened(copy, home.folder / KEY_FILE, over[-1])
    for copy in copies.values():
        shutil.rmtree(copy)


async def purge(folder: Path, *, seed: int, turns: int, counts: Counter[str]) -> None:
    """Purge one class after the other, then a satellite."""
    for what, classes in PURGED.items():
        async with kept_home(folder / what, seed=seed) as home:
            said = await lived(home, 0, turns)
            gone = [forms_of_bytes(one) for (one,) in await home.rows(_SEALED_OF, json.dumps(classes))]
            gone += await pseudonyms_of(home) if what == "turns" else []
            await purged(home, said, [what], None, gone, counts)
        shutil.rmtree(folder / what)
    async with kept_home(folder / "satellite", seed=seed) as home:
        said = await lived(home, 0, turns)
        names = json.dumps(await home.ask(partial(home.pseudonyms.every, SATELLITE, ROOMS[1])))
        gone = [forms_of_bytes(one) for (one,) in await home.rows(_SEALED_BY, names)]
        gone += await pseudonyms_of(home, names)
        await purged(home, said, ["turns"], ROOMS[1], gone, counts)
    shutil.rmtree(folder / "satellite")


async def pseudonyms_of(home: KeptHome, satellites: str = "") -> list[Secret]:
    """Return the hashes of turns, of some satellites or all."""
    rows = await home.rows(_TURNS_BY, satellites, satellites or "[]")
    return [forms_of_text(turn) for (turn,) in rows]


async def purged(
    home: KeptHome, said: list[Said], what: list[str], room: str | None, gone: list[Secret], counts: Counter[str]
) -> None:
    """Purge, and look for what must have gone: it was there before."""
    counts["gone, looked for"] += len(gone)
    counts["not found before"] += len(gone) - count_in(home.folder, gone)
    await home.keeper.purge(what, room)
    counts["gone"] += count_in(home.folder, gone)
    counts["plaintext"] += count_in(home.folder, plain_of(said))
    counts["purges"] += 1


async def purge_for_ever(folder: Path, seed: int) -> None:
    """Speak and purge until killed; print what must not be found once a purge has answered."""
    async with kept_home(folder, seed=seed) as home:
        print("begun", flush=True)
        while True:
            await lived(home, 0, 8)
            await home.keeper.purge([home.chance.choice(("transcripts", "recordings", "turns"))], None)


def killed(folder: Path, generator: random.Random) -> None:
    """Start a process that purges, and kill it at some moment."""
    argv = [sys.executable, "-m", __spec__.name, "--busy", str(folder), "--seed", f"{generator.randrange(1 << 30)}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            process.stdout.readline()
            time.sleep(generator.random() * LONGEST_LIFE_SECONDS)
        finally:
            process.kill()


async def inspect(folder: Path, generator: random.Random, counts: Counter[str]) -> None:
    """Start after a kill: all that is kept must open, and what is purged then must be gone."""
    async with kept_home(folder, seed=generator.randrange(1 << 30)) as home:
        await home.keeper.sweep()
        counts["left after kills"] += home.keeper.status()["key"] not in {"good", "none"}
        sealed = [forms_of_bytes(content) for (content,) in await home.rows("SELECT content FROM sealed")]
        turns = [turn for (turn,) in await home.rows("SELECT DISTINCT turn FROM sealed")]
        told = await home.ask(lambda connection: home.keeper.of_turns(turns, connection))
        counts["sealed, opened after kills"] += len(told)
        counts["left after kills"] += len(turns) - len(told)
        await home.keeper.purge(["turns"], None)
        counts["left after kills"] += count_in(home.folder, sealed) + (home.folder / KEY_FILE).exists()


async def prove(folder: Path, *, days: int, turns: int, kills: int, seed: int) -> Counter[str]:
    """Look for what must be gone."""
    counts = Counter[str](dict.fromkeys(WRONG, 0))
    if days:
        await expire(folder / "lived", days=days, turns=turns, seed=seed, counts=counts)
    await purge(folder, seed=seed, turns=turns, counts=counts)
    generator = random.Random(seed)
    for _ in range(kills):
        await asyncio.to_thread(killed, folder / "killed", generator)
        await inspect(folder / "killed", generator, counts)
        counts["kills"] += 1
    return counts


def main() -> int:
    """Print the counts; return 1 when anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=45)
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--busy", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.busy:
        asyncio.run(purge_for_ever(arguments.busy, arguments.seed))
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        counts = asyncio.run(
            prove(
                Path(folder),
                days=arguments.days,
                turns=arguments.turns,
                kills=arguments.kills,
                seed=arguments.seed,
            )
        )
    print(json.dumps({"seconds": round(time.monotonic() - start_s)} | dict(sorted(counts.items()))))
    return int(any(counts[name] for name in WRONG))


if __name__ == "__main__":
    sys.exit(main())
