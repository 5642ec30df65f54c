"""What hubs tell that keep records: drift, load, what is kept, what left the home, months; and what older ones lack."""

import copy
from typing import Any

import probatio as vol
import pytest
from aiohttp import web
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice.const import DOMAIN
from tests.integration.conftest import entry_for, until
from tests.integration.entities.conftest import CLOUD, connect
from tests.integration.entities.sight import (
    act,
    attributes_of,
    entities_of,
    turn,
    until_attribute,
    until_state,
    value_of,
)
from tests.integration.peer import (
    ALARM,
    BASELINE,
    DRIFT,
    HEADLINE,
    ID,
    LEDGER,
    SATELLITE,
    SUMS,
    UPLOAD,
    Handler,
    Json,
    Peer,
    certificate,
    refusal,
)

DRIFTED = {"state": "drifted", "turns_to_go": 0, "alarms": [ALARM]}
UPLOADS = "sensor.edge_voice_uploads_this_month"
OURS = {
    "binary_sensor": {"drift", "hub_straining", "processor_slowed_down", "records_cannot_be_read"},
    "button": {"erase_everything_about_single_turns", "erase_recordings", "erase_texts", "stop_the_cloud_baseline"},
    "event": {"drift_change", "scorecard_ready"},
    "select": {"log_of_the_server"},
    "sensor": {
        *("cloud_baseline", "drift", "monthly_scorecard", "recogniser_use", "size_of_the_records", "turns_waiting"),
    },
    "switch": {"keep_recordings"},
}
NEW = {f"{domain}.edge_voice_{name}" for domain, names in OURS.items() for name in names} | {
    "button.assist_satellite_kitchen_erase_what_it_heard"
}


def posted(peer: Peer, path: str) -> list[Any]:
    """Return what the hub was told to change there."""
    return [body for method, asked, body in peer.asked if asked == f"/api/v1/{path}" and method != "GET"]


def refusing(status: int, code: str) -> Handler:
    """Return a handler that refuses everybody."""

    async def refuse(_: web.Request) -> web.Response:
        return refusal(status, code, "no")

    return refuse


def older(status: Json) -> Json:
    """Return the status of a hub that keeps no records."""
    known = copy.deepcopy(status)
    for key in ("drift", "records", "baseline", "scorecard"):
        del known[key]
    known["resources"] = {key: known["resources"][key] for key in ("cpu_percent", "memory_percent", "memory_mb")}
    for key in ("keep_recordings", "log_level"):
        del known["policy"][key]
    return known


async def test_a_figure_that_has_become_worse_is_a_problem_with_its_evidence_until_it_settles(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    assert value_of(hass, "sensor.edge_voice_drift") == "steady"
    await peer.push_status(drift=DRIFTED)
    await until_state(hass, "binary_sensor.edge_voice_drift", "on")
    assert attributes_of(hass, "binary_sensor.edge_voice_drift")["reason"] == ALARM["message"]
    assert value_of(hass, "sensor.edge_voice_drift") == "drifted"
    assert attributes_of(hass, "sensor.edge_voice_drift")["alarms"] == [ALARM]
    await peer.push_status(drift=DRIFT | {"state": "learning", "turns_to_go": 400})
    await until_state(hass, "binary_sensor.edge_voice_drift", "off")
    assert value_of(hass, "sensor.edge_voice_drift") == "learning"
    assert attributes_of(hass, "sensor.edge_voice_drift")["turns_to_go"] == 400
    await peer.push_status(drift=DRIFT | {"state": "sung"})  # by a newer hub
    await until_state(hass, "sensor.edge_voice_drift", STATE_UNKNOWN)


async def test_each_move_of_drift_and_the_end_of_a_month_are_events(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    change = "event.edge_voice_drift_change"
    await peer.push({"type": "drift", "event": "alarm", "alarm": ALARM})
    await until_attribute(hass, change, "event_type", "alarm")
    told = attributes_of(hass, change)
    assert {key: told[key] for key in ALARM} == ALARM
    await peer.push({"type": "drift", "event": "sung", "alarm": ALARM})  # by a newer hub
    await peer.push({"type": "drift", "event": "settled", "alarm": ALARM})
    await until_attribute(hass, change, "event_type", "settled")
    await peer.push({"type": "drift", "event": "accepted", "alarm": None})
    await until_attribute(hass, change, "event_type", "accepted")
    assert "metric" not in attributes_of(hass, change)
    await peer.push({"type": "scorecard", "scorecard": HEADLINE})
    await until_attribute(hass, "event.edge_voice_scorecard_ready", "event_type", "ready")
    told = attributes_of(hass, "event.edge_voice_scorecard_ready")
    assert {key: told[key] for key in HEADLINE} == HEADLINE


async def test_a_hub_that_strains_says_why_and_records_that_cannot_be_read_are_a_problem(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    strained = {"saturated": True, "throttled": True, "reason": "Three turns wait for the recogniser."}
    await peer.push_status(resources=peer.status["resources"] | strained)
    await until_state(hass, "binary_sensor.edge_voice_hub_straining", "on")
    assert attributes_of(hass, "binary_sensor.edge_voice_hub_straining")["reason"] == strained["reason"]
    assert value_of(hass, "binary_sensor.edge_voice_processor_slowed_down") == "on"
    for key, bad in {"missing": "on", "none": "off", "wrong": "on", "good": "off"}.items():
        await peer.push_status(records=peer.status["records"] | {"key": key})
        await until_state(hass, "binary_sensor.edge_voice_records_cannot_be_read", bad)


async def test_a_machine_that_does_not_tell_whether_it_is_slowed_has_no_sensor_for_it(
    core: HomeAssistant, peer: Peer
) -> None:
    slowed = "binary_sensor.edge_voice_processor_slowed_down"
    peer.status["resources"] = peer.status["resources"] | {"throttled": None}
    await connect(core, entry_for(peer.port))
    assert core.states.get(slowed) is None
    await peer.push_status(resources=peer.status["resources"] | {"throttled": False})
    await until_state(core, slowed, "off")


async def test_a_baseline_shows_how_far_it_is_and_is_stopped_by_its_button(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    stop = "button.edge_voice_stop_the_cloud_baseline"
    assert value_of(hass, stop) == STATE_UNAVAILABLE
    await peer.push_status(baseline=BASELINE)
    await until_state(hass, "sensor.edge_voice_cloud_baseline", "recording")
    told = attributes_of(hass, "sensor.edge_voice_cloud_baseline")
    for key in ("began", "ends", "consent", "turns", "pairs", "would_escalate", "seconds", "seconds_cap", "money_cap"):
        assert told[key] == BASELINE[key]
    await act(hass, "button.press", stop)
    assert ("DELETE", "/api/v1/baseline") in [one[:2] for one in peer.asked]
    await peer.push_status(baseline=None)
    await until_state(hass, "sensor.edge_voice_cloud_baseline", "off")
    assert value_of(hass, stop) == STATE_UNAVAILABLE


async def test_what_was_kept_is_erased_by_buttons(core: HomeAssistant, peer: Peer, all_enabled: None) -> None:
    await connect(core, entry_for(peer.port))
    hub, kitchen = "button.edge_voice_erase", "button.assist_satellite_kitchen_erase_what_it_heard"
    for button in (f"{hub}_recordings", f"{hub}_texts", f"{hub}_everything_about_single_turns", kitchen):
        await act(core, "button.press", button)
    all_of_turns = ["turns", "transcripts", "recordings", "corrections"]
    assert posted(peer, "purge") == [
        {"what": ["recordings"]},
        {"what": ["transcripts", "corrections"]},
        {"what": all_of_turns},
        {"what": [*all_of_turns, "queue"], "satellite": SATELLITE},
    ]


async def test_a_hub_that_keeps_no_records_has_none_of_this_until_it_is_updated(
    core: HomeAssistant, peer: Peer, all_enabled: None
) -> None:
    now = copy.deepcopy(peer.status)
    peer.status = older(now)
    entry = await connect(core, entry_for(peer.port))
    before = {one.entity_id for one in entities_of(core, entry)}
    assert before.isdisjoint(NEW)
    await peer.push_status(**now)
    await until_state(core, "switch.edge_voice_keep_recordings", "off")
    assert {one.entity_id for one in entities_of(core, entry)} - before == NEW
    gone = {"button.edge_voice_stop_the_cloud_baseline"}
    assert {one for one in NEW if value_of(core, one) == STATE_UNAVAILABLE} == gone
    peer.status = older(now)
    await peer.push_status()
    of_the_satellite = {one for one in NEW if "kitchen" in one}
    await until(lambda: all(value_of(core, one) == STATE_UNAVAILABLE for one in NEW - of_the_satellite))


async def test_the_first_month_and_a_home_that_never_sent_anything_have_nothing_to_show_yet(
    core: HomeAssistant, peer: Peer
) -> None:
    peer.status["scorecard"] = None
    peer.ledger = {"rows": [], "today": [], "this_month": []}
    await connect(core, entry_for(peer.port))
    assert value_of(core, "sensor.edge_voice_monthly_scorecard") == STATE_UNKNOWN
    assert value_of(core, "sensor.edge_voice_last_upload") == STATE_UNKNOWN
    assert value_of(core, UPLOADS) == "0"


async def test_the_ledger_is_read_again_when_something_may_have_left(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    def uploads(number: int) -> Json:
        return LEDGER | {"this_month": [SUMS[0] | {"uploads": number}]}

    await until_state(hass, UPLOADS, "31")
    assert attributes_of(hass, UPLOADS)["today"] == 7
    assert attributes_of(hass, "sensor.edge_voice_last_upload")["reason"] == UPLOAD["reason"]
    peer.ledger = uploads(32)
    await peer.push_status(mode="edge_only")  # says nothing of uploads
    await until_state(hass, "sensor.edge_voice_mode", "edge_only")
    assert value_of(hass, UPLOADS) == "31"
    await peer.push(turn(lanes=[{"lane": "groq"}]))
    await until_state(hass, UPLOADS, "32")
    peer.ledger = uploads(33)
    await peer.push_status(cloud=CLOUD | {"seconds_today": 20.0})
    await until_state(hass, UPLOADS, "33")
    peer.ledger = uploads(0)
    await hass.services.async_call(DOMAIN, "purge", {"what": "ledger"}, blocking=True)
    await until_state(hass, UPLOADS, "0")
    peer.ledger = uploads(34)
    await peer.drop()
    await until_state(hass, UPLOADS, "34")


async def test_what_did_not_leave_after_all_and_sums_of_what_was_erased_are_no_last_upload(
    core: HomeAssistant, peer: Peer
) -> None:
    earlier = UPLOAD | {"number": 9, "at": "2026-11-20T10:00:00+00:00"}
    summed = UPLOAD | {"number": 119, "ending": "summed-up", "turn_id": ""}
    peer.ledger = LEDGER | {"rows": [summed, UPLOAD | {"left": False, "ending": "lane-unreachable"}, earlier]}
    await connect(core, entry_for(peer.port))
    assert value_of(core, "sensor.edge_voice_last_upload") == earlier["at"]


async def test_a_ledger_that_cannot_be_read_leaves_what_was_known(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    peer.answers["/api/v1/ledger"] = refusing(503, "disk-full")
    caplog.set_level("DEBUG", "custom_components.edge_voice")
    await peer.push(turn(lanes=[{"lane": "groq"}]))
    await until(lambda: "The ledger could not be read" in caplog.text)
    assert value_of(hass, UPLOADS) == "31"
    del peer.answers["/api/v1/ledger"]
    peer.ledger = LEDGER | {"this_month": []}
    await peer.push(turn(turn_id="t2", lanes=[{"lane": "groq"}]))
    await until_state(hass, UPLOADS, "0")


async def test_the_device_leads_to_the_status_page_where_a_browser_can_open_it(
    core: HomeAssistant, peer: Peer, tmp_path: Any, device_registry: dr.DeviceRegistry
) -> None:
    def address(entry: MockConfigEntry) -> str | None:
        hub = device_registry.async_get_device_by_identifier((DOMAIN, ID), entry.entry_id)
        assert hub is not None
        return hub.configuration_url

    plain = await connect(core, entry_for(peer.port))
    assert address(plain) is None
    await core.config_entries.async_remove(plain.entry_id)
    await peer.stop()
    peer.tls, fingerprint = await core.async_add_executor_job(certificate, tmp_path)
    await peer.start()
    data = dict(entry_for(peer.port).data) | {"fingerprint": fingerprint}
    encrypted = await connect(core, MockConfigEntry(domain=DOMAIN, title="Edge Voice", unique_id=ID, data=data))
    assert address(encrypted) == f"https://127.0.0.1:{peer.port}/"


READ = {
    "get_drift": ({}, "drift"),
    "get_figures": ({"days": 14}, "figures?days=14"),
    "get_history": ({"hours": 48}, "history?hours=48"),
    "get_incidents": ({"limit": 5}, "incidents?limit=5"),
    "get_kept": ({}, "kept"),
    "get_ledger": ({"limit": 5, "before": 118}, "ledger?limit=5&before=118"),
    "get_lineage": ({}, "lineage"),
    "get_scorecard": ({"month": "2026-10"}, "scorecard?month=2026-10"),
}


async def test_actions_answer_what_the_hub_tells_and_accept_what_has_become_of_it(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    for action, (data, path) in READ.items():
        answer = await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)
        assert ("GET", f"/api/v1/{path}") in [one[:2] for one in peer.asked]
        assert answer == peer.answer(f"/api/v1/{path.partition('?')[0]}")
    await hass.services.async_call(DOMAIN, "accept_drift", {"language": "en"}, blocking=True)
    await hass.services.async_call(DOMAIN, "accept_drift", {}, blocking=True)
    assert posted(peer, "drift/accept") == [{"language": "en"}, {}]


async def test_an_action_with_nonsense_asks_the_hub_for_nothing(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    nonsense: list[tuple[str, dict[str, object]]] = [
        ("get_figures", {"days": 31}),
        ("get_history", {"hours": 0}),
        ("get_scorecard", {"month": "2026-13"}),
        ("start_baseline", {}),
        ("start_baseline", {"consent": True, "days": 32}),
        ("purge", {"what": ["diary"]}),
    ]
    for action, data in nonsense:
        with pytest.raises(vol.Invalid):
            await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)
    places = {path.partition("?")[0].removeprefix("/api/v1/") for _, path, _ in peer.asked}
    assert places.isdisjoint({"figures", "history", "scorecard", "baseline", "purge"})


async def test_a_baseline_begins_only_with_the_owners_agreement_of_today(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await hass.services.async_call(DOMAIN, "start_baseline", {"consent": False}, blocking=True)
    assert raised.value.translation_key == "baseline_not_agreed"
    assert posted(peer, "baseline") == []
    days = [dt_util.now().date().isoformat()]
    await hass.services.async_call(DOMAIN, "start_baseline", {"consent": True, "money": 0.5}, blocking=True)
    days.append(dt_util.now().date().isoformat())  # it may have become tomorrow
    (asked,) = posted(peer, "baseline")
    assert asked.pop("consent") in days
    assert asked == {"days": 7, "seconds": 3600.0, "money": 0.5}
    await hass.services.async_call(DOMAIN, "stop_baseline", {}, blocking=True)
    assert [one[0] for one in peer.asked if one[1] == "/api/v1/baseline"] == ["POST", "DELETE"]


async def test_each_refusal_has_its_sentence(hass: HomeAssistant, peer: Peer, entry: MockConfigEntry) -> None:
    agreed: dict[str, object] = {"consent": True}
    refused: list[tuple[str, dict[str, object], str, int, str]] = [
        ("start_baseline", agreed, "baseline", 409, "baseline-running"),
        ("start_baseline", agreed, "baseline", 403, "not-consented"),
        ("start_baseline", agreed, "baseline", 409, "cap-reached"),
        ("stop_baseline", {}, "baseline", 404, "no-baseline"),
        ("get_scorecard", {"month": "1999-01"}, "scorecard", 404, "unknown-month"),
    ]
    for action, data, path, status, code in refused:
        peer.answers[f"/api/v1/{path}"] = refusing(status, code)
        with pytest.raises(ServiceValidationError) as raised:
            await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)
        assert raised.value.translation_key == f"refused_{code.replace('-', '_')}"


async def test_of_a_satellite_only_what_is_kept_of_it_is_erased(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    of_the_kitchen = {"satellite": SATELLITE}
    with pytest.raises(ServiceValidationError) as raised:
        await hass.services.async_call(DOMAIN, "purge", {"what": "ledger"} | of_the_kitchen, blocking=True)
    assert raised.value.translation_key == "not_of_a_satellite"
    await hass.services.async_call(DOMAIN, "purge", {"what": ["turns", "recordings"]} | of_the_kitchen, blocking=True)
    await hass.services.async_call(DOMAIN, "purge", {"what": "everything"} | of_the_kitchen, blocking=True)
    assert posted(peer, "purge") == [
        {"what": ["turns", "recordings"]} | of_the_kitchen,
        {"what": ["everything"]} | of_the_kitchen,
    ]
