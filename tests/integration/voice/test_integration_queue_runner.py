"""Requests that waited are done once each, in their order, and what a cut leaves unclear is not done again."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from homeassistant.components import conversation
from homeassistant.components.persistent_notification import async_register_callback
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import Context, CoreState, HomeAssistant, ServiceCall
from homeassistant.helpers import intent
from homeassistant.helpers.chat_session import async_get_chat_session
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice import queue_execution, queue_runner
from custom_components.edge_voice.queue_record import path_of
from custom_components.edge_voice.queue_words import WORDS, queue_words
from tests.integration.conftest import entry_for, set_up, until
from tests.integration.peer import Peer, refusal
from tests.integration.voice.house import House

type Does = Callable[[conversation.ConversationInput], Awaitable[conversation.ConversationResult]]


def answer(
    told: conversation.ConversationInput, speech: str = "Added milk", *, asks: bool = False, failed: bool = False
) -> conversation.ConversationResult:
    """Return what an agent says."""
    response = intent.IntentResponse(language=told.language)
    if failed:
        response.async_set_error(intent.IntentResponseErrorCode.FAILED_TO_HANDLE, speech)
    else:
        response.async_set_speech(speech)
    return conversation.ConversationResult(
        response=response, conversation_id=told.conversation_id, continue_conversation=asks
    )


class Agent(conversation.AbstractConversationAgent):
    """The owner's agent, which counts."""

    supported_languages = "*"

    def __init__(self) -> None:
        self.did: list[conversation.ConversationInput] = []
        self.does: Does = self.done

    async def done(self, told: conversation.ConversationInput) -> conversation.ConversationResult:
        """Do it."""
        return answer(told)

    async def async_process(self, user_input: conversation.ConversationInput) -> conversation.ConversationResult:
        """Count, then do as a test wants it."""
        self.did.append(user_input)
        return await self.does(user_input)

    @property
    def texts(self) -> list[str]:
        """What was asked for."""
        return [one.text for one in self.did]


@pytest.fixture(autouse=True)
async def _own_disk(parlour: HomeAssistant, tmp_path: Path) -> None:
    parlour.config.config_dir = str(tmp_path)


@pytest.fixture
def agent(parlour: HomeAssistant) -> Agent:
    one, other = Agent(), MockConfigEntry(domain="thinker", entry_id="thinker")
    other.add_to_hass(parlour)
    conversation.async_set_agent(parlour, other, one)
    return one


def entry_at(peer: Peer, **options: Any) -> MockConfigEntry:
    """Return an entry that hands on to that agent."""
    like = entry_for(peer.port)
    return MockConfigEntry(
        domain=like.domain,
        title=like.title,
        unique_id=like.unique_id,
        data=dict(like.data),
        options={"conversation_agent": "thinker"} | options,
    )


@pytest.fixture
async def entry(parlour: HomeAssistant, peer: Peer, agent: Agent) -> MockConfigEntry:
    """The hub's entry, connected."""
    one = entry_at(peer)
    await set_up(parlour, one)
    await until(lambda: one.runtime_data.coordinator.connected)
    return one


@pytest.fixture
def notices(parlour: HomeAssistant) -> list[str]:
    """What is notified."""
    told: list[str] = []

    def moved(_: object, notifications: dict[str, Any]) -> None:
        told.extend(one["message"] for one in notifications.values())

    async_register_callback(parlour, moved)
    return told


def record(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, Any]:
    """Return what is on the disk."""
    kept: dict[str, Any] = json.loads(path_of(hass, entry.entry_id).read_text())
    return kept


async def test_they_are_done_once_in_their_order_as_if_their_speaker_had_just_said_them(
    parlour: HomeAssistant, entry: MockConfigEntry, peer: Peer, agent: Agent
) -> None:
    peer.queue.add("second", number=8, language="de", device_id="a device")
    peer.queue.add("first", number=7, satellite="assist_satellite.bedroom", session_id="a session")
    await peer.keep("third", number=9)
    await until(lambda: len(peer.queue.ended) == 3)
    assert agent.texts == ["first", "second", "third"]
    first, second, _ = agent.did
    assert (first.satellite_id, first.conversation_id) == ("assist_satellite.bedroom", "a session")
    assert (second.language, second.device_id) == ("de", "a device")
    assert set(peer.queue.ended.values()) == {"done"}
    assert not peer.queue.requests
    await until(lambda: not record(parlour, entry)["requests"])
    assert path_of(parlour, entry.entry_id).stat().st_mode & 0o777 == 0o600
    assert "first" not in path_of(parlour, entry.entry_id).read_text()


async def test_an_agent_is_told_to_touch_no_device_for_what_waited_and_for_nothing_else(
    parlour: HomeAssistant, entry: MockConfigEntry, peer: Peer, agent: Agent
) -> None:
    async def thinks(told: conversation.ConversationInput) -> conversation.ConversationResult:
        with (
            async_get_chat_session(parlour, told.conversation_id) as session,
            conversation.async_get_chat_log(parlour, session, told) as log,
        ):
            prompt = told.extra_system_prompt or log.extra_system_prompt
            log.extra_system_prompt = prompt  # as language models' agents have it
            prompts.append(prompt)
            log.async_add_assistant_content_without_tools(
                conversation.AssistantContent(agent_id="thinker", content="Yes")
            )
            return answer(told)

    prompts: list[str | None] = []
    agent.does = thinks
    with async_get_chat_session(parlour, None) as session:
        conversation_id = session.conversation_id
    peer.queue.add("add milk and open the gate", session_id=conversation_id)
    await peer.keep("add bread", session_id=conversation_id)
    await until(lambda: len(peer.queue.ended) == 2)
    await conversation.async_converse(parlour, "turn on the light", conversation_id, Context(), agent_id="thinker")
    assert prompts == [queue_execution.ONLY_WRITES, queue_execution.ONLY_WRITES, None]


async def test_home_assistants_own_agent_does_them_and_sentence_triggers_come_first(
    parlour: HomeAssistant, peer: Peer, agent: Agent
) -> None:
    heard: list[ServiceCall] = []
    parlour.services.async_register("test", "noted", heard.append)
    noted = {"trigger": "conversation", "command": "note the milk"}
    automation = {"triggers": noted, "actions": [{"action": "test.noted"}, {"set_conversation_response": "Noted"}]}
    assert await async_setup_component(parlour, "automation", {"automation": automation})
    entry = entry_at(peer)
    peer.queue.add("note the milk")
    await set_up(parlour, entry)
    await until(lambda: heard and peer.queue.ended)
    assert not agent.did
    parlour.config_entries.async_update_entry(entry, options={})
    await peer.keep("turn on kitchen light")
    await until(lambda: parlour.states.get("input_boolean.kitchen_light").state == "on")
    await until(lambda: list(peer.queue.ended.values()) == ["done", "done"])
    assert not agent.did


@pytest.mark.parametrize(
    ("kept", "state", "done", "ended"),
    [
        (None, "ready", 1, "done"),
        ("starting", "ready", 1, "done"),
        ("starting", "started", 1, "done"),
        ("executing", "started", 0, "interrupted"),
        (None, "started", 0, "interrupted"),
        ("done", "started", 0, "done"),
        ("failed", "started", 0, "failed"),
        ("interrupted", "started", 0, "interrupted"),
    ],
)
async def test_what_was_cut_is_told_and_only_what_was_surely_not_done_is_done(
    parlour: HomeAssistant, peer: Peer, agent: Agent, kept: str | None, state: str, done: int, ended: str
) -> None:
    entry = entry_at(peer)
    started_by = entry.entry_id if state == "started" else None
    request_id = peer.queue.add(state=state, started_by=started_by)
    file = path_of(parlour, entry.entry_id)
    file.parent.mkdir()
    file.write_text(json.dumps({"version": 1, "requests": {request_id: kept} if kept else {}, "told": {}}))
    await set_up(parlour, entry)
    await until(lambda: peer.queue.ended)
    assert (len(agent.did), peer.queue.ended) == (done, {request_id: ended})
    await until(lambda: record(parlour, entry) == {"version": 1, "requests": {}, "told": {request_id: ended}})


async def test_one_that_a_restored_hub_offers_again_is_not_done_again(
    parlour: HomeAssistant, entry: MockConfigEntry, peer: Peer, agent: Agent
) -> None:
    request_id = await peer.keep()
    await until(lambda: peer.queue.ended and record(parlour, entry)["told"])
    peer.queue.ended.clear()
    assert peer.queue.add(id=request_id) == request_id
    await peer.queue.move("ready", peer.queue.find(request_id))
    await until(lambda: peer.queue.ended == {request_id: "done"})
    assert len(agent.did) == 1


async def test_a_record_that_cannot_be_read_has_nothing_done_twice(
    parlour: HomeAssistant, peer: Peer, agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    entry = entry_at(peer)
    cut = peer.queue.add("cut", state="started", started_by=entry.entry_id)
    new = peer.queue.add("new")
    file = path_of(parlour, entry.entry_id)
    file.parent.mkdir()
    file.write_text('{"requests": {"')
    await set_up(parlour, entry)
    await until(lambda: len(peer.queue.ended) == 2)
    assert peer.queue.ended == {cut: "interrupted", new: "done"}
    assert agent.texts == ["new"]
    assert "begun anew" in caplog.text


async def test_a_disk_that_takes_nothing_has_nothing_done_until_it_does(
    parlour: HomeAssistant, entry: MockConfigEntry, peer: Peer, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = path_of(parlour, entry.entry_id)
    file.parent.write_text("no folder")
    logging.getLogger("homeassistant.util.file").setLevel(logging.CRITICAL)
    await peer.keep()
    await until(lambda: [one for one in peer.asked if one[1] == "/api/v1/queue"])
    assert not agent.did
    file.parent.unlink()
    await until(lambda: peer.queue.ended)
    assert len(agent.did) == 1


async def refuses(told: conversation.ConversationInput) -> conversation.ConversationResult:
    return answer(told, "There is no such list", failed=True)


async def asks_back(told: conversation.ConversationInput) -> conversation.ConversationResult:
    return answer(told, "Which list?", asks=True)


async def breaks(told: conversation.ConversationInput) -> conversation.ConversationResult:
    raise RuntimeError(told.text)


async def gives_up(told: conversation.ConversationInput) -> conversation.ConversationResult:
    raise asyncio.CancelledError


async def never_answers(told: conversation.ConversationInput) -> conversation.ConversationResult:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize(
    ("does", "ended"),
    [
        (refuses, "failed"),
        (asks_back, "interrupted"),
        (breaks, "interrupted"),
        (gives_up, "interrupted"),
        (never_answers, "interrupted"),
    ],
)
async def test_what_was_not_surely_done_is_its_owners_and_the_next_is_done(
    parlour: HomeAssistant,
    entry: MockConfigEntry,
    peer: Peer,
    agent: Agent,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    does: Does,
    ended: str,
) -> None:
    monkeypatch.setattr(queue_execution, "PATIENCE_SECONDS", 0.05)
    agent.does = does
    first = await peer.keep("add secret milk")
    await until(lambda: peer.queue.ended)
    agent.does = agent.done
    second = await peer.keep("note the rest")
    await until(lambda: len(peer.queue.ended) == 2)
    assert peer.queue.ended == {first: ended, second: "done"}
    assert [one["state"] for one in peer.queue.requests] == [ended]
    assert not [one for one in caplog.messages if "secret" in one and "custom_components" in one]


async def test_an_agent_that_is_gone_and_a_text_that_is_lost_are_their_owners(
    parlour: HomeAssistant, peer: Peer, agent: Agent
) -> None:
    entry = entry_at(peer, conversation_agent="conversation.gone")
    gone, lost = peer.queue.add(), peer.queue.add(None)
    await set_up(parlour, entry)
    await until(lambda: len(peer.queue.ended) == 2)
    assert peer.queue.ended == {gone: "failed", lost: "failed"}


async def test_an_agent_that_is_still_being_set_up_is_waited_for(
    parlour: HomeAssistant, peer: Peer, agent: Agent
) -> None:
    away = MockConfigEntry(domain="thinker", entry_id="away", state=ConfigEntryState.SETUP_RETRY)
    away.add_to_hass(parlour)
    peer.queue.add("first")
    entry = entry_at(peer, conversation_agent="away")
    await set_up(parlour, entry)
    await until(lambda: entry.runtime_data.coordinator.connected)
    await until(lambda: [one for one in peer.asked if one[1] == "/api/v1/queue"])
    await peer.keep("second")
    await until(lambda: len([one for one in peer.asked if one[1] == "/api/v1/queue"]) > 2)
    assert [one["state"] for one in peer.queue.requests] == ["ready", "ready"]
    assert not peer.queue.ended
    conversation.async_set_agent(parlour, away, agent)
    await peer.keep("third")
    await until(lambda: len(peer.queue.ended) == 3)
    assert agent.texts == ["first", "second", "third"]


async def test_a_request_that_another_home_has_taken_is_left_to_it(
    parlour: HomeAssistant, entry: MockConfigEntry, peer: Peer, agent: Agent
) -> None:
    async def taken(_: object) -> Any:
        return refusal(409, "request-taken", "another home has it")

    request_id = peer.queue.add("theirs")
    peer.answers[f"/api/v1/queue/{request_id}/start"] = taken
    await peer.keep("ours")
    await until(lambda: peer.queue.ended)
    peer.queue.find(request_id)["state"] = "started"
    peer.queue.find(request_id)["started_by"] = "another home"
    await peer.keep("ours, too")
    await until(lambda: len(peer.queue.ended) == 2)
    assert agent.texts == ["ours", "ours, too"]


async def test_a_hub_that_goes_away_in_the_middle_is_told_when_it_is_back(
    parlour: HomeAssistant, entry: MockConfigEntry, peer: Peer, agent: Agent
) -> None:
    refused = 0

    async def broken(_: object) -> Any:
        nonlocal refused
        refused += 1
        return refusal(503, "disk-full", "no room")

    request_id = peer.queue.add()
    peer.answers[f"/api/v1/queue/{request_id}/end"] = broken
    await peer.queue.move("ready", peer.queue.find(request_id))
    await until(lambda: refused)
    await peer.stop()
    del peer.answers[f"/api/v1/queue/{request_id}/end"]
    await peer.start()
    await until(lambda: peer.queue.ended == {request_id: "done"})
    assert len(agent.did) == 1


async def test_nothing_is_done_before_home_assistant_has_started(
    parlour: HomeAssistant, peer: Peer, agent: Agent
) -> None:
    parlour.set_state(CoreState.starting)
    entry = entry_at(peer)
    peer.queue.add()
    await set_up(parlour, entry)
    await until(lambda: entry.runtime_data.coordinator.connected)
    assert not agent.did
    parlour.set_state(CoreState.running)
    parlour.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await until(lambda: peer.queue.ended)
    assert len(agent.did) == 1


async def test_an_entry_that_is_unloaded_ends_what_it_does_and_begins_nothing_more(
    parlour: HomeAssistant, entry: MockConfigEntry, peer: Peer, agent: Agent
) -> None:
    go_on = asyncio.Event()

    async def waits(told: conversation.ConversationInput) -> conversation.ConversationResult:
        await go_on.wait()
        return answer(told)

    agent.does = waits
    peer.queue.add("first")
    await peer.keep("second")
    await until(lambda: agent.did)
    unloading = asyncio.create_task(parlour.config_entries.async_unload(entry.entry_id))
    await asyncio.sleep(0)
    go_on.set()
    assert await unloading
    assert list(peer.queue.ended.values()) == ["done"]
    assert agent.texts == ["first"]
    assert await parlour.config_entries.async_setup(entry.entry_id)
    await until(lambda: len(peer.queue.ended) == 2)
    assert agent.texts == ["first", "second"]


async def test_an_entry_that_is_removed_leaves_no_record_and_nothing_begun(
    parlour: HomeAssistant, entry: MockConfigEntry, peer: Peer, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_runner, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr("custom_components.edge_voice.errands._PATIENCE_SECONDS", 0.01)
    agent.does = never_answers
    cut = await peer.keep()
    await until(lambda: agent.did)
    await parlour.config_entries.async_remove(entry.entry_id)
    assert not path_of(parlour, entry.entry_id).exists()
    assert peer.queue.ended == {cut: "interrupted"}


async def test_its_owner_is_notified_once_of_all_that_was_done(
    parlour: HomeAssistant, peer: Peer, agent: Agent, notices: list[str]
) -> None:
    async def in_turn(told: conversation.ConversationInput) -> conversation.ConversationResult:
        return answer(told, f"Added {told.text}") if told.text != "wine" else answer(told, "No", failed=True)

    agent.does = in_turn
    for one in ("milk", "wine", "bread"):
        peer.queue.add(one)
    await set_up(parlour, entry_at(peer))
    await until(lambda: notices)
    assert notices == [f"- Added milk\n- {queue_words('en').needs_you}\n- Added bread"]


@pytest.mark.parametrize("how", ["announce", "off"])
async def test_a_satellite_says_what_was_done_where_its_owner_wants_it(
    parlour: HomeAssistant, rooms: House, peer: Peer, agent: Agent, notices: list[str], how: str
) -> None:
    said: list[ServiceCall] = []
    parlour.services.async_register("assist_satellite", "announce", said.append)
    kitchen = parlour.states.get("assist_satellite.kitchen")
    parlour.states.async_set("assist_satellite.kitchen", "idle", {**kitchen.attributes, "supported_features": 1})
    for text, satellite in (("milk", "kitchen"), ("bread", "bedroom"), ("eggs", "kitchen")):
        peer.queue.add(text, satellite=f"assist_satellite.{satellite}")
    await set_up(parlour, entry_at(peer, queue_results=how))
    await until(lambda: len(peer.queue.ended) == 3)
    if how == "off":
        await parlour.async_block_till_done()
        assert (said, notices) == ([], [])
        return
    await until(lambda: said and notices)
    (announced,) = said
    assert announced.data["entity_id"] == "assist_satellite.kitchen"
    assert announced.data["message"] == "Back online: Added milk. Added milk."
    assert notices == ["- Added milk"]  # the bedroom cannot speak by itself


def test_every_shipped_language_has_its_words() -> None:
    shipped = Path(queue_execution.__file__).parent / "translations"
    assert {path.stem.split("-")[0] for path in shipped.glob("*.json")} == set(WORDS)
    assert queue_words("pt-BR") is WORDS["pt"]
    assert queue_words("zh-Hans") is WORDS["zh"]
    assert queue_words("xx") is WORDS["en"]
