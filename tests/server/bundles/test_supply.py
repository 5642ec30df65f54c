"""Which model answers while another is on its way; with real models and a real hub on loopback."""

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server.bundles.local_hub import LocalHub
from wyoming_server.bundles.choice import Choice
from wyoming_server.bundles.hub_model import HubModel
from wyoming_server.bundles.store import STARTER_DIRECTORY, ModelStore
from wyoming_server.bundles.supply import ModelSource, ModelSupply, SupplyState, SupplyStatus
from wyoming_server.bundles.tuned import TunedModel
from wyoming_server.engines.asr_whisper import WhisperEngine
from wyoming_server.engines.load import load_edge_model
from wyoming_server.engines.synthetic_whisper import write_synthetic_whisper
from wyoming_server.errors import EdgeVoiceError, ModelMissingError


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a model that a hub could hold."""
    directory = tmp_path_factory.mktemp("tiny")
    write_synthetic_whisper(directory, "tiny", tokens=2)
    return {file.name: file.read_bytes() for file in directory.iterdir()}


@pytest.fixture
def hub(tiny: dict[str, bytes]) -> Iterator[LocalHub]:
    with LocalHub(repositories={"Systran/faster-whisper-tiny": dict(tiny)}) as hub:
        yield hub


class Supplied(ModelSupply[WhisperEngine]):
    """A supply of a model from a hub, with the record of its states."""

    def __init__(
        self,
        root: Path,
        endpoint: str,
        name: str = "tiny",
        starter: Path = STARTER_DIRECTORY,
        chosen: ModelSource | None = None,
    ) -> None:
        self.seen: list[SupplyStatus] = []
        self.loaded: list[WhisperEngine] = []
        self.changed = asyncio.Event()
        super().__init__(
            chosen=chosen or HubModel(name=name, store=ModelStore(root), endpoint=endpoint, retry_delay_s=0.01),
            starter=starter,
            load=self.load,
            on_change=self.see,
            retry_delays_s=(0.05,),
        )

    def see(self, status: SupplyStatus) -> None:
        self.seen.append(status)
        self.changed.set()

    def load(self, directory: Path) -> WhisperEngine:
        self.loaded.append(load_edge_model(directory, threads=1))
        return self.loaded[-1]

    async def reaches(self, state: SupplyState) -> SupplyStatus:
        async with asyncio.timeout(60):
            while not (found := [status for status in self.seen if status.state is state]):
                self.changed.clear()
                await self.changed.wait()
        return found[0]

    @property
    def answering(self) -> str:
        with self.lease() as engine:
            return engine.name


async def test_the_starter_answers_until_the_chosen_model_has_come(hub: LocalHub, tmp_path: Path) -> None:
    async with Supplied(tmp_path, hub.endpoint) as supply:
        await supply.serving()
        assert supply.answering == "starter"
        await supply.reaches(SupplyState.READY)
        assert supply.answering == supply.status.serving == supply.status.name == "tiny"
    states = [status.state for status in supply.seen]
    assert list(dict.fromkeys(states)) == [SupplyState.LOADING, SupplyState.FETCHING, SupplyState.READY]
    fetched = [status.progress for status in supply.seen if status.state is SupplyState.FETCHING]
    assert fetched == sorted(fetched)
    assert all(status.serving == "starter" for status in supply.seen if status.state is SupplyState.FETCHING)


async def test_an_installed_model_serves_first_and_the_hub_is_not_asked(hub: LocalHub, tmp_path: Path) -> None:
    write_synthetic_whisper(tmp_path / "tiny", "tiny", tokens=2)
    async with Supplied(tmp_path, hub.endpoint) as supply:
        await supply.serving()
        assert supply.answering == "tiny"
        await supply.reaches(SupplyState.READY)
    assert len(supply.loaded) == 1
    assert hub.asked == []


async def test_without_a_starter_turns_end_in_its_error_until_the_chosen_model_has_come(
    hub: LocalHub, tmp_path: Path
) -> None:
    hub.cut_after_bytes = [0] * 400
    async with Supplied(tmp_path, hub.endpoint, starter=tmp_path / "no starter") as supply:
        with pytest.raises(ModelMissingError, match="no starter"):
            await supply.serving()
        assert (supply.status.has_given_up, supply.status.serving) == (True, "")
        hub.cut_after_bytes.clear()
        ready = await supply.reaches(SupplyState.READY)
        assert (ready.serving, ready.has_given_up) == ("tiny", False)
        await supply.serving()


async def test_without_a_network_the_starter_stays_and_the_model_comes_with_the_network(
    hub: LocalHub, tmp_path: Path, tiny: dict[str, bytes]
) -> None:
    files = hub.repositories.pop("Systran/faster-whisper-tiny")
    hub.cut_after_bytes = [0] * 40
    hub.repositories["Systran/faster-whisper-tiny"] = files
    async with Supplied(tmp_path, hub.endpoint) as supply:
        waiting = await supply.reaches(SupplyState.WAITING)
        assert (waiting.error_code, waiting.serving) == ("model-download-failed", "starter")
        assert "internet" in waiting.error_text
        hub.cut_after_bytes.clear()
        ready = await supply.reaches(SupplyState.READY)
        assert (ready.serving, ready.error_code, ready.error_text) == ("tiny", "", "")


async def test_a_model_that_was_damaged_on_the_disk_comes_again_by_itself_as_soon_as_the_hub_is_there(
    hub: LocalHub, tmp_path: Path
) -> None:
    async with Supplied(tmp_path, hub.endpoint) as supply:
        await supply.reaches(SupplyState.READY)
    (weights := tmp_path / "tiny" / "model.bin").write_bytes(weights.read_bytes()[:-1] + b"?")
    hub.cut_after_bytes = [0] * 40
    async with Supplied(tmp_path, hub.endpoint) as supply:
        waiting = await supply.reaches(SupplyState.WAITING)
        assert (waiting.error_code, waiting.serving) == ("model-download-failed", "starter")
        assert "model.bin changed since it was installed" in waiting.error_text
        hub.cut_after_bytes.clear()
        assert (await supply.reaches(SupplyState.READY)).serving == "tiny"


async def test_a_machine_whose_owner_named_no_model_is_measured_while_the_starter_answers(
    hub: LocalHub, tmp_path: Path
) -> None:
    def decide(report: Callable[[float], None], cancelled: threading.Event) -> Choice:
        report(0.4)
        return Choice(model="tiny", threads=1)

    store, file = ModelStore(tmp_path), tmp_path / "choice.json"
    tuned = TunedModel(store=store, choice_file=file, decide=decide, endpoint=hub.endpoint)
    async with Supplied(tmp_path, hub.endpoint, chosen=tuned) as supply:
        await supply.serving()
        assert supply.answering == "starter"
        measuring = await supply.reaches(SupplyState.MEASURING)
        assert (measuring.name, measuring.serving) == ("", "starter")
        ready = await supply.reaches(SupplyState.READY)
        assert (ready.name, ready.serving) == ("tiny", "tiny")


async def test_an_installed_model_that_is_damaged_leaves_the_starter_and_says_so(hub: LocalHub, tmp_path: Path) -> None:
    write_synthetic_whisper(tmp_path / "tiny", "tiny", tokens=2)
    weights = tmp_path / "tiny" / "model.bin"
    weights.write_bytes(weights.read_bytes()[:10_000_000])
    async with Supplied(tmp_path, hub.endpoint) as supply:
        await supply.serving()
        failed = await supply.reaches(SupplyState.FAILED)
        assert (supply.answering, failed.serving, failed.error_code) == ("starter", "starter", "model-corrupt")
        assert "tiny" in failed.error_text


async def test_a_model_that_fails_its_self_test_never_serves(tmp_path: Path) -> None:
    deaf = Path(shutil.copytree(STARTER_DIRECTORY, tmp_path / "deaf"))
    manifest = (deaf / "bundle.json").read_text()
    (deaf / "bundle.json").write_text(manifest.replace("Turn on the kitchen light.", "Open the door."))
    async with Supplied(tmp_path, "http://127.0.0.1:9", name=str(deaf)) as supply:
        failed = await supply.reaches(SupplyState.FAILED)
        assert (failed.error_code, supply.answering) == ("self-test-failed", "starter")


async def test_a_name_that_means_nothing_leaves_the_starter(hub: LocalHub, tmp_path: Path) -> None:
    async with Supplied(tmp_path, hub.endpoint, name="nonesuch") as supply:
        failed = await supply.reaches(SupplyState.FAILED)
        assert (failed.error_code, supply.answering) == ("unknown-model", "starter")


async def test_without_any_model_waiting_ends_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    async with Supplied(tmp_path, "http://127.0.0.1:9", starter=tmp_path / "nowhere") as supply:
        with pytest.raises(ModelMissingError):
            await supply.serving()
        with pytest.raises(ModelMissingError), supply.lease():
            pass


async def test_a_loader_that_breaks_costs_the_chosen_model_only(hub: LocalHub, tmp_path: Path) -> None:
    class Breaks(Supplied):
        def load(self, directory: Path) -> WhisperEngine:
            if directory != STARTER_DIRECTORY:
                raise ZeroDivisionError
            return super().load(directory)

    async with Breaks(tmp_path, hub.endpoint) as supply:
        failed = await supply.reaches(SupplyState.FAILED)
        assert (failed.error_code, supply.answering) == ("internal-error", "starter")


async def test_the_old_model_is_closed_after_its_last_turn_and_not_before(hub: LocalHub, tmp_path: Path) -> None:
    async with Supplied(tmp_path, hub.endpoint) as supply:
        await supply.serving()
        with supply.lease() as starter:
            await supply.reaches(SupplyState.READY)
            assert supply.answering == "tiny"
            assert is_loaded(starter)
        await supply._in_thread(lambda: None)  # whatever waits for the thread has run then
        assert not is_loaded(starter)
    assert not any(map(is_loaded, supply.loaded))


async def test_leaving_in_the_middle_of_a_fetch_ends_soon_and_keeps_the_part(hub: LocalHub, tmp_path: Path) -> None:
    hub.cut_after_bytes = [5_000_000, *[0] * 40]
    supply = Supplied(tmp_path, hub.endpoint)
    async with asyncio.timeout(30):
        async with supply:
            await supply.reaches(SupplyState.WAITING)
    assert fetched_bytes(tmp_path) > 1_000_000
    assert threading.active_count() < 10
    assert not any(map(is_loaded, supply.loaded))


def fetched_bytes(root: Path) -> int:
    return sum(file.stat().st_size for file in root.rglob("model.bin"))


def is_loaded(engine: WhisperEngine) -> bool:
    return bool(engine._whisper.model_is_loaded)


async def test_the_loop_keeps_turning_while_a_model_loads(tmp_path: Path) -> None:
    write_synthetic_whisper(tmp_path / "tiny", "tiny", tokens=2)
    turns = 0
    async with Supplied(tmp_path, "http://127.0.0.1:9") as supply:
        serving = asyncio.create_task(supply.serving())
        while not serving.done():
            await asyncio.sleep(0.001)
            turns += 1
    assert turns > 10


class Signed:
    """Signed bundles that are found one after the other; those that cannot be loaded are rejected."""

    def __init__(self, *folders: Path) -> None:
        self.left, self.rejected = list(folders), list[EdgeVoiceError]()

    def find(self) -> Path | None:
        return self.left[0] if self.left else None

    def reject(self, error: EdgeVoiceError) -> None:
        self.left.pop(0)
        self.rejected.append(error)


class Named:
    """An engine that only has a name, and says when it was closed."""

    def __init__(self, name: str) -> None:
        self.name, self.closed = name, threading.Event()

    def close(self) -> None:
        self.closed.set()


def loads_by_name(directory: Path) -> Named:
    if directory.name.startswith("bad"):
        raise ModelMissingError(f"{directory.name} cannot be loaded, as the test says")
    return Named(directory.name)


def supply_of(folder: Path, signed: Signed | None) -> ModelSupply[Named]:
    """Return a supply whose chosen model is installed in a folder of its own."""
    (folder / "plain").mkdir()
    chosen = HubModel(name=str(folder / "plain"), store=ModelStore(folder))
    return ModelSupply(chosen=chosen, starter=folder / "starter", load=loads_by_name, signed=signed)


@pytest.mark.parametrize(
    ("found", "serves"),
    [(["signed"], "signed"), (["bad-1", "signed"], "signed"), (["bad-1", "bad-2"], "plain"), ([], "plain")],
)
async def test_the_first_signed_bundle_that_loads_outranks_the_chosen_model(
    found: list[str], serves: str, tmp_path: Path
) -> None:
    signed = Signed(*(tmp_path / name for name in found))
    async with supply_of(tmp_path, signed) as supply:
        await supply.serving()
        assert supply.status.serving == serves
        assert len(signed.rejected) == sum(name.startswith("bad") for name in found)


async def test_an_engine_is_taken_over_with_its_leases_and_closed_after_the_last(tmp_path: Path) -> None:
    async with supply_of(tmp_path, None) as supply:
        await supply.serving()
        with supply.lease() as first:
            other = supply.apart()
            engine = await supply.made_ready(tmp_path / "candidate")
            other.replace(engine)
            with other.lease() as leased:
                await supply.adopt(other)
                assert (other.current, supply.status.serving) == (None, "candidate")
                assert not first.closed.is_set()
                await supply.return_to_chosen()
                assert supply.status.serving == "plain"
                await asyncio.sleep(0.05)
                assert not leased.closed.is_set()
            assert await asyncio.to_thread(leased.closed.wait, 5)
        assert await asyncio.to_thread(first.closed.wait, 5)
