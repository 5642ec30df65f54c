"""Wake words in real pipelines, with the real hub's models."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from homeassistant.components import wake_word
from homeassistant.components.assist_pipeline import PipelineStage
from homeassistant.components.assist_pipeline.pipeline import async_get_pipeline, async_update_pipeline
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from wyoming.event import Event

from tests.home_assistant.assist import paced
from tests.home_assistant.recordings import recording, words
from tests.integration.conftest import until
from tests.integration.peer import Peer
from tests.integration.voice.conftest import Open, speak_to
from tests.integration.voice.ear import Ear, said, stack_traces
from tests.integration.voice.house import House

WAKE = "wake_word.edge_voice"


async def wake_with(hass: HomeAssistant, word: str) -> None:
    """Have every satellite wait for a word."""
    await async_update_pipeline(hass, async_get_pipeline(hass), wake_word_entity=WAKE, wake_word_id=word)


def detected(name: str, at_ms: int = 500) -> tuple[Event, ...]:
    """Return a hub's detection."""
    return (Event(type="detection", data={"name": name, "timestamp": at_ms}),)


async def test_the_hubs_words_are_offered(home: HomeAssistant, entry: MockConfigEntry) -> None:
    entity = wake_word.async_get_wake_word_detection_entity(home, WAKE)
    assert entity is not None
    offered = {one.phrase: one.name for one in await entity.get_supported_wake_words()}
    assert offered["hey jarvis"] == "Hey jarvis"


async def test_the_word_wakes_and_the_command_right_after_it_is_whole(
    home: HomeAssistant, entry: MockConfigEntry, open_session: Open
) -> None:
    entity = wake_word.async_get_wake_word_detection_entity(home, WAKE)
    assert entity is not None
    word = next(one.id for one in await entity.get_supported_wake_words() if one.phrase == "hey jarvis")
    assist = await open_session()
    pipeline = await assist.create_pipeline("stt.edge_voice", wake_word=(WAKE, word))
    spoken = recording("wake.wav").pcm + recording("kitchen.wav").followed_by_room(6.0)
    run = await assist.run(pipeline, paced(spoken), start_stage="wake_word", timeout=8)
    assert run.first("wake_word-end").data["wake_word_output"]["wake_word_phrase"] == "hey jarvis"
    assert words(run.text) == words(recording("kitchen.wav").text)


async def test_the_hub_is_told_which_satellite_waits_for_which_word(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    await wake_with(parlour, "hey_jarvis")
    ear.after_bytes = 16_000
    ear.answer = detected("hey_jarvis")
    run = asyncio.create_task(
        rooms.kitchen.async_accept_pipeline_from_satellite(
            said(bytes(64_000)), start_stage=PipelineStage.WAKE_WORD, end_stage=PipelineStage.STT
        )
    )
    await until(lambda: rooms.kitchen.kinds.count("wake_word-end"))
    ear.says("turn on kitchen light")
    await run
    asked = next(one.data for one in ear.events if one.type == "detect")
    assert asked["names"] == ["hey_jarvis"]
    assert asked["context"]["edge_voice"] == {"satellite_id": "assist_satellite.kitchen"}
    chunks = [one for one in ear.events if one.type == "audio-chunk" and one.data.get("timestamp") is not None]
    assert all(len(one.payload or b"") == 2560 for one in chunks)
    assert [one.data["timestamp"] for one in chunks][:3] == [0, 80, 160]


async def test_another_word_than_the_one_that_is_waited_for_does_not_wake(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    await wake_with(parlour, "hey_jarvis")
    ear.after_bytes = 16_000
    ear.answer = detected("alexa")
    await rooms.kitchen.async_accept_pipeline_from_satellite(
        said(bytes(64_000)), start_stage=PipelineStage.WAKE_WORD, end_stage=PipelineStage.STT
    )
    assert rooms.kitchen.data("wake_word-end")["wake_word_output"] == {}
    assert "stt-start" not in rooms.kitchen.kinds


async def test_no_audio_is_lost_between_word_and_command(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    """What Home Assistant has read when the word is recognised begins the command, in its order, once."""
    spoken = b"".join(number.to_bytes(2, "little") * 160 for number in range(1, 201))
    await wake_with(parlour, "hey_jarvis")
    ear.after_bytes = 25_600
    ear.answer = detected("hey_jarvis")
    run = asyncio.create_task(
        rooms.kitchen.async_accept_pipeline_from_satellite(
            said(spoken), start_stage=PipelineStage.WAKE_WORD, end_stage=PipelineStage.STT
        )
    )
    await until(lambda: rooms.kitchen.kinds.count("wake_word-end"))
    ear.says("turn on kitchen light")
    await run
    at = next(number for number, one in enumerate(ear.events) if one.type == "transcribe")
    command = b"".join(one.payload or b"" for one in ear.events[at:] if one.type == "audio-chunk")
    assert command
    assert spoken.endswith(command)


async def test_a_hub_that_goes_away_ends_the_waiting_quietly(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    await wake_with(parlour, "hey_jarvis")
    ear.refuses("unknown-wake-word")
    for _ in range(2):
        ear.after_bytes = 3_000
        await rooms.kitchen.async_accept_pipeline_from_satellite(
            said(bytes(64_000)), start_stage=PipelineStage.WAKE_WORD, end_stage=PipelineStage.STT
        )
        assert rooms.kitchen.kinds[-1] == "run-end"
        rooms.kitchen.events.clear()
    assert caplog.text.count("Nobody listens for the wake word") == 2  # each is in the text twice: message and debug
    assert not stack_traces(caplog)


async def test_waiting_that_is_cancelled_lets_go_of_the_hub(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(320)
            await asyncio.sleep(0.001)

    await wake_with(parlour, "hey_jarvis")
    run = asyncio.create_task(
        rooms.kitchen.async_accept_pipeline_from_satellite(
            endless(), start_stage=PipelineStage.WAKE_WORD, end_stage=PipelineStage.STT
        )
    )
    await until(lambda: ear.heard)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await asyncio.wait_for(ear.hung_up.wait(), 2.0)


async def test_words_stay_known_while_the_hub_has_none_to_tell(
    parlour: HomeAssistant, heard: MockConfigEntry, peer: Peer
) -> None:
    entity = wake_word.async_get_wake_word_detection_entity(parlour, WAKE)
    assert entity is not None
    await speak_to(parlour)
    before = await entity.get_supported_wake_words()
    await peer.push_status(wake_words=[])
    await until(lambda: not heard.runtime_data.coordinator.data.wake_words)
    assert await entity.get_supported_wake_words() == before
