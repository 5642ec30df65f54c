"""Typed text, done as if it had been said: by the action, and by a phone's answer."""

from typing import Any

import pytest
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice.answers import phrases
from custom_components.edge_voice.text_phone import EVENT_ACTION
from tests.integration.conftest import until
from tests.integration.voice.conftest import on_device, speak_to
from tests.integration.voice.ear import Ear, said
from tests.integration.voice.house import House
from tests.integration.voice.test_integration_conversation import parrot_behind

LIGHT = "input_boolean.kitchen_light"
KITCHEN = "assist_satellite.kitchen"


@pytest.fixture
async def phone(parlour: HomeAssistant, heard: MockConfigEntry) -> list[dict[str, Any]]:
    """A phone that the owner chose: what it is shown."""
    shown: list[dict[str, Any]] = []

    async def show(call: ServiceCall) -> None:
        shown.append(dict(call.data))

    parlour.services.async_register("notify", "mobile_app_pixel", show)
    parlour.config_entries.async_update_entry(heard, options={"text_phone": "mobile_app_pixel"})
    await parlour.async_block_till_done()
    return shown


async def run_text(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    """Call the action and return its answer."""
    answer = await hass.services.async_call("edge_voice", "run_text", data, blocking=True, return_response=True)
    assert answer is not None
    return answer


async def test_a_typed_command_is_done_and_answered(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House
) -> None:
    answer = await run_text(parlour, text="turn on kitchen light", satellite=KITCHEN)
    assert parlour.states.get(LIGHT).state == "on"
    assert answer["speech"]
    assert (answer["response_type"], answer["error"]) == ("action_done", None)
    answer = await run_text(parlour, text="xyzzy plugh")
    assert (answer["response_type"], answer["error"]) == ("error", "no_intent_match")


async def test_it_is_done_as_if_said_at_that_satellite(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House
) -> None:
    device = on_device(parlour, KITCHEN, "house")
    dr.async_get(parlour).async_update_device(device, area_id=ar.async_get(parlour).async_create("Kitchen").id)
    parrot = await parrot_behind(parlour, heard)
    await speak_to(parlour, language="de")
    assert (await run_text(parlour, text="Licht an", satellite=KITCHEN))["speech"] == "Licht an"
    one = parrot.heard[-1]
    assert (one.satellite_id, one.device_id, one.language) == (KITCHEN, device, "de")
    await run_text(parlour, text="lights on", satellite=KITCHEN, language="en")
    assert parrot.heard[-1].language == "en"


async def test_it_never_answers_a_question(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    ear.says("turn on kitchen light", action="confirm")
    await rooms.kitchen.converse(said())
    await run_text(parlour, text="yes", satellite=KITCHEN)
    assert parlour.states.get(LIGHT).state == "off"
    ear.says("yes")
    await rooms.kitchen.converse(said())
    assert parlour.states.get(LIGHT).state == "on"


async def test_what_cannot_be_done_is_refused_with_its_reason(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House
) -> None:
    for data, key in (
        ({"text": "x", "satellite": "assist_satellite.gone"}, "unknown_satellite"),
        ({"text": "x", "satellite": LIGHT}, "unknown_satellite"),
        ({"text": "x", "announce": True}, "announce_needs_satellite"),
        ({"text": "x", "satellite": KITCHEN, "announce": True}, "announce_needs_satellite"),
    ):
        with pytest.raises(ServiceValidationError) as refused:
            await run_text(parlour, **data)
        assert refused.value.translation_key == key
    parlour.states.async_remove("conversation.edge_voice")
    with pytest.raises(HomeAssistantError) as refused:
        await run_text(parlour, text="x")
    assert refused.value.translation_key == "no_conversation"


async def test_the_answer_is_spoken_where_that_is_wanted(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House
) -> None:
    spoken: list[dict[str, Any]] = []

    async def announce(call: ServiceCall) -> None:
        spoken.append(dict(call.data))

    parlour.services.async_register("assist_satellite", "announce", announce)
    kitchen = parlour.states.get(KITCHEN)
    parlour.states.async_set(KITCHEN, "idle", {**kitchen.attributes, "supported_features": 1})
    answer = await run_text(parlour, text="turn on kitchen light", satellite=KITCHEN, announce=True)
    await parlour.async_block_till_done()
    assert spoken == [{"entity_id": KITCHEN, "message": answer["speech"]}]


async def test_the_phone_is_asked_and_its_answer_is_done_once(
    parlour: HomeAssistant, heard: MockConfigEntry, phone: list[dict[str, Any]], rooms: House, ear: Ear
) -> None:
    ear.says("", action="ask_text")
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.spoken == phrases("en").ask_text
    await until(lambda: phone)
    assert "Kitchen" in phone[0]["message"]
    (reply,) = phone[0]["data"]["actions"]
    assert reply["behavior"] == "textInput"
    assert reply["authenticationRequired"] is True  # what is typed may unlock a door
    parlour.bus.async_fire(EVENT_ACTION, {"action": "EDGE_VOICE_TEXT_guessed", "reply_text": "turn on kitchen light"})
    parlour.bus.async_fire(EVENT_ACTION, {"action": reply["action"], "reply_text": "  "})
    await parlour.async_block_till_done()
    assert parlour.states.get(LIGHT).state == "off"
    parlour.bus.async_fire(EVENT_ACTION, {"action": reply["action"], "reply_text": "turn on kitchen light"})
    await until(lambda: len(phone) == 2)
    assert parlour.states.get(LIGHT).state == "on"
    assert phone[1]["data"] == {"tag": phone[0]["data"]["tag"], "actions": []}
    await parlour.services.async_call("input_boolean", "turn_off", {"entity_id": LIGHT}, blocking=True)
    parlour.bus.async_fire(EVENT_ACTION, {"action": reply["action"], "reply_text": "turn on kitchen light"})
    await parlour.async_block_till_done()
    assert parlour.states.get(LIGHT).state == "off"


async def test_a_phone_that_is_gone_is_no_failure_of_the_turn(
    parlour: HomeAssistant, heard: MockConfigEntry, phone: list[dict[str, Any]], rooms: House, ear: Ear
) -> None:
    parlour.services.async_remove("notify", "mobile_app_pixel")
    ear.says("", action="ask_text")
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.spoken == phrases("en").ask_text
    assert not phone
