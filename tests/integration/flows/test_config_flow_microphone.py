"""The microphone test: in the form, as a call, and the recording's short life."""

import asyncio
import io
import wave
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.assist_pipeline.pipeline import async_get_pipeline, async_update_pipeline
from homeassistant.components.assist_satellite import AssistSatelliteEntityFeature
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.edge_voice import microphone_test
from custom_components.edge_voice import options_flow as options_flow_module
from custom_components.edge_voice.microphone_test import async_test_microphone, microphone_tests
from custom_components.edge_voice.own_entities import pipeline_of
from custom_components.edge_voice.recordings import KEEP_SECONDS
from tests.integration.conftest import entry_for, set_up, until
from tests.integration.flows.asking import AskingSatellite
from tests.integration.flows.walk import Walk, options_flow
from tests.integration.peer import Peer
from tests.integration.voice.conftest import speak_to
from tests.integration.voice.ear import SECOND, Ear, said
from tests.integration.voice.house import House

KITCHEN = "assist_satellite.kitchen"
QUALITY = {"snr_db": 21.4, "clipping": 0.02, "level_dbfs": -23.0}
FIELDS = {
    "quality": QUALITY,
    "risk": 0.04,
    "threshold": 0.3,
    "reason": "sure enough",
    "latency_ms": {"end_to_text": 4.0},
}


@pytest.fixture
async def entry(core: HomeAssistant, hub: Peer, house: House, ear: Ear) -> MockConfigEntry:
    """The server's entry, to which every satellite speaks."""
    hub.health["wyoming_port"] = ear.port
    one = entry_for(hub.port, wyoming_port=ear.port)
    await set_up(core, one)
    await speak_to(core)
    ear.says("What time is it?", **FIELDS)
    return one


@pytest.fixture
def kitchen(house: House) -> AskingSatellite:
    """A satellite that can be asked to listen."""
    assert isinstance(house.kitchen, AskingSatellite)
    return house.kitchen


async def in_form(hass: HomeAssistant, entry: MockConfigEntry, satellite: str = KITCHEN) -> Walk:
    """Go through the form as far as its result."""
    walk = await options_flow(hass, entry.entry_id)
    await walk.choose("microphone")
    await walk.submit({"satellite": satellite})
    return walk


async def test_the_form_shows_what_was_heard_and_how_well(
    core: HomeAssistant, entry: MockConfigEntry, kitchen: AskingSatellite, hass_client_no_auth: ClientSessionGenerator
) -> None:
    walk = await in_form(core, entry)
    assert walk.step == "heard"
    shown = walk.placeholders
    assert shown.pop("listen").startswith("/api/edge_voice/recording/")
    assert shown == {
        "satellite": "Kitchen",
        "text": "What time is it?",
        "snr": "21 dB",
        "level": "-23 dBFS",
        "clipping": "2 %",
        "risk": "4 %",
        "took": "4 ms",
        "route": "edge",
        "reason": "sure enough",
    }
    assert len(kitchen.played) == 1  # the chime
    recording = await (await hass_client_no_auth()).get(walk.placeholders["listen"])
    assert recording.content_type == "audio/wav"
    with wave.open(io.BytesIO(await recording.read())) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        assert file.readframes(file.getnframes()) == SECOND
    await walk.choose("play")
    assert walk.step == "heard"
    assert "/api/edge_voice/recording/" in kitchen.played[-1]


async def test_closing_the_form_erases_the_recording(
    core: HomeAssistant, entry: MockConfigEntry, kitchen: AskingSatellite, hass_client_no_auth: ClientSessionGenerator
) -> None:
    client = await hass_client_no_auth()
    walk = await in_form(core, entry)
    listen = walk.placeholders["listen"]
    await walk.choose("microphone")
    await walk.submit({"satellite": KITCHEN})
    assert (await client.get(listen)).status == HTTPStatus.NOT_FOUND  # of the test before
    listen = walk.placeholders["listen"]
    await walk.choose("close")
    assert walk.reason == "recording_erased"
    assert (await client.get(listen)).status == HTTPStatus.NOT_FOUND
    walk = await in_form(core, entry)
    core.config_entries.options.async_abort(walk.result["flow_id"])
    assert (await client.get(walk.placeholders["listen"])).status == HTTPStatus.NOT_FOUND


async def test_a_recording_lives_for_five_minutes(
    core: HomeAssistant,
    entry: MockConfigEntry,
    kitchen: AskingSatellite,
    hass_client: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
) -> None:
    result = await async_test_microphone(core, entry, KITCHEN)
    client = await hass_client()
    path = f"/api/edge_voice/recording/{result['recording']}"
    assert (await client.get(path)).status == HTTPStatus.OK
    freezer.tick(timedelta(seconds=KEEP_SECONDS + 1))
    async_fire_time_changed(core, dt_util.utcnow())
    assert (await client.get(path)).status == HTTPStatus.NOT_FOUND


async def test_a_call_returns_figures_and_no_more_audio_than_asked_for(
    core: HomeAssistant, entry: MockConfigEntry, kitchen: AskingSatellite
) -> None:
    kitchen.ready = SECOND * 2
    result = await async_test_microphone(core, entry, KITCHEN, seconds=1)
    assert result["seconds"] == 1.0
    assert {key: result[key] for key in ("text", "snr_db", "risk", "route")} == {
        "text": "What time is it?",
        "snr_db": 21.4,
        "risk": 0.04,
        "route": "edge",
    }
    assert result["latency_ms"] == {"end_to_text": 4.0}


async def test_a_satellite_that_cannot_be_asked_is_tested_with_its_next_turn(
    core: HomeAssistant, entry: MockConfigEntry, kitchen: AskingSatellite
) -> None:
    kitchen._attr_supported_features = AssistSatelliteEntityFeature.ANNOUNCE
    kitchen.async_write_ha_state()
    testing = asyncio.create_task(async_test_microphone(core, entry, KITCHEN))
    await until(lambda: KITCHEN in microphone_tests(core)._recorders)
    await kitchen.hear(said())
    assert (await testing)["text"] == "What time is it?"
    assert kitchen.played == []


async def test_what_keeps_a_satellite_from_being_tested_is_said_before_anybody_speaks(
    core: HomeAssistant, entry: MockConfigEntry, kitchen: AskingSatellite
) -> None:
    for wrong in ("light.kitchen", "assist_satellite.gone"):
        with pytest.raises(ServiceValidationError) as refused:
            await async_test_microphone(core, entry, wrong)
        assert refused.value.translation_key == "unknown_satellite"
    await async_update_pipeline(core, async_get_pipeline(core), stt_engine="stt.service")
    walk = await in_form(core, entry)
    assert (walk.step, walk.error) == ("microphone", "microphone_test_other_pipeline")
    assert walk.placeholders == {"satellite": "Kitchen"}
    await speak_to(core)
    await walk.submit({"satellite": KITCHEN})
    assert walk.step == "heard"


async def test_a_satellite_is_tested_once_at_a_time(
    core: HomeAssistant, entry: MockConfigEntry, kitchen: AskingSatellite
) -> None:
    kitchen.ready = None
    testing = asyncio.create_task(async_test_microphone(core, entry, KITCHEN))
    await until(lambda: kitchen.played)
    with pytest.raises(HomeAssistantError) as refused:
        await async_test_microphone(core, entry, KITCHEN)
    assert refused.value.translation_key == "microphone_test_busy"
    testing.cancel()
    await asyncio.gather(testing, return_exceptions=True)
    kitchen.ready = SECOND
    assert (await async_test_microphone(core, entry, KITCHEN))["text"] == "What time is it?"


@pytest.mark.parametrize(
    ("patience", "speaks", "key"),
    [
        ("_START_SECONDS", False, "microphone_test_silent"),
        ("_ANSWER_SECONDS", True, "microphone_test_unanswered"),
    ],
)
async def test_silence_and_a_missing_answer_are_told_apart(
    core: HomeAssistant,
    entry: MockConfigEntry,
    kitchen: AskingSatellite,
    ear: Ear,
    monkeypatch: pytest.MonkeyPatch,
    patience: str,
    speaks: bool,
    key: str,
) -> None:
    monkeypatch.setattr(microphone_test, patience, 0.05)
    kitchen.ready, ear.answer = SECOND if speaks else None, ()
    with pytest.raises(HomeAssistantError) as failed:
        await async_test_microphone(core, entry, KITCHEN, seconds=0.1)
    assert failed.value.translation_key == key
    assert microphone_tests(core).armed(KITCHEN) is None
    await kitchen._cancel_running_pipeline()


async def test_a_turn_that_fails_says_why(
    core: HomeAssistant, entry: MockConfigEntry, kitchen: AskingSatellite, ear: Ear
) -> None:
    ear.refuses("model-missing", "there is no model yet")
    walk = await in_form(core, entry)
    assert (walk.step, walk.error) == ("microphone", "microphone_test_failed")
    assert walk.placeholders == {"satellite": "Kitchen", "reason": "there is no model yet"}


async def test_a_satellite_that_cannot_play_it_says_so(
    core: HomeAssistant, entry: MockConfigEntry, kitchen: AskingSatellite, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = await in_form(core, entry)

    async def muted(_: Any) -> None:
        raise HomeAssistantError("the speaker is muted")

    monkeypatch.setattr(kitchen, "async_announce", muted)
    await walk.choose("play")
    assert walk.step == "unplayed"
    assert walk.placeholders == {"reason": "the speaker is muted"}
    await walk.choose("heard")
    assert walk.placeholders["text"] == "What time is it?"


async def test_a_form_that_is_closed_while_it_listens_ends_the_test(
    core: HomeAssistant, entry: MockConfigEntry, kitchen: AskingSatellite
) -> None:
    kitchen.ready = None
    walk = await options_flow(core, entry.entry_id)
    await walk.choose("microphone")
    flow = core.config_entries.options
    await flow.async_configure(walk.result["flow_id"], {"satellite": KITCHEN})
    await until(lambda: kitchen.played)
    flow.async_abort(walk.result["flow_id"])
    await core.async_block_till_done()
    assert microphone_tests(core).armed(KITCHEN) is None


async def test_a_satellites_own_pipeline_counts(
    core: HomeAssistant, entry: MockConfigEntry, kitchen: AskingSatellite
) -> None:
    preferred = pipeline_of(core, KITCHEN)
    core.states.async_set("select.kitchen_pipeline", preferred.name)
    kitchen._attr_pipeline_entity_id = "select.kitchen_pipeline"
    assert pipeline_of(core, KITCHEN) == preferred
    core.states.async_set("select.kitchen_pipeline", "another")
    assert pipeline_of(core, KITCHEN) is None
    assert pipeline_of(core, "assist_satellite.gone") is None


async def test_a_fault_of_our_own_is_not_shown_as_the_satellites(
    core: HomeAssistant, entry: MockConfigEntry, kitchen: AskingSatellite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(options_flow_module, "async_test_microphone", breaks)
    with pytest.raises(RuntimeError, match="a bug"):
        await in_form(core, entry)
