"""Triggers and conditions, in automations as people write them."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import condition, trigger
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from custom_components.edge_voice.const import DOMAIN
from tests.integration.conftest import until
from tests.integration.entities.conftest import CLOUD
from tests.integration.entities.sight import TURN_EVENT, turn, until_attribute, until_state
from tests.integration.peer import ALARM, HEADLINE, SATELLITE, Peer

PAGE = Path(__file__).parents[3] / "docs/entities.md"
ROOT = Path(__file__).parents[3] / "custom_components/edge_voice"
KITCHEN = "assist_satellite_kitchen"
HALL = "assist_satellite.hall"
ESCALATED = {"route": "cloud", "action": "escalate", "lane": "groq"}
DEGRADED = "binary_sensor.edge_voice_degraded"


@pytest.fixture
def did(hass: HomeAssistant) -> list[ServiceCall]:
    """What the automations did."""
    return async_mock_service(hass, "test", "act")


async def automate(hass: HomeAssistant, *automations: dict[str, Any]) -> None:
    """Have automations that tell what started them."""
    told = {"turn": "{{ trigger.turn.turn_id if trigger.turn is defined else '' }}", "why": "{{ trigger.description }}"}
    config = [
        {
            "alias": "ours",
            **one,
            "actions": [{"action": "test.act", "data": told | {"alias": one.get("alias", "ours")}}],
        }
        for one in automations
    ]
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()


async def turns_of(hass: HomeAssistant, peer: Peer, *turns: dict[str, Any]) -> None:
    """Let turns end, numbered from 1, and wait until the last one was heard."""
    for number, changes in enumerate(turns, start=1):
        await peer.push(turn(**{"turn_id": str(number), "at": f"2026-11-22T12:00:{number:02}+00:00"} | changes))
    await until_attribute(hass, TURN_EVENT, "turn_id", str(len(turns)))
    await hass.async_block_till_done()


def started_by(did: list[ServiceCall], alias: str = "ours") -> list[str]:
    """Return the turns that started an automation."""
    return [str(call.data["turn"]) for call in did if call.data["alias"] == alias]


async def test_an_automation_starts_at_the_turns_that_it_names(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, did: list[ServiceCall]
) -> None:
    ended, escalated = {"trigger": "edge_voice.turn_ended"}, {"trigger": "edge_voice.escalated"}
    wanted = {
        "every turn": (ended, ["1", "2", "3", "4"]),
        "some endings": (ended | {"options": {"how": ["failed", "escalated"]}}, ["2", "4"]),
        "one ending": (ended | {"options": {"how": "answered"}}, ["1", "3"]),
        "the risky": (ended | {"options": {"risk_above": 60}}, ["3"]),
        "one satellite": (ended | {"target": {"entity_id": HALL}}, ["3"]),
        "the cloud": (escalated, ["2"]),
        "the cloud, one satellite": (escalated | {"target": {"entity_id": HALL}}, []),
    }
    await automate(hass, *({"alias": name, "triggers": [started]} for name, (started, _) in wanted.items()))
    failed = {"action": "error", "error": "overloaded", "risk": None, "route": None}
    await turns_of(hass, peer, {}, ESCALATED, {"satellite": HALL, "risk": 0.7}, failed)
    assert {name: started_by(did, name) for name in wanted} == {name: turns for name, (_, turns) in wanted.items()}


async def test_an_area_means_the_satellites_in_it(
    hass: HomeAssistant,
    peer: Peer,
    entry: MockConfigEntry,
    did: list[ServiceCall],
    area_registry: ar.AreaRegistry,
    entity_registry: er.EntityRegistry,
) -> None:
    area = area_registry.async_create("Hall")
    satellite = entity_registry.async_get_or_create("assist_satellite", "test", "1", suggested_object_id="hall")
    entity_registry.async_update_entity(satellite.entity_id, area_id=area.id)
    await automate(hass, {"triggers": [{"trigger": "edge_voice.turn_ended", "target": {"area_id": area.id}}]})
    await turns_of(hass, peer, {}, {"satellite": HALL}, {"satellite": None})
    assert started_by(did) == ["2"]


async def test_an_automation_can_start_while_the_cloud_is_being_asked(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, did: list[ServiceCall]
) -> None:
    await automate(hass, {"triggers": [{"trigger": "edge_voice.asking_cloud", "target": {"entity_id": SATELLITE}}]})
    await peer.push({"type": "asking", "turn_id": "t1", "satellite": HALL, "lane": "groq"})
    await peer.push({"type": "asking", "turn_id": "t2", "satellite": SATELLITE, "lane": "groq"})
    await until_attribute(hass, TURN_EVENT, "turn_id", "t2")
    await hass.async_block_till_done()
    assert [call.data["why"] for call in did] == ["asking groq"]


def moved(event: str, kind: str = "asr", **more: Any) -> dict[str, Any]:
    """Return the message of a bundle that moved."""
    told = {
        "label": f"{kind}-home@1.2.0",
        "at": "2026-11-22T10:00:00+00:00",
        "code": None,
        "message": "",
        "evidence": [],
    }
    return {"type": "bundle", "event": event, "kind": kind} | told | more


async def test_an_automation_starts_at_the_moves_of_models_that_it_names(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, did: list[ServiceCall]
) -> None:
    hub, other = er.async_get(hass).async_get(TURN_EVENT), er.async_get(hass).async_get_or_create("light", "house", "1")
    assert hub is not None
    anything, back = {"trigger": "edge_voice.bundle_moved"}, {"trigger": "edge_voice.bundle_rolled_back"}
    wanted = {
        "anything": (anything, ["offered", "offered", "rolled_back", "rolled_back"]),
        "offers": (anything | {"options": {"how": "offered"}}, ["offered", "offered"]),
        "wake words": (anything | {"options": {"model": ["wake"]}}, ["offered", "rolled_back"]),
        "going back": (back, ["rolled_back", "rolled_back"]),
        "going back, speech": (back | {"options": {"model": "asr"}}, ["rolled_back"]),
        "this hub": (back | {"target": {"device_id": hub.device_id}}, ["rolled_back", "rolled_back"]),
        "another": (anything | {"target": {"entity_id": other.entity_id}}, []),
    }
    await automate(hass, *({"alias": name, "triggers": [started]} for name, (started, _) in wanted.items()))
    await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: entry.runtime_data.coordinator.connected)
    for event in ("offered", "rolled_back"):
        for kind in ("asr", "wake"):
            await peer.push(moved(event, kind))
    await until_attribute(hass, "event.edge_voice_model_change", "event_type", "rolled_back")
    await until_attribute(hass, "event.edge_voice_model_change", "kind", "wake")
    await hass.async_block_till_done()
    started = {name: [call.data["why"].split()[-1] for call in did if call.data["alias"] == name] for name in wanted}
    assert started == {name: moves for name, (_, moves) in wanted.items()}


async def test_a_refused_repository_is_a_move_without_a_model(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, did: list[ServiceCall]
) -> None:
    await automate(hass, {"triggers": [{"trigger": "edge_voice.bundle_moved", "options": {"how": ["refused"]}}]})
    await peer.push(moved("refused", label="", at=None, code="repository-frozen"))
    await until(lambda: did)
    assert did[0].data["why"] == "the repository refused"


async def test_an_automation_starts_when_something_has_become_worse_and_when_a_month_is_over(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, did: list[ServiceCall]
) -> None:
    hub, other = er.async_get(hass).async_get(TURN_EVENT), er.async_get(hass).async_get_or_create("light", "house", "1")
    assert hub is not None
    worse, over = {"trigger": "edge_voice.drifted"}, {"trigger": "edge_voice.scorecard_ready"}
    both = ["drift of escalation in en", "drift of latency in en"]
    wanted = {
        "anything": (worse, both),
        "slow": (worse | {"options": {"metric": "latency"}}, ["drift of latency in en"]),
        "this hub's": (worse | {"target": {"device_id": hub.device_id}}, both),
        "another's": (worse | {"target": {"entity_id": other.entity_id}}, []),
        "a month": (over, ["scorecard of 2026-10"]),
        "another's month": (over | {"target": {"entity_id": other.entity_id}}, []),
    }
    await automate(hass, *({"alias": name, "triggers": [started]} for name, (started, _) in wanted.items()))
    await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: entry.runtime_data.coordinator.connected)
    await peer.push({"type": "drift", "event": "alarm", "alarm": ALARM})
    await peer.push({"type": "drift", "event": "settled", "alarm": ALARM})
    await peer.push({"type": "drift", "event": "accepted", "alarm": None})
    await peer.push({"type": "drift", "event": "alarm", "alarm": ALARM | {"metric": "latency"}})
    await peer.push({"type": "scorecard", "scorecard": HEADLINE})
    await until_attribute(hass, "event.edge_voice_scorecard_ready", "month", "2026-10")
    await hass.async_block_till_done()
    started = {name: [call.data["why"] for call in did if call.data["alias"] == name] for name in wanted}
    assert started == {name: reasons for name, (_, reasons) in wanted.items()}


async def test_an_automation_survives_a_reload_of_the_hub(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, did: list[ServiceCall]
) -> None:
    await automate(hass, {"triggers": [{"trigger": "edge_voice.turn_ended"}]})
    await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: entry.runtime_data.coordinator.connected)
    await turns_of(hass, peer, {})
    assert started_by(did) == ["1"]
    await hass.services.async_call("automation", "turn_off", {"entity_id": "automation.ours"}, blocking=True)
    await turns_of(hass, peer, {}, {})
    assert started_by(did) == ["1"]


@pytest.mark.parametrize(
    ("name", "sensor", "status", "named"),
    [
        ("degraded", DEGRADED, {"mode": "shedding"}, 0),
        ("degraded", DEGRADED, {"mode": "unavailable"}, 1),
        ("over_budget", "binary_sensor.edge_voice_over_budget", {"cloud": CLOUD | {"over_budget": True}}, 2),
        ("straining", "binary_sensor.edge_voice_hub_straining", {"resources": {"saturated": True}}, 0),
    ],
)
async def test_an_automation_starts_when_a_hubs_problem_begins_and_may_ask_for_it(
    hass: HomeAssistant,
    peer: Peer,
    entry: MockConfigEntry,
    did: list[ServiceCall],
    entity_registry: er.EntityRegistry,
    name: str,
    sensor: str,
    status: dict[str, Any],
    named: int,
) -> None:
    """A hub is named by its device, or by a satellite's or any entity of it: nobody has to know the right sensor."""
    hub, kitchen = entity_registry.async_get(sensor), entity_registry.async_get(f"switch.{KITCHEN}_answer_early")
    assert hub is not None
    assert kitchen is not None
    target = [{"device_id": hub.device_id}, {"device_id": kitchen.device_id}, {"entity_id": TURN_EVENT}][named]
    both = status | {"satellites": [peer.status["satellites"][0] | {"state": "text_only"}]}
    whole = {key: peer.status[key] for key in both}
    asks = [{"condition": f"edge_voice.is_{name}", "target": target}]
    await automate(hass, {"triggers": [{"trigger": f"edge_voice.{name}", "target": target}], "conditions": asks})
    for expected in (1, 2):
        await peer.push_status(**both)
        await until_state(hass, sensor, "on")
        await hass.async_block_till_done()
        assert len(did) == expected
        await peer.push_status(**whole)
        await until_state(hass, sensor, "off")


async def checker(hass: HomeAssistant, **asked: Any) -> Callable[[], bool | None]:
    """Return what tells whether a condition holds now."""
    config = await condition.async_validate_condition_config(hass, asked)
    test = await condition.async_from_config(hass, config)
    return test.async_check


async def test_a_condition_knows_whether_the_cloud_answered_the_last_turn_of_a_satellite(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    assert await async_setup_component(hass, "automation", {})
    name = "edge_voice.route_was_cloud"
    anywhere = await checker(hass, condition=name)
    kitchen = await checker(hass, condition=name, target={"entity_id": SATELLITE})
    hall = await checker(hass, condition=name, target={"entity_id": HALL})
    assert not anywhere()
    await turns_of(hass, peer, ESCALATED)
    assert (anywhere(), kitchen(), hall()) == (True, True, False)
    await turns_of(hass, peer, ESCALATED, {"satellite": HALL})
    assert (anywhere(), kitchen(), hall()) == (False, True, False)
    await turns_of(hass, peer, ESCALATED, {}, {"satellite": HALL, "route": "client"})
    assert (anywhere(), kitchen(), hall()) == (True, False, True)


async def test_a_condition_tells_when_its_answer_may_have_changed(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    assert await async_setup_component(hass, "automation", {})
    config = await condition.async_validate_condition_config(hass, {"condition": "edge_voice.route_was_cloud"})
    test = await condition.async_from_config(hass, config)
    assert not test.needs_polling
    answers: list[bool | None] = []
    stop = await test.async_track_changes(lambda: answers.append(test.async_check()))
    await turns_of(hass, peer, {}, ESCALATED)
    stop()
    await turns_of(hass, peer, {}, {}, {})
    assert answers == [False, True]
    asked = {"condition": "edge_voice.is_degraded", "target": {"entity_id": TURN_EVENT}}
    degraded = await condition.async_from_config(hass, await condition.async_validate_condition_config(hass, asked))
    assert degraded.needs_polling


async def test_every_trigger_and_condition_is_described_and_named(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """What has no description is not offered in the automation editor."""
    assert await async_setup_component(hass, "automation", {})
    triggers = await trigger.async_get_all_descriptions(hass)
    conditions = await condition.async_get_all_descriptions(hass)
    ours = {key: value for key, value in (triggers | conditions).items() if key.startswith(f"{DOMAIN}.")}
    assert len(ours) == 25
    assert all(described is not None and "target" in described for described in ours.values())


async def test_the_page_about_them_names_every_action_trigger_and_condition(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    assert await async_setup_component(hass, "automation", {})
    described = await trigger.async_get_all_descriptions(hass) | await condition.async_get_all_descriptions(hass)
    ours = [key for key in described if key.startswith(f"{DOMAIN}.")]
    ours += [f"{DOMAIN}.{name}" for name in hass.services.async_services_for_domain(DOMAIN)]
    page = await hass.async_add_executor_job(PAGE.read_text, "utf-8")
    assert [name for name in ours if f"`{name}`" not in page] == []


async def test_the_examples_on_that_page_are_automations(
    hass: HomeAssistant, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    page = await hass.async_add_executor_job(PAGE.read_text, "utf-8")
    examples = [parse_yaml(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    automations = [one for one in examples if isinstance(one, dict) and "triggers" in one]
    assert len(automations) == 6
    assert await async_setup_component(hass, "automation", {"automation": automations})
    await hass.async_block_till_done()
    assert [state.state for state in hass.states.async_all("automation")] == ["on"] * 6, caplog.text


@pytest.mark.parametrize(
    ("kind", "icon"), [("services", "service"), ("triggers", "trigger"), ("conditions", "condition")]
)
def test_every_field_that_a_form_shows_has_words_and_an_icon(kind: str, icon: str) -> None:
    described = {
        key: one for key, one in parse_yaml((ROOT / f"{kind}.yaml").read_text("utf-8")).items() if key[0] != "."
    }
    texts = json.loads((ROOT / "translations/en.json").read_text("utf-8"))
    icons = json.loads((ROOT / "icons.json").read_text("utf-8"))[kind]
    assert set(described) == set(texts[kind]) == set(icons)
    for key, one in described.items():
        assert icons[key][icon].startswith("mdi:")
        assert {"name", "description"} <= set(texts[kind][key])
        fields = one.get("fields", {})
        assert set(fields) == set(texts[kind][key].get("fields", {})), key
        for name, field in fields.items():
            assert texts[kind][key]["fields"][name]["name"], name
            choice = field["selector"].get("select") or {}
            words = texts["selector"][choice["translation_key"]]["options"] if choice else {}
            assert set(choice.get("options", [])) == set(words), name
