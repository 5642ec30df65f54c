"""What goes on beside the turns: each part for itself."""

import asyncio
from pathlib import Path

import pytest

from wyoming_server.control.books import Books
from wyoming_server.control.past import kept_up

from ..home import home, settings_for_tests


async def test_a_part_that_fails_begins_anew_says_so_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    begun = list[str]()

    async def fragile() -> None:
        begun.append("fragile")
        if begun.count("fragile") < 3:
            raise RuntimeError("as the test says")

    async def sound() -> None:
        begun.append("sound")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(kept_up("Fragile", fragile, pause_seconds=0.0))
        tasks.create_task(kept_up("Sound", sound, pause_seconds=0.0))
    assert (begun.count("fragile"), begun.count("sound")) == (3, 1)
    assert [one.getMessage() for one in caplog.records] == ["Fragile has failed, and begins anew in 0 s"] * 2


async def test_a_fault_in_what_is_told_ends_nothing_of_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_books: Books) -> None:
        raise RuntimeError("as the test says")

    monkeypatch.setattr(Books, "refresh", broken)
    with home(settings_for_tests(tmp_path)) as served:
        assert {"past", "control"} <= served.tasks()
    assert "Control has failed, and begins anew in 60 s" in [one.getMessage() for one in caplog.records]


async def test_a_part_that_is_cancelled_ends() -> None:
    task = asyncio.create_task(kept_up("Endless", asyncio.Event().wait))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
