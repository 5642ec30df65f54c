"""What leaves the home is what the register says: every adapter, report and request, as another machine gets it."""

import asyncio
import dataclasses
import datetime as dt
import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.server.bundles.local_hub import LocalHub
from tests.server.cloud.server import SETTINGS, StandIn, stand_in
from tests.server.engines.cloud_requests import asked, lane_of, lane_to, serving
from tests.server.records import lineage_found as found
from tests.server.records.lineage_found import Found, differences
from tests.server.updates.faulty import Exchange, faulty_host
from tests.server.updates.scene import LIMITS
from wyoming_server.bundles.hub_model import HubModel
from wyoming_server.bundles.store import ModelStore
from wyoming_server.canary.canary_counts import Counters, Pairs, Tally
from wyoming_server.canary.cohort import fields_of
from wyoming_server.pipeline.lanes import PROVIDERS
from wyoming_server.records import lineage
from wyoming_server.records.lineage_shape import Kind
from wyoming_server.updates.report import post
from wyoming_server.updates.web import InMemory, Web

NAMES = ("Ida's room",)
MODELS: dict[str, tuple[str, ...]] = {"openai": ("gpt-4o-mini-transcribe", "gpt-transcribe", "whisper-1")}
"""Those that are asked in ways of their own."""
CLIENTS = {"client"}
"""Asked by Home Assistant, with what it has."""


def declared(kind: Kind) -> Found:
    return found.declared(lineage.flows(), kind)


def declared_of(provider: str) -> Found:
    return frozenset(one for one in declared(Kind.LANE) if one[0] == provider)


@pytest.fixture
async def cloud() -> AsyncIterator[StandIn]:
    async with stand_in() as one:
        yield one


async def test_every_adapter_sends_what_is_declared_and_nothing_else(cloud: StandIn) -> None:
    for service in cloud.services:
        for model in MODELS.get(service, ("",)):
            async with lane_to(cloud, service, **({"model": model} if model else {})) as lane:
                await lane.warm()
                for language in ("en", None):
                    await lane.transcribe(asked(language, prompt=NAMES))
    sent = defaultdict[str, set[str]](set)
    for arrival in cloud.recorder.arrivals:
        if arrival.provider:  # else a connection was made ready, with nothing but HTTP's own headers
            sent[SETTINGS.get(arrival.provider, arrival.provider)] |= found.upload(arrival)
        else:
            assert found.upload(arrival) <= {"path", "header:accept", "header:accept-encoding", "header:user-agent"}
    there = frozenset((provider, field) for provider, fields in sent.items() for field in fields)
    assert differences(declared(Kind.LANE) - declared_of("wyoming"), there) == {}
    assert set(sent) == set(PROVIDERS) - CLIENTS - {"wyoming"}


async def test_a_lane_without_consent_to_names_sends_none(cloud: StandIn) -> None:
    async with lane_to(cloud, "openai") as lane:
        await lane.transcribe(asked("en"))
    assert not {field for one in cloud.recorder.arrivals for field in found.upload(one)} & {
        one.field for one in lineage.flows() if one.data_class == "lane-names"
    }


async def test_a_wyoming_server_at_home_gets_what_is_declared() -> None:
    heard = set[tuple[str, str]]()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            header = json.loads(line)
            data = json.loads(await reader.readexactly(header.get("data_length") or 0) or b"{}")
            kind = header["type"]
            heard.update(("wyoming", f"{kind}:{path}") for path in found.leaves(data) if path)
            if await reader.readexactly(header.get("payload_length") or 0):
                heard.add(("wyoming", f"{kind}:payload"))
            if kind == "audio-stop":
                break
        text = json.dumps({"text": "on", "language": "en"}).encode()
        writer.write(json.dumps({"type": "transcript", "data_length": len(text)}).encode() + b"\n" + text)
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with lane_of(provider="wyoming", url=url, model="large") as lane:
            await lane.transcribe(asked("en", prompt=NAMES))
    assert differences(declared_of("wyoming"), frozenset(heard)) == {}


async def test_a_report_holds_what_is_declared_and_is_sent_with_no_more() -> None:
    tally, pairs = {"failed": Tally(turns=9, bad=1)}, {"failed": Pairs(turns=9)}
    counters = Counters(
        label="home-en@1.1.0",
        incumbent="home-en@1.0.0",
        began=True,
        ended="",
        incumbents=tally,
        served=tally,
        watched=tally,
        pairs=pairs,
    )
    report = fields_of(counters, day=dt.date(2026, 11, 21), region="DE", hub_class="pi5", server="0.1.0")
    sent = set[str]()

    async def take(request: web.BaseRequest) -> web.Response:
        sent.update(f"header:{name.lower()}" for name in request.headers if name.lower() not in found.TRANSPORT)
        sent.update({"path", *(await request.json())})
        return web.Response(status=204)

    async with serving(take) as url:
        assert await post(url, report)
    there = frozenset(("report", field) for field in sent)
    assert differences(declared(Kind.COHORT), there) == {}
    assert {one.name for one in dataclasses.fields(Counters)} <= set(report)


def test_a_repository_is_asked_with_what_is_declared(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(bytes(1000))
    sent = set[tuple[str, str]]()

    def look(exchange: Exchange) -> None:
        names = {name.lower() for name in exchange.handler.headers} - found.TRANSPORT
        sent.update(("request", field) for field in ("path", *(f"header:{name}" for name in names)))
        exchange.honest()

    with faulty_host(tmp_path) as host:
        host.break_("", look)
        sink = InMemory()
        sink.add(bytes(100))
        Web(LIMITS).fill(f"{host.url}/a.tar", sink, 1000)
    assert differences(declared(Kind.REPOSITORY), frozenset(sent)) == {}


def test_a_hub_of_models_is_asked_with_what_is_declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_made-up-for-this-test")
    files = {
        "config.json": b"{}",
        "model.bin": bytes(3 << 20),
        "tokenizer.json": b'{"model": {}}',
        "vocabulary.txt": b"a",
    }
    with LocalHub(repositories={"Systran/faster-whisper-base": files}, cut_after_bytes=[1 << 20]) as hub:
        model = HubModel(name="base", store=ModelStore(tmp_path), endpoint=hub.endpoint, retry_delay_s=0.01)
        model.fetch(lambda _: None, threading.Event())
        sent = {f"header:{name}" for one in hub.asked for name in one.headers - found.TRANSPORT} | {"path"}
    assert differences(declared(Kind.MODEL_HUB), frozenset(("request", field) for field in sent)) == {}


def test_the_runtime_of_the_models_tells_its_maker_nothing(tmp_path: Path) -> None:
    """It would by itself, and leaves an id in its user's home for that."""
    source = "from wyoming_server.engines.vad_silero import SileroVad; SileroVad().close()"
    environ = {name: value for name, value in os.environ.items() if name != "CI" and "TELEMETRY" not in name}
    told = environ | {"HOME": str(tmp_path), "XDG_CACHE_HOME": "", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", source], env=told, cwd=found.ROOT, check=True)
    assert list(tmp_path.rglob("*")) == []
