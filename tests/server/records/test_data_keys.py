"""Keys of what is kept under seal: one a class and day, wrapped by the hub's, and gone for good."""

import datetime as dt
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from wyoming_server.records.believed_day import EVER, Expired
from wyoming_server.records.data_keys import FILE_NAME, IDENTIFIERS, TRANSCRIPTS, DataKeys, KeyState
from wyoming_server.records.schema import MIGRATIONS

TODAY = dt.date(2026, 11, 22)
YESTERDAY = TODAY - dt.timedelta(days=1)


@pytest.fixture
def records() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", autocommit=True)
    for migration in MIGRATIONS:
        for statement in migration:
            connection.execute(statement)
    yield connection
    connection.close()


@pytest.fixture
def keys(tmp_path: Path) -> DataKeys:
    return DataKeys(tmp_path)


def test_a_class_and_day_has_one_key_and_another_day_another(keys: DataKeys, records: sqlite3.Connection) -> None:
    assert keys.find(TRANSCRIPTS, TODAY, records) is None
    found = {keys.of(kind, day, records) for kind in (TRANSCRIPTS, IDENTIFIERS) for day in (TODAY, YESTERDAY)}
    assert len(found) == 4
    assert {len(one) for one in found if one} == {32}
    assert keys.of(TRANSCRIPTS, TODAY, records) == keys.find(TRANSCRIPTS, TODAY, records)
    assert keys.days(TRANSCRIPTS, records) == [TODAY, YESTERDAY]


def test_the_hubs_key_is_made_with_the_first_and_only_its_owner_may_read_it(
    tmp_path: Path, keys: DataKeys, records: sqlite3.Connection
) -> None:
    assert keys.state(records) is KeyState.NONE
    assert not list(tmp_path.iterdir())
    key = keys.of(TRANSCRIPTS, TODAY, records)
    assert [one.name for one in tmp_path.iterdir()] == [FILE_NAME]
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert keys.state(records) is KeyState.GOOD
    wrapped = records.execute("SELECT wrapped FROM data_key").fetchone()[0]
    assert key is not None
    assert key not in wrapped


def test_a_row_that_was_moved_to_another_class_or_day_does_not_open(
    keys: DataKeys, records: sqlite3.Connection
) -> None:
    keys.of(TRANSCRIPTS, TODAY, records)
    records.execute("UPDATE data_key SET day = ?", (f"{YESTERDAY}",))
    assert keys.find(TRANSCRIPTS, YESTERDAY, records) is None
    assert keys.state(records) is KeyState.WRONG


@pytest.mark.parametrize(
    ("content", "state"),
    [(None, KeyState.MISSING), (b"", KeyState.WRONG), (b"x" * 31, KeyState.WRONG), (b"x" * 32, KeyState.WRONG)],
)
def test_a_key_file_that_is_gone_damaged_or_anothers_is_noticed_and_new_keys_begin(
    tmp_path: Path, keys: DataKeys, records: sqlite3.Connection, content: bytes | None, state: KeyState
) -> None:
    before = keys.of(TRANSCRIPTS, TODAY, records)
    (tmp_path / FILE_NAME).unlink()
    if content is not None:
        (tmp_path / FILE_NAME).write_bytes(content)
    assert keys.state(records) is state
    assert keys.find(TRANSCRIPTS, TODAY, records) is None
    after = keys.of(TRANSCRIPTS, TODAY, records)
    assert after is not None
    assert after != before
    assert keys.find(TRANSCRIPTS, TODAY, records) == after
    assert keys.state(records) is KeyState.WRONG, "what was sealed before is still there"
    assert keys.drop(TRANSCRIPTS, EVER, records) == 2
    assert keys.state(records) is KeyState.NONE


@pytest.mark.parametrize("more", [b"\n", b"y" * 31, b"y" * 32 * 9])
def test_what_stands_after_a_key_costs_nothing_that_it_opens(
    tmp_path: Path, keys: DataKeys, records: sqlite3.Connection, more: bytes
) -> None:
    before, path = keys.of(TRANSCRIPTS, TODAY, records), tmp_path / FILE_NAME
    hub = path.read_bytes()
    path.write_bytes(hub + more)
    assert keys.state(records) is KeyState.GOOD
    assert keys.of(TRANSCRIPTS, TODAY, records) == before
    assert keys.of(TRANSCRIPTS, YESTERDAY, records) is not None
    assert path.read_bytes() == hub + more
    keys.renew()
    assert keys.mend(records)
    keys.settle()
    assert path.stat().st_size == 32
    assert keys.find(TRANSCRIPTS, TODAY, records) == before


def test_an_old_key_file_that_is_appended_opens_all_again(
    tmp_path: Path, keys: DataKeys, records: sqlite3.Connection
) -> None:
    before, old = keys.of(TRANSCRIPTS, TODAY, records), (tmp_path / FILE_NAME).read_bytes()
    (tmp_path / FILE_NAME).unlink()
    after = keys.of(TRANSCRIPTS, TODAY, records)
    (tmp_path / FILE_NAME).write_bytes((tmp_path / FILE_NAME).read_bytes() + old)
    assert keys.state(records) is KeyState.GOOD
    keys.mend(records)
    keys.settle()
    assert (tmp_path / FILE_NAME).stat().st_size == 32
    assert keys.every(TRANSCRIPTS, TODAY, records) == [after, before]
    assert keys.state(records) is KeyState.GOOD


def test_an_older_copy_of_the_records_opens_no_more_once_the_hubs_key_was_renewed(
    tmp_path: Path, keys: DataKeys, records: sqlite3.Connection
) -> None:
    key, copy = keys.of(TRANSCRIPTS, TODAY, records), sqlite3.connect(":memory:")
    records.backup(copy)
    old = (tmp_path / FILE_NAME).read_bytes()
    keys.renew()
    assert keys.mend(records)
    assert keys.find(TRANSCRIPTS, TODAY, records) == key
    assert keys.find(TRANSCRIPTS, TODAY, copy) == key, "both keys are in the file until it is settled"
    keys.settle()
    assert keys.find(TRANSCRIPTS, TODAY, records) == key
    assert keys.find(TRANSCRIPTS, TODAY, copy) is None
    assert old not in (tmp_path / FILE_NAME).read_bytes()
    copy.close()


def test_a_renewal_that_was_cut_short_at_any_moment_loses_nothing(
    tmp_path: Path, keys: DataKeys, records: sqlite3.Connection
) -> None:
    key = keys.of(TRANSCRIPTS, TODAY, records)
    keys.renew()
    records.execute("BEGIN")
    keys.mend(records)
    records.execute("ROLLBACK")  # killed after the file, before the commit
    assert DataKeys(tmp_path).find(TRANSCRIPTS, TODAY, records) == key
    assert keys.of(TRANSCRIPTS, YESTERDAY, records) is not None
    keys.renew()
    keys.mend(records)  # and again, and killed before it was settled
    again = DataKeys(tmp_path)
    assert not again.is_settled
    again.mend(records)
    again.settle()
    assert again.find(TRANSCRIPTS, TODAY, records) == key
    assert again.state(records) is KeyState.GOOD
    assert (tmp_path / FILE_NAME).stat().st_size == 32


def test_keys_of_days_that_are_over_go_and_the_hubs_goes_with_the_last(
    tmp_path: Path, keys: DataKeys, records: sqlite3.Connection
) -> None:
    for days in range(5):
        keys.of(TRANSCRIPTS, TODAY - dt.timedelta(days=days), records)
    keys.of(TRANSCRIPTS, TODAY + dt.timedelta(days=400), records)
    over = Expired(until=TODAY - dt.timedelta(days=2), beyond=TODAY + dt.timedelta(days=2))
    assert keys.drop(TRANSCRIPTS, over, records) == 4
    assert keys.days(TRANSCRIPTS, records) == [TODAY, YESTERDAY]
    assert not keys.destroy(records)
    keys.drop(TRANSCRIPTS, EVER, records)
    assert keys.destroy(records)
    assert not list(tmp_path.iterdir())


def test_where_the_hubs_key_can_be_neither_read_nor_made_there_is_no_key_and_it_is_said_once(
    tmp_path: Path, records: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).mkdir()
    keys = DataKeys(tmp_path)
    assert [keys.of(TRANSCRIPTS, TODAY, records) for _ in range(3)] == [None] * 3
    assert len(caplog.records) == 1
    assert FILE_NAME in keys.failure
    (tmp_path / FILE_NAME).rmdir()
    assert keys.of(TRANSCRIPTS, TODAY, records) is not None
    assert keys.failure == ""
