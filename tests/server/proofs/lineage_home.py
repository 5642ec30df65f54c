"""A home that does all that a server can be asked for, in two days of its life, and remembers what it was told."""

import asyncio
import datetime as dt
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from wyoming_server.canary.canary_counts import Counters
from wyoming_server.canary.cohort import fields_of
from wyoming_server.commands.recording import PACKAGED, read_recording
from wyoming_server.listeners.control_access import TOKEN_FILE
from wyoming_server.listeners.control_answers import MESSAGES
from wyoming_server.listeners.control_operation import Operation
from wyoming_server.listeners.control_schemas import OPERATIONS
from wyoming_server.updates.report import FILE_NAME

from ..bundles import made
from ..bundles.local_hub import LocalHub
from ..bundles.publishing import TestRepository
from ..cloud.server import StandIn
from ..home import ServerProcess
from ..listeners.houses import KITCHEN_IN_NOISE, MADE_UP, said
from ..peer import audio, connected, event
from ..records import lineage_found as found

ROOM, ATTIC, CONSENT = "assist_satellite.kitchen", "assist_satellite.attic", "2026-11-22"
NAMES = {
    "names": ["Kitchen light"],
    "areas": ["Kitchen"],
    "floors": ["Ground floor"],
    "terms": ["movie"],
    "country": "DE",
}
LABEL = "home-en@1.1.0"
SAMPLE = re.compile(r"^(?P<name>edge_voice_\w+?)(?:_bucket|_sum|_count)?(?:\{(?P<labels>.*)\})? ", re.MULTILINE)
LABEL_NAME = re.compile(r'(\w+)="')
LONGEST_SECONDS = 120.0
"""For a bundle to be tried and taken up, under strace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubles:
    """Everybody whom the server can ask."""

    cloud: StandIn
    repository: TestRepository
    repository_url: str
    reports_url: str
    hub_url: str
    hub: LocalHub


@dataclass(slots=True, kw_only=True)
class Home:
    """What it was told."""

    answers: set[tuple[str, str]] = field(default_factory=set)
    messages: set[tuple[str, str]] = field(default_factory=set)
    events: set[tuple[str, str]] = field(default_factory=set)
    metrics: set[tuple[str, str]] = field(default_factory=set)
    ports: set[int] = field(default_factory=set)
    """That the server listened on."""
    statuses: list[int] = field(default_factory=list)
    """Of the server's ends."""
    uri: str = ""

    def flags(self, folder: Path, others: Doubles, number: int) -> tuple[str, ...]:
        """Write the settings of a day; return what the server is started with."""
        cloud = others.cloud
        lanes = [
            {**cloud.lane("deepgram", price_per_minute=0.0043, send_names=True), "satellites": [ROOM]},
            cloud.lane("compatible", name="At home"),
        ]
        told: dict[str, Any] = {
            "control": {"keep_transcripts": True, "announce": False},
            "records": {"keep_recordings": True},
            "cloud": {"lanes": lanes},
            "threshold": {"audits": True, "early_audits": 1.0},
            "ledger": {"audit_seconds_per_day": 3600.0, "cloud_seconds_per_day": 7200.0, "cloud_money_per_month": 50.0},
            "bundles": {"reports": True, "shadow_turns": 1, "shadow_hours": 0.0, "shadow_share": 1.0,
                        "serving_turns": 1, "serving_share": 0.9, "watch_turns": 2, "automatic": False},
            "home": {"names": ["Kitchen light"], "areas": ["Kitchen"]},
        }  # fmt: skip
        file = folder / f"settings-{number}.yaml"
        file.write_text(yaml.safe_dump(told), "utf-8")
        model = ("--model", "" if number == 0 else "someone/hers")
        return (
            "--config",
            str(file),
            "--uri",
            "tcp://127.0.0.1:0",
            "--http",
            "127.0.0.1:0",
            "--log-level",
            "debug",
            *model,
        )

    def environ(self, others: Doubles) -> dict[str, str]:
        """Return where the server finds a hub of models, and how it writes its log."""
        return {"HF_ENDPOINT": others.hub_url, "EDGE_VOICE_SERVER_LOG_FORMAT": "json", "PYTHONDONTWRITEBYTECODE": "1"}

    async def begin(self, server: ServerProcess, folder: Path) -> Asker:
        """Wait until the server listens; return who may ask it everything."""
        (uri,) = [one.rstrip('",') for one in await server.uri()]
        self.uri = uri
        (http,) = re.findall(r"control API at (http://[0-9.:]+)", server.log)
        self.ports |= {int(one.rpartition(":")[2]) for one in (uri, http)}
        token = (folder / "data" / TOKEN_FILE).read_text("utf-8").strip()
        return Asker(
            home=self, http=aiohttp.ClientSession(http, headers={"Authorization": f"Bearer {token}"}), token=token
        )

    async def turn(self, pcm: bytes, room: str = ROOM, **asked: Any) -> dict[str, Any]:
        """Say something; return what is told of it."""
        told = {"language": "en", "context": {"edge_voice": {"satellite_id": room, "session_id": f"s-{room}"}}, **asked}
        async with connected(self.uri) as peer:
            answer = await peer.turn(pcm, told)
            self._hear(peer.heard)
        return answer.data.get("context", {}).get("edge_voice", {})

    async def wake(self) -> None:
        """Say the wake word, and ask who is there."""
        async with connected(self.uri) as peer:
            told = {"context": {"edge_voice": {"satellite_id": ROOM}}}
            await peer.say(event("describe"), event("ping", {"text": "?"}))
            await peer.until("pong")
            await peer.say(event("detect", told), *audio(read_recording(PACKAGED / "wake.wav").pcm))
            await peer.until("detection", "not-detected")
            await peer.say(event("transcribe", {"name": "nobody"}))
            await peer.until("error")
            self._hear(peer.heard)

    def _hear(self, heard: Any) -> None:
        for one in heard:
            ours = (one.data.get("context") or {}).get("edge_voice", {})
            self.events |= {(one.kind, name) for name in one.data if name != "context"}
            self.events |= {(one.kind, f"edge_voice.{name}") for name in ours}


@dataclass(slots=True, kw_only=True)
class Asker:
    """Whoever has the token, and remembers every field that comes."""

    home: Home
    http: aiohttp.ClientSession
    token: str
    listening: asyncio.Task[None] | None = None

    async def ask(self, name: str, body: Any = None, *, query: Mapping[str, str] | None = None, **path: str) -> Any:
        """Ask for an operation by its name; what is refused, or is no JSON, is no answer."""
        one = operation(name)
        place = one.path.format(**path)
        async with self.http.request(one.method, place, json=body, params=query) as answer:
            if answer.status >= 400:
                return {}
            if one.answer is None:
                self.home.answers.add((name, "body"))
                return await answer.read()
            told = await answer.json()
        self.home.answers |= found.told(name, one.answer, told)
        return told

    def listen(self) -> None:
        """Take note of every message from now on."""
        self.listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        with suppress(aiohttp.ClientError, TypeError):
            async with self.http.ws_connect("/api/v1/events") as socket:
                self.home.answers.add(("events", "body"))
                async for one in socket:
                    message = json.loads(one.data)
                    self.home.messages |= found.told(message["type"], MESSAGES.get(message["type"], {}), message)

    async def scrape(self) -> None:
        """Fetch the metrics."""
        text = (await self.ask("metrics")).decode()
        for sample in SAMPLE.finditer(text):
            name = sample["name"]
            labels = {one for one in LABEL_NAME.findall(sample["labels"] or "") if one not in {"le", "quantile"}}
            self.home.metrics |= {(name, one) for one in {"value", *labels}}

    async def aclose(self) -> None:
        """Listen no more, and go."""
        if self.listening is not None:
            self.listening.cancel()
            await asyncio.gather(self.listening, return_exceptions=True)
        await self.http.close()


def operation(name: str) -> Operation:
    """Return an operation of the control API."""
    return next(one for one in OPERATIONS if one.name == name)


async def first_day(server: ServerProcess, folder: Path, others: Doubles, home: Home, *, whole: bool) -> None:
    """Talk, be heard by services, put things right, take up a bundle, record a baseline, look at everything."""
    owner = await home.begin(server, folder)
    try:
        owner.listen()
        await pairing(owner)
        await owner.ask("change_vocabulary", NAMES)
        await home.wake()
        first = await home.turn(said("kitchen"))
        for pcm in (KITCHEN_IN_NOISE, MADE_UP, said("silence"), said("door")):
            await home.turn(pcm, ROOM)
        await home.turn(KITCHEN_IN_NOISE, ATTIC)
        await lanes(owner, others)
        await judged(owner, first["turn_id"])
        await owner.ask("begin_baseline", {"consent": CONSENT, "days": 1, "seconds": 600, "money": 1})
        await home.turn(said("time"))
        await owner.ask("end_baseline")
        if whole:
            await bundles(owner, others, folder, home)
        await asyncio.sleep(4.0)  # what was to be written later is by then
        await everything(owner)
    finally:
        await owner.aclose()
    wait_for_report(folder)


async def second_day(server: ServerProcess, folder: Path, others: Doubles, home: Home, *, whole: bool) -> None:
    """Send the report of the day before, look for a model on a hub, go back to the bundle before, and erase all."""
    assert whole
    owner = await home.begin(server, folder)
    try:
        owner.listen()
        await home.turn(said("fan-noisy"))
        for _ in range(round(LONGEST_SECONDS / 0.5)):
            if others.hub.asked and not waiting(folder):
                break
            await asyncio.sleep(0.5)
        await owner.ask("roll_back_bundle", {"kind": "asr"})
        await owner.ask("distrust_repository")
        await owner.ask("purge", {"what": ["turns"], "satellite": ROOM})
        await owner.ask("purge", {"what": "everything"})
        await owner.ask("status")
    finally:
        await owner.aclose()


async def pairing(owner: Asker) -> None:
    """Begin to pair, sign a browser in and out, and try a wrong token."""
    await owner.ask("start_pairing", {})
    await owner.ask("pair", {"code": "000000"})
    await owner.ask("begin_session", {"token": owner.token})
    await owner.ask("session")
    await owner.ask("end_session")


async def lanes(owner: Asker, others: Doubles) -> None:
    """Keep a lane with its key, try it, and tell of uploads that the client itself made."""
    lane = {**others.cloud.lane("openai", name="Cloud", price_per_minute=0.006), "satellites": [ROOM]}
    client = {
        "name": "Client",
        "provider": "client",
        "entity": "stt.cloud",
        "consent": CONSENT,
        "price_per_minute": 0.01,
    }
    await owner.ask("change_lanes", {"lanes": [lane, client]})
    await owner.ask("test_lane", lane)
    await owner.home.turn(MADE_UP, ROOM, transcript_names=["Kitchen light"])
    row = {"at": "2026-11-22T10:00:00+00:00", "lane": "Client", "turn_id": "", "seconds": 1.9, "ending": "answered"}
    await owner.ask("write_ledger", {"rows": [row]})
    turns = (await owner.ask("turns"))["turns"]
    begun = await owner.ask("begin_upload", {"lane": "Client", "seconds": 1.0}, id=turns[0]["turn_id"])
    if begun:
        ended = {"ending": "answered", "took_ms": 400.0, "text": "turn on the kitchen light"}
        await owner.ask("end_upload", ended, id=turns[0]["turn_id"], upload=str(begun["upload"]))


async def judged(owner: Asker, turn_id: str) -> None:
    """Say what became of a turn, and what was really said."""
    await owner.ask("tell_outcome", {"result": "intent", "intent": "HassTurnOn"}, id=turn_id)
    await owner.ask("tell_correction", {"text": "open the hatch"}, id=turn_id)
    await owner.ask("change_satellite", {"microphone_class": "far_field"}, id=ROOM)
    await owner.ask("change_policy", {"error_target": 0.05})
    await owner.ask("accept_drift", {})


async def bundles(owner: Asker, others: Doubles, folder: Path, home: Home) -> None:
    """Trust the repository, and have its newest bundle tried and taken up."""
    bundle = await asyncio.to_thread(made.good, folder, "1.1.0")
    await asyncio.to_thread(others.repository.publish, bundle, reports_url=others.reports_url)
    root = json.loads(others.repository.root_bytes)
    await owner.ask("trust_repository", {"url": others.repository_url, "root": root})
    await owner.ask("check_bundles", {})
    await owner.ask("install_bundle", {"kind": "asr", "label": LABEL})
    async with asyncio.timeout(LONGEST_SECONDS):
        while True:
            (asr,) = [one for one in (await owner.ask("bundles"))["kinds"] if one["kind"] == "asr"]
            if (asr["active"] or {}).get("label") == LABEL:
                return
            await home.turn(said("kitchen"))


async def everything(owner: Asker) -> None:
    """Ask for all that there is to see."""
    by_themselves = [
        one.name for one in OPERATIONS if one.method == "GET" and "{" not in one.path and one.name != "events"
    ]
    for name in by_themselves:
        await owner.ask(name)
    numbers = [one["number"] for one in (await owner.ask("records"))["records"] if one["recording"]]
    await owner.ask("recording", number=str(numbers[0] if numbers else 0))
    this_month = (await owner.ask("status"))["server"]["started_at"][:7]
    await owner.ask("scorecard", query={"month": this_month})
    await owner.ask("scorecard_page", query={"month": this_month})
    await owner.scrape()
    form = aiohttp.FormData()
    form.add_field("model", "base")
    form.add_field("file", (PACKAGED / "kitchen.wav").read_bytes(), filename="a.wav", content_type="audio/wav")
    for name, body, kind in (
        ("transcribe", (PACKAGED / "kitchen.wav").read_bytes(), "audio/wav"),
        ("openai_transcription", form, ""),
    ):
        one = operation(name)
        headers = {"Content-Type": kind} if kind else {}
        async with owner.http.request(one.method, one.path, data=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            owner.home.answers |= found.told(name, one.answer, await answer.json())


def wait_for_report(folder: Path) -> None:
    """Have a report of the day before wait, as it would at the next day's start."""
    counters = Counters(label=LABEL, incumbent="home-en@1.0.0", began=True)
    now = dt.datetime.now(dt.UTC)
    fields = fields_of(counters, day=now.date() - dt.timedelta(days=1), region="DE", hub_class="", server="0.1.0")
    due = (now - dt.timedelta(hours=1)).isoformat()
    kept = {"schema": 1, "day": now.date().isoformat(), "waiting": [{"label": LABEL, "due": due, "fields": fields}]}
    (folder / "data" / "bundles" / FILE_NAME).write_text(json.dumps(kept), "utf-8")


def waiting(folder: Path) -> bool:
    """Tell whether a report still waits."""
    file = folder / "data" / "bundles" / FILE_NAME
    return bool(json.loads(file.read_bytes())["waiting"]) if file.exists() else False
