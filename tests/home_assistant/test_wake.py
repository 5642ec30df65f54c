"""A wake word and a command in one stream and one pipeline run."""

from homeassistant.components import wake_word
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from tests.home_assistant.assist import Run, paced
from tests.home_assistant.conftest import Open, entity_of, state_of
from tests.home_assistant.recordings import recording, words


async def word_id(home: HomeAssistant, entity_id: str, phrase: str) -> str:
    """Return the id of an offered word."""
    entity = wake_word.async_get_wake_word_detection_entity(home, entity_id)
    assert entity is not None
    (found,) = [one.id for one in await entity.get_supported_wake_words() if (one.phrase or "").lower() == phrase]
    return found


async def listen(home: HomeAssistant, entry: ConfigEntry, open_session: Open, phrase: str, pcm: bytes) -> Run:
    """Run a pipeline that waits for a word, then for a command."""
    assist = await open_session()
    wakes = entity_of(home, entry, "wake_word")
    pipeline = await assist.create_pipeline(
        entity_of(home, entry, "stt"), wake_word=(wakes, await word_id(home, wakes, phrase))
    )
    return await assist.run(pipeline, paced(pcm), start_stage="wake_word", timeout=8)


async def test_the_word_wakes_and_the_command_after_it_is_done(
    home: HomeAssistant, entry: ConfigEntry, open_session: Open
) -> None:
    spoken = recording("wake.wav").pcm + recording("kitchen.wav").followed_by_room(6.0)
    run = await listen(home, entry, open_session, "hey jarvis", spoken)
    heard = run.first("wake_word-end").data["wake_word_output"]
    assert heard["wake_word_phrase"] == "hey jarvis"
    assert 0 < heard["timestamp"] < 1000 * recording("wake.wav").seconds + 1000
    assert words(run.text) == words(recording("kitchen.wav").text)
    await home.async_block_till_done()
    assert state_of(home, "light.kitchen_light") == "on"


async def test_another_word_does_not_wake(home: HomeAssistant, entry: ConfigEntry, open_session: Open) -> None:
    """Home Assistant asks for one word; the server must not answer with the one that was said."""
    run = await listen(home, entry, open_session, "alexa", recording("wake.wav").followed_by_room(1.5))
    assert "wake_word-end" not in run.kinds or not run.first("wake_word-end").data["wake_word_output"]
    assert "stt-start" not in run.kinds


async def test_a_command_without_a_wake_word_does_not_wake(
    home: HomeAssistant, entry: ConfigEntry, open_session: Open
) -> None:
    run = await listen(home, entry, open_session, "hey jarvis", recording("kitchen.wav").followed_by_room(1.5))
    assert "stt-start" not in run.kinds
