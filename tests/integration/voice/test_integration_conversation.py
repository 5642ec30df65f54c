"""The conversation entity: hands on, asks back, and says why it does nothing."""

from pathlib import Path
from typing import Any

import pytest
from homeassistant.components import conversation
from homeassistant.components.conversation.agent_manager import get_agent_manager
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import intent
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice import answers
from tests.home_assistant.recordings import read
from tests.integration.conftest import until
from tests.integration.peer import Peer
from tests.integration.voice.conftest import speak_to
from tests.integration.voice.ear import Ear, said
from tests.integration.voice.house import House

AGENT = "conversation.edge_voice"
DOOR = "input_boolean.front_door"
UNLOCK = read(Path(__file__).parents[2] / "audio/commands/critical/unlock.wav")


def outcomes(peer: Peer) -> list[tuple[str, Any]]:
    """Return what the hub was told: which turn, and what became of it."""
    return [(path.split("/")[-2], body) for _, path, body in peer.asked if path.endswith("/outcome")]


@pytest.fixture
async def asked(parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear) -> House:
    """A house in which a question is open."""
    ear.says("Turn on front door.", action="confirm", turn_id="q1", critical=True)
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.spoken == "Turn on front door?"
    return rooms


async def test_what_is_sure_goes_to_home_assistants_agent(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    ear.says("turn on kitchen light")
    await rooms.kitchen.converse(said())
    assert parlour.states.get("input_boolean.kitchen_light").state == "on"
    assert rooms.kitchen.data("intent-end")["intent_output"]["continue_conversation"] is False


async def test_a_question_leaves_all_as_it_is_and_listens_again(parlour: HomeAssistant, asked: House) -> None:
    assert parlour.states.get(DOOR).state == "off"
    assert asked.kitchen.data("intent-end")["intent_output"]["continue_conversation"] is True


async def test_yes_does_it(parlour: HomeAssistant, asked: House, ear: Ear, peer: Peer) -> None:
    ear.says("Yes, please.", turn_id="a1")
    await asked.kitchen.converse(said())
    assert ear.told["expect"] == "confirm"
    assert parlour.states.get(DOOR).state == "on"
    await until(lambda: outcomes(peer))
    assert outcomes(peer) == [("q1", {"result": "intent", "intent": "HassTurnOn"})]
    ear.says("turn on kitchen light")
    await asked.kitchen.converse(said())
    assert "expect" not in ear.told


async def test_no_leaves_it(parlour: HomeAssistant, asked: House, ear: Ear, peer: Peer) -> None:
    ear.says("No.", turn_id="a1")
    await asked.kitchen.converse(said())
    assert asked.kitchen.spoken == answers.phrases("en").declined
    assert parlour.states.get(DOOR).state == "off"
    await until(lambda: outcomes(peer))
    assert outcomes(peer) == [("q1", {"result": "no_intent"})]


async def test_an_unsure_yes_is_asked_for_once_more_and_then_no_more(
    parlour: HomeAssistant, asked: House, ear: Ear
) -> None:
    ear.says("Yes.", action="confirm", turn_id="a1")
    await asked.kitchen.converse(said())
    assert asked.kitchen.spoken == "Sorry, yes or no? Turn on front door?"
    await asked.kitchen.converse(said())
    assert asked.kitchen.spoken == answers.phrases("en").given_up
    assert parlour.states.get(DOOR).state == "off"


async def test_another_command_instead_of_an_answer_is_done(parlour: HomeAssistant, asked: House, ear: Ear) -> None:
    ear.says("turn on kitchen light", turn_id="a1")
    await asked.kitchen.converse(said())
    assert parlour.states.get("input_boolean.kitchen_light").state == "on"
    ear.says("yes", turn_id="a2")
    await asked.kitchen.converse(said())
    assert parlour.states.get(DOOR).state == "off"  # the question was over


async def test_what_is_typed_meanwhile_is_not_taken_for_what_was_said(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    ear.says("turn on front door", action="confirm")
    await rooms.kitchen.converse(said())
    result = await conversation.async_converse(
        parlour, "turn on kitchen light", None, Context(), language="en", agent_id=AGENT
    )
    assert result.response.response_type.value == "action_done"


async def test_a_sentence_trigger_does_not_act_before_the_yes(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear, peer: Peer
) -> None:
    ran: list[str] = []

    async def act(user_input: conversation.ConversationInput, _: object) -> str:
        ran.append(user_input.text)
        return "opened"

    get_agent_manager(parlour).register_trigger(["open the gate"], act)
    ear.says("open the gate", action="confirm", critical=True, turn_id="q2")
    await rooms.kitchen.converse(said())
    assert not ran
    assert rooms.kitchen.spoken == "Open the gate?"
    ear.says("yes", turn_id="a1")
    await rooms.kitchen.converse(said())
    assert ran == ["open the gate"]
    assert rooms.kitchen.spoken == "opened"
    await until(lambda: outcomes(peer))
    assert outcomes(peer) == [("q2", {"result": "sentence_trigger"})]


@pytest.mark.parametrize("prefer_local", [False, True])
async def test_what_is_refused_is_said_so(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear, *, prefer_local: bool
) -> None:
    await speak_to(parlour, prefer_local=prefer_local)
    ear.refuses("needs-confirmation", "turn on front door")
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.spoken == answers.phrases("en").refused


async def test_what_cannot_be_heard_is_to_be_typed(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    ear.says("", action="ask_text")
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.spoken == answers.phrases("en").ask_text


async def test_what_would_wait_for_a_service_is_asked_back_rather_than_lost(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    ear.says("add beans to the list", action="defer")
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.spoken == "Add beans to the list?"


async def test_what_waits_for_a_service_is_said_so_and_not_done_now(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    queued = {"id": "r1", "expires_at": "2026-11-23T10:00:00+00:00"}
    ear.says("turn on kitchen light", action="defer", queued=queued)
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.spoken == answers.phrases("en").kept
    assert parlour.states.get("input_boolean.kitchen_light").state == "off"
    assert ear.told["keeps_queue"] is True


async def test_what_waits_for_a_service_is_never_shown_to_another_agent(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    await speak_to(parlour, agent="conversation.home_assistant")
    ear.says("turn on kitchen light", action="defer", queued={"id": "r1"})
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.data("error")["code"] == "stt-stream-failed"
    assert parlour.states.get("input_boolean.kitchen_light").state == "off"
    assert "keeps_queue" not in ear.told


async def test_a_question_to_somebody_elses_agent_is_a_failure_and_no_deed(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    """A hub that is mistaken about who can be asked must not have its way."""
    await speak_to(parlour, agent="conversation.home_assistant")
    ear.says("turn on front door", action="confirm", critical=True)
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.data("error")["code"] == "stt-stream-failed"
    assert parlour.states.get(DOOR).state == "off"


class Parrot(conversation.AbstractConversationAgent):
    """An agent of another integration."""

    supported_languages = "*"

    def __init__(self) -> None:
        self.heard: list[conversation.ConversationInput] = []
        self.prepared: list[str | None] = []

    async def async_prepare(self, language: str | None = None) -> None:
        self.prepared.append(language)

    async def async_process(self, user_input: conversation.ConversationInput) -> conversation.ConversationResult:
        self.heard.append(user_input)
        response = intent.IntentResponse(language=user_input.language)
        response.async_set_speech(user_input.text)
        return conversation.ConversationResult(response=response, conversation_id=user_input.conversation_id)


async def parrot_behind(hass: HomeAssistant, entry: MockConfigEntry) -> Parrot:
    """Let the owner of a hub choose a parrot as the agent behind ours, and return it."""
    other, parrot = MockConfigEntry(domain="house", title="Parrot"), Parrot()
    other.add_to_hass(hass)
    conversation.async_set_agent(hass, other, parrot)
    hass.config_entries.async_update_entry(entry, options={"conversation_agent": other.entry_id})
    await hass.async_block_till_done()
    return parrot


async def test_the_agent_that_the_owner_chose_hears_it_and_is_prepared(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    parrot = await parrot_behind(parlour, heard)
    ear.says("tell me a story")
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.spoken == "tell me a story"
    assert parrot.heard[0].satellite_id == "assist_satellite.kitchen"
    assert parrot.heard[0].conversation_id == rooms.kitchen.data("run-start")["conversation_id"]
    assert parrot.prepared


async def test_a_confirmed_sentence_trigger_runs_before_another_agent(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    """The pipeline tries triggers first; it was given the answer only."""
    parrot = await parrot_behind(parlour, heard)

    async def act(*_: object) -> str:
        return "opened"

    get_agent_manager(parlour).register_trigger(["open the gate"], act)
    for text, spoken in {"open the gate": "opened", "open the till": "open the till"}.items():
        ear.says(text, action="confirm")
        await rooms.kitchen.converse(said())
        ear.says("yes")
        await rooms.kitchen.converse(said())
        assert rooms.kitchen.spoken == spoken
    assert [one.text for one in parrot.heard] == ["open the till"]


@pytest.mark.parametrize("agent", ["conversation.gone", "gone", AGENT])
async def test_an_agent_that_cannot_be_is_replaced_by_home_assistants(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear, agent: str
) -> None:
    parlour.config_entries.async_update_entry(heard, options={"conversation_agent": agent})
    await parlour.async_block_till_done()
    ear.says("turn on kitchen light")
    await rooms.kitchen.converse(said())
    assert parlour.states.get("input_boolean.kitchen_light").state == "on"


async def test_a_real_hub_has_what_matters_said_back_and_the_yes_does_it(
    home: HomeAssistant, entry: MockConfigEntry, house: House
) -> None:
    def door() -> str:
        state = home.states.get("lock.front_door")
        return state.state if state else "missing"

    await home.services.async_call("lock", "lock", {"entity_id": "lock.front_door"}, blocking=True)
    await until(lambda: door() == "locked")
    await speak_to(home)
    await house.kitchen.converse(said(UNLOCK.followed_by_room(2.0)))
    assert house.kitchen.spoken == "Unlock the front door?"
    assert door() == "locked"
    where = {"conversation_id": house.kitchen.data("run-start")["conversation_id"], "agent_id": AGENT}
    await conversation.async_converse(home, "yes", context=Context(), language="en", **where)
    assert door() == "locked"  # typed, and not at the satellite
    where["satellite_id"] = "assist_satellite.kitchen"
    await conversation.async_converse(home, "yes", context=Context(), language="en", **where)
    await until(lambda: door() == "unlocked")
