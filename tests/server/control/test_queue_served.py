"""Requests that wait, at a real server: from a turn without its service to the conversation, once."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from wyoming_server.commands.recording import read_recording
from wyoming_server.control.queue_told import EVENTS as TOLD
from wyoming_server.listeners.control_queue import EVENTS
from wyoming_server.records.store import FILE_NAME

from ..cloud.server import CONSENT, StandIn
from ..home import Home, home, settings_for_tests
from ..listeners.houses import cloud_in_its_own_thread
from ..peer import Heard, connected
from .owner import Events, Owner, owner_of

RECORDING = Path(__file__).parents[2] / "audio" / "commands" / "waiting" / "milk.wav"
MILK = "Add milk to the shopping list"
KITCHEN, ATTIC = "assist_satellite.kitchen", "assist_satellite.attic"
KEY = "sk-stand-in"


@pytest.fixture(scope="module")
def cloud() -> Iterator[StandIn]:
    with cloud_in_its_own_thread() as one:
        one.services["openai"].key = KEY
        yield one


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("queue")


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Home]:
    settings = settings_for_tests(
        folder,
        control={"address": "127.0.0.1:0"},
        routing={"defer": True},
        threshold={"target_error": 0.005, "audits": False},
        queue={"tries": 2, "most_requests": 2},
    )
    with home(settings) as one:
        yield one


@pytest.fixture
async def owner(served: Home, cloud: StandIn) -> AsyncIterator[Owner]:
    """Come to a hub whose service has failed."""
    cloud.hearing.default = MILK
    cloud.always("openai", "http-500")
    async with owner_of(served) as one:
        lane = {"name": "far", "provider": "openai", "url": cloud.url("openai"), "key": KEY, "trust": "cloud"}
        await one.lanes({**lane, "consent": CONSENT, "price_per_minute": 0.1})
        yield one
        await one.ask("POST", "purge", {"what": ["queue"]})
        await one.lanes()
        cloud.well()


async def said(served: Home, satellite: str = KITCHEN, **context: Any) -> Heard:
    """Ask for milk."""
    told = {
        "satellite_id": satellite,
        "session_id": f"of {satellite}",
        "device_id": "d",
        "keeps_queue": True,
        **context,
    }
    async with connected(served.uri) as peer:
        return await peer.turn(read_recording(RECORDING).pcm, {"language": "en", "context": {"edge_voice": told}})


async def moved(events: Events, *wanted: str) -> list[dict[str, Any]]:
    """Return the requests that the next events of these kinds tell of."""
    found = []
    for name in wanted:
        message = await events.until("queue")
        assert message["event"] == name, message
        assert not {"heard", "text", "session_id"} & set(message["request"])
        found.append(message["request"])
    return found


async def test_milk_is_asked_for_while_the_service_is_away_and_done_once_when_it_is_back(
    served: Home, owner: Owner, cloud: StandIn
) -> None:
    async with owner.events() as events:
        heard = await said(served)
        assert (heard.detail["action"], heard.detail["class"]) == ("defer", "list-timer-note")
        (kept,) = (await owner.ask("GET", "queue"))["requests"]
        assert heard.detail["queued"] == {"id": kept["id"], "expires_at": kept["expires_at"]}
        assert (kept["satellite"], kept["device_id"], kept["turn_id"]) == (KITCHEN, "d", heard.detail["turn_id"])
        assert kept["heard"] == heard.text
        (one,) = await moved(events, "kept")
        assert (await owner.ask("GET", "status"))["queue"]["waiting"] == 1
        cloud.well()
        await owner.ask("POST", "queue/flush", {})
        await moved(events, "ready")
    path = f"queue/{one['id']}"
    assert (await owner.ask("POST", f"{path}/start", {"by": "home"}))["text"] == MILK
    assert (await owner.ask("POST", f"{path}/start", {"by": "home"}))["started_by"] == "home"
    assert (await owner.ask("POST", f"{path}/start", {"by": "you"}, 409))["code"] == "request-taken"
    assert (await owner.ask("DELETE", path, status=409))["code"] == "request-taken"
    assert await owner.ask("DELETE", "queue") == {"dropped": 0}
    end = {"by": "home", "result": "done"}
    assert [await owner.ask("POST", f"{path}/end", end) for _ in range(2)] == [{"ended": True}, {"ended": False}]
    assert (await owner.ask("GET", "queue"))["requests"] == []
    (upload,) = [row for row in (await owner.ask("GET", "ledger"))["rows"] if row["reason"] == "queue"]
    assert (upload["turn_id"], upload["ending"], upload["consent"]) == (heard.detail["turn_id"], "answered", CONSENT)


async def test_what_a_service_makes_a_device_s_command_of_is_never_done(
    served: Home, owner: Owner, cloud: StandIn
) -> None:
    for text, says in (
        ("Unlock the front door", "may open something"),
        ("Turn on the light", "no list, note or reminder"),
    ):
        cloud.hearing.default = text
        async with owner.events() as events:
            await said(served, text)
            await moved(events, "kept")
            cloud.well()
            await owner.ask("POST", "queue/flush", {})
            (one,) = await moved(events, "unheard")
            assert says in one["reason"]
            refused = await owner.ask("POST", f"queue/{one['id']}/repeat", {"text": text}, 400)
            assert "a device's command" in refused["message"]
            anew = await owner.ask("POST", f"queue/{one['id']}/repeat", {"text": "add milk to my list"}, 201)
            assert (anew["state"], anew["text"], anew["repeats"]) == ("ready", "add milk to my list", one["id"])
        assert says in (await owner.ask("GET", "incidents"))["incidents"][0]["message"]
        await owner.ask("DELETE", "queue")
        cloud.always("openai", "http-500")


@pytest.mark.parametrize("fault", ["empty-text", "http-400"])
async def test_what_no_service_understands_is_its_owner_s_to_repeat(
    served: Home, owner: Owner, cloud: StandIn, fault: str
) -> None:
    async with owner.events() as events:
        await said(served, "the hall")
        await moved(events, "kept")
        cloud.always("openai", fault)
        await hurried(owner)
        (one,) = await moved(events, "unheard")
        assert (one["tries"], "No speech service has understood it" in one["reason"]) == (2, True)
        cloud.well()
        anew = await owner.ask("POST", f"queue/{one['id']}/repeat", {}, 201)
        assert anew["state"] in {"waiting", "hearing"}, "by its sound"
        await moved(events, "repeated", "kept", "ready")


async def hurried(owner: Owner) -> None:
    """Have the only request tried again and again, which would be left alone for a while, until it is its owner's."""
    async with asyncio.timeout(20):
        while True:
            (one,) = (await owner.ask("POST", "queue/flush", {}))["requests"]
            if one["state"] == "unheard":
                return
            await asyncio.sleep(0.01)


async def test_what_may_not_wait_is_answered_at_once(served: Home, owner: Owner) -> None:
    await owner.policy(list_hours=0)
    try:
        heard = await said(served, "one")
        assert (heard.detail["action"], heard.detail["queued"]) == ("accept", None)
        assert "lists may not wait (list_hours is 0)" in heard.detail["reason"]
    finally:
        await owner.policy(list_hours=24)
    for context in ({"keeps_queue": False}, {"lane": "edge"}):
        assert (await said(served, f"{context}", **context)).detail["action"] == "accept"
    await owner.policy(defer=False)
    assert (await said(served, "two")).detail["action"] == "accept"
    await owner.policy(defer=True)
    assert (await owner.ask("GET", "queue"))["requests"] == []


async def test_a_full_queue_takes_nothing_more_and_says_so(served: Home, owner: Owner) -> None:
    for number in range(2):
        assert (await said(served, f"room {number}")).detail["action"] == "defer"
    heard = await said(served, "another room")
    assert (heard.detail["action"], "2 requests wait" in heard.detail["reason"]) == ("accept", True)
    assert "2 requests wait" in (await owner.ask("GET", "status"))["queue"]["reason"]


def sealed(data: Path) -> list[bytes]:
    """Return what is under seal, and the keys to it."""
    with closing(sqlite3.connect(f"file:{data / FILE_NAME}?mode=ro", uri=True)) as records:
        rows = records.execute(
            "SELECT content FROM queued UNION ALL SELECT sound FROM queued UNION ALL SELECT wrapped FROM data_key"
        )
        return [part for (part,) in rows if part]


async def test_one_room_s_requests_are_erased_and_no_other_s_then_all_from_every_byte(
    served: Home, owner: Owner, folder: Path
) -> None:
    await said(served, KITCHEN)
    await said(served, ATTIC)
    before = sealed(folder / "data")
    assert len(before) >= 5
    purged = await owner.ask("POST", "purge", {"what": ["queue"], "satellite": KITCHEN})
    assert purged == {"erased": {"queue": 1}, "left": {"queue": 0}}
    (left,) = (await owner.ask("GET", "queue"))["requests"]
    assert left["satellite"] == ATTIC
    assert (await owner.ask("POST", "purge", {"what": ["queue"]}))["erased"] == {"queue": 1}
    assert (await owner.ask("GET", "status"))["queue"]["bytes"] == 0
    on_disk = b"".join(path.read_bytes() for path in (folder / "data").iterdir() if path.is_file())
    assert not [one for one in before if one[:32] in on_disk]


async def test_what_waits_outlives_a_restart_and_is_not_heard_where_speech_is_to_stay(
    tmp_path: Path, cloud: StandIn
) -> None:
    settings = settings_for_tests(
        tmp_path,
        control={"address": "127.0.0.1:0"},
        routing={"defer": True},
        threshold={"target_error": 0.005, "audits": False},
        breaker={"open_seconds": 0.1},
    )
    cloud.always("openai", "http-500")
    cloud.hearing.default = MILK
    lane = {"name": "at home", "provider": "openai", "url": cloud.url("openai"), "key": KEY, "trust": "home"}
    with home(settings) as first:
        async with owner_of(first) as owner:
            await owner.lanes(lane)
            await said(first, KITCHEN)
            await said(first, ATTIC)
            await owner.satellite(KITCHEN, routing_mode="edge")
            before = (await owner.ask("GET", "queue"))["requests"]
    cloud.well()
    with home(settings) as second:
        async with owner_of(second) as owner:
            async with asyncio.timeout(20):
                while True:
                    after = (await owner.ask("GET", "queue"))["requests"]
                    if after[1]["state"] == "ready":
                        break
                    await asyncio.sleep(0.02)
            assert [one["id"] for one in after] == [one["id"] for one in before]
            assert after[0]["state"] == "waiting", "its room's speech is to stay, and it holds up nobody"
            assert [one["expires_at"] for one in after] == [one["expires_at"] for one in before]
            (tmp_path / "data" / "records-key").unlink()  # as in a folder that was put back from a backup
            refused = await owner.ask("POST", f"queue/{after[1]['id']}/start", {"by": "home"}, 409)
            assert (refused["code"], "cannot be read any more" in refused["message"]) == ("request-taken", True)
            (_, lost) = (await owner.ask("GET", "queue"))["requests"]
            assert (lost["state"], lost["heard"], lost["text"]) == ("unheard", None, None)
            anew = await owner.ask("POST", f"queue/{lost['id']}/repeat", {"text": "add milk to the list"}, 201)
            assert (anew["state"], anew["text"]) == ("ready", "add milk to the list")


def test_every_event_is_one_that_is_told_of() -> None:
    assert set(TOLD.values()) | {"kept", "expired", "dropped", "repeated"} == set(EVENTS)
