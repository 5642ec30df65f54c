"""A real Prometheus watches a real server with the files of docs/operations: every panel of the dashboard has data."""

import asyncio
import json
import queue
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace

import aiohttp
import pytest

from tests.server.cloud.server import CONSENT, StandIn
from tests.server.control.owner import Owner, owner_of
from tests.server.home import Home, home, settings_for_tests
from tests.server.listeners.houses import DOOR_IN_NOISE, KITCHEN_IN_NOISE, cloud_in_its_own_thread, said
from tests.server.peer import audio, connected, event
from tests.server.wake_recordings import wake_recordings
from wyoming_server.pipeline.types import Outcome
from wyoming_server.records.turn_record import TurnLabel, TurnRecord
from wyoming_server.strain import STRAINS

from .prometheus import LACKS, OPERATIONS, Prometheus, Running, free_port, promtool, running_prometheus

pytestmark = pytest.mark.skipif(bool(LACKS), reason=LACKS)
DASHBOARD = json.loads((OPERATIONS / "grafana" / "edge-voice.json").read_text())
MOST_CONNECTIONS = 50
"""One address may hold 64."""
REFERENCE_TURNS = 100
ROOM = "assist_satellite.nursery"
VARIABLES = {"job": "edge-voice", "instance": ".*", "language": ".*", "__rate_interval": "1m", "__range": "1h"}
"""What Grafana puts in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A server, and who watches it."""

    home: Home
    prometheus: Running

    @property
    def port(self) -> int:
        """Of the control API."""
        assert self.home.server is not None
        assert self.home.server.door is not None
        return self.home.server.door.port


@pytest.fixture(scope="module")
def cloud() -> Iterator[StandIn]:
    with cloud_in_its_own_thread() as one:
        one.hearing.default = "Turn off the hall lamp"
        yield one


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, cloud: StandIn) -> Iterator[Watched]:
    folder, port = tmp_path_factory.mktemp("watched"), free_port()
    lane = {
        "name": "far away",
        "provider": "openai",
        "url": cloud.url("openai"),
        "key": cloud.services["openai"].key,
        "trust": "cloud",
        "consent": CONSENT,
        "price_per_minute": 0.6,
        "satellites": [ROOM],
    }
    settings = settings_for_tests(
        folder,
        control={"address": f"127.0.0.1:{port}", "announce": False},
        cloud={"lanes": [lane]},
        drift={"reference_turns": REFERENCE_TURNS},
    )
    config = (OPERATIONS / "prometheus.yml").read_text()
    assert config.count("127.0.0.1:10380") == 1
    hurried = re.sub(r"_interval: 30s", "_interval: 200ms", config).replace("127.0.0.1:10380", f"127.0.0.1:{port}")
    rules = (OPERATIONS / "rules.yml", OPERATIONS / "alerts.yml")
    with running_prometheus(folder, hurried, rules) as running, home(settings) as one:
        assert one.server is not None
        assert one.server.door is not None
        (folder / "control-token").write_text(one.server.door.token)
        yield Watched(home=one, prometheus=running)


@pytest.fixture
async def owner(watched: Watched) -> AsyncIterator[Owner]:
    async with owner_of(watched.home) as one:
        yield one


async def turn(served: Home, pcm: bytes) -> None:
    context = {"satellite_id": ROOM, "session_id": "one", "microphone_class": "far_field"}
    async with connected(served.uri) as peer:
        await peer.turn(pcm, {"language": "en", "context": {"edge_voice": context}})


async def wake(served: Home) -> None:
    samples = next(one for name, one in wake_recordings().items() if name.startswith("hey_jarvis"))
    async with connected(served.uri) as peer:
        context = {"context": {"edge_voice": {"satellite_id": ROOM}}}
        await peer.say(event("detect", {"names": ["hey_jarvis"]} | context), *audio(samples.tobytes()))
        await peer.until("detection")


async def life(served: Home) -> None:
    """Have a home's day: commands, some that are not sure and ask a lane, a wake word."""
    await asyncio.gather(turn(served, said("kitchen")), turn(served, KITCHEN_IN_NOISE))
    await asyncio.gather(turn(served, DOOR_IN_NOISE), wake(served))


class Memory:
    """Hears of turns, on the server's thread, and remembers them."""

    def __init__(self) -> None:
        self.heard = queue.Queue[tuple[TurnRecord, Outcome | None]]()

    def turn(self, record: TurnRecord, outcome: Outcome | None) -> None:
        self.heard.put((record, outcome))

    def label(self, label: TurnLabel) -> None: ...

    def woke(self, satellite: str, word: str) -> None: ...


async def months_of_turns(served: Home) -> None:
    """Have so many turns behind it that there is something to hold later ones against: one, again and again."""
    assert served.server is not None
    recorder, memory = served.server.control._past.recorder, Memory()
    hearers, recorder._hearers = recorder._hearers, (*recorder._hearers, memory)
    await turn(served, said("kitchen"))
    record, outcome = await asyncio.to_thread(memory.heard.get, timeout=10.0)
    recorder._hearers = hearers
    for number in range(REFERENCE_TURNS + 10):
        again = replace(record, turn_id=f"earlier {number}")
        served._loop.call_soon_threadsafe(recorder.turn, again, outcome)


async def scrape(owner: Owner) -> bytes:
    async with owner.http.get("/metrics") as reply:
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return await reply.read()


async def test_what_the_server_writes_is_to_promtools_taste_and_names_nobody(watched: Watched, owner: Owner) -> None:
    await life(watched.home)
    text = await scrape(owner)
    assert promtool("check", "metrics", given=text) == ""
    for secret in (ROOM, "nursery", "hall lamp", "HassTurn"):
        assert secret.encode() not in text, secret


async def test_a_hundred_scrapes_at_once_while_turns_are_heard(watched: Watched, owner: Owner) -> None:
    few = asyncio.Semaphore(MOST_CONNECTIONS)

    async def one() -> bytes:
        async with few:
            return await scrape(owner)

    texts, _ = await asyncio.gather(asyncio.gather(*(one() for _ in range(100))), life(watched.home))
    assert all(text.endswith(b"\n") and b"edge_voice_info{" in text for text in texts)


async def test_a_hub_that_begins_to_strain_is_an_incident(watched: Watched, owner: Owner) -> None:
    assert watched.home.server is not None
    metrics, heat = watched.home.server.control._past.metrics, STRAINS[1]
    watched.home._loop.call_soon_threadsafe(metrics._on_strain, heat.code, heat.sentence)
    found: list[dict[str, str]] = []
    for _ in range(100):
        found = [one for one in (await owner.ask("GET", "incidents"))["incidents"] if one["kind"] == "load"]
        if found:
            break
        await asyncio.sleep(0.05)
    (incident,) = found
    assert (incident["subject"], incident["message"]) == (heat.code, heat.sentence)


async def test_without_the_token_nothing_is_told(watched: Watched) -> None:
    url = f"http://127.0.0.1:{watched.port}/metrics"
    async with aiohttp.ClientSession() as stranger, stranger.get(url) as reply:
        assert reply.status == 401
        assert b"edge_voice_" not in await reply.read()


async def test_turns_that_are_purged_leave_the_windows(watched: Watched, owner: Owner) -> None:
    await turn(watched.home, said("kitchen"))
    await owner.ask("POST", "purge", {"what": ["turns"]})
    text = await scrape(owner)
    for _ in range(100):  # one text serves all who ask within a second
        if b"edge_voice_window_p95_seconds{" not in text:
            break
        await asyncio.sleep(0.05)
        text = await scrape(owner)
    else:
        raise AssertionError("the windows are still there")
    assert b"edge_voice_turns_total{" in text


def expressions() -> Iterator[tuple[str, str]]:
    """Yield the title and every query of each panel, with Grafana's variables put in."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], re.sub(r"\$(\w+)", lambda found: VARIABLES[found[1]], target["expr"])


async def test_every_panel_has_data_and_every_rule_works(watched: Watched) -> None:
    await months_of_turns(watched.home)
    async with watched.prometheus.asked() as watch:
        await watch.until("edge_voice_drift_e_value")
        await life(watched.home)
        for counter in ("spoken_turns", "upload_audio_seconds", "wakes"):
            await watch.until(f"sum(increase(edge_voice_{counter}_total[1m])) > 0")
        bare = list(expressions())
        for _ in range(40):  # a recording rule has its first value a scrape later than what it is made of
            bare = [(title, query) for title, query in bare if not await watch.query(query)]
            if not bare:
                break
            await asyncio.sleep(0.5)
        assert bare == []
        await is_sound(watch)


async def is_sound(watch: Prometheus) -> None:
    """Every rule is evaluated without fault, and nothing that was scraped was dropped."""
    rules = [rule for group in (await watch.ask("rules"))["groups"] for rule in group["rules"]]
    assert len(rules) > 20
    assert {one["health"] for one in rules} <= {"ok", "unknown"}, rules
    for fault in ("duplicate_timestamp", "out_of_order", "out_of_bounds"):
        assert not await watch.query(f"prometheus_target_scrapes_sample_{fault}_total > 0"), fault
