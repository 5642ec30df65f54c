"""What the conversation made of a text goes back to the hub, whoever the agent is."""

import datetime as dt
from typing import Any

import pytest
from homeassistant.components import conversation
from homeassistant.components.conversation.agent_manager import get_agent_manager
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import intent, llm
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from tests.home_assistant.recordings import recording
from tests.integration.conftest import until
from tests.integration.peer import Peer
from tests.integration.voice.conftest import speak_to
from tests.integration.voice.ear import Ear, said
from tests.integration.voice.house import House


def outcomes(peer: Peer) -> list[tuple[str, Any]]:
    """Return what the hub was told: which turn, and what became of it."""
    return [(path.split("/")[-2], body) for _, path, body in peer.asked if path.endswith("/outcome")]


async def opened(user_input: conversation.ConversationInput, _: object) -> str:
    """Answer a sentence trigger."""
    return "opened"


@pytest.mark.parametrize("agent", ["conversation.home_assistant", "conversation.edge_voice"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("turn on kitchen light", {"result": "intent", "intent": "HassTurnOn"}),
        ("the cat sat there", {"result": "no_intent"}),
        ("turn on the lights in the bathroom", {"result": "error"}),
        ("open the gate", {"result": "sentence_trigger"}),
    ],
)
async def test_home_assistants_agent(
    parlour: HomeAssistant,
    heard: MockConfigEntry,
    rooms: House,
    ear: Ear,
    peer: Peer,
    agent: str,
    text: str,
    told: dict[str, str],
) -> None:
    get_agent_manager(parlour).register_trigger(["open the gate"], opened)
    ar.async_get(parlour).async_create("Bathroom")  # which has no lights
    await speak_to(parlour, agent=agent)
    ear.says(text, turn_id="t5")
    await rooms.kitchen.converse(said())
    await until(lambda: outcomes(peer))
    ((turn_id, outcome),) = outcomes(peer)
    assert (turn_id, outcome) == ("t5", told)


class Thinker(conversation.ConversationEntity):
    """An agent that thinks: it calls a tool, asks back or merely talks."""

    _attr_name = "Thinker"
    _attr_unique_id = "thinker"
    supported_languages = "*"
    tool: str | None = None
    fails = False
    answer = "It is done."

    async def _async_handle_message(
        self, user_input: conversation.ConversationInput, chat_log: conversation.ChatLog
    ) -> conversation.ConversationResult:
        if self.tool is not None:
            call = llm.ToolInput(tool_name=self.tool, tool_args={}, external=True)
            add = chat_log.async_add_assistant_content_without_tools
            add(conversation.AssistantContent(agent_id=self.entity_id, content="Let me see.", tool_calls=[call]))
            result = llm.ToolResult(data={"error": "no such light"} if self.fails else {"ok": True}, error=self.fails)
            add(
                conversation.ToolResultContent(
                    agent_id=self.entity_id, tool_call_id=call.id, tool_name=self.tool, result=result
                )
            )
        chat_log.async_add_assistant_content_without_tools(
            conversation.AssistantContent(agent_id=self.entity_id, content=self.answer)
        )
        response = intent.IntentResponse(language=user_input.language)
        response.async_set_speech(self.answer)
        return conversation.ConversationResult(response=response, conversation_id=chat_log.conversation_id)


@pytest.mark.parametrize(
    ("tool", "fails", "answer", "told"),
    [
        ("HassTurnOn", False, "Done.", {"result": "intent", "intent": "HassTurnOn"}),
        ("HassTurnOn", True, "There is none.", {"result": "error"}),
        (None, False, "Which light?", {"result": "follow_up"}),
        (None, False, "A cat is an animal.", None),
    ],
)
async def test_an_agent_that_thinks(
    parlour: HomeAssistant,
    heard: MockConfigEntry,
    rooms: House,
    ear: Ear,
    peer: Peer,
    tool: str | None,
    answer: str,
    told: dict[str, str] | None,
    *,
    fails: bool,
) -> None:
    thinker = Thinker()
    await parlour.data["conversation"].async_add_entities([thinker])
    thinker.tool, thinker.fails, thinker.answer = tool, fails, answer
    await speak_to(parlour, agent=thinker.entity_id)
    ear.says("do something about the light", turn_id="t6")
    await rooms.kitchen.converse(said())
    ear.says("turn on kitchen light", turn_id="t7")
    await speak_to(parlour)
    await rooms.bedroom.converse(said())  # so that there is something to wait for
    await until(lambda: outcomes(peer) and outcomes(peer)[-1][0] == "t7")
    assert dict(outcomes(peer)).get("t6") == told


async def test_silence_and_what_was_typed_have_no_outcome(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear, peer: Peer
) -> None:
    ear.says("", action="discard", turn_id="t1")
    await rooms.kitchen.converse(said())
    await conversation.async_converse(parlour, "turn on kitchen light", None, Context(), language="en")
    ear.says("turn on kitchen light", turn_id="t2")
    await rooms.kitchen.converse(said())
    await until(lambda: outcomes(peer))
    assert [turn_id for turn_id, _ in outcomes(peer)] == ["t2"]


async def test_a_hub_that_does_not_hear_of_it_harms_no_turn(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear, peer: Peer
) -> None:
    ear.says("turn on kitchen light")
    await peer.stop()
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.data("intent-end")["intent_output"]["response"]["response_type"] == "action_done"


async def test_what_is_remembered_of_a_conversation_ends_with_it(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    voice = heard.runtime_data.voice
    ear.says("turn on front door", action="confirm")
    await rooms.kitchen.converse(said())
    assert voice.exchanges.question(rooms.kitchen.data("run-start")["conversation_id"])
    async_fire_time_changed(parlour, dt_util.utcnow() + dt.timedelta(minutes=20), fire_all=True)
    await parlour.async_block_till_done()
    assert not voice.exchanges._conversations
    for number in range(200):
        voice.outcomes.expect(f"conversation {number}", "t")
    assert len(voice.outcomes._awaited) <= 64


async def test_a_real_hub_counts_the_outcome(home: HomeAssistant, entry: MockConfigEntry, house: House) -> None:
    told: list[tuple[str, bool]] = []
    client = entry.runtime_data.client
    tell = client.tell_outcome

    async def listen(turn_id: str, result: str, intent: str | None = None) -> bool:
        counted: bool = await tell(turn_id, result, intent)
        told.append((result, counted))
        return counted

    client.tell_outcome = listen
    await speak_to(home)
    await house.kitchen.converse(said(recording("kitchen.wav").followed_by_room(2.0)))
    await until(lambda: told)
    assert told == [("intent", True)]
