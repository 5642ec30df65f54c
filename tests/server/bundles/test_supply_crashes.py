"""A model that crashes, or is damaged: what stands in for it, and how it comes back without a hand."""

import asyncio
import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from wyoming_server.bundles.crash_book import CrashBook
from wyoming_server.bundles.crashes import until_mended
from wyoming_server.bundles.hub_model import HubModel
from wyoming_server.bundles.store import ModelStore
from wyoming_server.bundles.supply import ModelSupply, SupplyState
from wyoming_server.errors import ModelCorruptError, ModelCrashedError, TrialCrashedError


class Named:
    """An engine that only has a name, and says when it was closed."""

    def __init__(self, name: str) -> None:
        self.name, self.closed = name, threading.Event()

    def close(self) -> None:
        self.closed.set()


class Home:
    """A supply whose chosen model lies in a folder of its own, and all that a test may break of it."""

    def __init__(self, folder: Path) -> None:
        self.chosen, self.starter = folder / "base", folder / "starter"
        for model in (self.chosen, self.starter):
            model.mkdir()
            (model / "model.bin").write_bytes(b"whole")
        self.now_at = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)
        self.book = CrashBook(folder / "crashes", lambda: self.now_at, boot="a boot")
        self.loaded, self.tried = list[str](), list[str]()
        self.trial_fails = False
        self.changed = asyncio.Event()
        self.supply = ModelSupply(
            chosen=HubModel(name=str(self.chosen), store=ModelStore(folder)),
            starter=self.starter,
            load=self._load,
            on_change=lambda _: self.changed.set(),
            crashes=self.book,
            try_apart=self._try_apart,
            until_mended=self._until_mended,
        )
        self.may_go_on, self.pauses = asyncio.Event(), list[float]()

    async def _until_mended(self, _model: Path | None, seconds: float) -> None:
        self.pauses.append(seconds)
        self.changed.set()
        await self.may_go_on.wait()

    def _load(self, directory: Path) -> Named:
        self.loaded.append(directory.name)
        if (directory / "model.bin").read_bytes() != b"whole":
            raise ModelCorruptError(f"'{directory}' is cut off")
        return Named(directory.name)

    async def _try_apart(self, directory: Path) -> None:
        self.tried.append(directory.name)
        self.changed.set()
        await asyncio.sleep(0)
        if self.trial_fails:
            raise TrialCrashedError("it took its process down")

    async def reaches(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    @property
    def now(self) -> tuple[str, str, str]:
        status = self.supply.status
        return status.serving, status.state.value, status.error_code


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


async def test_what_crashed_twice_is_left_alone_and_the_starter_stands_in(home: Home) -> None:
    for _ in range(2):
        home.book.crashed(home.chosen)
    async with home.supply:
        await home.supply.serving()
        await home.reaches(lambda: home.supply.status.state is SupplyState.FAILED)
        assert home.now == ("starter", "failed", "model-crashed")
        assert isinstance(home.supply.left_alone, ModelCrashedError)
        assert home.loaded == ["starter"]


async def test_who_chose_another_model_and_comes_back_to_the_first_means_it(home: Home, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for _ in range(2):
        home.book.crashed(other)
        home.book.crashed(home.starter)
    async with home.supply:
        await home.supply.serving()
        assert (home.book.crashes(other), home.book.crashes(home.starter)) == (0, 2)


async def test_one_crash_is_no_habit(home: Home) -> None:
    home.book.crashed(home.chosen)
    async with home.supply:
        await home.supply.serving()
        assert (home.now, home.supply.left_alone) == (("base", "ready", ""), None)


async def test_after_a_while_it_is_tried_in_a_process_of_its_own_and_serves_again(home: Home) -> None:
    for _ in range(2):
        home.book.crashed(home.chosen)
    async with home.supply:
        await home.reaches(lambda: bool(home.pauses))
        assert home.pauses[0] > 890.0
        home.may_go_on.set()
        await home.reaches(lambda: home.supply.status.state is SupplyState.READY)
        assert (home.now, home.tried, home.book.crashes(home.chosen)) == (("base", "ready", ""), ["base"], 0)
        assert home.supply.left_alone is None


async def test_a_pause_that_was_over_before_the_start_is_over(home: Home) -> None:
    for _ in range(2):
        home.book.crashed(home.chosen)
    home.now_at += dt.timedelta(hours=1)
    async with home.supply:
        await home.reaches(lambda: bool(home.pauses))
        assert home.pauses == [0.0]


async def test_what_takes_its_trial_down_stays_where_it_is(home: Home) -> None:
    for _ in range(2):
        home.book.crashed(home.chosen)
    home.trial_fails = True
    async with home.supply:
        home.may_go_on.set()
        await home.reaches(lambda: len(home.tried) >= 3)
        assert home.pauses[0] > 890.0
        assert home.pauses[2] == 2 * home.pauses[1]
        assert home.now == ("starter", "failed", "model-crashed")
        assert home.loaded == ["starter"]


async def test_a_starter_that_crashed_twice_is_tried_apart_before_it_is_loaded(home: Home) -> None:
    (home.chosen / "model.bin").write_bytes(b"cut")
    for _ in range(2):
        home.book.crashed(home.starter)
    home.trial_fails = True
    async with home.supply:
        with pytest.raises(ModelCorruptError):
            await home.supply.serving()
        assert (home.supply.status.serving, home.tried) == ("", ["starter"])


async def test_what_fails_on_everything_is_set_aside_while_it_serves(home: Home) -> None:
    async with home.supply:
        await home.supply.serving()
        with home.supply.lease() as engine:
            home.supply.set_aside("base", ModelCrashedError("it failed on two utterances on end"))
            await home.reaches(lambda: home.supply.status.state is SupplyState.FAILED)
            assert home.now == ("starter", "failed", "model-crashed")
            assert not engine.closed.is_set(), "a decode that is under way may end"
        assert await asyncio.to_thread(engine.closed.wait, 5)
        home.supply.set_aside("starter", ModelCrashedError("nothing stands in for the starter"))
        home.supply.set_aside("base", ModelCrashedError("it does not serve any more"))
        await asyncio.sleep(0)
        assert home.loaded == ["base", "starter"]


async def test_what_was_set_aside_comes_back(home: Home) -> None:
    async with home.supply:
        await home.supply.serving()
        home.supply.set_aside("base", ModelCrashedError("it failed on two utterances on end"))
        home.may_go_on.set()
        await home.reaches(lambda: home.loaded == ["base", "starter", "base"] and home.now == ("base", "ready", ""))
        assert home.tried == ["base"]


async def test_a_damaged_model_serves_once_its_files_are_whole_again(home: Home) -> None:
    (home.chosen / "model.bin").write_bytes(b"cut")
    async with home.supply:
        await home.supply.serving()
        await home.reaches(lambda: home.supply.status.state is SupplyState.FAILED)
        assert home.now == ("starter", "failed", "model-corrupt")
        (home.chosen / "model.bin").write_bytes(b"whole")
        home.may_go_on.set()
        await home.reaches(lambda: home.now == ("base", "ready", ""))


async def test_a_folder_that_was_here_and_has_gone_serves_once_it_is_back(home: Home, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    home.chosen.rename(gone)
    async with home.supply:
        await home.supply.serving()
        await home.reaches(lambda: home.now == ("starter", "failed", "unknown-model"))
        gone.rename(home.chosen)
        home.may_go_on.set()
        await home.reaches(lambda: home.now == ("base", "ready", ""))


def test_only_a_folder_that_was_used_before_may_be_missing_at_the_start(tmp_path: Path) -> None:
    store, folder = ModelStore(tmp_path / "models"), tmp_path / "base"
    folder.mkdir()
    assert not store.was_here(str(folder))
    store.record(folder)
    folder.rmdir()
    assert store.was_here(str(folder))
    assert not store.was_here("base")


async def test_files_that_change_are_looked_at_before_the_pause_is_over(home: Home) -> None:
    waiting = asyncio.create_task(until_mended(home.chosen, 3600.0, look_seconds=0.01))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    (home.chosen / "model.bin").write_bytes(b"other")
    await asyncio.wait_for(waiting, 10)
