"""What was said is kept under seal, goes when its window is over, and is erased so that no byte of it is found."""

import datetime as dt
import itertools
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.server.proofs.searched import count_in, forms_of_bytes, forms_of_sound, forms_of_text, found_in
from wyoming_server.control.recorded import samples_of
from wyoming_server.errors import DiskError, InvalidRequestError, NotKeptError, RecordsKeyError
from wyoming_server.listeners.control_shapes import WHAT
from wyoming_server.records.data_keys import FILE_NAME as KEY_FILE
from wyoming_server.records.data_keys import DataKeys
from wyoming_server.records.seals import Seals
from wyoming_server.records.store import FILE_NAME

from .kept_home import NOON, KeptHome, Said, kept_home

KEPT = "turns", "transcripts", "recordings", "corrections"


def counts(home: KeptHome) -> list[int]:
    """Return the status's counts of turns, transcripts, recordings and corrections."""
    status = home.keeper.status()
    return [status[name] for name in KEPT]


async def numbers(home: KeptHome) -> list[int]:
    return [number for (number,) in await home.rows("SELECT number FROM turn ORDER BY number")]


def secrets(*said: Said) -> list[dict[str, bytes]]:
    """Return what must not be found of some turns: texts, sound, and who spoke."""
    texts = [text for one in said for text in (one.text, one.satellite, one.turn_id)]
    return [*map(forms_of_text, texts), *(forms_of_sound(one.samples) for one in said)]


async def sealed(home: KeptHome) -> list[dict[str, bytes]]:
    """Return what lies in the file instead, and the keys, wrapped."""
    rows = await home.rows("SELECT content FROM sealed UNION ALL SELECT wrapped FROM data_key")
    return [forms_of_bytes(content) for (content,) in rows]


# Kept.


async def test_what_was_said_is_told_by_its_turn_and_lies_nowhere_in_the_open(tmp_path: Path) -> None:
    async with kept_home(tmp_path) as home:
        one, other = home.say(), home.say()
        home.keeper.corrected(one.turn_id, f"no, {one.text}")
        hashes = [turn for (turn,) in await home.rows("SELECT turn FROM turn ORDER BY number")]
        told = await home.ask(lambda connection: home.keeper.of_turns(hashes, connection))
        assert told[hashes[0]] == {"text": one.text, "correction": f"no, {one.text}", "recording": True}
        assert told[hashes[1]] == {"text": other.text, "recording": True}
        for number, said in zip(await numbers(home), (one, other), strict=True):
            assert np.array_equal(samples_of(await home.keeper.recording(number)), said.samples)
        assert count_in(home.folder, secrets(one, other)) == 0
        assert count_in(home.folder, await sealed(home)) == 9, "five sealed, four keys: the search finds what is there"
        (home.folder / "note").write_text(one.text)
        assert found_in(home.folder, secrets(one, other)) == {"plain": 1}


async def test_nothing_is_kept_that_its_owner_did_not_ask_for(tmp_path: Path) -> None:
    async with kept_home(tmp_path) as home:
        home.settings = replace(
            home.settings,
            control=replace(home.settings.control, keep_transcripts=False),
            records=replace(home.settings.records, keep_recordings=False),
        )
        one = home.say()
        home.keeper.corrected(one.turn_id, one.text)
        assert await home.rows("SELECT * FROM sealed") == []
        with pytest.raises(NotKeptError):
            await home.keeper.recording((await numbers(home))[0])
        with pytest.raises(NotKeptError):
            await home.keeper.recording(4711)


async def test_a_later_correction_takes_the_place_of_the_first_and_one_of_no_turn_is_not_kept(tmp_path: Path) -> None:
    async with kept_home(tmp_path) as home:
        one = home.say()
        for text in ("first", "second \ud800"):  # JSON can hold half a surrogate pair
            home.keeper.corrected(one.turn_id, text)
        home.keeper.corrected("of no turn", "third")
        (turn,) = (row[0] for row in await home.rows("SELECT turn FROM turn"))
        told = await home.ask(lambda connection: home.keeper.of_turns([turn], connection))
        assert told[turn]["correction"] == "second \ud800"
        assert await home.rows("SELECT count(*) FROM sealed WHERE class = 'corrections'") == [(1,)]


async def test_what_was_sealed_for_one_turn_does_not_open_for_another(tmp_path: Path) -> None:
    async with kept_home(tmp_path) as home:
        home.say()
        home.say()
        _, second = (turn for (turn,) in await home.rows("SELECT turn FROM turn ORDER BY number"))

        def exchanged(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM sealed WHERE turn = ?", (second,))
            connection.execute("UPDATE sealed SET turn = ?", (second,))

        await home.store.write(exchanged)
        assert (
            await home.ask(lambda one: {"text", "correction"} & home.keeper.of_turns([second], one)[second].keys())
            == set()
        )
        with pytest.raises(RecordsKeyError):
            await home.keeper.recording((await numbers(home))[1])


async def test_the_oldest_recordings_go_when_all_are_too_many(tmp_path: Path) -> None:
    async with kept_home(tmp_path, most_recording_mb=1) as home:
        said = [await home.said_and_written() for _ in range(120)]  # of 9.6 kB each
        (kept,) = (count for (count,) in await home.rows("SELECT count(*) FROM sealed WHERE class = 'recordings'"))
        assert 100 <= kept <= 104
        all_numbers = await numbers(home)
        with pytest.raises(NotKeptError):
            await home.keeper.recording(all_numbers[0])
        assert np.array_equal(samples_of(await home.keeper.recording(all_numbers[-1])), said[-1].samples)


# Gone in time.


async def test_each_class_goes_when_its_own_window_is_over(tmp_path: Path) -> None:
    async with kept_home(tmp_path, transcript_days=2, recording_days=3, correction_days=4, turn_days=5) as home:
        one = home.say()
        home.keeper.corrected(one.turn_id, one.text)
        seen = []
        for _ in range(6):
            await home.keeper.sweep()
            seen.append(counts(home))
            home.passes(days=1)
        await home.keeper.sweep()
    assert seen == [[1, 1, 1, 1], [1, 1, 1, 1], [1, 0, 1, 1], [1, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]]


async def test_no_byte_of_what_is_over_is_found_and_an_older_copy_of_the_records_does_not_open(tmp_path: Path) -> None:
    async with kept_home(tmp_path) as home:
        old = [await home.said_and_written() for _ in range(20)]
        old_seals = await sealed(home)
        assert count_in(home.folder, old_seals) == len(old_seals)
        shutil.copytree(home.folder, tmp_path / "copy")
        home.passes(days=6)
        new = [home.say() for _ in range(5)]
        home.passes(days=1)
        await home.keeper.sweep()
        assert counts(home) == [25, 5, 5, 0]
        assert count_in(home.folder, secrets(*old, *new)) == 0
        gone = [one for one in old_seals if one not in await sealed(home)]
        assert len(gone) == 43, "forty that were sealed, two keys, and that of the identifiers wrapped anew"
        assert count_in(home.folder, gone) == 0
        shutil.copy(home.folder / KEY_FILE, tmp_path / "copy" / KEY_FILE)
        with closing(sqlite3.connect(tmp_path / "copy" / FILE_NAME)) as copy:
            turns = [turn for (turn,) in copy.execute("SELECT turn FROM turn")]
            assert len(turns) == 20
            assert Seals(DataKeys(tmp_path / "copy")).of_turns(turns, copy) == {}
        (tmp_path / "copy" / KEY_FILE).write_bytes(b"")


IN_PLAIN = {
    "aggregate_days": """
        INSERT INTO day_sum (day, language, microphone_class, figures, times) VALUES (:day, :word, 'phone', :word, x'');
        INSERT INTO baseline (began_utc, ends_utc, consent, seconds_cap, money_cap, figures)
            VALUES (:day, :day, :day, 1, 1, :word);
        INSERT INTO incident (at_ms, kind, subject, message) VALUES (unixepoch(:day) * 1000, 'mode', '', :word);
        INSERT OR REPLACE INTO load_sample VALUES (unixepoch(:day) * 1000, 0, 0, 0, 0, 0, NULL)
    """,
    "ledger_days": """
        INSERT INTO upload (at_utc, day, lane, turn_id, reason, consent, seconds, bytes, cost, currency)
            VALUES (:day, :day, 'lane', :word, 'risk', '', 1, 1, 0, 'USD');
        INSERT INTO home_use VALUES (:day, :word, 'home', 1, 1, 1)
    """,
    "learned_days": "INSERT INTO snapshot VALUES ('of ' || :word, :day, '', :word)",
}
"""Window → what is written down without a seal; `:word` is to be found as long as it lasts."""


async def test_what_is_kept_in_plain_is_found_until_its_window_is_over_and_then_nowhere(tmp_path: Path) -> None:
    words: dict[tuple[str, int], list[dict[str, bytes]]] = {}
    async with kept_home(tmp_path, aggregate_days=40, ledger_days=50, learned_days=60) as home:
        for name, age in itertools.product(IN_PLAIN, (75, 61, 51, 41, 1)):
            rows = [{"day": f"{(NOON - dt.timedelta(days=age)).date()}", "word": home.word()} for _ in range(15)]
            words[name, age] = [forms_of_text(row["word"]) for row in rows]
            for statement in IN_PLAIN[name].split(";"):
                await home.store.write(partial(insert, statement, rows))
        for month in ("2026-09", "2026-10"):
            await home.store.write(partial(insert, "INSERT INTO month VALUES (:month, '', '')", [{"month": month}]))
        assert [count_in(home.folder, one) for one in words.values()] == [15] * len(words)
        await home.keeper.sweep()
        found = {key: count_in(home.folder, one) for key, one in words.items()}
        kept = {one["name"]: (one["rows"], one["oldest"]) for one in (await home.keeper.kept())["classes"]}
    assert {key for key, count in found.items() if count} == {
        ("aggregate_days", 1),
        *(("ledger_days", age) for age in (41, 1)),
        *(("learned_days", age) for age in (51, 41, 1)),
    }
    assert kept["day-sums"] == kept["incidents"] == kept["baselines"] == (15, "2026-11-21")
    assert kept["scorecards"] == (1, "2026-10-01")
    assert kept["load"] == (1, "2026-11-21")
    assert kept["ledger"] == (30, "2026-10-12")
    assert kept["live-audio"] == (None, None)


def insert(statement: str, rows: list[dict[str, str]], connection: sqlite3.Connection) -> None:
    connection.executemany(statement, rows)


async def test_damaged_files_go_with_the_turns_that_may_be_in_them(tmp_path: Path) -> None:
    async with kept_home(tmp_path) as home:
        aside = home.folder / "edge-voice.damaged-1.sqlite"
        aside.write_text("turns")
        home.now = dt.datetime.now(dt.UTC)  # as files are dated
        there = []
        for _ in range(33):
            home.say()
            await home.keeper.sweep()
            there.append(aside.exists())
            home.passes(days=1)
    assert there == [True] * 30 + [False] * 3


# Clocks that leap.


@pytest.mark.parametrize("years", [1, -1, 300])
async def test_a_clock_that_is_a_year_off_for_some_hours_costs_nothing(tmp_path: Path, years: int) -> None:
    async with kept_home(tmp_path) as home:
        home.say()
        await home.keeper.sweep()
        home.leaps(days=365 * years)
        for _ in range(5):
            home.say()
            await home.keeper.sweep()
            home.passes(hours=4)
        assert counts(home)[:2] == [6, 6]
        home.leaps(days=-365 * years)
        await home.keeper.sweep()
        # What was written a year ago, as it says, goes at once; what says that it will be written is noticed.
        assert counts(home)[0] == (1 if years < 0 else 6)
        home.passes(days=15)
        await home.keeper.sweep()
        home.passes(days=16)
        assert counts(home)[1] == 0
        await home.keeper.sweep()
        assert counts(home)[0] == 0, "nothing is kept for ever, whatever its date"


async def test_a_leap_is_believed_when_it_has_held_for_a_day_of_uptime_over_restarts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with kept_home(tmp_path) as home:
        home.say()
        await home.keeper.sweep()
    later = NOON + dt.timedelta(days=100)  # switched off
    for day, turns in enumerate([1, 1, 0]):
        async with kept_home(tmp_path, now=later + dt.timedelta(days=day)) as home:
            for _ in range(11):
                await home.keeper.sweep()
                home.passes(hours=1)
            assert counts(home)[0] == turns
    assert caplog.text.count("The clock has leapt") == 3, "once for each run in which it is in doubt"


async def test_a_clock_that_fell_back_for_good_keeps_what_is_dated_ahead_for_its_window_and_no_longer(
    tmp_path: Path,
) -> None:
    async with kept_home(tmp_path) as home:
        home.say()
        await home.keeper.sweep()
        home.leaps(days=-2000)
        for hours in (0, 12, 13):  # it is believed from now on
            home.passes(hours=hours)
            await home.keeper.sweep()
        assert counts(home)[:2] == [1, 1]
        home.say()
        home.passes(days=7)
        await home.keeper.sweep()
        assert counts(home)[:2] == [2, 0]
        home.passes(days=22)
        await home.keeper.sweep()
        assert counts(home)[0] == 2
        home.passes(days=1)
        await home.keeper.sweep()
        assert counts(home)[0] == 0


# Erased.


async def test_a_purged_class_leaves_no_byte_and_the_others_stay(tmp_path: Path) -> None:
    async with kept_home(tmp_path) as home:
        said = [home.say() for _ in range(5)]
        home.keeper.corrected(said[0].turn_id, said[0].text)
        for what, left in (("recordings", [5, 5, 0, 1]), ("corrections", [5, 5, 0, 0]), ("transcripts", [5, 0, 0, 0])):
            before = await sealed(home)
            answer = await home.keeper.purge([what], None)
            assert answer == {"erased": {what: 1 if what == "corrections" else 5}, "left": {what: 0}}
            assert counts(home) == left
            after = await sealed(home)
            assert count_in(home.folder, [one for one in before if one not in after]) == 0
            assert count_in(home.folder, after) == len(after)


async def test_purging_turns_takes_what_was_said_and_who_spoke(tmp_path: Path) -> None:
    async with kept_home(tmp_path) as home:
        said = [home.say() for _ in range(5)]
        rows = await home.rows("SELECT turn, satellite, session FROM turn")
        hashes = [forms_of_text(one) for row in rows for one in row]
        before = await sealed(home)
        assert count_in(home.folder, hashes) == 15
        assert (await home.keeper.purge(["turns"], None)) == {"erased": {"turns": 5}, "left": {"turns": 0}}
        assert counts(home) == [0, 0, 0, 0]
        assert home.keeper.status()["key"] == "none"
        assert count_in(home.folder, [*hashes, *before, *secrets(*said)]) == 0
        assert not (home.folder / KEY_FILE).exists(), "nothing is left that it opens"
        assert home.say().turn_id
        assert await home.rows("SELECT count(*) FROM sealed") == [(2,)], "the next turn has new keys"


async def test_one_satellite_is_erased_and_no_other(tmp_path: Path) -> None:
    async with kept_home(tmp_path) as home:
        for days in range(0, 100, 20):  # over epochs
            for satellite in ("kitchen", "nursery"):
                home.say(satellite, at=NOON - dt.timedelta(days=days))
        before = await sealed(home)
        answer = await home.keeper.purge(list(WHAT), "nursery")
        assert set(answer["erased"]) == {"turns", "transcripts", "recordings", "corrections", "queue", "satellites"}
        assert (answer["erased"]["turns"], answer["left"]["turns"]) == (5, 0)
        assert counts(home) == [5, 5, 5, 0]
        after = await sealed(home)
        assert count_in(home.folder, [one for one in before if one not in after]) == 0
        assert (await home.keeper.purge(["turns"], "attic"))["erased"] == {"turns": 0}
        with pytest.raises(InvalidRequestError, match="leave 'satellite' out"):
            await home.keeper.purge(["ledger"], "nursery")


async def test_a_purge_is_refused_in_words_while_another_program_reads_the_file_as_it_was(tmp_path: Path) -> None:
    async with kept_home(tmp_path) as home:
        home.say()
        await home.store.flush()
        with closing(sqlite3.connect(home.folder / FILE_NAME)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM turn").fetchall()
            with pytest.raises(DiskError, match="another program reads it"):
                await home.keeper.purge(["turns"], None)
        assert (await home.keeper.purge(["turns"], None))["left"] == {"turns": 0}


async def test_a_disk_that_refuses_costs_no_turn_and_holds_few_recordings_in_memory(tmp_path: Path) -> None:
    async with kept_home(tmp_path) as home:
        await home.store.flush()
        with closing(sqlite3.connect(home.folder / FILE_NAME, autocommit=True)) as other:
            other.execute("BEGIN IMMEDIATE")
            for _ in range(40):
                home.say()
            with pytest.raises(DiskError):
                await home.store.write(lambda _: None)
            other.execute("ROLLBACK")
        await home.store.flush()
        await home.keeper.sweep()
        assert counts(home) == [40, 40, 16, 0]


# Another key.


@pytest.mark.parametrize("other", [None, bytes(32)])
async def test_without_its_key_a_restored_folder_works_and_says_what_to_do(tmp_path: Path, other: Any) -> None:
    async with kept_home(tmp_path, turn_days=60, transcript_days=50) as home:
        old = home.say("kitchen")
        await home.store.flush()
        key = (home.folder / KEY_FILE).read_bytes()
    (home.folder / KEY_FILE).unlink()
    if other is not None:
        (home.folder / KEY_FILE).write_bytes(other)
    async with kept_home(tmp_path, turn_days=60, transcript_days=50) as home:
        assert home.keeper.status()["key"] == ("missing" if other is None else "wrong")
        ((code, message),) = [(one["code"], one["message"]) for one in home.keeper.warnings()]
        assert code == "records-key"
        assert "Append the old 'records-key'" in message
        with pytest.raises(RecordsKeyError, match="Append the old"):
            await home.keeper.recording((await numbers(home))[0])
        new = home.say("kitchen")
        first, second = (turn for (turn,) in await home.rows("SELECT turn FROM turn ORDER BY number"))
        told = await home.ask(lambda connection: home.keeper.of_turns([first, second], connection))
        assert told == {second: {"text": new.text, "recording": True}}
        with pytest.raises(RecordsKeyError, match="purge turns altogether"):
            await home.keeper.purge(["turns"], "kitchen")
        with (home.folder / KEY_FILE).open("ab") as file:
            file.write(key)
    async with kept_home(tmp_path, turn_days=60, transcript_days=50) as home:
        assert home.keeper.status()["key"] == "good"
        told = await home.ask(lambda connection: home.keeper.of_turns([first, second], connection))
        assert told[first]["text"] == old.text
        assert home.keeper.warnings() == []
        assert (home.folder / KEY_FILE).stat().st_size == 32
        assert (await home.keeper.purge(["turns"], "kitchen"))["left"] == {"turns": 0}


async def test_what_cannot_be_opened_any_more_goes_with_its_window_and_the_warning_with_it(tmp_path: Path) -> None:
    async with kept_home(tmp_path) as home:
        home.say()
    (home.folder / KEY_FILE).unlink()
    async with kept_home(tmp_path) as home:
        for _ in range(16):
            home.passes(days=5)
            home.say()
            await home.keeper.sweep()
        assert home.keeper.status()["key"] == "good"
        assert home.keeper.warnings() == []
