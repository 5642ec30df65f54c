"""The home of the proof `blueprints`: a real Home Assistant, a real hub that has lived a month, a phone, satellites."""

import array
import asyncio
import contextlib
import itertools
import json
import random
import sqlite3
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from custom_components.edge_voice.errors import EdgeVoiceError
from custom_components.edge_voice.wyoming_client import WyomingTarget, transcribe
from tests.home_assistant.fault_matrix.service import Service, service
from tests.home_assistant.hass_process import HomeAssistant, home_assistant
from tests.home_assistant.phone import NO_CAMERA, Phone
from tests.home_assistant.recordings import BYTES_PER_SECOND, Recording, packaged
from tests.home_assistant.server_process import ROOT, ServerProcess, edge_voice

type Json = dict[str, Any]

ROOMS = ROOT / "tests/browser/rooms"
_MORE = "\nautomation: !include automations.yaml\nscript: !include scripts.yaml\nmobile_app:\n"
REFERENCE_TURNS = 100
_LOUDEST = 32767
_LONGEST_WAIT_S = 60.0
SETTINGS = {
    "EDGE_VOICE_ROUTING_DEFER": "true",
    "EDGE_VOICE_ROUTING_ASK_TEXT": "true",
    "EDGE_VOICE_BREAKER_FAILURES": "1",
    "EDGE_VOICE_BREAKER_OPEN_SECONDS": "1",
    "EDGE_VOICE_BREAKER_MOST_SECONDS": "2",
    "EDGE_VOICE_LEDGER_CLOUD_SECONDS_PER_DAY": "3600",
    "EDGE_VOICE_DRIFT_REFERENCE_TURNS": str(REFERENCE_TURNS),
    "EDGE_VOICE_DRIFT_RUN_LENGTH_TURNS": "500",
    "EDGE_VOICE_BUNDLES_AUTOMATIC": "false",
    "HF_ENDPOINT": "http://127.0.0.1:9",
}
"""Its owner is asked before models change, lists may wait, and what is usual is known after few turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that a blueprint meets."""

    hass: HomeAssistant
    server: ServerProcess
    hub: aiohttp.ClientSession
    """The control API, as the owner."""
    phone: Phone
    service: Service
    devices: Mapping[str, str]
    """Name → device of the phone, the hub, and what the hub knows of satellites."""

    async def use(self, name: str, domain: str = "automation", **inputs: Any) -> str:
        """Make an automation or a script of a blueprint, as the editor does; return its entity."""
        config = {"alias": name, "use_blueprint": {"path": f"edge_voice/{name}.yaml", "input": inputs}}
        async with self.hass.http() as http, http.post(f"/api/config/{domain}/config/{name}", json=config) as reply:
            assert (await reply.json())["result"] == "ok"
        await until(lambda: self.is_state(f"{domain}.{name}", "on" if domain == "automation" else "off"))
        return f"{domain}.{name}"

    async def call(self, domain: str, action: str, entity: str | None = None, **data: Any) -> Any:
        """Run an action and return its answer."""
        target = {"entity_id": entity} if entity else {}
        async with self.hass.session() as assist:
            done = await assist.call(
                "call_service", domain=domain, service=action, service_data=data, target=target,
                return_response=domain == "script" or action.startswith(("install_b", "get_")),
            )  # fmt: skip
        return done.get("response")

    async def is_state(self, entity: str, state: str) -> bool:
        """Tell whether an entity is in a state; false while it is not there."""
        with contextlib.suppress(StopIteration, RuntimeError):
            return await self.hass.state(entity) == state
        return False

    async def ask(self, method: str, path: str, body: Json | None = None) -> Any:
        """Ask the hub itself."""
        async with self.hub.request(method, f"/api/v1/{path}", json=body) as reply:
            return await reply.json()

    async def say(self, file: Path, room: str) -> None:
        """Have a satellite of Home Assistant say a recording into the pipeline; returns when the home has answered."""
        await self.call("rooms", "say", f"assist_satellite.{room}", file=str(file))

    async def turns(self, room: str, pcm: bytes, times: int = 1) -> None:
        """Say something to the hub as Home Assistant does for a satellite, faster than people speak."""
        for _ in range(times):
            await turn(self.server.port, f"assist_satellite.{room}", pcm)


async def until(holds: Callable[[], Awaitable[object]], *, longest_s: float = _LONGEST_WAIT_S) -> None:
    """Wait for what happens by itself; a TimeoutError when it never does."""
    async with asyncio.timeout(longest_s):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)


def clipped(recording: Recording) -> bytes:
    """Return it as a microphone hears it that is turned up far too high."""
    samples = array.array("h", recording.followed_by_room(1.0))
    return array.array("h", [max(-_LOUDEST, min(_LOUDEST, 60 * one)) for one in samples]).tobytes()


def noisy(recording: Recording, chance: random.Random) -> bytes:
    """Return it in a room in which a tap runs."""
    samples = array.array("h", recording.followed_by_room(1.0))
    return array.array(
        "h", [max(-_LOUDEST, min(_LOUDEST, one + round(chance.gauss(0, 1500)))) for one in samples]
    ).tobytes()


async def turn(port: int, satellite: str, pcm: bytes) -> None:
    """Have a hub hear one sentence."""

    async def chunks() -> AsyncGenerator[bytes]:
        for start in range(0, len(pcm), BYTES_PER_SECOND // 20):
            yield pcm[start : start + BYTES_PER_SECOND // 20]

    context = {"satellite_id": satellite, "session_id": uuid.uuid4().hex}
    target = WyomingTarget(host="127.0.0.1", port=port)
    with contextlib.suppress(EdgeVoiceError):  # what cannot be heard is a turn, too
        await transcribe(target, language="en", context=context, chunks=chunks())


def a_month_ago(data: Path) -> None:
    """Have all turns so far be last month's."""
    days = datetime.now(UTC).day + 1
    with contextlib.closing(sqlite3.connect(data / "edge-voice.sqlite")) as store:
        store.execute("UPDATE turn SET at_ms = at_ms - ?", (days * 24 * 3_600_000,))
        store.execute("UPDATE turn SET day = date(day, ?)", (f"-{days} days",))
        store.execute("UPDATE day_sum SET day = date(day, ?)", (f"-{days} days",))
        store.commit()


@contextlib.asynccontextmanager
async def control(server: ServerProcess) -> AsyncIterator[aiohttp.ClientSession]:
    """Open the control API as the owner."""
    headers = {"Authorization": f"Bearer {server.token}"}
    url = f"http://127.0.0.1:{server.control_port}"
    async with aiohttp.ClientSession(url, headers=headers, raise_for_status=True) as hub:
        yield hub


async def live_a_month(data: Path, settings: Mapping[str, str]) -> None:
    """Have a hub hear what is usual, last month."""
    recordings = itertools.cycle(one.followed_by_room(1.0) for one in packaged("clean"))
    with edge_voice(control_port=0, data=data, model="", settings=settings) as server:
        async with control(server) as hub, hub.get("/api/v1/status"):
            pass  # whoever has shown the token may name satellites
        for _ in range(REFERENCE_TURNS):
            await turn(server.port, "assist_satellite.bedroom", next(recordings))
    a_month_ago(data)
    with edge_voice(control_port=0, data=data, model="", settings=settings) as server:
        async with control(server) as hub, hub.get("/api/v1/scorecard") as reply:
            scorecard = await reply.json()
    keep(data, scorecard)


def keep(data: Path, scorecard: Json) -> None:
    """Keep a month's scorecard as the hub does once its clock has said the new month for ten minutes."""
    headline = scorecard["headline"]
    with contextlib.closing(sqlite3.connect(data / "edge-voice.sqlite")) as store:
        row = headline["month"], headline["made_at"], json.dumps(scorecard)
        store.execute("INSERT INTO month (month, made_utc, scorecard) VALUES (?, ?, ?)", row)
        store.commit()


@contextlib.asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """Have all of it until the end."""
    config, data = folder / "hass", folder / "hub"
    (config / "custom_components").mkdir(parents=True)
    (config / "custom_components/__init__.py").write_text(NO_CAMERA, "utf-8")
    (config / "custom_components/rooms").symlink_to(ROOMS)
    (config / "automations.yaml").write_text("[]", "utf-8")
    (config / "scripts.yaml").write_text("{}", "utf-8")
    async with contextlib.AsyncExitStack() as stack:
        cloud = await stack.enter_async_context(service())
        settings = SETTINGS | {"EDGE_VOICE_CLOUD_LANES": json.dumps([cloud.lane(by_name=False)])}
        await live_a_month(data, settings)
        server = stack.enter_context(edge_voice(control_port=0, data=data, model="", settings=settings))
        hub = await stack.enter_async_context(control(server))
        hass = await stack.enter_async_context(home_assistant(config, more=_MORE))
        http = await stack.enter_async_context(hass.http())
        for handler in ("rooms", "shopping_list"):
            await add(http, handler)
        await pipeline_of(hass, await hass.add_edge_voice(server))
        phone = await stack.enter_async_context(Phone.registered("Anna's phone", http))
        async with hass.session() as assist:
            await assist.call("input_boolean/create", name="Guests")
        for room in ("kitchen", "bedroom"):
            async with hub.put(f"/api/v1/satellites/assist_satellite.{room}", json={}):
                pass
        yield Scene(hass=hass, server=server, hub=hub, phone=phone, service=cloud, devices=await devices_of(hass))


async def add(http: aiohttp.ClientSession, handler: str) -> None:
    """Add an integration that asks for nothing."""
    flows = "/api/config/config_entries/flow"
    async with http.post(flows, json={"handler": handler}) as reply:
        asked = await reply.json()
    if asked["type"] == "form":
        async with http.post(f"{flows}/{asked['flow_id']}", json={}) as reply:
            asked = await reply.json()
    assert asked["type"] == "create_entry", asked


async def pipeline_of(hass: HomeAssistant, stt: str) -> None:
    """Have a pipeline of our own entities, which the satellites use."""
    async with hass.session() as assist:
        made = await assist.create_pipeline(stt, name="Edge Voice", agent=await assist.our_agent())
        await assist.call("assist_pipeline/pipeline/set_preferred", pipeline_id=made)


async def devices_of(hass: HomeAssistant) -> Mapping[str, str]:
    """Return what a form's device selectors offer: `hub`, `phone`, and ours of each satellite by its room."""
    found = dict[str, str]()

    async def all_there() -> bool:
        async with hass.session() as assist:
            entries = {one["entry_id"]: one["domain"] for one in await assist.call("config_entries/get")}
            for one in await assist.call("config/device_registry/list"):
                domain = {entries.get(entry) for entry in one["config_entries"]}
                if "mobile_app" in domain:
                    found["phone"] = one["id"]
                elif "edge_voice" in domain:
                    found["hub" if one["model"] == "Edge Voice hub" else str(one["name"]).lower()] = one["id"]
        return {"hub", "phone", "kitchen", "bedroom"} <= found.keys()

    await until(all_there)
    return found
