"""Requests that wait, modes and satellites' states: what Home Assistant shows of them, and what its owner does."""

from typing import Any

import pytest
from homeassistant.const import STATE_UNAVAILABLE, Platform
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import condition
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from custom_components.edge_voice.const import DOMAIN
from tests.integration.conftest import entry_for, set_up, until
from tests.integration.entities.conftest import connect
from tests.integration.entities.sight import act, attributes_of, turn, until_state, value_of
from tests.integration.peer import SATELLITE, Peer

LENGTH = "sensor.edge_voice_waiting_requests"
LIST = "todo.edge_voice_waiting_requests"
TRY, DROP = (f"button.edge_voice_{what}" for what in ("try_waiting_requests_now", "drop_waiting_requests"))
SPEECH = {"state": "text_only", "reason": "It clips.", "since": "2026-11-22T10:00:00+00:00", "ends": "Ten good turns."}


@pytest.fixture(autouse=True)
def _what_it_is_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set up only what requests and modes are shown by: of all entities, each test would take twice as long."""
    about = [Platform.BUTTON, Platform.EVENT, Platform.NUMBER, Platform.SENSOR, Platform.TODO]  # the last: to-do lists
    monkeypatch.setattr("custom_components.edge_voice.PLATFORMS", about)


@pytest.fixture
def did(hass: HomeAssistant) -> list[ServiceCall]:
    """What the automations did."""
    return async_mock_service(hass, "test", "act")


async def ask(hass: HomeAssistant, action: str, **data: Any) -> Any:
    """Return what one of our actions answers."""
    return await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)


async def items(hass: HomeAssistant) -> list[dict[str, Any]]:
    """Return what is on the list."""
    told = await hass.services.async_call("todo", "get_items", {"entity_id": LIST}, blocking=True, return_response=True)
    found: list[dict[str, Any]] = told[LIST]["items"]
    return found


async def test_what_waits_is_counted_and_never_said_in_a_state(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    await peer.keep("add a secret to the list", state="waiting", at="2026-11-20T08:00:00+00:00")
    await peer.keep("another secret", state="unheard")
    await until_state(hass, LENGTH, "2")
    assert {key: attributes_of(hass, LENGTH)[key] for key in ("waiting", "needs_you")} == {"waiting": 1, "needs_you": 1}
    assert value_of(hass, "sensor.edge_voice_oldest_waiting_request") == "2026-11-20T08:00:00+00:00"
    assert attributes_of(hass, "event.edge_voice_waiting_request")["state"] == "unheard"
    await until(lambda: value_of(hass, LIST) == "2")
    assert not [one.entity_id for one in hass.states.async_all() if "secret" in str(one.as_dict())]


async def test_the_list_says_what_was_said_and_deleting_drops(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    first = await peer.keep("add milk", state="waiting")
    await peer.keep(None, state="failed", heard=None, reason="The key is lost.")
    await until_state(hass, LIST, "2")
    milk, lost = await items(hass)
    assert (milk["summary"], milk["description"], milk["uid"]) == ("add milk", "Waits for a speech service", first)
    assert (lost["summary"], lost["description"]) == ("For a list", "Was refused\nThe key is lost.")
    await act(hass, "todo.remove_item", LIST, item=first)
    await until_state(hass, LIST, "1")
    assert [one["state"] for one in peer.queue.requests] == ["failed"]
    assert value_of(hass, LENGTH) == "1"


async def test_buttons_try_and_drop_what_there_is(hass: HomeAssistant, peer: Peer, entry: MockConfigEntry) -> None:
    assert value_of(hass, TRY) == value_of(hass, DROP) == STATE_UNAVAILABLE
    await peer.keep(state="waiting")
    await until(lambda: value_of(hass, TRY) != STATE_UNAVAILABLE)
    await act(hass, "button.press", TRY)
    await until(lambda: peer.queue.ended)
    await peer.keep(state="unheard")
    await until(lambda: value_of(hass, DROP) != STATE_UNAVAILABLE)
    await act(hass, "button.press", DROP)
    await until_state(hass, LENGTH, "0")


async def test_how_long_each_kind_may_wait_is_a_number(hass: HomeAssistant, peer: Peer, entry: MockConfigEntry) -> None:
    for kind in ("lists", "notes", "reminders"):
        await act(hass, "number.set_value", f"number.edge_voice_{kind}_may_wait", value=0)
    told = [body for method, path, body in peer.asked if (method, path) == ("PUT", "/api/v1/policy")]
    assert told == [{"list_hours": 0}, {"note_hours": 0}, {"reminder_hours": 0}]


async def test_actions_look_repeat_and_drop(hass: HomeAssistant, peer: Peer, entry: MockConfigEntry) -> None:
    unheard = peer.queue.add(None, state="unheard")
    (told,) = (await ask(hass, "get_requests"))["requests"]
    assert (told["request_id"], told["heard"]) == (unheard, "add bilk to the shopping list")
    new = await ask(hass, "repeat_request", request_id=unheard, text="add milk")
    assert (new["repeats"], new["text"]) == (unheard, "add milk")
    await until(lambda: peer.queue.ended.get(new["request_id"]))
    waiting = peer.queue.add(state="waiting")
    assert await ask(hass, "drop_request", request_id=waiting) == {"dropped": 1}
    assert (await ask(hass, "flush_requests"))["hours"]["list"] == 24.0
    with pytest.raises(ServiceValidationError, match="no such request"):
        await ask(hass, "drop_request", request_id="gone")
    with pytest.raises(ServiceValidationError, match="being done"):
        await ask(hass, "repeat_request", request_id=peer.queue.add(state="started", started_by="another"))


async def test_an_older_hub_has_none_of_it(core: HomeAssistant, peer: Peer) -> None:
    del peer.status["queue"]
    for one in ("list_hours", "note_hours", "reminder_hours"):
        del peer.status["policy"][one]
    for one in ("mode_since", "mode_ends"):
        del peer.status[one]
    entry = await connect(core, entry_for(peer.port))
    ours = er.async_entries_for_config_entry(er.async_get(core), entry.entry_id)
    newer = {"queue_length", "oldest_request", "waiting_request", "waiting_requests", "flush_requests", "list_hours"}
    assert not newer & {one.translation_key for one in ours}
    assert attributes_of(core, "sensor.edge_voice_mode")["since"] is None
    assert not [path for _, path, _ in peer.asked if path.startswith("/api/v1/queue")]


AUTOMATIONS: dict[str, dict[str, Any]] = {
    "kept": {"trigger": "edge_voice.request_kept"},
    "kept reminder": {"trigger": "edge_voice.request_kept", "options": {"kind": "reminder"}},
    "done": {"trigger": "edge_voice.request_done", "options": {"kind": ["list", "note"]}},
    "needs you": {"trigger": "edge_voice.request_needs_you"},
    "interrupted": {"trigger": "edge_voice.request_needs_you", "options": {"how": ["interrupted"]}},
    "mode": {"trigger": "edge_voice.mode_changed", "options": {"mode": ["edge_only"]}},
    "satellite": {"trigger": "edge_voice.satellite_changed", "target": {"entity_id": SATELLITE}},
    "text": {"trigger": "edge_voice.text_wanted"},
}
TOLD = {
    "request": "{{ (trigger.request | default({})).kind | default('') }}",
    "said": "{{ trigger.message | default('') }}",
    "now": "{{ (trigger.mode | default(trigger.satellite | default({}))).ends | default('') }}",
}


async def test_automations_start_when_requests_modes_and_satellites_move(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, did: list[ServiceCall]
) -> None:
    config = [
        {"alias": name, "triggers": [one], "actions": [{"action": "test.act", "data": TOLD | {"alias": name}}]}
        for name, one in AUTOMATIONS.items()
    ]
    assert await async_setup_component(hass, "automation", {"automation": config})
    await peer.keep("wait", state="waiting")
    unheard = await peer.keep("what", state="unheard", kind="note")
    await peer.queue.move("unheard", peer.queue.find(unheard))
    await peer.keep("turn on nothing at all", kind="reminder")
    await peer.push_status(mode="edge_only", mode_ends="Ends with the next answer.")
    await peer.push_status(mode="normal", mode_ends="")
    await peer.push_status(satellites=[peer.status["satellites"][0] | SPEECH])
    await peer.push(turn(turn_id="typed", action="ask_text"))
    await until(lambda: {call.data["alias"] for call in did} >= {"text", "satellite", "mode"} and peer.queue.ended)
    await hass.async_block_till_done()
    started = [call.data["alias"] for call in did]
    assert started.count("kept") == 2
    assert "kept reminder" not in started
    assert "interrupted" not in started
    by = {call.data["alias"]: call.data for call in did}
    assert by["needs you"]["said"].startswith("Something you said earlier")
    assert by["mode"]["now"] == "Ends with the next answer."
    assert (started.count("mode"), by["satellite"]["now"]) == (1, "Ten good turns.")


async def test_an_automation_is_told_what_was_answered(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, did: list[ServiceCall]
) -> None:
    automation = {"triggers": {"trigger": "edge_voice.request_done"}, "actions": {"action": "test.act", "data": TOLD}}
    said = {"trigger": "conversation", "command": "note the milk"}
    noting = {"triggers": said, "actions": [{"set_conversation_response": "Milk is noted."}]}
    assert await async_setup_component(hass, "automation", {"automation": [automation, noting]})
    await peer.keep("note the milk", kind="note")
    await until(lambda: did)
    assert (did[0].data["request"], did[0].data["said"]) == ("note", "Back online: Milk is noted.")


async def holds(hass: HomeAssistant, name: str, **options: Any) -> bool | None:
    """Return whether a condition of ours holds."""
    config = {"condition": f"edge_voice.{name}", "options": options}
    checked = await condition.async_validate_condition_config(hass, config)
    return bool((await condition.async_from_config(hass, checked)).async_check())


async def test_conditions_ask_for_modes_microphones_and_what_waits(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    assert await holds(hass, "mode_is", mode=["normal"])
    assert await holds(hass, "microphone_is", state="good")
    assert not await holds(hass, "requests_wait")
    await peer.keep(state="waiting")
    await peer.keep(state="failed")
    await peer.push_status(mode="shedding", satellites=[peer.status["satellites"][0] | SPEECH])
    await until_state(hass, "sensor.edge_voice_mode", "shedding")
    assert not await holds(hass, "mode_is", mode=["normal", "edge_only"])
    assert not await holds(hass, "microphone_is", state=["good", "noisy"])
    assert await holds(hass, "requests_wait")
    assert await holds(hass, "requests_need_you")


def issues(hass: HomeAssistant) -> dict[str, ir.IssueEntry]:
    """Return our issues by the key of their texts."""
    return {str(one.translation_key): one for one in ir.async_get(hass).issues.values() if one.domain == DOMAIN}


async def test_a_mode_that_calls_for_its_owner_is_an_issue_unless_a_warning_says_so(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    await peer.push_status(mode="unavailable", mode_reason="No model.", mode_ends="A model.")
    await until(lambda: "mode_unavailable" in issues(hass))
    placeholders = issues(hass)["mode_unavailable"].translation_placeholders
    assert placeholders == {"hub": "Edge Voice", "reason": "No model.", "ends": "A model."}
    await peer.push_status(warnings=[{"code": "model-missing", "message": "No model.", "subject": ""}])
    await until(lambda: "model_missing" in issues(hass))
    assert "mode_unavailable" not in issues(hass)
    await peer.push_status(mode="normal", warnings=[])
    await until(lambda: not issues(hass))


@pytest.mark.parametrize("choice", ["repeat", "drop"])
async def test_a_request_that_needs_its_owner_is_mended_by_a_repair(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, hass_client: Any, choice: str
) -> None:
    assert await async_setup_component(hass, "repairs", {})
    request_id = await peer.keep("add milk", state="interrupted")
    await until(lambda: "request_interrupted" in issues(hass))
    issue = issues(hass)["request_interrupted"]
    assert "milk" not in str(issue)
    browser = await hass_client()

    async def post(path: str, **body: Any) -> dict[str, Any]:
        answer = await browser.post(f"/api/repairs/issues/fix{path}", json=body)
        told: dict[str, Any] = await answer.json()
        return told

    menu = await post("", handler=DOMAIN, issue_id=issue.issue_id)
    assert menu["menu_options"] == ["repeat", "drop"]
    assert menu["description_placeholders"]["said"] == "add milk"
    form = await post(f"/{menu['flow_id']}", next_step_id=choice)
    assert (form["type"], form["step_id"]) == ("form", choice)
    sent = {"text": "add milk and bread"} if choice == "repeat" else {}
    assert (await post(f"/{menu['flow_id']}", **sent))["type"] == "create_entry"
    await until(lambda: "request_interrupted" not in issues(hass))
    assert request_id not in [one["id"] for one in peer.queue.requests]
    if choice == "repeat":
        told = [body for _, path, body in peer.asked if path.endswith("/repeat")]
        assert told == [{"text": "add milk and bread"}]


async def test_a_repair_says_why_a_hub_does_not_do_it(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, hass_client: Any
) -> None:
    assert await async_setup_component(hass, "repairs", {})
    request_id = await peer.keep("add milk", state="failed")
    await until(lambda: "request_failed" in issues(hass))
    browser, issue = await hass_client(), issues(hass)["request_failed"].issue_id
    menu = await (await browser.post("/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": issue})).json()
    peer.queue.requests.remove(peer.queue.find(request_id))
    form = await (
        await browser.post(f"/api/repairs/issues/fix/{menu['flow_id']}", json={"next_step_id": "drop"})
    ).json()
    assert form["type"] == "form"
    form = await (await browser.post(f"/api/repairs/issues/fix/{menu['flow_id']}", json={})).json()
    assert form["errors"] == {"base": "refused"}
    assert "no such request" in form["description_placeholders"]["error"]


async def test_a_reload_keeps_what_is_shown(core: HomeAssistant, peer: Peer) -> None:
    peer.queue.add("add milk", state="waiting")
    peer.status["queue"] = peer.queue.counts()
    entry = entry_for(peer.port)
    await set_up(core, entry)
    await until_state(core, LIST, "1")
    assert await core.config_entries.async_reload(entry.entry_id)
    await until_state(core, LIST, "1")
