"""What an owner changes while the server runs holds for the next turn, outlives a restart, and leaves no secret."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from wyoming_server.listeners.control_shapes import WHAT

from ..cloud.server import CONSENT, StandIn
from ..home import Home, home, settings_for_tests
from ..listeners.houses import KITCHEN_IN_NOISE, cloud_in_its_own_thread, room_noise, said
from ..peer import KITCHEN, Heard, audio, connected, event
from ..wake_recordings import wake_recordings
from .owner import Owner, owner_of

CLOUD_TEXT = "Turn off the hall lamp"
KEY = "sk-stand-in-secret-4711"
CLIENT_LANE = {"name": "Nabu", "provider": "client", "entity": "stt.cloud", "consent": CONSENT, "price_per_minute": 0.6}
ROOMS = (f"assist_satellite.room_{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def cloud() -> Iterator[StandIn]:
    with cloud_in_its_own_thread() as one:
        one.hearing.default = CLOUD_TEXT
        one.services["openai"].key = KEY
        yield one


@contextmanager
def steered(folder: Path, **sections: dict[str, Any]) -> Iterator[Home]:
    """Serve with a control API."""
    sections.setdefault("control", {"address": "127.0.0.1:0", "announce": False})
    with home(settings_for_tests(folder, **sections)) as served:
        yield served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with steered(tmp_path_factory.mktemp("steered")) as one:
        yield one


@pytest.fixture
async def owner(served: Home) -> Any:
    async with owner_of(served) as one:
        yield one
        await one.ask("POST", "purge", {"what": ["everything"]})


async def turn(served: Home, pcm: bytes, satellite: str, **context: Any) -> Heard:
    """Say something in a room."""
    told = {"satellite_id": satellite, "session_id": satellite, **context}
    async with connected(served.uri) as peer:
        return await peer.turn(pcm, {"language": "en", "context": {"edge_voice": told}})


def at_home(cloud: StandIn) -> dict[str, Any]:
    """Return a lane of the owner's own."""
    return {"name": "at home", "provider": "openai", "url": cloud.url("openai"), "key": KEY, "trust": "home"}


async def test_a_lane_that_is_added_is_asked_by_the_next_turn(served: Home, owner: Owner, cloud: StandIn) -> None:
    before = await turn(served, KITCHEN_IN_NOISE, next(ROOMS))
    assert before.detail["route"] == "edge"
    (lane,) = await owner.lanes(at_home(cloud))
    assert (lane["name"], lane["state"], lane["key_ends"]) == ("at home", "ready", "4711")
    after = await turn(served, KITCHEN_IN_NOISE, next(ROOMS))
    assert (after.detail["route"], after.text) == ("cloud", CLOUD_TEXT)


async def test_a_mode_that_is_chosen_holds_for_the_next_turn(served: Home, owner: Owner, cloud: StandIn) -> None:
    await owner.lanes(at_home(cloud))
    assert (await owner.policy(routing_mode="cloud"))["routing_mode"] == "cloud"
    assert (await turn(served, said("kitchen"), next(ROOMS))).text == CLOUD_TEXT
    await owner.policy(routing_mode="edge")
    assert (await turn(served, KITCHEN_IN_NOISE, next(ROOMS))).detail["route"] == "edge"
    refused = await owner.ask("PUT", "policy", {"error_target": 7}, status=400)
    assert refused["code"] in {"invalid-request", "invalid-settings"}
    assert (await owner.ask("GET", "policy"))["routing_mode"] == "edge"


async def test_a_hedge_rests_while_the_hub_answers_alone(served: Home, owner: Owner, cloud: StandIn) -> None:
    await owner.lanes(at_home(cloud))
    await owner.policy(hedge=True)
    assert (await owner.policy(routing_mode="edge"))["hedge"] is True
    assert (await turn(served, KITCHEN_IN_NOISE, next(ROOMS))).detail["lanes"] == []
    await owner.policy(routing_mode="auto")
    assert await owner.lanes() == []


async def test_a_cloud_lane_is_left_alone_once_the_cloud_is_forbidden(
    served: Home, owner: Owner, cloud: StandIn
) -> None:
    await owner.lanes(at_home(cloud) | {"name": "far", "trust": "cloud", "consent": CONSENT, "price_per_minute": 0.1})
    assert (await turn(served, KITCHEN_IN_NOISE, next(ROOMS))).detail["route"] == "cloud"
    await owner.policy(cloud_allowed=False)
    assert (await turn(served, KITCHEN_IN_NOISE, next(ROOMS))).detail["route"] == "edge"
    (lane,) = (await owner.ask("GET", "lanes"))["lanes"]
    assert (lane["state"], "switched the cloud off" in lane["reason"]) == ("not-consented", True)
    status = await owner.ask("GET", "status")
    assert status["cloud"]["reachable"] is None
    ledger = await owner.ask("GET", "ledger?limit=5")
    assert [row["lane"] for row in ledger["rows"] if row["turn_id"]] == ["far"]


async def test_choices_lanes_and_satellites_outlive_a_restart_and_no_secret_lies_in_the_open(
    tmp_path: Path, cloud: StandIn
) -> None:
    kitchen = "assist_satellite.kitchen_of_the_smiths"
    with steered(tmp_path) as first:
        async with owner_of(first) as owner:
            await owner.lanes(at_home(cloud), CLIENT_LANE)
            await owner.policy(error_target=0.05, cloud_seconds_per_day=60)
            await owner.satellite(kitchen, wake_threshold=0.7, microphone_class="phone", answer_early=False)
            identity = (await owner.ask("GET", "status"))["server"]["id"]
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir() if path.is_file())
    assert KEY.encode() not in kept
    assert b"smiths" not in kept
    with steered(tmp_path) as second:
        async with owner_of(second) as owner:
            status = await owner.ask("GET", "status")
            assert status["server"]["id"] == identity
            assert (status["policy"]["error_target"], status["policy"]["cloud_seconds_per_day"]) == (0.05, 60.0)
            assert [one["name"] for one in status["lanes"]] == ["at home", "Nabu"]
            satellite = await owner.satellite(kitchen)
            assert (satellite["wake_threshold"], satellite["answer_early"]) == (0.7, False)
            heard = await turn(second, KITCHEN_IN_NOISE, kitchen)
            assert heard.detail["route"] == "cloud", "the lane has its key again"
            (told,) = (await owner.ask("GET", "turns"))["turns"]
            assert told["microphone_class"] == "phone"


async def test_a_room_whose_speech_is_to_stay_stays_whatever_its_client_asks_for(
    served: Home, owner: Owner, cloud: StandIn
) -> None:
    guests, hall = next(ROOMS), next(ROOMS)
    await owner.lanes(at_home(cloud))
    assert (await owner.satellite(guests, routing_mode="edge"))["routing_mode"] == "edge"
    for asked in ({}, {"lane": "cloud"}):
        heard = await turn(served, KITCHEN_IN_NOISE, guests, **asked)
        assert heard.detail is None or heard.detail["route"] == "edge"
    assert (await turn(served, KITCHEN_IN_NOISE, hall)).detail["route"] == "cloud"
    assert (await owner.satellite(guests, routing_mode=None))["routing_mode"] is None
    assert (await turn(served, KITCHEN_IN_NOISE, guests)).detail["route"] == "cloud"


async def test_a_kept_key_goes_nowhere_else(served: Home, owner: Owner, cloud: StandIn) -> None:
    await owner.lanes(at_home(cloud))
    without = {key: value for key, value in at_home(cloud).items() if key != "key"}
    tested = await owner.ask("POST", "lanes/test", without)
    assert (tested["text"], tested["matches"]) == (CLOUD_TEXT, False)
    (moved,) = await owner.lanes(without | {"url": "http://127.0.0.1:9/v1"})
    assert moved["key_ends"] is None


async def test_a_lane_is_tested_before_it_is_kept(owner: Owner, cloud: StandIn) -> None:
    wrong = await owner.ask("POST", "lanes/test", at_home(cloud) | {"key": "sk-wrong"}, status=400)
    assert wrong["code"] == "lane-credentials"
    assert (await owner.ask("POST", "lanes/test", at_home(cloud)))["took_ms"] > 0
    assert (await owner.ask("GET", "lanes"))["lanes"] == []
    refused = await owner.ask("PUT", "lanes", {"lanes": [{"name": "x", "provider": "nobody"}]}, status=400)
    assert refused["code"] in {"unknown-provider", "invalid-request"}


async def test_a_client_s_own_lane_is_written_down_before_and_learned_from_after(served: Home, owner: Owner) -> None:
    await owner.lanes(CLIENT_LANE)
    heard = await turn(served, KITCHEN_IN_NOISE, next(ROOMS), client_lane=True)
    assert (heard.detail["route"], heard.detail["lane"]) == ("client", "Nabu")
    turn_id = heard.detail["turn_id"]
    begun = await owner.ask("POST", f"turns/{turn_id}/escalation", {"lane": "Nabu", "seconds": 1.5}, status=201)
    row = (await owner.ask("GET", "ledger"))["rows"][0]
    assert (row["turn_id"], row["ending"], row["cost"]) == (turn_id, "", pytest.approx(0.015))
    ended = {"ending": "answered", "took_ms": 300.0, "text": "Turn off the hall lamp"}
    place = f"turns/{turn_id}/escalation/{begun['upload']}"
    assert await owner.ask("PUT", place, ended) == {"counted": True}
    assert (await owner.ask("PUT", place, ended, status=404))["code"] == "unknown-turn"
    (attempt,) = (await owner.ask("GET", "turns?limit=1"))["turns"][0]["lanes"]
    assert (attempt["lane"], attempt["took_ms"], attempt["cost"]) == ("Nabu", 300.0, pytest.approx(0.015))
    status = await owner.ask("GET", "status")
    (pairs,) = status["disagreement"]
    assert (pairs["language"], pairs["pairs"], pairs["value"] > 0.5) == ("en", 1, True)
    assert (await owner.ask("GET", "ledger"))["rows"][0]["ending"] == "answered"


async def test_a_client_s_lane_keeps_the_cap_and_the_consent(served: Home, owner: Owner) -> None:
    await owner.lanes(CLIENT_LANE, CLIENT_LANE | {"name": "unasked", "consent": ""})
    await owner.policy(cloud_seconds_per_day=2)
    heard = await turn(served, KITCHEN_IN_NOISE, next(ROOMS), client_lane=True)
    place = f"turns/{heard.detail['turn_id']}/escalation"
    assert (await owner.ask("POST", place, {"lane": "Nabu", "seconds": 60}, status=409))["code"] == "cap-reached"
    assert (await owner.ask("POST", place, {"lane": "unasked", "seconds": 1}, status=403))["code"] == "not-consented"
    assert (await owner.ask("POST", place, {"lane": "none", "seconds": 1}, status=404))["code"] == "unknown-lane"


async def test_uploads_made_while_the_server_was_away_count_towards_the_cap(owner: Owner) -> None:
    await owner.lanes(CLIENT_LANE)
    row = {"at": "2026-11-22T10:00:00+00:00", "lane": "Nabu", "turn_id": "", "seconds": 3.0, "ending": "answered"}
    assert await owner.ask("POST", "ledger", {"rows": [row | {"took_ms": 400.0}]}) == {"written": 1}
    kept = (await owner.ask("GET", "ledger"))["rows"][0]
    assert (kept["lane"], kept["reason"], kept["seconds"]) == ("Nabu", "away", 3.0)


async def test_a_peer_counts_as_the_owner_s_once_its_address_has_shown_the_token(tmp_path: Path) -> None:
    with steered(tmp_path, routing={"trusted": []}) as served:
        await turn(served, said("kitchen"), "a-name")
        async with owner_of(served) as owner:
            (stranger,) = (await owner.ask("GET", "turns"))["turns"]
            assert stranger["satellite"] == "127.0.0.1", "what a stranger says of itself is not believed"
            await turn(served, said("kitchen"), "a-name")
            assert (await owner.ask("GET", "turns"))["turns"][0]["satellite"] == "a-name"


async def test_who_listens_hears_of_status_asking_turn_and_wake(served: Home, owner: Owner, cloud: StandIn) -> None:
    room = next(ROOMS)
    async with owner.events() as events:
        hello = await events.until("hello")
        assert (hello["version"], hello["min_version"]) == (1, 1)
        await events.until("status")
        await owner.lanes(at_home(cloud))
        assert [one["name"] for one in (await events.until("status"))["status"]["lanes"]] == ["at home"]
        answer = await turn(served, KITCHEN_IN_NOISE, room)
        asking = await events.until("asking")
        assert asking == {
            "type": "asking",
            "turn_id": answer.detail["turn_id"],
            "satellite": room,
            "lane": "at home",
        }
        told = (await events.until("turn"))["turn"]
        assert (told["turn_id"], told["route"], "text" in told) == (answer.detail["turn_id"], "cloud", False)
        samples = next(one for name, one in wake_recordings().items() if name.startswith("hey_jarvis"))
        async with connected(served.uri) as peer:
            context = {"context": {"edge_voice": {"satellite_id": room}}}
            await peer.say(event("detect", {"names": ["hey_jarvis"]} | context), *audio(samples.tobytes()))
            await peer.until("detection")
        wake = await events.until("wake")
        assert (wake["satellite"], wake["word"]) == (room, "hey_jarvis")
    (satellite,) = [one for one in (await owner.ask("GET", "satellites"))["satellites"] if one["id"] == room]
    assert satellite["evidence"]["wakes"] == 1


async def test_texts_are_told_only_while_the_owner_keeps_transcripts(served: Home, owner: Owner) -> None:
    await owner.policy(keep_transcripts=True)
    await turn(served, said("kitchen"), next(ROOMS))
    assert (await owner.ask("GET", "turns?limit=1"))["turns"][0]["text"] == KITCHEN
    await owner.policy(keep_transcripts=False)
    assert all("text" not in one for one in (await owner.ask("GET", "turns"))["turns"])


async def test_a_turn_that_the_home_could_make_nothing_of_is_counted_once_and_a_correction_is_compared(
    served: Home, owner: Owner
) -> None:
    heard = await turn(served, said("kitchen"), next(ROOMS))
    place = f"turns/{heard.detail['turn_id']}"
    assert await owner.ask("POST", f"{place}/outcome", {"result": "intent", "intent": "HassTurnOn"}) == {
        "counted": True
    }
    assert await owner.ask("POST", f"{place}/outcome", {"result": "no_intent"}) == {"counted": True}
    right = await owner.ask("POST", f"{place}/correction", {"text": "turn on the kitchen light"})
    assert right == {"counted": False, "was_right": True}
    wrong = await owner.ask("POST", f"{place}/correction", {"text": "turn on the bedroom light"})
    assert wrong == {"counted": True, "was_right": False}
    assert (await owner.ask("POST", "turns/none/outcome", {"result": "error"}, status=404))["code"] == "unknown-turn"


async def test_names_that_are_told_are_matched_by_the_next_turn(served: Home, owner: Owner) -> None:
    told = {"names": ["kitchen light"], "areas": ["kitchen"], "floors": [], "terms": []}
    assert await owner.ask("PUT", "vocabulary", told) == {
        "names": 1,
        "areas": 1,
        "floors": 0,
        "terms": 0,
        "critical": 0,
    }
    for _ in range(100):
        heard = await turn(served, said("kitchen"), next(ROOMS))
        if "grammar" in heard.detail["points"]:
            break
        await asyncio.sleep(0.05)
    assert heard.detail["intent"] == "HassTurnOn"
    assert "grammar" in heard.detail["points"]


async def test_a_purge_leaves_nothing(served: Home, owner: Owner, cloud: StandIn) -> None:
    await owner.lanes(at_home(cloud) | {"trust": "cloud", "consent": CONSENT, "price_per_minute": 0.1})
    await owner.policy(routing_mode="cloud")
    room = next(ROOMS)
    await turn(served, said("kitchen"), room)
    await owner.satellite(room, answer_early=False)
    erased = (await owner.ask("POST", "purge", {"what": ["everything"]}))["erased"]
    assert set(erased) == set(WHAT)
    status = await owner.ask("GET", "status")
    assert (status["policy"]["routing_mode"], status["lanes"], status["satellites"]) == ("auto", [], [])
    assert (await owner.ask("GET", "turns"))["turns"] == []
    ledger = await owner.ask("GET", "ledger")
    assert all(not row["turn_id"] for row in ledger["rows"])
    assert sum(one["seconds"] for one in ledger["this_month"] if one["trust"] == "cloud") > 0, "caps rest on the sums"


async def test_silence_and_refusals_are_turns_too(served: Home, owner: Owner) -> None:
    await turn(served, room_noise(1.0), next(ROOMS))
    async with connected(served.uri) as peer:
        assert await peer.code(event("transcribe", {"language": "tlh"})) == "unsupported-language"
    (silent,) = (await owner.ask("GET", "turns"))["turns"]
    assert (silent["action"], silent["quality"]) == ("discard", None)
    figures = (await owner.ask("GET", "status"))["figures"]
    assert figures["window_turns"] == 0
