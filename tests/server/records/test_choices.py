"""What the owner has chosen at runtime: committed before it is confirmed, and read again at the next start."""

import resource
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wyoming_server.errors import DiskError, InvalidSettingsError
from wyoming_server.records.choices import LANES, LARGEST_BYTES, MOST_CHOICES, POLICY, SATELLITES, Choices
from wyoming_server.records.schema import MIGRATIONS
from wyoming_server.records.store import opened_store

KITCHEN = f"{SATELLITES}assist_satellite.kitchen"
HALL = f"{SATELLITES}assist_satellite.hall"


def clock() -> datetime:
    return datetime(2026, 11, 22, 12, tzinfo=UTC)


def rows(path: Path) -> dict[str, str]:
    """What another program sees."""
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT name, value FROM choice").fetchall())


async def saved(path: Path, **choices: Any) -> None:
    async with opened_store(path) as store:
        for name, value in choices.items():
            await (await Choices.opened(store, clock)).save(name, value)


async def test_a_choice_is_on_the_disk_when_it_is_confirmed_and_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "edge-voice.sqlite"
    async with opened_store(path, interval_seconds=3600) as store:
        choices = await Choices.opened(store, clock)
        assert choices.all() == {}
        await choices.save(POLICY, {"cloud_allowed": False})
        assert rows(path) == {POLICY: '{"cloud_allowed":false}'}
        await choices.save(KITCHEN, {"wake_threshold": None})
        await choices.save(POLICY, {"cloud_allowed": True})
    async with opened_store(path) as store:
        choices = await Choices.opened(store, clock)
        assert choices.all() == {POLICY: {"cloud_allowed": True}, KITCHEN: {"wake_threshold": None}}
        assert choices.get(LANES, []) == []
        assert (choices.failure, choices.unread) == (None, frozenset())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=json_values)
async def test_whatever_json_holds_comes_back(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "edge-voice.sqlite"
    await saved(path, any=value)
    async with opened_store(path) as store:
        assert (await Choices.opened(store, clock)).get("any") == value


async def test_what_is_handed_out_is_the_caller_s_own(tmp_path: Path) -> None:
    async with opened_store(tmp_path / "edge-voice.sqlite") as store:
        choices = await Choices.opened(store, clock)
        lanes = [{"name": "Groq"}]
        await choices.save(LANES, lanes)
        lanes.append({"name": "Other"})
        choices.all()[LANES].clear()
        choices.get(LANES).clear()
        assert choices.get(LANES) == [{"name": "Groq"}]


async def test_a_dropped_choice_is_gone_for_good(tmp_path: Path) -> None:
    path = tmp_path / "edge-voice.sqlite"
    async with opened_store(path) as store:
        choices = await Choices.opened(store, clock)
        await choices.save(POLICY, {"hedge": True})
        assert await choices.drop(POLICY)
        assert not await choices.drop(POLICY)
        assert choices.all() == {}
    assert rows(path) == {}


@pytest.mark.parametrize(
    ("purged", "left"),
    [
        ((), set()),
        ((SATELLITES,), {POLICY, LANES}),
        ((POLICY,), {LANES, KITCHEN, HALL}),
        ((LANES, SATELLITES), {POLICY}),
        (("satellite",), {POLICY, LANES, KITCHEN, HALL}),
    ],
)
async def test_purging_erases_what_was_named_and_says_how_much(
    tmp_path: Path, purged: tuple[str, ...], left: set[str]
) -> None:
    path = tmp_path / "edge-voice.sqlite"
    async with opened_store(path) as store:
        choices = await Choices.opened(store, clock)
        for name in (POLICY, LANES, KITCHEN, HALL):
            await choices.save(name, {})
        assert await choices.purge(*purged) == 4 - len(left)
        assert choices.all().keys() == left
    assert rows(path).keys() == left


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE choice SET value = replace(value, 'true', 'null')",
        "UPDATE choice SET value = substr(value, 1, 5)",
        "UPDATE choice SET digest = ''",
    ],
)
async def test_a_damaged_choice_is_left_unused_and_logged_without_the_satellite(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    path = tmp_path / "edge-voice.sqlite"
    await saved(path, **{POLICY: {"audits": False}, KITCHEN: {"answer_early": True}})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"{damage} WHERE name = ?", (KITCHEN,))
        connection.commit()
    before = rows(path)
    async with opened_store(path) as store:
        choices = await Choices.opened(store, clock)
        assert choices.all() == {POLICY: {"audits": False}}
        assert choices.unread == {KITCHEN}
        assert rows(path) == before
        await choices.save(KITCHEN, {"answer_early": False})
        assert choices.unread == frozenset()
    assert [one.args for one in caplog.records] == [("satellite",)]


async def test_purging_erases_damaged_choices_too(tmp_path: Path) -> None:
    path = tmp_path / "edge-voice.sqlite"
    await saved(path, policy={})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE choice SET digest = ''")
        connection.commit()
    async with opened_store(path) as store:
        choices = await Choices.opened(store, clock)
        assert await choices.purge() == 1
        assert choices.unread == frozenset()
    assert rows(path) == {}


async def test_a_full_disk_is_said_and_leaves_the_choice_before(tmp_path: Path) -> None:
    path = tmp_path / "edge-voice.sqlite"
    async with opened_store(path) as store:
        choices = await Choices.opened(store, clock)
        await choices.save(POLICY, {"hedge": False})
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, most))
        try:
            with pytest.raises(DiskError):
                await choices.save(POLICY, {"hedge": True})
            with pytest.raises(DiskError):
                await choices.drop(POLICY)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert choices.all() == {POLICY: {"hedge": False}}
        await choices.save(POLICY, {"hedge": True})
    assert rows(path) == {POLICY: '{"hedge":true}'}


async def test_records_that_cannot_be_opened_leave_the_file_s_settings_and_say_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "edge-voice.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    async with opened_store(path) as store:
        choices = await Choices.opened(store, clock)
        assert choices.all() == {}
        assert choices.failure is not None
        assert choices.failure.code == "newer-records"
        with pytest.raises(DiskError):
            await choices.save(POLICY, {})
    assert "what the owner has chosen cannot be read" in caplog.text


async def test_more_than_is_kept_is_refused_and_the_choice_before_stays(tmp_path: Path) -> None:
    async with opened_store(tmp_path / "edge-voice.sqlite") as store:
        choices = await Choices.opened(store, clock)
        await choices.save(POLICY, {})
        with pytest.raises(InvalidSettingsError, match="bytes"):
            await choices.save(POLICY, "x" * LARGEST_BYTES)
        for name in ("x" * 513, "\ud800"):
            with pytest.raises(InvalidSettingsError, match="characters"):
                await choices.save(name, {})
        with pytest.raises(ValueError, match="JSON"):
            await choices.save(POLICY, float("nan"))
        assert choices.all() == {POLICY: {}}


async def test_only_so_many_choices_are_kept(tmp_path: Path) -> None:
    async with opened_store(tmp_path / "edge-voice.sqlite") as store:
        choices = await Choices.opened(store, clock)
        for number in range(MOST_CHOICES):
            await choices.save(f"{SATELLITES}{number}", {})
        with pytest.raises(InvalidSettingsError, match="forget satellites"):
            await choices.save(POLICY, {})
        await choices.save(f"{SATELLITES}0", {"answer_early": True})
        await choices.drop(f"{SATELLITES}1")
        await choices.save(POLICY, {})


async def test_a_file_of_the_version_before_gets_its_table(tmp_path: Path) -> None:
    path = tmp_path / "edge-voice.sqlite"
    async with opened_store(path, migrations=MIGRATIONS[:2]):
        pass
    await saved(path, policy={"hedge": True})
    assert rows(path) == {POLICY: '{"hedge":true}'}
