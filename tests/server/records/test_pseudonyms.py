"""Keyed hashes of who spoke."""

import datetime as dt
import hashlib
import hmac
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wyoming_server.records.believed_day import EVER
from wyoming_server.records.data_keys import EPOCH_DAYS, IDENTIFIERS, DataKeys
from wyoming_server.records.pseudonyms import SATELLITE, TURN, Pseudonyms, epoch
from wyoming_server.records.store import Store, opened_store

DAY = dt.date(2026, 11, 22)
LATER = DAY + dt.timedelta(days=EPOCH_DAYS)
KITCHEN = "assist_satellite.kitchen"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened_store(tmp_path / "edge-voice.sqlite") as one:
        yield one


async def test_a_hash_is_an_hmac_of_kind_and_identifier_under_the_epochs_key(tmp_path: Path, store: Store) -> None:
    keys = DataKeys(tmp_path)

    def ask(connection: sqlite3.Connection) -> tuple[str, bytes | None]:
        found = Pseudonyms(keys).at(DAY, connection)(SATELLITE, KITCHEN)
        return found, keys.find(IDENTIFIERS, epoch(DAY), connection)

    found, key = await store.write(ask)
    assert key is not None
    assert found == hmac.new(key, f"satellite\0{KITCHEN}".encode(), hashlib.sha256).hexdigest()[:16]


async def test_one_is_the_same_all_epoch_long_and_has_nothing_in_common_with_the_next(
    tmp_path: Path, store: Store
) -> None:
    names = Pseudonyms(DataKeys(tmp_path))

    def ask(connection: sqlite3.Connection) -> list[str]:
        days = (epoch(DAY), epoch(DAY) + dt.timedelta(days=EPOCH_DAYS - 1), LATER)
        return [names.at(day, connection)(SATELLITE, KITCHEN) for day in days]

    first, last, next_one = await store.write(ask)
    assert first == last
    assert next_one not in {first, ""}
    assert await store.read(lambda one: sorted(names.every(SATELLITE, KITCHEN, one))) == sorted([first, next_one])
    assert await store.read(lambda one: names.among(SATELLITE, [KITCHEN, "x", ""], one)[next_one]) == KITCHEN


async def test_the_same_name_is_another_hash_as_a_turn_and_nothing_stays_nothing(tmp_path: Path, store: Store) -> None:
    names = Pseudonyms(DataKeys(tmp_path))

    def ask(connection: sqlite3.Connection) -> list[str]:
        known_as = names.at(DAY, connection)
        return [known_as(SATELLITE, "x"), known_as(TURN, "x"), known_as(TURN, ""), known_as(TURN, "half \ud800 pair")]

    as_satellite, as_turn, empty, odd = await store.write(ask)
    assert as_satellite != as_turn
    assert (empty, len(odd)) == ("", 16)
    assert await store.read(lambda one: names.among(TURN, [""], one)) == {}


async def test_a_key_that_was_erased_leaves_hashes_that_nobody_can_tell(tmp_path: Path, store: Store) -> None:
    keys = DataKeys(tmp_path)
    names = Pseudonyms(keys)
    before = await store.write(lambda one: names.at(DAY, one)(SATELLITE, KITCHEN))
    await store.write(lambda one: keys.drop(IDENTIFIERS, EVER, one))
    assert await store.read(lambda one: names.every(SATELLITE, KITCHEN, one)) == []
    assert await store.write(lambda one: names.at(DAY, one)(SATELLITE, KITCHEN)) != before


async def test_where_no_key_can_be_had_nothing_is_written_down_rather_than_a_name(tmp_path: Path, store: Store) -> None:
    (tmp_path / "file").touch()
    names = Pseudonyms(DataKeys(tmp_path / "file"))
    assert await store.write(lambda one: names.at(DAY, one)(SATELLITE, KITCHEN)) == ""
