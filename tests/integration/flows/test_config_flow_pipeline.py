"""The last step: an Assist pipeline that speaks to us, made from the one that the home uses."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from homeassistant.components.assist_pipeline.pipeline import (
    Pipeline,
    async_get_pipeline,
    async_get_pipelines,
    async_update_pipeline,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.integration.conftest import entry_for, set_up
from tests.integration.flows.conftest import WYOMING
from tests.integration.flows.walk import Walk, config_flow, options_flow
from tests.integration.peer import Peer

VOICE = {"tts_engine": "tts.voice", "tts_language": "en-GB", "tts_voice": "Amy"}
CLEVER = "conversation.clever"
WAKE = {"wake_word_entity": "wake_word.other", "wake_word_id": "ok_nabu"}


@pytest.fixture
async def home(core: HomeAssistant) -> HomeAssistant:
    """A home with a pipeline of its own."""
    assert await async_setup_component(core, "assist_pipeline", {})
    await async_update_pipeline(core, async_get_pipeline(core), name="Home", language="en-GB", **VOICE)
    return core


@pytest.fixture
async def entry(home: HomeAssistant, hub: Peer) -> AsyncIterator[MockConfigEntry]:
    """The server's entry, set up."""
    one = entry_for(hub.port, wyoming_port=WYOMING)
    await set_up(home, one)
    yield one
    await home.async_block_till_done()


async def step(hass: HomeAssistant, entry: MockConfigEntry) -> Walk:
    """Open the step from the options."""
    walk = await options_flow(hass, entry.entry_id)
    await walk.choose("pipeline")
    return walk


def wanted(hass: HomeAssistant, **changes: Any) -> dict[str, Any]:
    """Return the form as it is filled in, but for some changes."""
    known = {"copy_from": async_get_pipeline(hass).id, "name": "Home (Edge Voice)", "agent": "edge_voice"}
    return known | {"preferred": True} | changes


def named(hass: HomeAssistant, name: str) -> Pipeline:
    """Return a pipeline by its name."""
    (found,) = [one for one in async_get_pipelines(hass) if one.name == name]
    return found


async def test_a_new_entry_goes_on_to_the_pipeline_whose_voice_and_language_stay(
    home: HomeAssistant, hub: Peer
) -> None:
    walk = await config_flow(home)
    await walk.submit({"host": "127.0.0.1", "port": hub.port})
    await walk.choose("pair")
    done = await walk.submit({"code": "123456"})
    kind, flow_id = done["next_flow"]
    assert kind == "options_flow"
    following = Walk(home, home.config_entries.options, {"flow_id": flow_id})
    await following.submit()
    assert following.step == "pipeline"
    before = async_get_pipeline(home)
    await following.submit(wanted(home))
    assert following.reason == "pipeline_made"
    made = async_get_pipeline(home)  # it is the preferred one now
    assert made.id != before.id
    assert made.to_json() == before.to_json() | {
        "id": made.id,
        "name": "Home (Edge Voice)",
        "stt_engine": "stt.edge_voice",
        "stt_language": "en",
        "conversation_engine": "conversation.edge_voice",
        "wake_word_entity": "wake_word.edge_voice",
        "prefer_local_intents": False,
    }


async def test_the_agent_of_before_is_handed_on_to(home: HomeAssistant, entry: MockConfigEntry) -> None:
    source = async_get_pipeline(home)
    await async_update_pipeline(home, source, conversation_engine=CLEVER, prefer_local_intents=True, **WAKE)
    walk = await step(home, entry)
    await walk.submit(wanted(home, preferred=False))
    assert walk.placeholders == {"name": "Home (Edge Voice)"}
    assert entry.options["conversation_agent"] == CLEVER
    made = named(home, "Home (Edge Voice)")
    assert (made.conversation_engine, made.prefer_local_intents) == ("conversation.edge_voice", False)
    assert (made.wake_word_entity, made.wake_word_id) == ("wake_word.other", "ok_nabu")
    assert async_get_pipeline(home).id == source.id


async def test_the_agent_may_stay_as_it_is(home: HomeAssistant, entry: MockConfigEntry) -> None:
    await async_update_pipeline(home, async_get_pipeline(home), conversation_engine=CLEVER, prefer_local_intents=True)
    walk = await step(home, entry)
    await walk.submit(wanted(home, agent="keep"))
    made = async_get_pipeline(home)
    assert (made.conversation_engine, made.prefer_local_intents) == (CLEVER, True)
    assert "conversation_agent" not in entry.options


async def test_each_error_can_be_corrected(home: HomeAssistant, entry: MockConfigEntry) -> None:
    walk = await step(home, entry)
    await walk.submit(wanted(home, name="Home"))
    assert (walk.error, walk.placeholders) == ("pipeline_exists", {"name": "Home"})
    await async_update_pipeline(home, async_get_pipeline(home), stt_engine="stt.cloud", stt_language="ko")
    await walk.submit(wanted(home))
    assert (walk.error, walk.placeholders) == ("language_unknown", {"language": "ko", "known": "de, en"})
    await async_update_pipeline(home, async_get_pipeline(home), stt_language="de-CH")
    registry = er.async_get(home)
    for entity in ("conversation.edge_voice", "stt.edge_voice"):
        registry.async_update_entity(entity, disabled_by=er.RegistryEntryDisabler.USER)
        await walk.submit(wanted(home))
        assert walk.error == "entities_missing"
        registry.async_update_entity(entity, disabled_by=None)
    await home.config_entries.async_reload(entry.entry_id)
    await walk.submit(wanted(home))
    assert walk.reason == "pipeline_made"
    assert async_get_pipeline(home).stt_language == "de"


async def test_a_pipeline_that_is_gone_meanwhile_is_said(home: HomeAssistant, entry: MockConfigEntry) -> None:
    walk = await step(home, entry)
    await walk.submit(wanted(home, preferred=False))
    walk = await step(home, entry)
    doomed = named(home, "Home (Edge Voice)")
    await home.data["assist_pipeline"].pipeline_store.async_delete_item(doomed.id)
    await walk.submit(wanted(home, copy_from=doomed.id, name="Copy"))
    assert walk.error == "pipeline_gone"


async def test_the_settings_are_saved_beside_what_the_other_steps_keep(
    home: HomeAssistant, entry: MockConfigEntry
) -> None:
    home.config_entries.async_update_entry(entry, options={"conversation_agent": CLEVER})
    walk = await options_flow(home, entry.entry_id)
    await walk.choose("settings")
    chosen = {str(one): one.default() for one in walk.result["data_schema"].schema if callable(one.default)}
    assert chosen == {
        "requires_external_vad": True,
        "direct_fallback": True,
        "send_vocabulary": True,
        "erase_on_removal": False,
        "queue_results": "notify",
    }
    done = await walk.submit(chosen | {"send_vocabulary": False, "conversation_agent": CLEVER})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options["send_vocabulary"] is False
    assert entry.options["conversation_agent"] == CLEVER
