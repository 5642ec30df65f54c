"""What happens to bundles while something else does."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.server.bundles.conducted import BAD, SMALL, Arms, Hub, a_hub, run_here
from tests.server.bundles.publishing import a_bundle, a_repository, served
from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.state import Stage
from wyoming_server.errors import ModelCorruptError
from wyoming_server.updates.folder import BundleFolder

FIRST, SECOND = "home-en@1.0.0", "home-en@1.1.0"


class SlowFetches:
    """An updater whose fetches take until a test lets them."""

    def __init__(self) -> None:
        self.asked, self.may = asyncio.Event(), asyncio.Event()

    async def __call__(self, job: Mapping[str, Any], on_progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        if job["action"] == "fetch":
            self.asked.set()
            await self.may.wait()
        return await run_here(job, on_progress)


@asynccontextmanager
async def fetching_a_second(folder: Path) -> AsyncIterator[tuple[Hub, asyncio.Event]]:
    """Give a hub on which the first bundle serves some turns, while its fetch of the second waits for the event."""
    repository, slowly = a_repository(folder / "repository"), SlowFetches()
    repository.publish(a_bundle(folder / "published", version="1.0.0"))
    with served(repository.public) as url, a_hub(folder / "data", run_job=slowly) as hub:
        slowly.may.set()
        await hub.trusts(url, repository)
        await hub.hears(SMALL.shadow_turns)
        repository.publish(a_bundle(folder / "published", version="1.1.0"))
        slowly.asked.clear()
        slowly.may.clear()
        await hub.updates.check()
        await slowly.asked.wait()
        yield hub, slowly.may


async def test_one_that_came_to_serve_all_while_a_newer_one_was_fetched_is_watched_to_its_end(tmp_path: Path) -> None:
    async with fetching_a_second(tmp_path) as (hub, may):
        await hub.hears(SMALL.serving_turns)
        may.set()
        await hub.updates.settled()
        candidate = hub.updates.state.of(Kind.ASR).candidate
        assert candidate is not None
        assert (candidate.label, candidate.stage, hub.arms.stage) == (FIRST, Stage.WATCH, "watch")
        assert f"rolled_back {FIRST}" not in hub.events
        assert hub.updates.state.denied == {}
        await hub.hears(SMALL.watch_turns)
        await hub.looks()
        candidate = hub.updates.state.of(Kind.ASR).candidate
        assert candidate is not None
        assert (candidate.label, hub.updates.state.of(Kind.ASR).active) == (SECOND, FIRST)


async def test_one_that_is_worse_goes_while_a_newer_one_is_fetched(tmp_path: Path) -> None:
    async with fetching_a_second(tmp_path) as (hub, may):
        hub.updates.course.canary.trigger("memory", "it eats memory")
        await hub.hears(1, candidate=BAD)
        assert hub.updates.state.of(Kind.ASR).candidate is None
        may.set()
        await hub.updates.settled()
        candidate = hub.updates.state.of(Kind.ASR).candidate
        assert candidate is not None
        assert (candidate.label, hub.arms.candidate, [*hub.updates.state.denied]) == (SECOND, SECOND, [FIRST])


async def test_a_state_that_the_disk_has_lost_costs_a_step_and_not_the_watch(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "repository")
    repository.publish(a_bundle(tmp_path / "published", version="1.0.0"))
    with served(repository.public) as url, a_hub(tmp_path / "data", replace(SMALL, automatic=False)) as hub:
        await hub.trusts(url, repository)
        await hub.updates.install(Kind.ASR)
        await hub.updates.settled()
        await hub.updates.roll_back(Kind.ASR)
        (tmp_path / "data" / "bundles" / "state.json").write_bytes(b"{")
        hub.time.passes(minutes=2)
        await hub.updates._tick()
        await hub.updates.aclose()


async def test_a_bundle_is_left_and_said_to_be_where_the_plain_model_cannot_be_loaded(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "repository")
    repository.publish(a_bundle(tmp_path / "published", version="1.0.0"))
    with served(repository.public) as url, a_hub(tmp_path / "data", compares=False) as hub:
        await hub.trusts(url, repository)
        hub.arms.fails["activate"] = ModelCorruptError("its file is damaged")
        with pytest.raises(ModelCorruptError):
            await hub.updates.roll_back(Kind.ASR)
        assert hub.events[-1] == f"rolled_back {FIRST}"
        assert (hub.updates.state.of(Kind.ASR).active, [*hub.updates.state.denied]) == ("", [FIRST])


class FaultyOnce(Arms):
    """Arms with a fault that nobody has thought of, once."""

    asked = 0

    def serving(self, kind: Kind) -> str:
        self.asked += 1
        if self.asked == 1:
            raise ZeroDivisionError
        return super().serving(kind)


async def test_a_fault_of_ours_costs_a_look_and_not_the_watch(tmp_path: Path) -> None:
    with a_hub(tmp_path / "data", arms=FaultyOnce()) as hub:
        watch = asyncio.create_task(hub.updates.run())
        async with asyncio.timeout(20.0):
            while hub.updates.course.canary.incumbent != "base":
                hub.updates.moved()
                await asyncio.sleep(0.01)
        watch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watch


def test_a_disk_without_room_for_a_word_locks_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_of: object) -> int:
        raise OSError(28, "No space left on device")

    folder = BundleFolder(tmp_path / "bundles")
    monkeypatch.setattr(os, "pwrite", full)
    with folder.lock():
        assert folder.holder() == {}
    assert folder.holder() is None
