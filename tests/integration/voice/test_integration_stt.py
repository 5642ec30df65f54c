"""Speech to text in real pipelines."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.edge_voice.const import EVENT_TRANSCRIPT
from custom_components.edge_voice.microphone_test import microphone_tests
from custom_components.edge_voice.signals import SIGNAL_TEXT_RETURNED
from tests.home_assistant.assist import paced
from tests.home_assistant.recordings import recording, words
from tests.home_assistant.server_process import edge_voice
from tests.integration.conftest import entry_for, set_up, until
from tests.integration.peer import Peer, babbling
from tests.integration.voice.conftest import Open, on_device, speak_to
from tests.integration.voice.ear import SECOND, Ear, said, stack_traces
from tests.integration.voice.house import House

KITCHEN = recording("kitchen.wav")
STT = "stt.edge_voice"
LOGGER = "custom_components.edge_voice"


async def test_a_spoken_command_is_done_before_all_has_been_said(
    home: HomeAssistant, entry: MockConfigEntry, open_session: Open
) -> None:
    assist = await open_session()
    run = await assist.run(await assist.create_pipeline(STT), paced(KITCHEN.followed_by_room(6.0)))
    assert words(run.text) == words(KITCHEN.text)
    assert not run.said_all
    await home.async_block_till_done()
    light = home.states.get("light.kitchen_light")
    assert light is not None
    assert light.state == "on"


async def test_silence_is_no_text(home: HomeAssistant, entry: MockConfigEntry, open_session: Open) -> None:
    assist = await open_session()
    run = await assist.run(await assist.create_pipeline(STT), said(recording("silence.wav").pcm))
    assert run.error_code == "stt-no-text-recognized"


async def test_a_recording_at_the_rest_api_is_heard_as_a_file(
    home: HomeAssistant, entry: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    client = await hass_client()
    reply = await client.post(
        f"/api/stt/{STT}",
        headers={"X-Speech-Content": "format=wav; codec=pcm; sample_rate=16000; bit_rate=16; channel=1; language=en"},
        data=KITCHEN.pcm + bytes(64_000) + recording("time.wav").pcm,
    )
    answer = await reply.json()
    assert words(answer["text"]) == words(KITCHEN.text) + words(recording("time.wav").text)


async def test_a_hub_that_dies_in_mid_sentence_ends_the_run(home: HomeAssistant, peer: Peer, house: House) -> None:
    with edge_voice() as first:
        entry = entry_for(peer.port, wyoming_port=first.port)
        await set_up(home, entry)
        await speak_to(home)
        await house.kitchen.hear(_dying(first.kill))
    assert house.kitchen.data("error")["code"] == "stt-stream-failed"
    await home.config_entries.async_unload(entry.entry_id)


async def _dying(kill: object) -> AsyncIterator[bytes]:
    assert callable(kill)
    async for chunk in said(KITCHEN.pcm[:32_000]):
        yield chunk
    await asyncio.get_running_loop().run_in_executor(None, kill)
    async for chunk in said(bytes(64_000)):
        yield chunk


async def test_the_hub_is_told_who_speaks_where_to_whom(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    ear.says("what time is it")
    await rooms.kitchen.converse(said())
    told = ear.told
    assert told.pop("session_id")
    assert told == {
        "satellite_id": "assist_satellite.kitchen",
        "microphone_class": "far_field",
        "can_confirm": True,
        "keeps_queue": True,
        "client_lane": False,
        "answer_early": True,
    }
    assert ear.asked["language"] == "en"


async def test_a_conversation_keeps_its_id_over_turns(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    ear.says("what time is it")
    sessions = []
    for satellite in (rooms.kitchen, rooms.kitchen, rooms.bedroom):
        await satellite.hear(said())
        sessions.append(ear.told["session_id"])
        assert sessions[-1] == satellite.data("run-start")["conversation_id"]
    assert sessions[0] == sessions[1] != sessions[2]


async def test_satellites_that_speak_at_once_are_told_apart(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    ear.says("what time is it")
    await asyncio.gather(rooms.kitchen.hear(said()), rooms.bedroom.hear(said()))
    requests = [one.data["context"]["edge_voice"]["satellite_id"] for one in ear.events if one.type == "transcribe"]
    assert sorted(requests) == ["assist_satellite.bedroom", "assist_satellite.kitchen"]


async def test_a_satellites_patience_and_class_are_told(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    device = on_device(parlour, "assist_satellite.bedroom", "mobile_app")
    select = er.async_get(parlour).async_get_or_create(
        "select", "house", "patience", device_id=device, translation_key="vad_sensitivity"
    )
    parlour.states.async_set(select.entity_id, "relaxed")
    ear.says("what time is it")
    await rooms.bedroom.hear(said())
    assert ear.asked["vad_sensitivity"] == "relaxed"
    assert ear.told["microphone_class"] == "phone"


@pytest.mark.parametrize(
    ("agent", "prefer_local"), [("conversation.home_assistant", False), ("conversation.edge_voice", True)]
)
async def test_who_cannot_be_asked_back_is_said_to_be_so(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear, agent: str, *, prefer_local: bool
) -> None:
    await speak_to(parlour, agent=agent, prefer_local=prefer_local)
    ear.says("what time is it")
    await rooms.kitchen.converse(said())
    assert ear.told["can_confirm"] is False


async def test_an_answer_to_somebody_elses_question_cannot_be_asked_back(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    ear.says("what time is it")
    await rooms.kitchen.hear(said())
    assert ear.told["can_confirm"] is False
    assert ear.told["satellite_id"] == "assist_satellite.kitchen"


async def test_the_only_listening_satellite_is_taken_where_home_assistant_cannot_be_looked_into(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.edge_voice.satellite.PIPELINE_DOMAIN", "moved_elsewhere")
    ear.says("what time is it")
    await rooms.kitchen.hear(said())
    assert ear.told["satellite_id"] == "assist_satellite.kitchen"
    assert ear.told["can_confirm"] is False
    await asyncio.gather(rooms.kitchen.hear(said()), rooms.bedroom.hear(said()))
    assert "satellite_id" not in ear.told  # it could be either


async def test_failures_are_results_and_one_line_each(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        ear.refuses("overloaded", "somebody said the secret word")
        await rooms.kitchen.hear(said())
        assert rooms.kitchen.data("error")["code"] == "stt-stream-failed"
    lines = [one for one in caplog.records if one.name == LOGGER and one.levelno >= logging.WARNING]
    assert [one.getMessage() for one in lines] == ["A turn was refused: overloaded"]
    assert "secret word" not in caplog.text


async def test_something_else_that_answers_there_is_a_result_too(
    parlour: HomeAssistant, rooms: House, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    async with babbling(b'{"type": "transcript"}\n{"no"') as port:
        entry = entry_for(peer.port, wyoming_port=port)
        await set_up(parlour, entry)
        await speak_to(parlour)
        await rooms.kitchen.hear(said())
    assert rooms.kitchen.data("error")["code"] == "stt-stream-failed"
    assert not stack_traces(caplog)
    await parlour.config_entries.async_unload(entry.entry_id)


async def test_a_satellite_that_disappears_in_mid_sentence_harms_nobody(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        async for chunk in said():
            yield chunk
        raise ConnectionResetError

    await rooms.kitchen.hear(breaks())
    assert rooms.kitchen.data("error")["code"] == "stt-stream-failed"
    assert not stack_traces(caplog)
    await asyncio.wait_for(ear.hung_up.wait(), 2.0)
    ear.says("turn on kitchen light")
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.data("intent-end")["intent_output"]["response"]["response_type"] == "action_done"


async def test_a_run_that_is_cancelled_lets_go_of_the_hub_and_of_the_stream(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(320)
                await asyncio.sleep(0.001)
        finally:
            closed.set()

    run = asyncio.create_task(rooms.kitchen.hear(endless()))
    await until(lambda: ear.heard)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await asyncio.wait_for(ear.hung_up.wait(), 2.0)
    await asyncio.wait_for(closed.wait(), 2.0)


async def test_the_stream_is_closed_when_the_text_comes_early(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(320)
                await asyncio.sleep(0)
        finally:
            closed.set()

    ear.says("what time is it")
    ear.after_bytes = 16_000
    await rooms.kitchen.hear(endless())
    assert rooms.kitchen.data("stt-end")["stt_output"] == {"text": "what time is it"}
    await asyncio.wait_for(closed.wait(), 2.0)


async def test_a_satellite_that_never_stops_is_heard_for_a_while(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(320)
            await asyncio.sleep(0)

    monkeypatch.setattr("custom_components.edge_voice.stt.LIVE_SECONDS", 0.5)
    ear.says("what time is it")
    await rooms.kitchen.hear(endless())
    assert rooms.kitchen.data("stt-end")["stt_output"] == {"text": "what time is it"}
    assert 16_000 <= len(ear.heard) <= 16_000 + 32_768


async def test_all_audio_arrives_in_windows_of_the_hub(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    pcm = bytes(range(250)) * 130  # no whole number of windows
    ear.says("what time is it")
    await rooms.kitchen.hear(said(pcm))
    chunks = [one.payload or b"" for one in ear.events if one.type == "audio-chunk"]
    assert b"".join(chunks)[: len(pcm) - 320] == pcm[: len(pcm) - 320]  # Home Assistant drops what is no whole chunk
    assert all(len(one) % 1024 == 0 for one in chunks[:-1])


async def test_texts_are_on_the_bus_only_while_the_owner_keeps_them(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear, peer: Peer
) -> None:
    events: list[Event] = async_capture_events(parlour, EVENT_TRANSCRIPT)
    ear.says("what time is it", turn_id="t7", lane=None)
    await rooms.kitchen.hear(said())
    assert not events
    await peer.push_status(policy=peer.status["policy"] | {"keep_transcripts": True})
    await until(lambda: heard.runtime_data.coordinator.data.policy.keep_transcripts)
    await rooms.kitchen.hear(said())
    (event,) = events
    assert event.data["text"] == "what time is it"
    assert (event.data["turn_id"], event.data["satellite"]) == ("t7", "assist_satellite.kitchen")


async def test_how_long_the_entity_took_is_told(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    told: list[tuple[str, float]] = []
    note = callback(lambda turn_id, ms: told.append((turn_id, ms)))  # others are called from a thread, some time later
    async_dispatcher_connect(parlour, SIGNAL_TEXT_RETURNED, note)
    ear.says("what time is it", turn_id="t9")
    await rooms.kitchen.hear(said())
    ((turn_id, ms),) = told
    assert turn_id == "t9"
    assert ms >= 0.0


async def test_a_language_that_a_model_brings_is_offered_and_stays(
    parlour: HomeAssistant, heard: MockConfigEntry, peer: Peer
) -> None:
    entity = parlour.data["stt"].get_entity(STT)
    assert entity.supported_languages == ["de", "en"]
    await peer.push_status(model=peer.status["model"] | {"languages": ["en", "fr"]})
    await until(lambda: "fr" in entity.supported_languages)
    assert entity.supported_languages == ["de", "en", "fr"]


async def test_home_assistants_own_end_of_speech_is_the_owners_choice(
    parlour: HomeAssistant, heard: MockConfigEntry
) -> None:
    assert parlour.data["stt"].get_entity(STT).audio_processing.requires_external_vad
    parlour.config_entries.async_update_entry(heard, options={"requires_external_vad": False})
    await parlour.async_block_till_done()
    processing = parlour.data["stt"].get_entity(STT).audio_processing
    assert not processing.requires_external_vad
    assert not processing.prefers_noise_reduction_enabled


async def test_a_microphone_test_gets_its_turn(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    recorder = microphone_tests(parlour).arm("assist_satellite.kitchen", 5.0)
    ear.says("what time is it", quality={"snr_db": 12.0})
    await rooms.kitchen.hear(said())
    outcome = await recorder.outcome(1.0)
    assert recorder.audio == SECOND
    assert outcome.text == "what time is it"
    failing = microphone_tests(parlour).arm("assist_satellite.kitchen", 5.0)
    ear.refuses("overloaded")
    await rooms.kitchen.hear(said())
    assert (await failing.outcome(1.0)).reason
