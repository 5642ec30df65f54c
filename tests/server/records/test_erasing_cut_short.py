"""Erasing that is killed, or that the disk refuses half-way, is finished later; none of it loses what is to stay."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from wyoming_server.errors import DiskError
from wyoming_server.records.data_keys import FILE_NAME as KEY_FILE
from wyoming_server.records.data_keys import DataKeys
from wyoming_server.records.erasure import Erasure

from .kept_home import KeptHome, kept_home


class KilledError(Exception):
    """The process ends there."""


@contextmanager
def locked(home: KeptHome) -> Iterator[sqlite3.Connection]:
    """Hold the file as another program would."""
    with closing(sqlite3.connect(home.store.path, autocommit=True)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


@pytest.mark.parametrize("way", ["purge", "sweep"])
async def test_what_was_erased_before_a_kill_is_nowhere_after_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    async def killed(_self: Erasure, *, wholly: bool) -> None:
        raise KilledError(wholly)

    async with kept_home(tmp_path / "before", transcript_days=7) as home:
        await home.said_and_written()
        gone = await home.rows("SELECT content FROM sealed WHERE class = 'transcripts'")
        gone += await home.rows("SELECT wrapped FROM data_key WHERE class = 'transcripts'")
        await home.keeper.sweep()
        home.passes(days=7)
        with monkeypatch.context() as patched:
            patched.setattr(Erasure, "finish", killed)
            if way == "purge":
                with pytest.raises(KilledError):
                    await home.keeper.purge(["transcripts"], None)
            else:
                await home.keeper.sweep()
        shutil.copytree(home.folder, tmp_path / "after" / "data")
    async with kept_home(tmp_path / "after") as home:
        await home.store.flush()
        everything = b"".join(one.read_bytes() for one in home.folder.iterdir())
        assert not [content for (content,) in gone if content in everything]
        assert home.keeper.status()["key"] == "good"
        assert DataKeys(home.folder).is_settled


async def test_a_purge_says_when_the_disk_has_still_to_take_some_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with kept_home(tmp_path) as home:
        await home.said_and_written()
        flush = home.store.flush
        with locked(home) as other:
            home.say()

            async def flush_and_free() -> None:
                await flush()
                other.execute("ROLLBACK")

            monkeypatch.setattr(home.store, "flush", flush_and_free)
            with pytest.raises(DiskError):
                await home.keeper.purge(["turns"], None)
        monkeypatch.undo()
        assert (await home.keeper.purge(["turns"], None))["left"] == {"turns": 0}
        assert await home.rows("SELECT turn FROM turn UNION ALL SELECT turn FROM sealed") == []


async def test_the_hubs_key_is_renewed_often_without_losing_what_it_wraps(tmp_path: Path) -> None:
    async with kept_home(tmp_path) as home:
        await home.said_and_written()
        for _ in range(20):
            DataKeys(home.folder).renew()
        await home.keeper.sweep()
        assert home.keeper.status()["key"] == "good"


async def test_a_key_file_that_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    async with kept_home(tmp_path) as home:
        await home.said_and_written()
        (home.folder / KEY_FILE).unlink()
        (home.folder / KEY_FILE).mkdir()
        with pytest.raises(DiskError, match="read"):
            DataKeys(home.folder).renew()
        assert (home.folder / KEY_FILE).is_dir()
