"""Every control and every turn through a real hub and back: what is set is what the hub holds to, and shows."""

from collections.abc import AsyncIterator

import pytest
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.event import async_track_state_change_event
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice.client import EdgeVoiceClient
from tests.home_assistant.server_process import ServerProcess
from tests.integration.conftest import until
from tests.integration.entities.sight import (
    TURN_EVENT,
    act,
    attributes_of,
    entities_of,
    until_attribute,
    until_state,
    value_of,
)
from tests.integration.entities.speaking import spoken
from tests.integration.peer import SATELLITE

SWITCHES = (
    "answer_early",
    "ask_to_type_when_a_microphone_is_unusable",
    "audits",
    "cloud_allowed",
    "confirm_what_matters",
    "keep_lists_and_notes_for_later",
    "ask_the_cloud_ahead_of_time",
    "keep_transcripts",
    "refuse_what_nobody_confirmed",
)
NUMBERS = {
    "error_target": "3.5",
    "cloud_limit_per_day": "90.0",
    "audit_limit_per_day": "30.0",
    "early_question_limit_per_day": "20.0",
    "cloud_budget_per_month": "2.5",
    "wake_threshold": "65.0",
}


@pytest.fixture
async def lane(real_entry: MockConfigEntry, real_client: EdgeVoiceClient) -> AsyncIterator[str]:
    """A speech service at an address where nobody listens."""
    await real_client.change_lanes([{"name": "attic", "provider": "wyoming", "url": "tcp://127.0.0.1:9"}])
    yield "attic"
    await real_client.purge(["choices"])
    await real_client.change_lanes([])


async def test_every_switch_of_the_home_turns_both_ways(
    hass: HomeAssistant, real_entry: MockConfigEntry, lane: str
) -> None:
    for name in SWITCHES:
        switch = f"switch.edge_voice_{name}"
        first, second = ("turn_off", "turn_on") if value_of(hass, switch) == "on" else ("turn_on", "turn_off")
        for action in (first, second):
            await act(hass, f"switch.{action}", switch)
            await until_state(hass, switch, action.removeprefix("turn_"))


async def test_every_limit_and_the_routing_hold_until_the_settings_file_is_returned_to(
    hass: HomeAssistant, real_entry: MockConfigEntry, lane: str
) -> None:
    before = {name: value_of(hass, f"number.edge_voice_{name}") for name in NUMBERS}
    for name, value in NUMBERS.items():
        await act(hass, "number.set_value", f"number.edge_voice_{name}", value=float(value))
        await until_state(hass, f"number.edge_voice_{name}", value)
    for option in ("edge", "cloud", "auto", "edge"):
        await act(hass, "select.select_option", "select.edge_voice_routing", option=option)
        await until_state(hass, "select.edge_voice_routing", option)
    await act(hass, "button.press", "button.edge_voice_return_to_the_settings_file")
    await until_state(hass, "select.edge_voice_routing", "auto")
    await until(lambda: {name: value_of(hass, f"number.edge_voice_{name}") for name in NUMBERS} == before)


async def test_a_satellites_settings_hold_until_it_is_forgotten(
    hass: HomeAssistant, real_entry: MockConfigEntry, real_client: EdgeVoiceClient
) -> None:
    kitchen = "assist_satellite_kitchen"
    await real_client.change_satellite(SATELLITE)
    await until(lambda: hass.states.get(f"select.{kitchen}_kind_of_microphone") is not None)
    for option in ("headset", "phone", "near_field", "far_field"):
        await act(hass, "select.select_option", f"select.{kitchen}_kind_of_microphone", option=option)
        await until_state(hass, f"select.{kitchen}_kind_of_microphone", option)
    for option in ("edge", "auto", "cloud", "home"):
        await act(hass, "select.select_option", f"select.{kitchen}_routing", option=option)
        await until_state(hass, f"select.{kitchen}_routing", option)
    for state in ("off", "on", "off"):
        await act(hass, f"switch.turn_{state}", f"switch.{kitchen}_answer_early")
        await until_state(hass, f"switch.{kitchen}_answer_early", state)
    await act(hass, "number.set_value", f"number.{kitchen}_wake_threshold", value=65)
    await until_state(hass, f"number.{kitchen}_wake_threshold", "65.0")
    await act(hass, "button.press", f"button.{kitchen}_use_the_home_s_wake_threshold")
    await until_state(hass, f"number.{kitchen}_wake_threshold", value_of(hass, "number.edge_voice_wake_threshold"))
    await act(hass, "button.press", f"button.{kitchen}_forget_this_satellite")
    await until(lambda: not [one for one in entities_of(hass, real_entry) if SATELLITE in one.unique_id])


async def test_a_hub_without_a_speech_service_refuses_to_ask_one_and_nothing_is_shown_as_changed(
    hass: HomeAssistant, real_entry: MockConfigEntry
) -> None:
    with pytest.raises(ServiceValidationError, match="name a lane"):
        await act(hass, "select.select_option", "select.edge_voice_routing", option="cloud")
    assert value_of(hass, "select.edge_voice_routing") == "auto"


async def test_the_event_tells_that_a_service_is_asked_before_it_tells_what_came_of_it(
    hass: HomeAssistant, real_entry: MockConfigEntry, real_hub: ServerProcess, lane: str
) -> None:
    seen: list[tuple[str, str, object]] = []

    @callback
    def see(event: Event[EventStateChangedData]) -> None:
        assert event.data["new_state"] is not None
        told = event.data["new_state"].attributes
        seen.append((told["turn_id"], told["event_type"], told.get("lane")))

    await act(hass, "select.select_option", "select.edge_voice_routing", option="cloud")
    await until_state(hass, "select.edge_voice_routing", "cloud")
    async_track_state_change_event(hass, TURN_EVENT, see)
    turn_id = await spoken(real_hub.port, "kitchen.wav")
    await until(lambda: len(seen) == 2)
    assert seen == [(turn_id, "asking_cloud", lane), (turn_id, "answered", None)]


async def test_a_spoken_sentence_is_an_event_and_moves_the_figures(
    hass: HomeAssistant, real_entry: MockConfigEntry, real_hub: ServerProcess
) -> None:
    turns = int(value_of(hass, "sensor.edge_voice_turns"))
    turn_id = await spoken(real_hub.port, "kitchen.wav")
    await until_attribute(hass, TURN_EVENT, "turn_id", turn_id)
    told = attributes_of(hass, TURN_EVENT)
    assert told["event_type"] == "answered"
    assert told["satellite"] == SATELLITE
    assert told["class"] == "device-command"
    assert told["latency_ms"]["last_word_to_text"] > 0
    assert 0 <= float(value_of(hass, "sensor.edge_voice_last_risk")) <= 100
    assert value_of(hass, "sensor.edge_voice_last_route") == "edge"
    await until_state(hass, "sensor.edge_voice_turns", str(turns + 1))
    assert float(value_of(hass, "sensor.edge_voice_last_word_to_text_95th_percentile")) > 0
    assert "kitchen light" not in str([state.as_dict() for state in hass.states.async_all("event")])
