"""Real servers whose models fail: what a turn gets, what the owner is told, and that it passes by itself."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from wyoming_server import recogniser
from wyoming_server.bundles.crash_book import CrashBook
from wyoming_server.engines.synthetic_whisper import write_synthetic_whisper
from wyoming_server.errors import EdgeVoiceError
from wyoming_server.pipeline.types import DecodeRequest, Hypothesis
from wyoming_server.serve import running

from ..cloud.server import StandIn
from ..home import Home, settings_for_tests
from ..listeners.houses import cloud_in_its_own_thread, said
from ..peer import Heard, connected
from .owner import Owner, owner_of
from .test_control import CLOUD_TEXT, KEY, at_home

SATELLITE = "assist_satellite.kitchen"
SAID = "Turn on the kitchen light."


class Broken:
    """A server with a model of the test's, which may fail, and the lanes that its owner gives it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.model = folder, folder / "tiny"
        self._stack = ExitStack()

    def start(self, *, model: Path | None = None, **sections: dict[str, Any]) -> Home:
        """Serve with the test's model."""
        asr = {"model": str(model or self.model), **sections.pop("asr", {})}
        control = {"address": "127.0.0.1:0", "announce": False}
        settings = settings_for_tests(self.folder, asr=asr, control=control, **sections)

        @asynccontextmanager
        async def opened() -> AsyncIterator[list[str]]:
            async with running(settings) as server:
                with suppress(EdgeVoiceError):  # there may be no model at all
                    await server.supply.serving()
                served.server = server
                yield list(server.uris)

        served = Home(opened)
        return self._stack.enter_context(served)

    def close(self) -> None:
        """Stop every server."""
        self._stack.close()


@pytest.fixture(scope="module")
def cloud() -> Iterator[StandIn]:
    with cloud_in_its_own_thread() as one:
        one.hearing.default = CLOUD_TEXT
        one.services["openai"].key = KEY
        yield one


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that loads in a moment, and hears nothing right."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_synthetic_whisper(folder, "tiny", tokens=2)
    return folder


@pytest.fixture
def broken(tmp_path: Path, tiny: Path) -> Iterator[Broken]:
    one = Broken(tmp_path)
    shutil.copytree(tiny, one.model)
    yield one
    one.close()


async def turn(served: Home) -> Heard:
    told = {"satellite_id": SATELLITE, "session_id": SATELLITE}
    async with connected(served.uri) as peer:
        return await peer.turn(said("kitchen"), {"language": "en", "context": {"edge_voice": told}})


async def status_where(owner: Owner, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the first status for which something holds."""
    found: dict[str, Any] = {}
    async with asyncio.timeout(20):
        while not (found and holds(found)):
            found = await owner.ask("GET", "status")
            await asyncio.sleep(0.05)
    return found


@asynccontextmanager
async def failing(served: Home, decode: Callable[[DecodeRequest], Hypothesis]) -> AsyncIterator[None]:
    """Have the model that serves decode by something else."""
    assert served.server is not None
    with served.server.supply.lease() as engine, pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_decode", decode)
        yield


def out_of_memory(_request: DecodeRequest) -> Hypothesis:
    raise MemoryError


async def test_a_model_that_fails_on_everything_is_stood_in_for_by_the_starter_and_by_a_lane(
    broken: Broken, cloud: StandIn
) -> None:
    served = broken.start()
    async with owner_of(served) as owner, failing(served, out_of_memory):
        assert (await owner.ask("GET", "status"))["mode"] == "edge_only"
        codes = [(await turn(served)).code, (await turn(served)).code]
        assert codes == ["decode-failed", "decode-failed"]
        status = await status_where(owner, lambda one: one["mode"] == "starter")
        assert (status["model"]["name"], status["model"]["wanted"]) == ("starter", str(broken.model))
        assert [one["code"] for one in status["warnings"]] == ["model-crashed"]
        assert "too little memory" in status["mode_reason"]
        assert "tried again" in status["mode_ends"]
        assert (await turn(served)).text == SAID
        await owner.lanes(at_home(cloud))
        heard = await turn(served)
        assert (heard.text, heard.detail["route"], heard.detail["lane"]) == (CLOUD_TEXT, "cloud", "at home")
        assert heard.detail["reason"].endswith("(model-crashed)")
        await owner.policy(routing_mode="edge")
        assert (await turn(served)).text == SAID


async def test_a_model_that_took_the_server_down_twice_is_not_loaded_at_the_third_start(broken: Broken) -> None:
    book = CrashBook(broken.folder / "data" / "crashes")
    for _ in range(2):
        book.crashed(broken.model)
    served = broken.start()
    async with owner_of(served) as owner:
        status = await status_where(owner, lambda one: bool(one["warnings"]))
        (warning,) = status["warnings"]
        assert (warning["code"], warning["subject"]) == ("model-crashed", str(broken.model))
        assert "took the server down with it twice" in warning["message"]
        assert (await turn(served)).text == SAID


async def test_without_any_model_and_any_lane_a_turn_ends_in_its_error_at_once_and_with_a_lane_it_is_heard(
    broken: Broken, cloud: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    (broken.model / "model.bin").write_bytes(b"")
    monkeypatch.setattr(recogniser, "STARTER_DIRECTORY", broken.folder / "no starter")
    served = broken.start()
    async with owner_of(served) as owner:
        status = await owner.ask("GET", "status")
        assert (status["mode"], status["model"]["name"]) == ("unavailable", "")
        assert "no speech service is set up" in status["mode_reason"]
        assert [one["code"] for one in status["warnings"]] == ["model-missing"]
        assert (await turn(served)).code == "model-corrupt"
        async with owner.http.get("/health") as answer:
            assert (answer.status, (await answer.json())["status"]) == (503, "unavailable")
        await owner.lanes(at_home(cloud))
        assert (await turn(served)).text == CLOUD_TEXT
        assert status["mode_since"] >= status["server"]["started_at"]


async def test_when_as_many_wait_as_can_be_answered_in_time_the_next_is_turned_away_at_once_or_heard_by_a_lane(
    broken: Broken, cloud: StandIn
) -> None:
    served, gate = broken.start(asr={"waiting": 1}), threading.Event()

    def slow(request: DecodeRequest) -> Hypothesis:
        gate.wait(20)
        return Hypothesis(text=SAID, language=request.language or "", model="tiny")

    async with owner_of(served) as owner, failing(served, slow):
        first = asyncio.create_task(turn(served))
        await status_where(owner, lambda one: one["resources"]["waiting"] >= 1 or one["mode"] == "shedding")
        assert (await turn(served)).code == "overloaded"
        await owner.lanes(at_home(cloud))
        assert (await turn(served)).text == CLOUD_TEXT
        gate.set()
        assert (await first).text in {SAID, CLOUD_TEXT}
