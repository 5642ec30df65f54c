"""Every blueprint, made into an automation as people do it, and run: what the phone shows, and what the hub is told."""

import json
from datetime import timedelta

from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.components.persistent_notification import _async_get_or_create_notifications
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_mock_service
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from tests.home_assistant.phone import CLEARED, Phone, actions_of
from tests.integration.blueprints.conftest import ALWAYS, NEVER, Use
from tests.integration.conftest import until
from tests.integration.entities.conftest import CLOUD
from tests.integration.entities.sight import turn
from tests.integration.peer import ALARM, HEADLINE, OFFERED, SATELLITE, Handler, Json, Peer, says


def shown(hass: HomeAssistant) -> dict[str, str]:
    """Return what Home Assistant itself shows: title → message."""
    return {str(one["title"]): one["message"] for one in _async_get_or_create_notifications(hass).values()}


def telling(answer: Json) -> Handler:
    """Return a handler that answers the same to everybody."""
    return says(json.dumps(answer), content_type="application/json")


async def test_drift_comes_to_the_phone_and_is_accepted_there(
    hass: HomeAssistant, peer: Peer, hub: str, phone: Phone, phone_device: str, use: Use
) -> None:
    await use("drift_alert", hub=hub, phones=[phone_device], metrics=["escalation"], **NEVER)
    await peer.push({"type": "drift", "event": "alarm", "alarm": ALARM | {"metric": "latency", "message": "Slow."}})
    await peer.push({"type": "drift", "event": "alarm", "alarm": ALARM})
    message = await phone.message(title="Speech in en has become worse")
    assert [one["message"] for one in phone.pushed] == [ALARM["message"]]
    assert message["data"]["push"] == {"interruption-level": "active"}
    await phone.tap("EDGE_VOICE_DRIFT|another hub|en")
    await phone.tap(actions_of(message)["It is to stay so"])
    await until(lambda: ("POST", "/api/v1/drift/accept", {"language": "en"}) in peer.asked)
    assert [path for _, path, _ in peer.asked].count("/api/v1/drift/accept") == 1


async def test_without_a_phone_home_assistant_shows_it(hass: HomeAssistant, peer: Peer, hub: str, use: Use) -> None:
    await use("drift_alert", hub=hub)
    await peer.push({"type": "drift", "event": "alarm", "alarm": ALARM})
    await until(lambda: shown(hass))
    assert shown(hass) == {"Speech in en has become worse": ALARM["message"]}


async def test_the_limit_of_the_cloud_is_told_with_what_was_used(
    peer: Peer, hub: str, phone: Phone, phone_device: str, use: Use
) -> None:
    await use("over_budget_alert", hub=hub, phones=[phone_device])
    await peer.push_status(cloud=CLOUD | {"over_budget": True})
    message = await phone.message(title="The cloud's limit is reached")
    assert message["message"].startswith("Used: 12 s today,")
    assert "0.00 USD this month." in message["message"]
    assert message["message"].endswith(
        "Your speech stays at home until the day or the month is over, or you raise the limit."
    )


async def microphone(peer: Peer, **changes: object) -> None:
    """Have the kitchen's microphone be otherwise."""
    (kitchen,) = peer.status["satellites"]
    await peer.push_status(satellites=[kitchen | changes])


async def test_a_microphone_is_told_of_with_its_figures_until_it_is_well(
    peer: Peer, phone: Phone, phone_device: str, use: Use
) -> None:
    await use("microphone_problem", phones=[phone_device])
    figures = peer.status["satellites"][0]["evidence"]
    bad = {"snr_db": 2.6, "clipping": 0.0}
    await microphone(peer, state="text_only", reason="drowned in noise (3 dB)", evidence=figures | bad)
    message = await phone.message(title=f"{SATELLITE}: the microphone cannot be used")
    assert message["message"] == (
        "Drowned in noise (3 dB). Move it nearer to whoever speaks, or away from what is loud."
    )
    clips = {"snr_db": 20.0, "clipping": 0.12}
    await microphone(peer, state="noisy", reason="", evidence=figures | clips)
    message = await phone.message(title=f"{SATELLITE}: the microphone is noisy")
    assert message["message"].startswith("12.0 % of what it hears clips. Lower the microphone's gain")
    await microphone(peer, state="good", reason="", evidence=figures)
    cleared = await phone.message(message=CLEARED)
    assert cleared["data"]["tag"] == message["data"]["tag"]


async def test_the_scorecard_comes_once_in_the_morning(
    hass: HomeAssistant, peer: Peer, hub: str, phone: Phone, phone_device: str, use: Use
) -> None:
    advice = [{"code": "slow", "message": "Choose a smaller model."}]
    answer: Json = {"headline": HEADLINE, "complete": True, "advice": advice}
    peer.answers["/api/v1/scorecard"] = telling(answer)
    await use("monthly_scorecard", hub=hub, phones=[phone_device], at="09:00:00")
    await in_the_morning(hass)
    message = await phone.message(title="Your voice in 2026-10")
    assert message["message"] == (
        "5200 commands. 19 of 20 were understood within 0.3 s of the last word. "
        "The cloud was asked about 8.0 % and cost 0.09 USD. Choose a smaller model."
    )
    assert message["data"]["push"] == {"interruption-level": "passive"}
    await in_the_morning(hass)
    assert len(phone.pushed) == 1
    november = HEADLINE | {"month": "2026-11", "made_at": (dt_util.utcnow() + timedelta(hours=1)).isoformat()}
    peer.answers["/api/v1/scorecard"] = telling({"headline": november, "complete": True, "advice": []})
    await peer.push_status(scorecard=november)
    await until(lambda: "2026-11" in [one.attributes.get("month") for one in hass.states.async_all("sensor")])
    await in_the_morning(hass)
    await phone.message(title="Your voice in 2026-11")


async def in_the_morning(hass: HomeAssistant) -> None:
    """Have the automation look whether there is something to do, as it does once a day."""
    data = {"entity_id": "automation.monthly_scorecard", "skip_condition": False}
    await hass.services.async_call("automation", "trigger", data, blocking=True)


def moved(event: str, label: str = OFFERED["label"]) -> Json:
    """Return the message of a speech model that moved."""
    told = {"at": "2026-11-22T10:00:00+00:00", "code": None, "message": "", "evidence": []}
    return {"type": "bundle", "event": event, "kind": "asr", "label": label} | told


async def test_a_model_is_installed_once_the_owner_says_so(
    hass: HomeAssistant, peer: Peer, hub: str, phone: Phone, phone_device: str, use: Use
) -> None:
    await use("update_approval", hub=hub, phones=[phone_device])
    await peer.push(moved("offered"))
    message = await phone.message(title="A new speech model for your home")
    assert "home-en@1.2.0" in message["message"]
    await phone.tap(actions_of(message)["Not now"])
    await hass.async_block_till_done()
    assert "/api/v1/bundles/install" not in [path for _, path, _ in peer.asked]
    # A restart in between loses nothing.
    await hass.services.async_call("automation", "reload", blocking=True)
    await phone.tap(actions_of(message)["Install it"])
    answer = await phone.message(title="home-en@1.2.0")
    assert answer["message"].startswith("It is being installed.")
    assert answer["data"]["tag"] == message["data"]["tag"]
    installs = [body for _, path, body in peer.asked if path == "/api/v1/bundles/install"]
    assert installs == [{"kind": "asr", "label": "home-en@1.2.0"}]


ASKED_TO_TYPE = turn(turn_id="typed", action="ask_text", reason="please type it")


async def test_what_is_typed_is_done_as_if_it_had_been_said(
    hass: HomeAssistant, peer: Peer, phone: Phone, phone_device: str, use: Use
) -> None:
    await async_setup_component(hass, "input_boolean", {"input_boolean": {"kitchen_light": {"name": "Kitchen light"}}})
    async_expose_entity(hass, "conversation", "input_boolean.kitchen_light", should_expose=True)
    hass.states.async_set(SATELLITE, "idle", {"friendly_name": "Kitchen satellite"})
    await use("typed_text_fallback", phones=[phone_device], **NEVER)
    await peer.push(ASKED_TO_TYPE)
    message = await phone.message(title="Kitchen satellite did not understand you")
    (field,) = message["data"]["actions"]
    assert (field["behavior"], message["data"]["push"]) == ("textInput", {"interruption-level": "active"})
    assert field["authenticationRequired"] is True  # what is typed may unlock a door
    await phone.tap(field["action"], " turn on the kitchen light ")
    answer = await phone.message(title="Kitchen satellite")
    assert answer["data"]["tag"] == message["data"]["tag"]
    assert hass.states.get("input_boolean.kitchen_light").state == "on", answer


async def test_a_typed_text_stays_as_it_is_whatever_it_looks_like_and_no_trace_keeps_it(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    peer: Peer,
    phone: Phone,
    phone_device: str,
    use: Use,
) -> None:
    calls = async_mock_service(hass, "edge_voice", "run_text", response={"speech": "Good."})
    await use("typed_text_fallback", phones=[phone_device])
    for text in ("007", "[1, 2]", "{{ states('sun.sun') }}", 'it\'s "so"'):
        await peer.push(ASKED_TO_TYPE)
        question = await phone.message(title="A satellite did not understand you")
        await phone.tap(question["data"]["actions"][0]["action"], text)
        await phone.message(message="Good.")
        phone.pushed.clear()
        assert (calls[-1].data["text"], calls[-1].data["language"]) == (text, "en")
    await peer.push(ASKED_TO_TYPE)
    question = await phone.message(title="A satellite did not understand you")
    await phone.tap(question["data"]["actions"][0]["action"], "  ")
    assert (await phone.message(message=CLEARED))["data"]["tag"] == question["data"]["tag"]
    assert len(calls) == 4
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "trace/list", "domain": "automation"})
    assert (await client.receive_json())["result"] == []


async def test_results_are_said_where_they_were_asked_for_and_shown_where_nobody_can_speak(
    hass: HomeAssistant, peer: Peer, hub: str, phone: Phone, phone_device: str, use: Use
) -> None:
    said = async_mock_service(hass, "assist_satellite", "announce")
    hass.states.async_set(SATELLITE, "idle", {"supported_features": 1})
    await use("announce_queue_results", hub=hub, phones=[phone_device], **NEVER)
    await peer.keep("what time is it", satellite=SATELLITE)
    await until(lambda: said)
    (call,) = said
    assert call.data["entity_id"] == [SATELLITE]
    assert call.data["message"].startswith("Back online: ")
    assert not phone.pushed
    hass.states.async_set(SATELLITE, "idle", {"supported_features": 0})
    await peer.keep("what time is it", satellite=SATELLITE)
    message = await phone.message(title="Edge Voice")
    assert message["message"].startswith("Back online: ")
    assert message["data"]["push"] == {"interruption-level": "passive"}
    assert len(said) == 1


async def test_at_night_the_phone_shows_results_and_asks_what_becomes_of_a_request_without_a_sound(
    hass: HomeAssistant, peer: Peer, hub: str, phone: Phone, phone_device: str, use: Use
) -> None:
    said = async_mock_service(hass, "assist_satellite", "announce")
    hass.states.async_set(SATELLITE, "idle", {"supported_features": 1})
    await use("announce_queue_results", hub=hub, phones=[phone_device], **ALWAYS)
    await peer.keep("what time is it", satellite=SATELLITE)
    assert (await phone.message(title="Edge Voice"))["message"].startswith("Back online: ")
    for button, method, verb in (("Do it again", "POST", "/repeat"), ("Drop it", "DELETE", "")):
        phone.pushed.clear()
        request = peer.queue.find(await peer.keep(state="waiting"))
        request["state"] = "unheard"
        await peer.queue.move("unheard", request)
        message = await phone.message(title="Edge Voice")
        assert "milk" not in str(message)
        assert message["data"]["push"] == {"interruption-level": "passive"}
        await phone.tap(actions_of(message)[button])
        wanted = (method, f"/api/v1/queue/{request['id']}{verb}")
        await until(lambda wanted=wanted: wanted in [(one, path) for one, path, _ in peer.asked])
    assert not said
