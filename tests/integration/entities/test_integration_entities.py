"""Entities: rows of descriptions, pushed by a hub that says what the contract's own examples say."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, snapshot_platform
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

from custom_components.edge_voice.const import DOMAIN
from tests.integration.conftest import entry_for, until
from tests.integration.entities.conftest import CLOUD, connect
from tests.integration.entities.sight import OURS, act, entities_of, until_state, value_of
from tests.integration.peer import BASELINE, ID, SATELLITE, Peer, refusal

ROOT = Path(__file__).parents[3] / "custom_components/edge_voice"


def commands(peer: Peer) -> list[tuple[str, str, Any]]:
    """Return which changes of the policy the hub was asked for."""
    return [one for one in peer.asked if one[0] != "GET" and one[1] == "/api/v1/policy"]


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Write states and registry entries as Home Assistant's own tests do."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@pytest.mark.parametrize("platform", OURS)
async def test_a_platform_shows_what_the_hub_says(
    core: HomeAssistant,
    talked_to: Peer,
    platform: Platform,
    all_enabled: None,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dt_util, "start_of_local_day", lambda: datetime(2026, 11, 22, tzinfo=UTC))
    monkeypatch.setattr("custom_components.edge_voice.PLATFORMS", [platform])
    entry = await connect(core, entry_for(talked_to.port))
    await snapshot_platform(core, entity_registry, snapshot, entry.entry_id)


async def test_every_entity_has_a_name_an_icon_and_words_for_its_states(
    core: HomeAssistant, talked_to: Peer, all_enabled: None
) -> None:
    """A key that is missing shows as a raw word, or as the device's own name, in every language."""
    entry = await connect(core, entry_for(talked_to.port))
    texts = json.loads((ROOT / "translations/en.json").read_text("utf-8"))["entity"]
    icons = json.loads((ROOT / "icons.json").read_text("utf-8"))["entity"]
    used: dict[str, set[str]] = {platform: set() for platform in OURS}
    for one in entities_of(core, entry):
        key = one.translation_key
        assert key is not None, one.entity_id
        used[one.domain].add(key)
        text = texts[one.domain][key]
        assert text["name"], one.entity_id
        assert icons[one.domain][key]["default"].startswith("mdi:"), one.entity_id
        capabilities = one.capabilities or {}
        assert set(capabilities.get("options", [])) == set(text.get("state", {})), one.entity_id
        if one.domain == Platform.EVENT:
            assert set(capabilities["event_types"]) == set(text["state_attributes"]["event_type"]["state"])
    other_microphones = {f"threshold_{one}" for one in ("headset", "near_field", "phone")}
    for platform in OURS:
        assert set(texts[platform]) - used[platform] <= other_microphones, "texts of entities that do not exist"
        assert set(icons[platform]) - used[platform] <= other_microphones, "icons of entities that do not exist"


async def test_every_number_is_kept_in_long_term_statistics(
    core: HomeAssistant, talked_to: Peer, all_enabled: None
) -> None:
    await connect(core, entry_for(talked_to.port))
    numeric = [state for state in core.states.async_all("sensor") if state.state.replace(".", "").isdigit()]
    assert len(numeric) > 20
    assert [state.entity_id for state in numeric if "state_class" not in state.attributes] == []


async def test_a_switch_tells_the_hub_and_turns_when_the_hub_says_so(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    """Nothing is shown that the hub has not confirmed: a refused change must not look like an accepted one."""
    switch = "switch.edge_voice_audits"
    await act(hass, "switch.turn_on", switch)
    assert commands(peer) == [("PUT", "/api/v1/policy", {"audits": True})]
    assert value_of(hass, switch) == "off"
    await peer.push_status(policy=peer.status["policy"] | {"audits": True})
    await until_state(hass, switch, "on")


async def test_a_refused_change_says_why_in_the_users_language(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return refusal(400, "invalid-settings", "error_target must be between 0.001 and 0.5")

    peer.answers["/api/v1/policy"] = refuse
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, "number.set_value", "number.edge_voice_error_target", value=3)
    assert raised.value.translation_domain == DOMAIN
    assert raised.value.translation_placeholders is not None
    assert "between 0.001 and 0.5" in raised.value.translation_placeholders["message"]


async def test_a_change_while_the_hub_goes_away_fails_with_a_reason(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    async def vanish(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    peer.answers["/api/v1/policy"] = vanish
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, "select.select_option", "select.edge_voice_routing", option="edge")
    assert raised.value.translation_key == "cannot_connect"


async def test_a_satellite_without_a_threshold_of_its_own_shows_the_homes(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    number = "number.assist_satellite_kitchen_wake_threshold"
    assert value_of(hass, number) == "50.0"
    own = copy.deepcopy(peer.status["satellites"])
    own[0]["wake_threshold"] = 0.7
    await peer.push_status(satellites=own)
    await until_state(hass, number, "70.0")


async def test_a_hub_is_degraded_when_it_does_less_than_was_asked_for(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    """A home that wants no cloud is whole without one: its owner must not be warned every day."""
    no_lane = CLOUD | {"reachable": None}
    for mode, cloud, degraded in [
        ("starter", CLOUD, "on"),
        ("normal", CLOUD, "off"),
        ("shedding", CLOUD, "on"),
        ("edge_only", no_lane, "off"),
        ("edge_only", CLOUD | {"reachable": False}, "on"),
        ("edge_only", CLOUD, "off"),
        ("edge_only", CLOUD | {"over_budget": True}, "on"),
        ("normal", no_lane, "off"),
        ("cloud_only", CLOUD, "on"),
        ("normal", CLOUD, "off"),
        ("unavailable", no_lane, "on"),
    ]:
        await peer.push_status(mode=mode, cloud=cloud)
        await until_state(hass, "binary_sensor.edge_voice_degraded", degraded)
        await until_state(hass, "sensor.edge_voice_mode", mode)


async def test_words_of_a_newer_hub_are_unknown_rather_than_an_error(core: HomeAssistant, peer: Peer) -> None:
    satellites = copy.deepcopy(peer.status["satellites"])
    satellites[0]["state"] = "singing"
    peer.status |= {"mode": "dreaming", "satellites": satellites, "model": {"name": "base", "state": "sleeping"}}
    await connect(core, entry_for(peer.port))
    for sensor in ("edge_voice_mode", "edge_voice_model_state", "assist_satellite_kitchen_microphone"):
        assert value_of(core, f"sensor.{sensor}") == STATE_UNKNOWN


async def test_a_satellite_gets_its_entities_when_the_hub_first_hears_of_it(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, device_registry: dr.DeviceRegistry
) -> None:
    hall = peer.status["satellites"][0] | {"id": "assist_satellite.hall", "state": "text_only"}
    await peer.push_status(satellites=[*peer.status["satellites"], hall])
    await until_state(hass, "binary_sensor.assist_satellite_hall_microphone_unusable", "on")
    hub = device_registry.async_get_device_by_identifier((DOMAIN, ID), entry.entry_id)
    device = device_registry.async_get_device_by_identifier((DOMAIN, f"{ID}_assist_satellite.hall"), entry.entry_id)
    assert hub is not None
    assert device is not None
    assert device.via_device_id == hub.id


async def test_an_address_is_no_satellite(hass: HomeAssistant, peer: Peer, entry: MockConfigEntry) -> None:
    """Whoever speaks without a name is known by Home Assistant's own address: phones and browsers alike."""
    before = len(entities_of(hass, entry))
    kitchen = peer.status["satellites"][0]
    strangers = [kitchen | {"id": one} for one in ("192.168.1.20", "fe80::1")]
    hall = kitchen | {"id": "assist_satellite.hall"}
    await peer.push_status(satellites=[kitchen, *strangers, hall])
    of_one = [one for one in entities_of(hass, entry) if SATELLITE in one.unique_id]
    await until(lambda: len(entities_of(hass, entry)) >= before + len(of_one))
    assert len(entities_of(hass, entry)) == before + len(of_one)


async def test_a_forgotten_satellite_leaves_and_comes_back_when_it_is_heard_again(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    def of_the_kitchen() -> set[str]:
        return {one.entity_id for one in entities_of(hass, entry) if SATELLITE in one.unique_id}

    before, kitchen = of_the_kitchen(), peer.status["satellites"]
    for _ in range(2):
        await peer.push_status(satellites=[])
        await until(lambda: not of_the_kitchen())
        await peer.push_status(satellites=kitchen)
        await until(lambda: of_the_kitchen() == before)
        await until_state(hass, "sensor.assist_satellite_kitchen_signal_to_noise", "18.5")


async def test_a_language_gets_its_threshold_when_it_is_learned_and_does_not_know_it_when_that_is_erased(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    sensor = "sensor.edge_voice_threshold_de_phone"
    english, german = peer.status["thresholds"][0], {"language": "de", "microphone_class": "phone", "value": 0.25}
    await peer.push_status(thresholds=[english, german])
    await until_state(hass, sensor, "25.0")
    await peer.push_status(thresholds=[english])
    await until_state(hass, sensor, STATE_UNKNOWN)
    await peer.push_status(thresholds=[english, german | {"value": 0.3}])
    await until_state(hass, sensor, "30.0")


async def test_entities_are_unavailable_while_the_hub_is_away_and_current_when_it_is_back(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    ours = [one.entity_id for one in entities_of(hass, entry) if not one.disabled]
    await peer.stop()
    await until(lambda: all(value_of(hass, one) == STATE_UNAVAILABLE for one in ours))
    peer.status["figures"] |= {"turns": 121}
    peer.status["baseline"] = BASELINE  # without one there is nothing to stop
    peer.status["queue"] |= {"waiting": 1}  # nor to try, or to drop
    await peer.start()
    await until_state(hass, "sensor.edge_voice_turns", "121")
    assert [one for one in ours if value_of(hass, one) == STATE_UNAVAILABLE] == []


async def test_a_wish_that_the_hub_has_no_word_for_is_not_sent(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    with pytest.raises(ServiceValidationError):
        await act(hass, "select.select_option", "select.edge_voice_routing", option="satellite")
    with pytest.raises(ServiceValidationError):
        await act(hass, "number.set_value", "number.edge_voice_error_target", value=90)
    assert commands(peer) == []
