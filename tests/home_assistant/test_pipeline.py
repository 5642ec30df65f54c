"""Real runs of the Assist pipeline, spoken in real time: words in, deeds out."""

import asyncio
from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from tests.home_assistant.assist import Run, paced
from tests.home_assistant.conftest import Connect, Open, entity_of, state_of
from tests.home_assistant.recordings import recording, words
from tests.home_assistant.server_process import edge_voice

ROOM_SECONDS = 6.0
"""More room noise than any answer needs: what is left unsaid shows that the answer came first."""
DEEDS = {
    "kitchen.wav": ("light.kitchen_light", "on"),
    "door.wav": ("lock.front_door", "locked"),
    "blinds.wav": ("cover.living_room_blinds", "open"),
}
"""Recording → the entity that it changes, and to what."""


@pytest.fixture
def stt(home: HomeAssistant, entry: ConfigEntry) -> str:
    """The recogniser's entity."""
    return entity_of(home, entry, "stt")


async def speak(open_session: Open, stt: str, file: str, **given: Any) -> Run:
    """Speak a packaged recording and its room to a pipeline of its own."""
    assist = await open_session()
    pipeline = await assist.create_pipeline(stt)
    return await assist.run(pipeline, paced(recording(file).followed_by_room(ROOM_SECONDS)), **given)


@pytest.mark.parametrize("file", DEEDS)
async def test_a_spoken_command_is_done(home: HomeAssistant, stt: str, open_session: Open, file: str) -> None:
    entity_id, after = DEEDS[file]
    assert state_of(home, entity_id) != after
    run = await speak(open_session, stt, file)
    assert words(run.text) == words(recording(file).text)
    assert run.response_type == "action_done"
    await home.async_block_till_done()
    assert state_of(home, entity_id) == after
    kinds = [kind for kind in run.kinds if not kind.startswith("stt-vad")]
    assert kinds == ["run-start", "stt-start", "stt-end", "intent-start", "intent-end", "run-end"]


async def test_a_noisy_command_is_done(home: HomeAssistant, stt: str, open_session: Open) -> None:
    await home.services.async_call("fan", "turn_on", {"entity_id": "fan.office_fan"}, blocking=True)
    run = await speak(open_session, stt, "fan-noisy.wav")
    assert words(run.text) == words(recording("fan-noisy.wav").text)
    await home.async_block_till_done()
    assert state_of(home, "fan.office_fan") == "off"


async def test_the_server_ends_the_turn_where_home_assistant_does_not(stt: str, open_session: Open) -> None:
    """With `no_vad` Home Assistant passes on whatever comes, so only the server can find the sentence's end."""
    run = await speak(open_session, stt, "kitchen.wav", no_vad=True)
    assert words(run.text) == words(recording("kitchen.wav").text)
    assert not run.said_all
    assert run.response_type == "action_done"


async def test_a_server_that_asks_for_the_whole_stream_gets_it_and_ends_the_turn(
    home: HomeAssistant, connect: Connect, open_session: Open
) -> None:
    """Home Assistant leaves its own end of speech out where the server's Info says that none is needed."""
    with edge_voice(settings={"EDGE_VOICE_SERVER_REQUIRES_EXTERNAL_VAD": "false"}) as own:
        run = await speak(open_session, entity_of(home, await connect(own.port), "stt"), "kitchen.wav")
    assert words(run.text) == words(recording("kitchen.wav").text)
    assert not run.said_all
    assert not [kind for kind in run.kinds if kind.startswith("stt-vad")]


async def test_the_answer_comes_before_home_assistant_would_have_stopped_listening(
    stt: str, open_session: Open
) -> None:
    """Home Assistant's own end of speech, after 0.7 s of silence, is an event; an early answer leaves it unsaid."""
    runs = []
    for file in ("kitchen.wav", "blinds.wav", "door.wav"):  # one is enough on a machine that is busy elsewhere
        runs.append(await speak(open_session, stt, file))
        if "stt-vad-end" not in runs[-1].kinds:
            return
    raise AssertionError([run.kinds for run in runs])


@pytest.mark.parametrize("file", ["silence.wav", "hum.wav"])
async def test_a_stream_without_speech_is_told_as_such(stt: str, open_session: Open, file: str) -> None:
    assist = await open_session()
    run = await assist.run(await assist.create_pipeline(stt), paced(recording(file).pcm))
    assert run.error_code == "stt-no-text-recognized"
    assert run.said_all
    assert "intent-start" not in run.kinds


async def test_a_stream_without_audio_is_told_as_such(stt: str, open_session: Open) -> None:
    assist = await open_session()
    run = await assist.run(await assist.create_pipeline(stt), paced(b""))
    assert run.error_code == "stt-no-text-recognized"


async def test_satellites_that_speak_at_once_each_get_their_own_words(stt: str, open_session: Open) -> None:
    files = ("kitchen.wav", "blinds.wav", "time.wav")
    runs = await asyncio.gather(*(speak(open_session, stt, file) for file in files))
    assert [words(run.text) for run in runs] == [words(recording(file).text) for file in files]
    assert runs[2].response_type in {"query_answer", "action_done"}


async def test_one_satellite_speaks_again_and_again(stt: str, open_session: Open) -> None:
    assist = await open_session()
    pipeline = await assist.create_pipeline(stt)
    for file in ("kitchen.wav", "time.wav", "kitchen.wav"):
        run = await assist.run(pipeline, paced(recording(file).followed_by_room(ROOM_SECONDS)))
        assert words(run.text) == words(recording(file).text)
