"""Home Assistant's quality scale: its rules about entities and devices."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator

import pytest
from homeassistant.components.sensor import SensorDeviceClass, SensorEntityDescription, SensorStateClass
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import async_get_platforms

from custom_components.edge_voice import PLATFORMS
from custom_components.edge_voice.const import DOMAIN
from custom_components.edge_voice.entity import EdgeVoiceEntity
from tests.integration.conftest import entry_for, set_up
from tests.integration.peer import ID, Peer
from tests.integration.rules.source import calls, functions, icons, texts, trees

PRIMARY = {
    "binary_sensor": set(),
    "button": {"flush_requests"},
    "conversation": {"conversation"},
    "event": {"turn", "waiting_request"},
    "number": set(),
    "select": set(),
    "sensor": {
        *("mode", "turns", "escalations", "escalation_rate", "latency_p50", "latency_p95", "last_route", "last_risk"),
        *("first_response", "cloud_seconds_today", "cloud_seconds_this_month", "cloud_cost_this_month"),
        *("last_upload", "uploads_this_month", "queue_length"),
    },
    "stt": {"speech_to_text"},
    "switch": set(),
    "todo": set(),
    "update": set(),
    "wake_word": {"wake_word"},
}
"""What the hub is for; everything else is a setting, or for whoever looks closer."""
DIAGNOSED_BY_HOME_ASSISTANT = {"wake_word"}
"""Home Assistant itself files these entities under diagnostics."""
UNITS_WITH_CLASS = {"ms": "duration", "s": "duration", "MB": "data_size", "B": "data_size", "dB": "signal_strength"}


def platform_modules() -> Iterator[tuple[Platform, str]]:
    yield from ((platform, platform.value) for platform in PLATFORMS)


@pytest.fixture
async def entities(core: HomeAssistant, peer: Peer) -> list[er.RegistryEntry]:
    """Every entity of a hub, those that are disabled by default, too."""
    from tests.integration.entities.conftest import CLOUD, DISAGREEMENT
    from tests.integration.peer import HEALTH

    peer.status |= {"cloud": CLOUD, "disagreement": DISAGREEMENT}
    peer.health = HEALTH | {"wyoming_port": 1}
    entry = entry_for(peer.port)
    await set_up(core, entry)
    return er.async_entries_for_config_entry(er.async_get(core), entry.entry_id)


def live(hass: HomeAssistant) -> list[Entity]:
    """Return the entities that are there."""
    return [entity for platform in async_get_platforms(hass, DOMAIN) for entity in platform.entities.values()]


async def test_rule_has_entity_name(hass: HomeAssistant, entities: list[er.RegistryEntry]) -> None:
    assert {one.entity_id for one in live(hass)} == {one.entity_id for one in entities if not one.disabled_by}
    assert all(isinstance(entity, EdgeVoiceEntity) and entity.has_entity_name for entity in live(hass))


async def test_rule_entity_unique_id(hass: HomeAssistant, entities: list[er.RegistryEntry]) -> None:
    ids = [(one.domain, one.unique_id) for one in entities]
    assert len(ids) == len(set(ids))
    assert all(unique_id.startswith(f"{ID}_") for _, unique_id in ids)
    assert all(entity.unique_id and entity.registry_entry for entity in live(hass))
    assert {one.domain for one in entities} == {one.value for one in PLATFORMS}


async def test_rule_entity_translations(entities: list[er.RegistryEntry]) -> None:
    for one in entities:
        assert one.translation_key, one.entity_id
        if one.original_name:  # those that are the hub bear its name
            assert texts()["entity"][one.domain][one.translation_key]["name"], one.entity_id


async def test_rule_icon_translations(entities: list[er.RegistryEntry]) -> None:
    for one in entities:
        assert icons()["entity"][one.domain][one.translation_key]["default"], one.entity_id
    there = {(one.domain, one.translation_key) for one in entities}
    said = {(domain, key) for domain, keys in icons()["entity"].items() for key in keys}
    other_microphones = {("sensor", f"threshold_{kind}") for kind in ("near_field", "phone", "headset")}
    assert said - there == other_microphones


async def test_rule_entity_category(entities: list[er.RegistryEntry]) -> None:
    primary: dict[str, set[str | None]] = {platform.value: set() for platform in PLATFORMS}
    for one in entities:
        if one.entity_category is None or one.domain in DIAGNOSED_BY_HOME_ASSISTANT:
            primary[one.domain].add(one.translation_key)
    assert primary == PRIMARY


async def test_rule_entity_disabled_by_default(entities: list[er.RegistryEntry]) -> None:
    disabled = {one.translation_key for one in entities if one.disabled_by}
    assert all(one.entity_category is not None for one in entities if one.disabled_by)
    assert {
        f"stage_{stage}_p95" for stage in ("capture", "inference", "hold", "post", "cloud", "transport")
    } <= disabled
    assert {"forget_satellite", "forget_learned", "reset_policy"} <= disabled


def test_rule_entity_device_class() -> None:
    from custom_components.edge_voice import sensor_descriptions as rows
    from custom_components.edge_voice import sensor_descriptions_past as past
    from custom_components.edge_voice import sensor_descriptions_queue as queue

    described_here: list[SensorEntityDescription] = [
        *rows.SENSORS,
        *rows.TURN_SENSORS,
        *rows.SATELLITE_SENSORS,
        *past.PAST_SENSORS,
        *past.LEDGER_SENSORS,
        *queue.QUEUE_SENSORS,
        rows.FIRST_RESPONSE,
    ]
    for one in described_here:
        wanted = UNITS_WITH_CLASS.get(str(one.native_unit_of_measurement))
        assert wanted is None or one.device_class == wanted, one.key
        assert (one.device_class is SensorDeviceClass.ENUM) == (one.options is not None), one.key
        is_moment = one.device_class is SensorDeviceClass.TIMESTAMP
        is_number = one.options is None and not is_moment and one.key != "model"
        assert not is_number or one.state_class in set(SensorStateClass), one.key
        if one.options:
            said = texts()["entity"]["sensor"][str(one.translation_key)]["state"]
            assert set(said) == set(one.options), one.key


def test_every_choice_and_event_type_has_its_words() -> None:
    for platform, name in platform_modules():
        module = importlib.import_module(f"custom_components.edge_voice.{name}")
        for _, rows in inspect.getmembers(module):
            for row in rows if isinstance(rows, tuple) else (rows,):
                if isinstance(row, EntityDescription) and platform is Platform.SELECT:
                    said = texts()["entity"]["select"][str(row.translation_key)]["state"]
                    assert set(said) == set(getattr(row, "options", ())), row.key
                if isinstance(row, EntityDescription) and platform is Platform.EVENT:
                    said = texts()["entity"]["event"][row.key]["state_attributes"]["event_type"]["state"]
                    assert set(said) == set(getattr(row, "event_types", ())), row.key


async def test_rule_devices(hass: HomeAssistant, entities: list[er.RegistryEntry]) -> None:
    devices = {one.device_id for one in entities}
    assert None not in devices
    known = [dr.async_get(hass).async_get(one or "") for one in devices]
    hub = next(one for one in known if one and (DOMAIN, ID) in one.identifiers)
    assert hub.manufacturer
    assert hub.model
    assert hub.sw_version
    assert all(one is hub or (one and one.via_device_id == hub.id) for one in known)


def test_rule_parallel_updates() -> None:
    for _, name in platform_modules():
        names = {
            getattr(target, "id", "")
            for one in trees()[name].body
            if isinstance(one, ast.Assign)
            for target in one.targets
        }
        assert "PARALLEL_UPDATES" in names, name


def test_rule_entity_event_setup() -> None:
    """Listeners of an entity begin in async_added_to_hass, and end with it: never in the constructor."""
    for _, name in platform_modules():
        for one in functions(trees()[name]):
            listens = {
                called
                for called, _ in calls(one)
                if re.match(r"async_add_\w+_listener|async_dispatcher_connect", called)
            }
            if one.name == "async_added_to_hass":
                ended = sum(called == "async_on_remove" for called, _ in calls(one))
                assert ended >= len(listens), f"{name}.{one.name}"
            elif name not in {"trigger", "condition"}:
                assert not listens, f"{name}.{one.name}"
