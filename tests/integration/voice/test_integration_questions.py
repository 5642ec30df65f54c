"""Questions of ours: who may answer, until when, in which words, and what the answer then does."""

from functools import partial

import pytest
from homeassistant.components import conversation
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.core import Context, HomeAssistant, ServiceCall
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice.answers import phrases
from custom_components.edge_voice.exchanges import ANSWER_SECONDS, Exchanges
from tests.integration.conftest import until
from tests.integration.peer import Peer
from tests.integration.voice.conftest import speak_to
from tests.integration.voice.ear import Ear, said
from tests.integration.voice.house import House
from tests.integration.voice.test_integration_conversation import AGENT, outcomes, parrot_behind

SAID = phrases("en")


class Clock:
    """Monotonic seconds that stand still until a test moves them."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The one that answers are timed by."""
    one = Clock()
    monkeypatch.setattr("custom_components.edge_voice.voice.Exchanges", partial(Exchanges, one))
    return one


@pytest.fixture
async def asked(parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear) -> House:
    """A house with two doors, in which is asked whether the front door's is meant."""
    parlour.states.async_set("lock.back", "locked", {"friendly_name": "back door"})
    parlour.states.async_set("lock.front", "locked", {"friendly_name": "front door"})
    async_expose_entity(parlour, "conversation", "input_boolean.front_door", should_expose=False)
    for one in ("lock.back", "lock.front"):
        async_expose_entity(parlour, "conversation", one, should_expose=True)
    await parlour.async_block_till_done()
    ear.says("Unlock the front door.", action="confirm", turn_id="q1", critical=True)
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.spoken == "Unlock the front door?"
    return rooms


@pytest.fixture
def unlocked(parlour: HomeAssistant) -> list[str]:
    """What was unlocked."""
    done: list[str] = []

    async def unlock(call: ServiceCall) -> None:
        done.append(str(call.data["entity_id"]))

    parlour.services.async_register("lock", "unlock", unlock)
    return done


async def test_a_yes_in_time_does_it_and_one_that_is_late_says_so(
    parlour: HomeAssistant, asked: House, ear: Ear, clock: Clock, unlocked: list[str]
) -> None:
    clock.now_s += ANSWER_SECONDS + 1
    ear.says("Yes.")
    await asked.kitchen.converse(said())
    assert "expect" not in ear.told
    assert asked.kitchen.spoken == SAID.expired
    await asked.kitchen.converse(said())
    assert not unlocked
    ear.says("Unlock the front door.", action="confirm")
    await asked.kitchen.converse(said())
    clock.now_s += ANSWER_SECONDS - 1
    ear.says("Yes.")
    await asked.kitchen.converse(said())
    await parlour.async_block_till_done()
    assert unlocked


async def test_another_satellite_is_not_answered_and_the_question_stays(
    parlour: HomeAssistant, asked: House, ear: Ear, unlocked: list[str]
) -> None:
    conversation_id = asked.kitchen.data("run-start")["conversation_id"]
    for satellite in ("assist_satellite.bedroom", None):
        result = await conversation.async_converse(
            parlour, "yes", conversation_id, Context(), language="en", agent_id=AGENT, satellite_id=satellite
        )
        assert result.response.speech["plain"]["speech"] == SAID.elsewhere
    ear.says("turn on kitchen light")
    await asked.bedroom.converse(said())
    assert parlour.states.get("input_boolean.kitchen_light").state == "on"
    assert not unlocked
    ear.says("Yes.")
    await asked.kitchen.converse(said())
    await parlour.async_block_till_done()
    assert len(unlocked) == 1


async def test_a_core_wyoming_satellite_is_told_to_be_woken_again(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.edge_voice.satellite._DEAF_TO_QUESTIONS", {"house"})
    ear.says("Turn on front door.", action="confirm")
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.spoken == f"Turn on front door? {SAID.wake_again}"
    ear.says("yes")
    await rooms.kitchen.converse(said())  # on its next wake, in the same conversation
    assert parlour.states.get("input_boolean.front_door").state == "on"


async def test_a_part_that_is_corrected_is_said_back_with_the_rest(
    parlour: HomeAssistant, asked: House, ear: Ear, peer: Peer, unlocked: list[str]
) -> None:
    ear.says("No, the back door.", turn_id="a1")
    await asked.kitchen.converse(said())
    assert asked.kitchen.spoken == "Unlock the back door?"
    assert not unlocked
    await until(lambda: outcomes(peer))
    assert outcomes(peer) == [("q1", {"result": "no_intent"})]
    ear.says("Yes.", turn_id="a2")
    await asked.kitchen.converse(said())
    await parlour.async_block_till_done()
    assert ["lock.back" in one for one in unlocked] == [True]


async def test_a_whole_command_instead_is_judged_by_itself(
    parlour: HomeAssistant, asked: House, ear: Ear, unlocked: list[str]
) -> None:
    ear.says("No, unlock the back door.", action="confirm", turn_id="a1")
    await asked.kitchen.converse(said())
    assert asked.kitchen.spoken == "Unlock the back door?"
    ear.says("No, turn on kitchen light.", turn_id="a2")
    await asked.kitchen.converse(said())
    assert parlour.states.get("input_boolean.kitchen_light").state == "on"
    assert not unlocked


async def test_who_corrects_for_ever_is_given_up(
    parlour: HomeAssistant, asked: House, ear: Ear, unlocked: list[str]
) -> None:
    spoken = []
    for door in ("back", "front", "back"):
        ear.says(f"No, the {door} door.")
        await asked.kitchen.converse(said())
        spoken.append(asked.kitchen.spoken)
    assert spoken == ["Unlock the back door?", "Unlock the front door?", SAID.given_up]
    assert not unlocked


async def test_a_correction_that_makes_no_command_leaves_it(asked: House, ear: Ear, unlocked: list[str]) -> None:
    ear.says("No, the purple elephant.")
    await asked.kitchen.converse(said())
    assert asked.kitchen.spoken == SAID.declined
    assert not unlocked


async def test_what_is_no_answer_and_no_command_is_asked_again(asked: House, ear: Ear, unlocked: list[str]) -> None:
    ear.says("Next.")
    await asked.kitchen.converse(said())
    assert asked.kitchen.spoken == f"{SAID.unclear} Unlock the front door?"
    ear.says("Nest.")
    await asked.kitchen.converse(said())
    assert asked.kitchen.spoken == SAID.given_up
    ear.says("Yes.")
    await asked.kitchen.converse(said())
    assert not unlocked


async def test_another_agent_never_sees_what_was_not_confirmed(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    """A language model would take a later yes for the answer to our question."""
    parrot = await parrot_behind(parlour, heard)
    for text, fields in (
        ("open the till", {"action": "confirm"}),
        ("no", {}),
        ("yes", {}),
        ("open the till", {"action": "confirm"}),
        ("yes please", {}),
    ):
        ear.says(text, **fields)
        await rooms.kitchen.converse(said())
    assert [one.text for one in parrot.heard] == ["yes", "open the till"]
    log = parlour.data[conversation.chat_log.DATA_CHAT_LOGS].get(rooms.kitchen.data("run-start")["conversation_id"])
    contents = [one.content for one in log.content if one.role != "system"] if log else []
    assert "Open the till?" not in contents


async def test_questions_are_in_the_language_of_the_conversation(
    parlour: HomeAssistant, heard: MockConfigEntry, rooms: House, ear: Ear
) -> None:
    await speak_to(parlour, language="de")
    ear.says("Schalte das Licht an.", action="confirm")
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.spoken == "Schalte das Licht an – ja oder nein?"
    ear.says("Nein, danke.")
    await rooms.kitchen.converse(said())
    assert rooms.kitchen.spoken == phrases("de").declined
