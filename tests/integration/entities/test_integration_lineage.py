"""What Home Assistant shows and keeps of a hub is in the register of data, and all of the register's is there."""

import ast
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice.const import DOMAIN, EVENT_TRANSCRIPT
from custom_components.edge_voice.diagnostics import async_get_config_entry_diagnostics
from tests.integration.conftest import entry_for
from tests.integration.entities.conftest import connect
from tests.integration.entities.sight import TURN_EVENT, turn, until_attribute
from tests.integration.peer import ALARM, BASELINE, HEADLINE, Peer
from wyoming_server.records import lineage
from wyoming_server.records.lineage_shape import Flow, Form, Kind

INTEGRATION = Path(__file__).parents[3] / "custom_components" / "edge_voice"
OF_HOME_ASSISTANT = {
    *("friendly_name", "icon", "device_class", "unit_of_measurement", "state_class", "options", "assumed_state"),
    *("event_types", "event_type", "min", "max", "step", "mode", "supported_features", "auto_update", "title"),
    *("installed_version", "latest_version", "in_progress", "update_percentage", "release_summary", "release_url"),
    *("skipped_version", "display_precision", "entity_picture", "last_reset"),
}
"""Attributes that Home Assistant gives to entities of these platforms by itself."""
OF_ASSIST = {"conversation", "stt", "wake_word"}
"""Platforms whose entities have no state but when they were last used."""
MOVED = {"type": "bundle", "event": "rolled_back", "kind": "asr", "label": "home-en@1.2.0", "code": "worse"}


def declared(kind: Kind) -> set[tuple[str, str]]:
    return {(one.where, one.field) for one in lineage.flows() if one.kind is kind}


def plain() -> list[Flow]:
    return [one for one in lineage.flows() if one.kind in {Kind.ENTITY, Kind.ATTRIBUTE}]


async def test_every_entity_and_attribute_is_declared_and_none_that_is_not_there(
    core: HomeAssistant, talked_to: Peer, all_enabled: None
) -> None:
    talked_to.status |= {"drift": {"state": "drifted", "turns_to_go": 0, "alarms": [ALARM]}, "baseline": BASELINE}
    entry = await connect(core, entry_for(talked_to.port))
    await talked_to.push(turn(turn_id="t7"))
    await until_attribute(core, TURN_EVENT, "turn_id", "t7")
    await talked_to.push(MOVED | {"at": "2026-11-22T10:00:00+00:00", "message": "", "evidence": []})
    await talked_to.push({"type": "drift", "event": "alarm", "alarm": ALARM})
    await talked_to.push({"type": "scorecard", "scorecard": HEADLINE})
    await until_attribute(core, "event.edge_voice_scorecard_ready", "month", HEADLINE["month"])
    request_id = await talked_to.keep(state="waiting")
    await until_attribute(core, "event.edge_voice_waiting_request", "request_id", request_id)
    entities, attributes = set[tuple[str, str]](), set[tuple[str, str]]()
    for one in er.async_entries_for_config_entry(er.async_get(core), entry.entry_id):
        if one.domain in OF_ASSIST:
            continue
        assert one.translation_key is not None
        entities.add((one.domain, one.translation_key))
        state = core.states.get(one.entity_id)
        assert state is not None, one.entity_id
        told = set(state.attributes) - OF_HOME_ASSISTANT
        attributes |= {(f"{one.domain}.{one.translation_key}", name) for name in told}
    # A threshold's sensor is there for each kind of microphone that was heard.
    silent = {f"threshold_{one}" for one in ("headset", "near_field", "phone")} - {key for _, key in entities}
    expected = {one for one in declared(Kind.ENTITY) if one[1] not in silent}
    assert (sorted(entities - expected), sorted(expected - entities)) == ([], [])
    expected = {one for one in declared(Kind.ATTRIBUTE) if one[0].removeprefix("sensor.") not in silent}
    assert (sorted(attributes - expected), sorted(expected - attributes)) == ([], [])


def test_no_entity_shows_a_text_a_sound_or_a_secret() -> None:
    assert [one for one in plain() if one.form in {Form.TEXT, Form.SOUND, Form.KEY, Form.ADDRESS}] == []


async def test_an_entry_keeps_what_is_declared(entry: MockConfigEntry) -> None:
    there = {(".storage/core.config_entries", name) for name in entry.data}
    assert there == {one for one in declared(Kind.HOME_ASSISTANT_FILE) if one[0].endswith("config_entries")}


async def test_diagnostics_hold_what_is_declared(core: HomeAssistant, entry: MockConfigEntry) -> None:
    told = await async_get_config_entry_diagnostics(core, entry)
    assert {("config entry", name) for name in told} == declared(Kind.DIAGNOSTICS)


def test_only_declared_events_are_fired_and_only_declared_files_are_kept() -> None:
    fired, stored = [], []
    for path in sorted(INTEGRATION.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                fired += [ast.unparse(node.args[0])] if name in {"async_fire", "async_fire_internal"} else []
                stored += [ast.unparse(node.args[2])] if name == "Store" else []
                stored += [path.name] if name == "save_json" else []
    assert fired == ["EVENT_TRANSCRIPT"]
    assert {one.where for one in lineage.flows() if one.kind is Kind.HOME_ASSISTANT_EVENT} == {EVENT_TRANSCRIPT}
    assert stored == ["f'{DOMAIN}.{entry_id}.uploads'", "queue_record.py"]
    files = {where for where, _ in declared(Kind.HOME_ASSISTANT_FILE)}
    assert {f".storage/{DOMAIN}.*.{kept}" for kept in ("uploads", "requests")} <= files
