"""A home in use: Home Assistant, the hub, the speech service, and all that lies between them."""

import asyncio
import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.home_assistant.hass_process import HomeAssistant, home_assistant
from tests.home_assistant.server_process import STARTER
from tests.home_assistant.wire import Wire, wire
from tests.server.bundles.local_hub import LocalHub

from .hub import REPOSITORY, Hub
from .machine import Clock, Threads, disk
from .resolver import Resolver, resolver
from .service import Service, service
from .speech import COMMON, SENTENCES, Got, Spoken, to_home_assistant, to_hub

DISK_MB = 160
"""A fetch of a model leaves 64 free."""
ANSWER_SECONDS = 0.7
"""The speech service's own time: long enough to be struck in."""
OURS = {"plain": ("config.json", "model.bin", "preprocessor_config.json", "tokenizer.json", "vocabulary.json")}
CONVERSATION = "conversation"
_HOUSES, _ADDRESSES = itertools.count(), itertools.count()


@dataclass(slots=True, kw_only=True)
class House:
    """One of it, with all of its parts."""

    hub: Hub
    service: Service
    wire: Wire
    way_to_models: Wire
    """Between the hub and where its model comes from."""
    clock: Clock
    threads: Threads | None
    """None where the kernel cannot hold single threads."""
    resolver: Resolver | None
    """None where this user may not have one."""
    has_disk: bool
    """Whether the hub's data lies on a disk of its own."""
    folder: Path
    speech_port: int
    """The wire's."""
    hass: HomeAssistant | None = None
    pipeline: str = ""
    entities: frozenset[str] = frozenset()
    speed: float = 1.0
    """How much faster than people its people speak."""
    stands: bool = False
    """Whether the recogniser is held for longer than a moment."""
    _sentences: Iterator[str] = field(default_factory=lambda: itertools.cycle(COMMON))
    _hass_port: int | None = None
    _hass_stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def speak(self, spoken: Spoken) -> Got:
        """Say a sentence; return what a person got for it."""
        if self.hass is not None:
            return await to_home_assistant(self.hass, self.pipeline, spoken)
        return await to_hub(lambda: self.speech_port, spoken)

    def next_sentence(self) -> Spoken:
        """Return another sentence than the last: who says the same again is taken to have been misheard."""
        return Spoken(of=SENTENCES[next(self._sentences)], speed=self.speed)

    async def says(self, sentence: str = "") -> Got:
        """Say a sentence while nothing else happens to it; empty: the next one."""
        return await self.speak(Spoken(of=SENTENCES[sentence], speed=self.speed) if sentence else self.next_sentence())

    @property
    def is_there(self) -> bool:
        """Whether there is anything to speak to."""
        return self.hass is None or self.hass.process.returncode is None

    @property
    def filler(self) -> Path:
        """What fills the hub's disk."""
        return self.folder / "hub" / "filler"

    async def waiting(self) -> list[dict[str, Any]]:
        """Return the requests that wait."""
        requests: list[dict[str, Any]] = (await self.hub.get("/api/v1/queue"))["requests"]
        return requests

    async def keeps(self) -> bool:
        """Tell whether a request waits."""
        return bool(await self.waiting())

    async def start_home_assistant(self) -> None:
        """Have Home Assistant run, with what it knows from its last run."""
        running = home_assistant(self.folder / "hass", self._hass_port)
        self.hass = await self._hass_stack.enter_async_context(running)
        self._hass_port = int(self.hass.url.rpartition(":")[2])

    async def stop_home_assistant(self) -> None:
        """End it as its own restart does."""
        await self._hass_stack.aclose()

    async def set_up_home_assistant(self, control_port: int) -> None:
        """Pair it with the hub, and have a pipeline with our agent."""
        await self.start_home_assistant()
        assert self.hass is not None
        assert self.hub.server is not None
        stt = await self.hass.add_edge_voice(self.hub.server, port=control_port)
        await self._add("shopping_list")
        async with self.hass.session() as assist:
            agent = await assist.our_agent()
            self.pipeline = await assist.create_pipeline(stt, name="Edge Voice", agent=agent)

    async def _add(self, integration: str) -> None:
        """Add one of Home Assistant's own integrations."""
        assert self.hass is not None
        async with self.hass.http() as http:
            async with http.post("/api/config/config_entries/flow", json={"handler": integration}) as reply:
                asked = await reply.json()
            if asked["type"] == "form":
                path = f"/api/config/config_entries/flow/{asked['flow_id']}"
                async with http.post(path, json={}) as reply:
                    asked = await reply.json()
        assert asked["type"] == "create_entry", asked

    async def states(self) -> dict[str, str]:
        """Return the state of each of our entities; none while Home Assistant is away."""
        if self.hass is None:
            return {}
        with contextlib.suppress(aiohttp.ClientError, TypeError, OSError):
            async with self.hass.session() as assist:
                registry = await assist.call("config/entity_registry/list")
                states = {one["entity_id"]: str(one["state"]) for one in await assist.call("get_states")}
            return {
                one["entity_id"]: states.get(one["entity_id"], "missing")
                for one in registry
                if one["platform"] == "edge_voice" and not one["disabled_by"]
            }
        return {}

    def said(self) -> str:
        """Return Home Assistant's log."""
        log = self.folder / "hass" / "output.log"
        return log.read_text("utf-8", errors="replace") if log.exists() else ""

    async def shopping(self) -> list[str]:
        """Return what is on the shopping list."""
        assert self.hass is not None
        async with self.hass.session() as assist:
            return [one["name"] for one in await assist.call("shopping_list/items")]

    def close(self) -> None:
        """Let go of what the machine lent."""
        if self.threads is not None:
            self.threads.close()


def model_files() -> dict[str, bytes]:
    """Return the files of the home's model, as a hub of models serves them."""
    return {name: (STARTER / name).read_bytes() for name in OURS["plain"]}


def dress(folder: Path) -> None:
    """Put beside a fetched model what makes it whole: its manifest, its scorecard, its golden recordings."""
    for name in ("bundle.json", "scorecard.json"):
        text = (STARTER / name).read_text("utf-8").replace('"starter', '"house')
        (folder / name).write_text(text, "utf-8")
    shutil.copytree(STARTER / "golden", folder / "golden", dirs_exist_ok=True)


def settings_of(cloud: Service, *, by_name: bool) -> dict[str, Any]:
    """Return the owner's settings: a lane that is consented to, lists may wait, a breaker that does not take long."""
    return {
        "asr": {"model": REPOSITORY, "language": "en"},
        "routing": {"defer": True},
        "cloud": {"lanes": [cloud.lane(by_name=by_name)]},
        "breaker": {"failures": 1, "open_seconds": 2.0, "most_seconds": 4.0},
        "ledger": {"cloud_seconds_per_day": 86_400.0, "cloud_money_per_month": 1000.0},
        "control": {"announce": False},
    }


async def _installed(hub: Hub) -> None:
    """Have the model fetched, and dressed."""
    await hub.fetch_model()
    dress(hub.model)


@contextlib.asynccontextmanager
async def house(name: str, *, with_home_assistant: bool = True, speed: float = 1.0) -> AsyncIterator[House]:
    """Have a home in use; `name` tells it from others on this machine."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"house-{name}-")))
        has_disk = stack.enter_context(disk(folder / "hub", DISK_MB))
        number = f"{os.getpid()}-{next(_HOUSES)}"
        address = f"127.{64 + os.getpid() % 128}.{os.getpid() // 128 % 250}.{1 + next(_ADDRESSES) % 250}"
        names = await stack.enter_async_context(resolver(address)) if os.geteuid() == 0 else None
        models = stack.enter_context(LocalHub(repositories={REPOSITORY: model_files()}))
        way, models_port, _ = await stack.enter_async_context(wire())
        way.leads(models_port, urlsplit(models.endpoint).port or 0)
        clock = Clock(folder)
        environment = {"HF_ENDPOINT": f"http://127.0.0.1:{models_port}"} | clock.environment
        hub = Hub(folder / "hub", environment, address if names else "")
        installing = asyncio.create_task(_installed(hub))
        cloud = await stack.enter_async_context(service())
        line, control, speech = await stack.enter_async_context(wire())
        await installing
        hub.settings = settings_of(cloud, by_name=names is not None)
        hub.start()
        stack.push_async_callback(hub.stop)
        await hub.serves("house")
        line.leads(control, hub.control_port)
        line.leads(speech, hub.port)
        await cloud.takes(ANSWER_SECONDS)
        try:
            threads = Threads(f"fault-matrix-{name}-{number}")
        except OSError:
            threads = None
        one = House(
            hub=hub, service=cloud, wire=line, way_to_models=way, clock=clock, threads=threads, resolver=names,
            has_disk=has_disk, folder=folder, speech_port=speech, speed=speed,
        )  # fmt: skip
        stack.callback(one.close)
        keeping = asyncio.create_task(hub.keep_running())
        stack.callback(keeping.cancel)
        if with_home_assistant:
            stack.push_async_callback(one._hass_stack.aclose)
            await one.set_up_home_assistant(control)
        yield one
