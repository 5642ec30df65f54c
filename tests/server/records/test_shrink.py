"""What was deleted is nowhere in the files, and the disk has its room again."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from wyoming_server.errors import DiskError
from wyoming_server.records.store import opened_store

NOTES = (("CREATE TABLE note (text TEXT NOT NULL) STRICT",),)
SECRET = "nobody is to find this "


def fill(connection: sqlite3.Connection) -> None:
    connection.executemany("INSERT INTO note VALUES (?)", ((f"{SECRET}{n}" * 20,) for n in range(3000)))


def clear(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM note WHERE rowid % 100")


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def empty(folder: Path) -> None:
    for one in folder.iterdir():
        one.unlink()


async def test_deleted_rows_are_in_no_byte_and_the_file_is_small_again(tmp_path: Path) -> None:
    async with opened_store(tmp_path / "records.sqlite", migrations=NOTES) as store:
        await store.write(fill)
        assert bytes_of(tmp_path).count(SECRET.encode()) > 50_000
        await store.write(clear)
        await store.shrink()
        assert bytes_of(tmp_path).count(SECRET.encode()) == 30 * 20
        assert len(bytes_of(tmp_path)) < 200_000
        await store.write(lambda connection: connection.execute("DELETE FROM note"))
        await store.shrink()
        assert SECRET.encode() not in bytes_of(tmp_path)


async def test_a_file_that_can_give_nothing_back_is_cleared_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    with closing(sqlite3.connect(path)) as made_elsewhere:
        made_elsewhere.execute("CREATE TABLE other (text TEXT)")
    async with opened_store(path, migrations=NOTES) as store:
        await store.write(fill)
        await store.write(partial(lambda connection: connection.execute("DELETE FROM note")))
        await store.shrink()
        assert SECRET.encode() not in bytes_of(tmp_path)


async def test_a_file_that_is_gone_is_said_and_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    async with opened_store(path, migrations=NOTES) as store:
        await store.write(fill)
        empty(tmp_path)
        with pytest.raises(DiskError):
            await store.read(lambda connection: connection.execute("SELECT 1"))
        await store.shrink()
        assert SECRET.encode() not in bytes_of(tmp_path)
