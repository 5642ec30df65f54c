"""The control API of a real server: real recordings, real turns, and every answer held to its closed shape."""

import io
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from tests.server.engines.cloud_requests import lane_of
from tests.server.home import Home, home, settings_for_tests
from tests.server.peer import audio, connected, event, kitchen
from tests.server.proofs.control_api import control_of
from wyoming_server.commands.recording import read_recording
from wyoming_server.listeners.control_answers import MESSAGES
from wyoming_server.listeners.control_documents import page_policy
from wyoming_server.listeners.control_schemas import OPERATIONS
from wyoming_server.listeners.control_shapes import WHAT
from wyoming_server.listeners.control_values import checked
from wyoming_server.pipeline.lanes import LaneRequest

BY_NAME = {one.name: one for one in OPERATIONS}
FOLDER = Path(__file__).parents[3] / "wyoming_server/recordings"
KITCHEN = (FOLDER / "kitchen.wav").read_bytes()
SAID = "turn on the kitchen light"
LAN = {"name": "LAN", "provider": "openai", "url": "http://127.0.0.1:9/v1", "trust": "home", "languages": ["en"]}


@pytest.fixture(scope="module")
def controlled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("controlled")
    with home(settings_for_tests(folder, control={"address": "127.0.0.1:0"})) as one:
        yield one


@pytest.fixture
async def session(controlled: Home) -> AsyncGenerator[aiohttp.ClientSession]:
    url, token = control_of(controlled)
    async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {token}"}) as one:
        yield one


async def asked(session: aiohttp.ClientSession, name: str, **sent: Any) -> Any:
    """Return an answer, which has every key that is described and no other."""
    operation = BY_NAME[name]
    path = operation.path.format(**sent.pop("path", {}))
    async with session.request(operation.method, path, **sent) as response:
        told = await response.json()
        assert response.status == operation.status, told
    return checked(operation.answer, told)


async def test_a_recording_is_heard_and_said_with_all_that_is_known(session: aiohttp.ClientSession) -> None:
    wav = {"data": io.BytesIO(KITCHEN), "headers": {"Content-Type": "audio/wav"}}
    told = await asked(session, "transcribe", params={"language": "en"}, **wav)
    assert (told["text"].lower().strip("."), told["error"], told["route"]) == (SAID, None, "edge")
    assert told["seconds"] == pytest.approx(len(KITCHEN) / 32_000, abs=0.01)


ANSWERS = ("status", "policy", "lanes", "turns", "satellites", "ledger", "openapi", "figures", "history", "records",
           "incidents", "drift", "baseline", "lineage", "kept")  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
async def test_each_answer_has_what_is_described_and_nothing_else(name: str, session: aiohttp.ClientSession) -> None:
    assert await asked(session, name)


async def test_counters_and_this_months_scorecard_are_there_from_the_start(session: aiohttp.ClientSession) -> None:
    async with session.get("/metrics") as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain")
        assert "edge_voice_" in await answer.text()
    month = (await asked(session, "status"))["server"]["started_at"][:7]
    async with session.get(f"/scorecard?month={month}") as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        page = await answer.text()
        assert page_policy(page) in answer.headers["Content-Security-Policy"]
    assert (await asked(session, "scorecard", params={"month": month}))["complete"] is False


async def test_lanes_can_be_sent_back_as_they_came(session: aiohttp.ClientSession) -> None:
    made = await asked(session, "change_lanes", json={"lanes": [LAN | {"key": "a-very-secret-key"}]})
    again = await asked(session, "change_lanes", json={"lanes": made["lanes"]})
    assert (again, again["lanes"][0]["key_ends"]) == (made, "-key")
    assert (await asked(session, "status"))["lanes"] == made["lanes"]
    assert (await asked(session, "change_lanes", json={"lanes": []}))["lanes"] == []


async def test_choices_and_satellites_are_kept_and_returned(session: aiohttp.ClientSession) -> None:
    told = await asked(session, "change_policy", json={"error_target": 0.1, "keep_transcripts": True})
    assert (told["error_target"], told["keep_transcripts"]) == (0.1, True)
    assert (await asked(session, "reset_policy"))["keep_transcripts"] is False
    told = await asked(session, "change_satellite", path={"id": "stt.a%2Fb"}, json={"wake_threshold": 0.7})
    assert (told["id"], told["wake_threshold"]) == ("stt.a/b", 0.7)
    assert await asked(session, "forget_satellite", path={"id": "stt.a%2Fb"}) == {"forgotten": "stt.a/b"}


async def test_a_vocabulary_is_counted_and_all_can_be_erased(session: aiohttp.ClientSession) -> None:
    names = {"names": ["Kitchen light", "Loft"], "areas": ["Kitchen"], "terms": [], "critical": ["Loft"]}
    told = await asked(session, "change_vocabulary", json=names)
    assert told == {"names": 2, "areas": 1, "floors": 0, "terms": 0, "critical": 1}
    erased = (await asked(session, "purge", json={"what": "everything"}))["erased"]
    assert set(erased) == set(WHAT)


async def test_the_socket_tells_the_status_and_every_turn(session: aiohttp.ClientSession, controlled: Home) -> None:
    _, token = control_of(controlled)
    async with session.ws_connect("/api/v1/events") as socket:
        told = [await socket.receive_json(timeout=10), await socket.receive_json(timeout=10)]
        await asked(session, "change_policy", json={"audits": False})
        told.append(await socket.receive_json(timeout=10))
    assert [one["type"] for one in told] == ["hello", "status", "status"]
    assert [checked(MESSAGES[one["type"]], one) for one in told] == told
    assert told[0]["id"] == told[1]["status"]["server"]["id"]
    assert token not in str(told)
    await asked(session, "reset_policy")


async def test_a_hub_can_be_another_hubs_home_lane(controlled: Home) -> None:
    url, token = control_of(controlled)
    settings = {"provider": "openai", "url": f"{url}/v1", "key": token, "trust": "home", "model": "whisper-1"}
    samples = np.frombuffer(KITCHEN[44:], "<i2")
    async with lane_of(**settings) as lane:
        heard = await lane.transcribe(LaneRequest(samples=samples, language="en", prompt=("kitchen light",)))
    assert (heard.text.lower().strip("."), heard.language) == (SAID, "en")


async def test_silence_is_no_text_and_no_error(session: aiohttp.ClientSession) -> None:
    silence = (FOLDER / "silence.wav").read_bytes()
    wav = {"data": io.BytesIO(silence), "headers": {"Content-Type": "audio/wav"}}
    told = await asked(session, "transcribe", **wav)
    assert (told["text"], told["action"], told["error"]) == ("", "discard", None)
    form = aiohttp.FormData({"model": "any"})
    form.add_field("file", io.BytesIO(silence), filename="silence.wav")
    async with session.post("/v1/audio/transcriptions", data=form) as response:
        assert (response.status, (await response.json())["text"]) == (200, "")


async def test_a_language_that_the_model_does_not_know_is_refused(session: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "audio/wav"}
    async with session.post("/api/v1/transcribe?language=xx", data=io.BytesIO(KITCHEN), headers=headers) as response:
        told = await response.json()
    assert (response.status, told["code"]) == (400, "unsupported-language")


async def test_a_turn_and_a_wake_word_are_told_and_can_be_judged(
    session: aiohttp.ClientSession, controlled: Home
) -> None:
    asked_by = {"context": {"edge_voice": {"satellite_id": "assist_satellite.kitchen"}}}
    await asked(session, "change_policy", json={"keep_transcripts": True})  # and this address counts as its owner's
    async with session.ws_connect("/api/v1/events") as socket, connected(controlled.uri) as peer:
        transcript = await peer.turn(kitchen().pcm, asked_by)
        await peer.say(
            event("detect", {"names": ["hey_jarvis"]} | asked_by), *audio(read_recording(FOLDER / "wake.wav").pcm)
        )
        assert (await peer.until("detection", "not-detected")).kind == "detection"
        told: dict[str, Any] = {}
        while not {"turn", "wake"} <= set(told):
            message = await socket.receive_json(timeout=10)
            told[message["type"]] = checked(MESSAGES[message["type"]], message)
    turn = told["turn"]["turn"]
    assert (turn["turn_id"], turn["satellite"]) == (transcript.detail["turn_id"], "assist_satellite.kitchen")
    assert (turn["text"], told["wake"]["word"]) == (transcript.text, "hey_jarvis")
    assert (await asked(session, "turns", params={"limit": 1}))["turns"] == [turn]
    path = {"id": turn["turn_id"]}
    right = await asked(session, "tell_correction", path=path, json={"text": transcript.text})
    assert right == {"counted": False, "was_right": True}
    assert "counted" in await asked(session, "tell_outcome", path=path, json={"result": "no_intent"})
    kitchens = (await asked(session, "satellites"))["satellites"]
    assert [one["evidence"]["turns"] for one in kitchens if one["id"] == turn["satellite"]] == [1]
    await asked(session, "reset_policy")
