"""The records' file: batches, urgency, migrations, damage, and disks that refuse."""

import ast
import asyncio
import logging
import os
import resource
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from wyoming_server.errors import DiskError, NewerRecordsError
from wyoming_server.records.schema import MIGRATIONS
from wyoming_server.records.store import BATCH, Store, opened_store

NOTES = (("CREATE TABLE note (text TEXT NOT NULL) STRICT",),)
"""A file of one table."""


def note(text: str, connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO note VALUES (?)", (text,))


def notes(connection: sqlite3.Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM note ORDER BY rowid")]


def written(path: Path) -> list[str]:
    """What another program sees."""
    with closing(sqlite3.connect(path)) as connection:
        return notes(connection)


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def becomes(condition: Callable[[], bool]) -> None:
    """Wait until something is so that nobody announces."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # the disk sets no event
            await asyncio.sleep(0.01)


def pragma(name: str) -> Callable[[sqlite3.Connection], Any]:
    return lambda connection: connection.execute(f"PRAGMA {name}").fetchone()[0]


async def test_what_was_written_is_seen_by_others_at_once_and_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "records.sqlite"
    async with opened_store(path, migrations=NOTES) as store:
        await store.write(partial(note, "first"))
        assert written(path) == ["first"]
        assert await store.read(notes) == ["first"]
        assert store.failure is None
    async with opened_store(path, migrations=NOTES) as store:
        await store.write(partial(note, "second"))
        assert await store.read(notes) == ["first", "second"]


async def test_only_the_owner_may_read_the_files(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    path.touch(0o666)
    async with opened_store(path, migrations=NOTES) as store:
        await store.write(partial(note, "x"))
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in files(tmp_path)}
    assert modes == dict.fromkeys(("records.sqlite", "records.sqlite-wal", "records.sqlite-shm"), 0o600)


async def test_the_file_can_give_space_back_and_commits_without_waiting_for_the_disk(tmp_path: Path) -> None:
    async with opened_store(tmp_path / "records.sqlite") as store:
        names = ("journal_mode", "auto_vacuum", "synchronous", "wal_autocheckpoint", "user_version")
        found = [await store.write(pragma(name)) for name in names]
    assert found == ["wal", 2, 1, 0, len(MIGRATIONS)]


async def test_an_urgent_job_overtakes_all_that_wait(tmp_path: Path) -> None:
    async with opened_store(tmp_path / "records.sqlite", migrations=NOTES) as store:
        go_on, began = threading.Event(), threading.Event()

        def slow(connection: sqlite3.Connection) -> None:
            note("slow", connection)
            began.set()
            go_on.wait(10)

        jobs = [store.submit(slow)]
        await asyncio.to_thread(began.wait, 10)
        jobs += [store.submit(partial(note, f"{number}")) for number in range(20)]
        jobs += [store.submit(partial(note, "urgent"), urgent=True)]
        go_on.set()
        await asyncio.gather(*map(asyncio.wrap_future, jobs))
        assert (await store.read(notes))[:4] == ["slow", "urgent", "0", "1"]


async def test_an_urgent_job_waits_for_one_slice_of_a_long_batch_at_most(tmp_path: Path) -> None:
    async with opened_store(tmp_path / "records.sqlite", migrations=NOTES) as store:
        began, asked_for = threading.Event(), threading.Event()

        def first(connection: sqlite3.Connection) -> None:
            note("first", connection)
            began.set()
            asked_for.wait(10)

        store.later(first, soon=True)
        for number in range(30 * BATCH):
            store.later(partial(note, f"{number}"))
        await asyncio.to_thread(began.wait, 10)
        urgent = store.submit(partial(note, "urgent"), urgent=True)
        asked_for.set()
        await asyncio.wrap_future(urgent)
        await store.flush()
        texts = await store.read(notes)
        assert texts.index("urgent") == BATCH
        assert len(texts) == 30 * BATCH + 2


async def test_neither_reads_nor_the_loop_wait_for_the_writer(tmp_path: Path) -> None:
    async with opened_store(tmp_path / "records.sqlite", migrations=NOTES) as store:
        await store.write(partial(note, "before"))
        go_on = threading.Event()
        held = store.submit(lambda connection: (note("held", connection), go_on.wait(10)))
        assert await asyncio.wait_for(store.read(notes), 5) == ["before"]
        store.later(partial(note, "later"), soon=True)
        await asyncio.sleep(0.01)
        assert not held.done()
        go_on.set()
        await store.flush()
        assert await store.read(notes) == ["before", "held", "later"]


async def test_a_query_sees_one_moment_whatever_is_written_meanwhile(tmp_path: Path) -> None:
    async with opened_store(tmp_path / "records.sqlite", migrations=NOTES) as store:
        await store.write(partial(note, "before"))

        def twice(connection: sqlite3.Connection) -> list[list[str]]:
            first = notes(connection)
            store.submit(partial(note, "meanwhile")).result(10)
            return [first, notes(connection)]

        assert await store.read(twice) == [["before"], ["before"]]
        assert await store.read(notes) == ["before", "meanwhile"]


async def test_what_can_wait_is_written_in_time_without_being_asked(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    async with opened_store(path, migrations=NOTES, interval_seconds=0.05) as store:
        store.later(partial(note, "waits"))
        assert written(path) == []
        await becomes(lambda: written(path) == ["waits"])


async def test_what_waits_is_written_at_the_end_and_a_newer_job_replaces_one_of_its_key(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    async with opened_store(path, migrations=NOTES, interval_seconds=3600) as store:
        for text in ("old", "new"):
            store.later(partial(note, text), key="one")
        store.later(partial(note, "other"), key="two")
        store.later(partial(note, "no key"))
        store.later(partial(note, "no key"))
    assert written(path) == ["new", "other", "no key", "no key"]


async def test_a_newer_job_that_comes_while_its_older_is_written_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    async with opened_store(path, migrations=NOTES, interval_seconds=3600) as store:
        began, go_on = threading.Event(), threading.Event()

        def old(connection: sqlite3.Connection) -> None:
            note("old", connection)
            began.set()
            go_on.wait(10)

        store.later(old, key="one", soon=True)
        await asyncio.to_thread(began.wait, 10)
        store.later(partial(note, "new"), key="one")
        go_on.set()
    assert written(path) == ["old", "new"]


async def test_a_job_that_is_wrong_leaves_the_others_of_its_batch_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "records.sqlite"

    def wrong(connection: sqlite3.Connection) -> None:
        note("half", connection)
        connection.execute("INSERT INTO nowhere VALUES (1)")

    async with opened_store(path, migrations=NOTES) as store:
        store.later(partial(note, "before"))
        store.later(wrong)
        store.later(lambda connection: 1 / 0)
        store.later(partial(note, "after"))
        await store.flush()
        assert store.failure is None
    assert written(path) == ["before", "after"]
    assert [one.message for one in caplog.records] == ["a record could not be written"] * 2


async def test_a_job_that_fails_leaves_nothing_behind_and_says_why(tmp_path: Path) -> None:
    async with opened_store(tmp_path / "records.sqlite", migrations=NOTES) as store:

        def half(connection: sqlite3.Connection) -> None:
            note("half", connection)
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            await store.write(half)
        with pytest.raises(DiskError, match="nowhere"):
            await store.write(lambda connection: connection.execute("INSERT INTO nowhere VALUES (1)"))
        assert await store.read(notes) == []


async def test_a_job_that_has_not_begun_is_taken_back_when_its_waiting_is_cancelled(tmp_path: Path) -> None:
    async with opened_store(tmp_path / "records.sqlite", migrations=NOTES) as store:
        go_on = threading.Event()
        store.submit(lambda connection: go_on.wait(10))
        waiting = asyncio.create_task(store.write(partial(note, "unwanted")))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.sleep(0)
        go_on.set()
        await store.write(partial(note, "wanted"))
        assert await store.read(notes) == ["wanted"]


async def test_two_files_know_nothing_of_each_other(tmp_path: Path) -> None:
    paths = [tmp_path / "a.sqlite", tmp_path / "b.sqlite"]
    async with opened_store(paths[0], migrations=NOTES) as one, opened_store(paths[1], migrations=NOTES) as other:
        await asyncio.gather(
            *(store.write(partial(note, f"{store.path.stem}{n}")) for n in range(50) for store in (one, other))
        )
    assert [written(path) for path in paths] == [[f"{name}{n}" for n in range(50)] for name in "ab"]


async def test_two_stores_on_one_file_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    async with opened_store(path, migrations=NOTES) as one, opened_store(path, migrations=NOTES) as other:
        await asyncio.gather(*(store.write(partial(note, f"{n}")) for n in range(100) for store in (one, other)))
    assert sorted(written(path), key=int) == [f"{n}" for n in range(100) for _ in "ab"]


async def test_a_long_log_is_copied_into_the_file_and_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    log = tmp_path / "records.sqlite-wal"
    async with opened_store(path, migrations=NOTES, interval_seconds=0.02) as store:
        await store.write(partial(note, "x" * 3_000_000))
        assert log.stat().st_size > 3_000_000
        await becomes(lambda: log.stat().st_size < 2_000_000 and path.stat().st_size > 3_000_000)
        assert await store.read(notes) == ["x" * 3_000_000]


# --- versions


async def test_a_file_of_an_older_version_is_brought_up_to_date_with_all_that_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    async with opened_store(path, migrations=MIGRATIONS[:1]) as store:
        await store.write(
            lambda connection: connection.execute(
                "INSERT INTO home_use VALUES ('2026-11-22', 'gpu', 'home', 1, 2.5, 9)"
            )
        )
    async with opened_store(path) as store:
        await store.write(lambda connection: connection.execute("INSERT INTO snapshot VALUES ('a', 'b', 'c', 'd')"))
        assert await store.read(pragma("user_version")) == len(MIGRATIONS)
        assert await store.read(lambda one: one.execute("SELECT lane, seconds FROM home_use").fetchall()) == [
            ("gpu", 2.5)
        ]


async def test_a_step_that_fails_leaves_the_version_before_it(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    broken = (*NOTES, ("CREATE TABLE more (x TEXT)", "NONSENSE"))
    async with opened_store(path, migrations=broken) as store:
        assert isinstance(store.failure, DiskError)
        assert "NONSENSE" in str(store.failure)
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
        assert (pragma("user_version")(connection), tables) == (1, ["note"])


async def test_records_of_a_newer_version_are_refused_by_name_and_left_as_they_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "records.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE of_the_future (x)")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = path.read_bytes()
    async with opened_store(path) as store:
        with pytest.raises(NewerRecordsError, match="update it") as refused:
            await store.write(partial(note, "x"))
        with pytest.raises(NewerRecordsError):
            await store.read(notes)
        store.later(partial(note, "x"), soon=True)
        await store.flush()
        assert store.failure is not None
    assert refused.value.code == "newer-records"
    assert path.read_bytes() == before
    assert [one.name for one in files(tmp_path)] == ["records.sqlite"]
    assert len(caplog.records) == 1  # and not once for each job


# --- damage


def damaged_whole(path: Path) -> None:
    path.write_bytes(b"this is no database " * 500)


def damaged_within(path: Path) -> None:
    """The header is right, and so is the first page; all that hangs on it is not."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(NOTES[0][0])
        connection.executemany("INSERT INTO note VALUES (?)", [("text" * 100,)] * 500)
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    damaged_within(path)
    os.truncate(path, 5000)


@pytest.mark.parametrize("damage", [damaged_whole, damaged_within, cut_short])
async def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None]
) -> None:
    path = tmp_path / "records.sqlite"
    damage(path)
    content = path.read_bytes()
    async with opened_store(path, migrations=NOTES) as store:
        await store.write(partial(note, "new"))
        assert await store.read(notes) == ["new"]
        assert store.failure is None
    assert (tmp_path / "records.damaged-1.sqlite").read_bytes()[100:] == content[100:]  # but for the change counter
    assert [one.levelno for one in caplog.records] == [logging.ERROR]
    assert "records.damaged-1.sqlite" in caplog.text


async def test_damage_that_only_a_reader_meets_is_set_aside_too(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    damaged_within(path)
    async with opened_store(path, migrations=NOTES) as store:
        with pytest.raises(DiskError):
            await store.read(notes)
        await store.write(lambda connection: None)
        assert await store.read(notes) == []
    assert (tmp_path / "records.damaged-1.sqlite").exists()


async def test_a_dying_disk_is_not_filled_with_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    for _ in range(5):
        damaged_whole(path)
        async with opened_store(path, migrations=NOTES) as store:
            assert store.failure is None
    assert sum("damaged" in one.name for one in files(tmp_path)) == 3


async def test_a_file_that_is_deleted_under_way_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    async with opened_store(path, migrations=NOTES) as store:
        await store.write(partial(note, "lost"))
        for one in files(tmp_path):
            one.unlink()
        await store.write(partial(note, "kept"))
        assert written(path) == ["kept"]


# --- disks that refuse


async def test_a_file_that_another_program_holds_fails_one_job_and_not_the_next(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    async with opened_store(path, migrations=NOTES) as store:
        with closing(sqlite3.connect(path, autocommit=True)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DiskError, match="another program holds it"):
                await store.write(partial(note, "refused"))
            store.later(partial(note, "waits"))
            await store.flush()
            other.execute("ROLLBACK")
        await store.write(partial(note, "taken"))
        await store.flush()
        assert await store.read(notes) == ["taken", "waits"]


async def test_a_folder_in_the_files_place_is_said_and_survived(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    path.mkdir()
    async with opened_store(path, migrations=NOTES) as store:
        assert isinstance(store.failure, DiskError)
        path.rmdir()
        await store.write(partial(note, "x"))
        assert store.failure is None


def run_apart(body: str, folder: Path) -> str:
    """Run the body of an async function `main(path)` in a process of its own and return what it prints."""
    program = (
        "import asyncio, logging, os, resource, sys\n"
        "from functools import partial\n"
        "from pathlib import Path\n"
        "from tests.server.records.test_store import NOTES, attempt, note, notes\n"
        "from wyoming_server.records.store import opened_store\n"
        "logging.basicConfig(level=logging.INFO, format='%(levelname)s', stream=sys.stdout)\n"
        f"async def main(path):\n{body}\n"
        "asyncio.run(main(Path(sys.argv[1]) / 'records.sqlite'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def attempt(store: Store, text: str) -> None:
    """Print how a write ends."""
    try:
        await store.write(partial(note, text))
        print("written")
    except DiskError as error:
        print(error.code)


FULL_DISK = """
    async with opened_store(path, migrations=NOTES, interval_seconds=0.05) as store:
        await attempt(store, "small")
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        await attempt(store, "large" * 100_000)
        await attempt(store, "larger" * 100_000)
        store.later(partial(note, "kept" * 1_000_000))  # more than sqlite's cache: refused before the commit
        await store.flush()
        print(len(await store.read(notes)))
        await asyncio.sleep(0.2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        await attempt(store, "small")
        await store.flush()
        print([one[:5] for one in await store.read(notes)])
"""


def test_a_full_disk_fails_the_jobs_that_meet_it_and_those_that_can_wait_are_written_when_there_is_room(
    tmp_path: Path,
) -> None:
    """The limit on a file's size makes the kernel refuse a write in the middle, as a full disk does."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] in {resource.RLIM_INFINITY, -1}
    said = run_apart(FULL_DISK, tmp_path).split("\n")[:-1]
    assert said[0] == "written"
    assert said[1:6] == ["ERROR", "disk-full", "disk-full", "1", "INFO"]
    assert said[6] == "written"
    assert sorted(ast.literal_eval(said[7])) == ["keptk", "small", "small"]


READ_ONLY_FOLDER = """
    folder = path.parent
    async with opened_store(path, migrations=NOTES) as store:
        await attempt(store, "first")
    os.chown(path, 65534, 65534)
    os.chown(folder, 65534, 65534)
    os.setuid(65534)
    folder.chmod(0o500)
    async with opened_store(path, migrations=NOTES) as store:
        await attempt(store, "second")
        folder.chmod(0o700)
        await attempt(store, "third")
        print(await store.read(notes))
"""
READ_ONLY_FILE = """
    async with opened_store(path, migrations=NOTES) as store:
        await attempt(store, "first")
    path.chmod(0o444)
    os.chown(path.parent, 65534, 65534)
    os.seteuid(65534)
    async with opened_store(path, migrations=NOTES) as store:
        await attempt(store, "second")
        os.seteuid(0)
        path.chmod(0o666)
        os.seteuid(65534)
        await attempt(store, "third")
        print(await store.read(notes))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not write")
@pytest.mark.parametrize("body", [READ_ONLY_FOLDER, READ_ONLY_FILE])
def test_a_read_only_disk_is_said_and_survived(body: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        said = run_apart(body, Path(name)).split("\n")[:-1]
    assert said == ["written", "ERROR", "disk-full", "INFO", "written", "['first', 'third']"]
