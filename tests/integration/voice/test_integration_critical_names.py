"""Which names and sentences of a home matter: read off real scripts, scenes, automations, templates and intents."""

import time
from typing import Any

import pytest
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component

from custom_components.edge_voice.critical_names import critical_names
from custom_components.edge_voice.sentence_templates import MOST_FORMS, spoken_forms
from tests.integration.conftest import until
from tests.integration.peer import Peer
from tests.integration.voice.test_integration_vocabulary import connected, told

UNLOCK = {"action": "lock.unlock", "target": {"entity_id": "lock.shed"}}
LIGHT = {"action": "light.turn_on", "target": {"entity_id": "light.lamp"}}
SCRIPTS: dict[str, list[dict[str, Any]]] = {
    "let_in": [{"if": [{"condition": "state", "entity_id": "sun.sun", "state": "up"}], "then": [UNLOCK]}],
    "welcome": [LIGHT, {"action": "script.let_in"}],
    "welcome_again": [{"action": "script.turn_on", "target": {"entity_id": "script.welcome"}}],
    "lock_up": [{"action": "lock.lock", "target": {"entity_id": "lock.shed"}}],
    "reading": [LIGHT],
    "garage_open": [{"action": "cover.open_cover", "target": {"entity_id": "cover.garage"}}],
    "garage_closed": [{"action": "cover.close_cover", "target": {"entity_id": "cover.garage"}}],
    "garage_down": [{"action": "cover.set_cover_position", "data": {"entity_id": "cover.garage", "position": 0}}],
    "blinds_up": [{"action": "cover.open_cover", "target": {"entity_id": "cover.blinds"}}],
    "some_cover": [{"action": "cover.open_cover", "target": {"entity_id": "{{ 'cover.x' }}"}}],
    "off": [
        {"repeat": {"count": 2, "sequence": [{"action": "alarm_control_panel.alarm_disarm", "data": {"code": "1"}}]}}
    ],
    "scene_of_it": [{"scene": "scene.open_house"}],
    "made_up": [{"action": "{{ 'lock.unlock' }}"}],
    "applied": [{"action": "scene.apply", "data": {"entities": {"lock.shed": "unlocked"}}}],
}
MATTER = {
    *("let_in", "welcome", "welcome_again", "garage_open", "some_cover", "off", "scene_of_it", "made_up", "applied"),
}


@pytest.fixture
async def house_of_doors(core: HomeAssistant) -> HomeAssistant:
    """A home whose doors many things open."""
    config: dict[str, Any] = {
        "input_boolean": {"visitors": {"name": "Visitors"}, "dark": {"name": "Dark"}},
        "script": {name: {"alias": name.replace("_", " "), "sequence": done} for name, done in SCRIPTS.items()},
        "scene": [
            {"name": "Open house", "entities": {"lock.shed": "unlocked", "light.lamp": "on"}},
            {"name": "Night", "entities": {"lock.shed": "locked", "cover.garage": "closed"}},
        ],
        "automation": [
            {
                "alias": "Postman",
                "triggers": [
                    {"trigger": "conversation", "command": ["let [the] postman in", "(open|free) {what} now"]}
                ],
                "actions": [UNLOCK],
            },
            {"alias": "Tea", "triggers": [{"trigger": "conversation", "command": "tea time"}], "actions": [LIGHT]},
            {
                "alias": "Visitors",
                "triggers": [{"trigger": "state", "entity_id": "input_boolean.visitors", "to": "on"}],
                "actions": [{"action": "script.turn_on", "target": {"entity_id": "script.welcome"}}],
            },
            {
                "alias": "Dark",
                "triggers": [{"trigger": "state", "entity_id": "input_boolean.dark", "to": "on"}],
                "actions": [LIGHT],
            },
        ],
        "template": [{"button": [{"name": "Buzzer", "press": [UNLOCK]}, {"name": "Bell", "press": [LIGHT]}]}],
        "intent_script": {"LetIn": {"action": [UNLOCK]}, "Story": {"speech": {"text": "Once"}}},
    }
    core.states.async_set("lock.shed", "locked", {"friendly_name": "Shed"})
    core.states.async_set("cover.garage", "closed", {"friendly_name": "Big garage", "device_class": "garage"})
    core.states.async_set("cover.blinds", "closed", {"friendly_name": "Blinds", "device_class": "blind"})
    core.states.async_set("light.lamp", "off", {"friendly_name": "Lamp"})
    core.states.async_set("alarm_control_panel.home", "disarmed", {"friendly_name": "Home alarm"})
    core.states.async_set("group.doors", "off", {"friendly_name": "All doors", "entity_id": ["lock.shed"]})
    for component, given in config.items():
        assert await async_setup_component(core, component, {component: given}), component
    await core.async_block_till_done()
    for state in core.states.async_all():
        async_expose_entity(core, "conversation", state.entity_id, should_expose=True)
    return core


async def test_what_opens_unlocks_or_disarms_is_named_and_nothing_else_is(house_of_doors: HomeAssistant) -> None:
    er.async_get(house_of_doors).async_update_entity("script.let_in", aliases=["come in"])
    intents = {"LetIn": ["let <them> in [please]"], "Story": ["tell me a story"]}
    expected = {name.replace("_", " ") for name in MATTER - {"let_in"}} | {"come in"}
    expected |= {"Shed", "Big garage", "Home alarm", "All doors", "Open house", "Buzzer", "Visitors", "Postman"}
    expected |= {"let postman in", "let the postman in", "open * now", "free * now", "let * in", "let * in please"}
    assert set(critical_names(house_of_doors, intents)) == expected


async def test_what_is_not_exposed_is_not_told(house_of_doors: HomeAssistant) -> None:
    async_expose_entity(house_of_doors, "conversation", "lock.shed", should_expose=False)
    found = critical_names(house_of_doors, {})
    assert "Shed" not in found
    assert "Buzzer" in found  # it can still be opened by that


async def test_the_hub_is_told_and_hears_of_changes(parlour: HomeAssistant, peer: Peer) -> None:
    await connected(parlour, peer)
    await until(lambda: told(peer))
    assert told(peer)[-1]["critical"] == []
    parlour.states.async_set("lock.shed", "locked", {"friendly_name": "Shed"})
    async_expose_entity(parlour, "conversation", "lock.shed", should_expose=True)
    await until(lambda: told(peer)[-1]["critical"] == ["Shed"])


async def test_a_hub_that_does_not_know_of_it_is_not_told(parlour: HomeAssistant, peer: Peer) -> None:
    """It would refuse all the names for a key that it does not know."""
    del peer.status["queue"]
    await connected(parlour, peer)
    await until(lambda: told(peer))
    assert "critical" not in told(peer)[-1]


async def test_a_large_home_is_looked_through_in_a_moment(core: HomeAssistant) -> None:
    steps = [{"choose": [{"conditions": [], "sequence": [LIGHT] * 10}]}, LIGHT, {"action": "script.s1"}]
    scripts = {f"s{number}": {"sequence": steps} for number in range(100)}
    assert await async_setup_component(core, "script", {"script": scripts})
    began = time.process_time()
    assert critical_names(core, {}) == []
    print(f"{1000 * (time.process_time() - began):.0f} ms for 100 scripts of 13 steps")


@pytest.mark.parametrize(
    ("template", "forms"),
    [
        ("open sesame", ["open sesame"]),
        ("open [the] (gate|door)", ["open gate", "open door", "open the gate", "open the door"]),
        ("let {who} in", ["let * in"]),
        ("[please] [do] it", ["it", "do it", "please it", "please do it"]),
        ("broken (one", ["broken one"]),
        ("broken) one]", ["broken one"]),
        ("{anything}", []),
        ("", []),
    ],
)
def test_a_template_is_told_as_people_would_say_it(template: str, forms: list[str]) -> None:
    assert sorted(spoken_forms(template)) == sorted(forms)


def test_a_template_with_too_many_forms_is_told_by_its_own_words() -> None:
    forms = spoken_forms("open " + "[a|b|c] " * 6 + "door")
    assert len(spoken_forms("open (a|b|c) (d|e) [f]")) <= MOST_FORMS
    assert forms == ["open * * * * * * door", "open door"]
