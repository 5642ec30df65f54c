"""Turns as rows, and what comes to be known of them."""

import dataclasses
import datetime as dt
import random
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.server.proofs.record_kills import prove
from wyoming_server.records.data_keys import EPOCH_DAYS, IDENTIFIERS, DataKeys
from wyoming_server.records.pseudonyms import SATELLITE, TURN, Pseudonyms, epoch
from wyoming_server.records.store import Store, opened_store
from wyoming_server.records.turn_record import TurnLabel, TurnRecord
from wyoming_server.records.turns import labelling, writing

from .made_turns import made_turn

AT = dt.datetime(2026, 11, 22, 10, 0, 0, 123_000, tzinfo=dt.UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened_store(tmp_path / "edge-voice.sqlite", interval_seconds=3600) as one:
        yield one


@pytest.fixture
def names(tmp_path: Path) -> Pseudonyms:
    return Pseudonyms(DataKeys(tmp_path))


def spoken(at: dt.datetime = AT) -> TurnRecord:
    chance = random.Random(3)
    return next(one for one in (made_turn(chance, at) for _ in range(50)) if one.spoke and one.uploads)


async def row(store: Store) -> dict[str, Any]:
    def ask(connection: sqlite3.Connection) -> dict[str, Any]:
        connection.row_factory = sqlite3.Row
        (found,) = connection.execute("SELECT * FROM turn")
        return dict(found)

    await store.flush()
    return await store.read(ask)


def files_with(folder: Path, content: bytes) -> list[str]:
    return [one.name for one in folder.iterdir() if content in one.read_bytes()]


async def test_every_field_of_a_record_is_in_its_row(store: Store, names: Pseudonyms) -> None:
    record = spoken()
    store.later(writing(record, names))
    found = await row(store)
    assert record.spans is not None
    plain = {one.name for one in dataclasses.fields(record)} - {"turn_id", "at", "satellite", "session", "spans"}
    for name in plain - {"points", "rules"}:
        want = getattr(record, name)
        assert found[name] == (pytest.approx(want, abs=0.05) if isinstance(want, float) else want), name
    assert found["last_word_to_text_ms"] == pytest.approx(record.spans.last_word_to_text_ms, abs=0.01)
    assert (found["day"], found["at_ms"]) == ("2026-11-22", round(AT.timestamp() * 1000))
    assert found["points"].startswith('{"base":')
    satellites = await store.read(lambda one: names.among(SATELLITE, [record.satellite], one))
    turns = await store.read(lambda one: names.among(TURN, [record.turn_id], one))
    assert (satellites[found["satellite"]], turns[found["turn"]]) == (record.satellite, record.turn_id)


async def test_no_name_and_no_id_is_anywhere_in_the_files(tmp_path: Path, store: Store, names: Pseudonyms) -> None:
    record = replace(spoken(), turn_id="marker-of-a-turn", satellite="marker-of-a-room", session="marker-of-a-session")
    label = TurnLabel(turn_id=record.turn_id, at=AT, result="marker of a sentence", intent="marker of a sentence")
    store.later(writing(replace(record, language="marker of a sentence", intent="marker of a sentence"), names))
    store.later(labelling(label, AT.date(), names))
    found = await row(store)
    assert (found["language"], found["intent"], found["result"]) == ("other", "other", "other")
    assert files_with(tmp_path, b"marker") == []


async def test_what_nobody_knows_is_null_and_numbers_that_are_none_as_well(store: Store, names: Pseudonyms) -> None:
    store.later(writing(TurnRecord(turn_id="x", at=AT, action="error", error="overloaded", risk=float("nan")), names))
    found = await row(store)
    assert {found[name] for name in ("risk", "logit", "snr_db", "end_to_text_ms", "wrong", "would_escalate")} == {None}
    assert (found["error"], found["spoke"], found["rules"], found["points"]) == ("overloaded", 0, "[]", "{}")


@pytest.mark.parametrize("later", [dt.timedelta(seconds=1), dt.timedelta(minutes=9), dt.timedelta(days=EPOCH_DAYS)])
@pytest.mark.parametrize("is_written", [False, True])
async def test_a_label_finds_its_turn_before_and_after_it_is_written_and_beyond_its_epoch(
    store: Store, names: Pseudonyms, later: dt.timedelta, *, is_written: bool
) -> None:
    at = dt.datetime.combine(epoch(AT.date()) + dt.timedelta(days=EPOCH_DAYS - 1), dt.time(23, 59, 59), dt.UTC)
    record = spoken(at)
    store.later(writing(record, names))
    if is_written:
        await store.flush()
    label = TurnLabel(turn_id=record.turn_id, at=at + later, disagreed=True, audited=True, chance=0.05)
    store.later(labelling(label, at.date(), names))
    store.later(
        labelling(TurnLabel(turn_id=record.turn_id, at=at, wrong=False, intent="HassTurnOff"), at.date(), names)
    )
    found = await row(store)
    assert (found["disagreed"], found["audited"], found["chance"], found["wrong"]) == (1, 1, 0.05, 0)
    assert (found["intent"], found["retried"]) == ("HassTurnOff", None)


async def test_a_label_of_a_turn_that_was_let_go_does_nothing_not_even_make_a_key(
    store: Store, names: Pseudonyms
) -> None:
    record = spoken()
    await store.write(writing(record, names))
    await store.write(lambda one: one.execute("DELETE FROM turn").rowcount)
    await store.write(lambda one: one.execute("DELETE FROM data_key").rowcount)
    await store.write(labelling(TurnLabel(turn_id=record.turn_id, at=AT, wrong=True), AT.date(), names))
    counts = "SELECT (SELECT count(*) FROM turn), (SELECT count(*) FROM data_key)"
    assert await store.read(lambda one: one.execute(counts).fetchone()) == (0, 0)


async def test_without_a_key_a_turn_is_written_down_as_nobodys(tmp_path: Path, store: Store) -> None:
    (tmp_path / "file").touch()
    nobody = Pseudonyms(DataKeys(tmp_path / "file"))
    store.later(writing(spoken(), nobody))
    store.later(labelling(TurnLabel(turn_id="", at=AT, wrong=True), AT.date(), nobody))
    found = await row(store)
    assert (found["turn"], found["satellite"], found["session"], found["wrong"]) == ("", "", "", None)


async def test_a_key_that_was_lost_within_an_epoch_loses_no_label(
    tmp_path: Path, store: Store, names: Pseudonyms
) -> None:
    first, second = replace(spoken(), turn_id="a"), replace(spoken(), turn_id="b")
    await store.write(writing(first, names))
    (tmp_path / "records-key").unlink()
    await store.write(writing(second, names))
    for record in (first, second):
        await store.write(labelling(TurnLabel(turn_id=record.turn_id, at=AT, wrong=True), AT.date(), names))
    found = await store.read(lambda one: one.execute("SELECT wrong FROM turn ORDER BY number").fetchall())
    days = await store.read(lambda one: DataKeys(tmp_path).days(IDENTIFIERS, one))
    assert found == [(None,), (1,)]  # the first can be told no more
    assert days == [epoch(AT.date())]


def test_processes_that_are_killed_lose_the_last_seconds_at_most(tmp_path: Path) -> None:
    counts, _ = prove(tmp_path, times=2, seed=3, longest_s=0.5)
    wrong = ("turns lost", "labels lost", "stores that did not open", "damaged files", "turns not in sums exactly once")
    assert {name: counts[name] for name in wrong} == dict.fromkeys(wrong, 0)
    assert counts["kills"] == 2
    assert counts["turns"] > 0
