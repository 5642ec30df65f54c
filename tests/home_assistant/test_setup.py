"""What the integration makes of our Info."""

from homeassistant.components import stt, wake_word
from homeassistant.components.stt.models import SpeechAudioProcessing
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from tests.home_assistant.conftest import entity_of, state_of
from tests.home_assistant.recordings import recording, words


async def test_the_user_step_makes_an_entry_named_after_the_server(entry: ConfigEntry) -> None:
    assert entry.state is ConfigEntryState.LOADED
    assert entry.title == "edge-voice"


async def test_the_recogniser_hears_english_and_asks_for_untouched_audio(
    home: HomeAssistant, entry: ConfigEntry
) -> None:
    entity = stt.async_get_speech_to_text_entity(home, entity_of(home, entry, "stt"))
    assert entity is not None
    assert entity.supported_languages == ["en"]
    assert entity.audio_processing == SpeechAudioProcessing(
        requires_external_vad=True, prefers_auto_gain_enabled=False, prefers_noise_reduction_enabled=False
    )
    assert state_of(home, entity.entity_id) == "unknown"  # available, and not used yet


async def test_the_wake_entity_offers_the_packaged_words(home: HomeAssistant, entry: ConfigEntry) -> None:
    entity = wake_word.async_get_wake_word_detection_entity(home, entity_of(home, entry, "wake_word"))
    assert entity is not None
    offered = {word.phrase for word in await entity.get_supported_wake_words()}
    assert {"alexa", "hey jarvis", "hey mycroft", "hey rhasspy"} <= {phrase.lower() for phrase in offered if phrase}
    assert all(word.id and word.name for word in await entity.get_supported_wake_words())


async def test_the_entry_unloads_and_loads_again(home: HomeAssistant, entry: ConfigEntry) -> None:
    assert await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED


async def test_a_file_sent_to_the_rest_api_is_transcribed(
    home: HomeAssistant, entry: ConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    spoken = recording("kitchen.wav")
    client = await hass_client()
    reply = await client.post(
        f"/api/stt/{entity_of(home, entry, 'stt')}",
        headers={"X-Speech-Content": "format=wav; codec=pcm; sample_rate=16000; bit_rate=16; channel=1; language=en"},
        data=spoken.pcm,
    )
    assert reply.status == 200
    answer = await reply.json()
    assert answer["result"] == "success"
    assert words(answer["text"]) == words(spoken.text)
