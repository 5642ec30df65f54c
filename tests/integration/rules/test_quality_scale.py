"""Home Assistant's quality scale: every rule is done, and seen to be, or exempt with its reason."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from importlib.metadata import metadata

import pytest
from homeassistant.components.sensor import SensorDeviceClass, SensorEntityDescription, SensorStateClass
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import async_get_platforms
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
from packaging.requirements import Requirement
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice import PLATFORMS
from custom_components.edge_voice.const import DOMAIN
from custom_components.edge_voice.coordinator import EdgeVoiceCoordinator
from custom_components.edge_voice.entity import EdgeVoiceEntity
from tests.integration.conftest import entry_for, set_up
from tests.integration.peer import ID, Peer
from tests.integration.rules.source import (
    DOCS,
    ENTITIES,
    PACKAGE,
    ROOT,
    calls,
    defines,
    described,
    functions,
    icons,
    leaves,
    manifest,
    parts,
    source,
    texts,
    trees,
)

SCALE = PACKAGE / "quality_scale.yaml"
RULES = load_yaml_dict(str(SCALE))["rules"]
PROOFS = dict(re.findall(r"^  ([a-z-]+): done {2}# (.+)$", SCALE.read_text(encoding="utf-8"), re.MULTILINE))
COUNT = 54
"""As many rules as Home Assistant 2026.10 knows."""

PRIMARY = {
    "binary_sensor": set(),
    "button": set(),
    "conversation": {"conversation"},
    "event": {"turn"},
    "number": set(),
    "select": set(),
    "sensor": {
        *("mode", "turns", "escalations", "escalation_rate", "latency_p50", "latency_p95", "last_route", "last_risk"),
        *("first_response", "cloud_seconds_today", "cloud_seconds_this_month", "cloud_cost_this_month"),
    },
    "stt": {"speech_to_text"},
    "switch": set(),
    "wake_word": {"wake_word"},
}
"""What the hub is for; everything else is a setting, or for whoever looks closer."""
DIAGNOSED_BY_HOME_ASSISTANT = {"wake_word"}
"""Home Assistant itself files these entities under diagnostics."""
DOCUMENTED = {
    "docs-actions": ("Actions",),
    "docs-conditions": ("Triggers and conditions",),
    "docs-configuration-parameters": ("Options", "Cloud lanes"),
    "docs-data-update": ("How the data stay current",),
    "docs-examples": ("Examples of automations",),
    "docs-high-level-description": ("Edge Voice in Home Assistant",),
    "docs-installation-instructions": ("Installation",),
    "docs-installation-parameters": ("What the forms ask for",),
    "docs-known-limitations": ("Known limitations",),
    "docs-removal-instructions": ("Removal",),
    "docs-supported-devices": ("Supported devices",),
    "docs-supported-functions": ("Entities", "The hub's device", "A device for each satellite"),
    "docs-triggers": ("Triggers and conditions",),
    "docs-troubleshooting": ("By symptom", "By what Home Assistant says"),
    "docs-use-cases": ("What it is good for",),
}
UNITS_WITH_CLASS = {"ms": "duration", "s": "duration", "MB": "data_size", "dB": "signal_strength"}
ERRORS = {
    "ConfigEntryAuthFailed",
    "ConfigEntryNotReady",
    "HomeAssistantError",
    "ServiceValidationError",
    "UpdateFailed",
}
BLOCKING = {"httpx", "requests", "socket", "subprocess", "urllib3"}


def test_every_rule_is_done_or_exempt_with_a_reason() -> None:
    assert len(RULES) == COUNT
    for rule, told in RULES.items():
        if told != "done":
            assert told["status"] == "exempt", rule
            assert len(told["comment"]) > COUNT, rule


def test_every_rule_that_is_done_has_a_check_here_or_names_the_tests_that_prove_it() -> None:
    checks = {name.removeprefix("test_rule_").replace("_", "-") for name in globals() if name.startswith("test_rule_")}
    done = {rule for rule, told in RULES.items() if told == "done"}
    assert done == checks | PROOFS.keys() | DOCUMENTED.keys()
    for rule, files in PROOFS.items():
        for file in files.split(", "):
            assert (ROOT / file).is_file(), f"{rule}: {file}"


@pytest.mark.parametrize("rule", DOCUMENTED)
def test_the_documentation_has_the_part_that_a_rule_asks_for(rule: str) -> None:
    headings = parts(DOCS) | parts(ENTITIES)
    for heading in DOCUMENTED[rule]:
        assert heading in headings


# What the entities are.


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

    described_here: list[SensorEntityDescription] = [
        *rows.SENSORS,
        *rows.TURN_SENSORS,
        *rows.SATELLITE_SENSORS,
        rows.FIRST_RESPONSE,
    ]
    for one in described_here:
        wanted = UNITS_WITH_CLASS.get(str(one.native_unit_of_measurement))
        assert wanted is None or one.device_class == wanted, one.key
        assert (one.device_class is SensorDeviceClass.ENUM) == (one.options is not None), one.key
        assert one.options is not None or one.state_class in set(SensorStateClass) or one.key == "model", one.key
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


# What goes wrong.


def raised(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield every error of Home Assistant's that is made."""
    yield from (call for name, call in calls(tree) if name in ERRORS)


def test_rule_exception_translations() -> None:
    for name, tree in trees().items():
        for call in raised(tree):
            given = {one.arg for one in call.keywords}
            assert not call.args, f"{name}:{call.lineno}: a text that nobody can translate"
            assert None in given or {"translation_domain", "translation_key"} <= given, f"{name}:{call.lineno}"


def test_every_key_of_an_exception_has_its_words_and_none_is_left_over() -> None:
    from custom_components.edge_voice import errors

    used = set(errors._REFUSALS.values()) | set(re.findall(r'key = "(\w+)"', source("errors")))
    for name in ("errors", "services", "microphone_test", "websocket"):
        used |= set(re.findall(r'translation_key="(\w+)"', source(name)))
    used |= set(re.findall(r'_file_refused\("(\w+)"', source("services")))
    used |= set(re.findall(r'"((?:microphone_test_|unknown_satellite)\w*)"', source("microphone_test")))
    used.discard("microphone_tests")
    said = set(texts()["exceptions"])
    assert used <= said
    elsewhere = {key for key in said - used if any(f'"{key}"' in source(name) for name in trees())}
    assert said - used - elsewhere == set()


def test_rule_action_exceptions() -> None:
    """Whatever a hub refuses reaches the person who asked: no action swallows it."""
    for name in ("services", "switch", "select", "number", "button"):
        for one in functions(trees()[name]):
            asked = [call for called, call in calls(one) if called in {"change_policy", "change_satellite", "purge"}]
            if asked and not isinstance(one, ast.Lambda):
                assert "async_command" in {called for called, _ in calls(one)}, f"{name}.{one.name}"
    for name in ("services", *(one.value for one in PLATFORMS)):
        for one in ast.walk(trees()[name]):
            if isinstance(one, ast.ExceptHandler) and name == "services":
                assert any(isinstance(part, ast.Raise) for part in ast.walk(one)), f"{name}:{one.lineno}"


async def test_rule_repair_issues(hass: HomeAssistant) -> None:
    assert defines("repairs", "async_create_fix_flow")
    from custom_components.edge_voice import issues

    said = set(texts()["issues"])
    made = {code.replace("-", "_") for code in issues._SEVERITY} | {f"suggestion_{one}" for one in issues._SETTINGS}
    made |= {"lane_credentials_file", "hub_warning", "suggestion", "pipeline_other_agent", "pipeline_local_first"}
    made |= {one.key for one in issues._VERSIONS}
    assert said == made


# How it is set up.


async def test_rule_action_setup(core: HomeAssistant) -> None:
    assert await async_setup_component(core, DOMAIN, {})
    assert set(core.services.async_services_for_domain(DOMAIN)) == set(described("services.yaml"))


async def test_rule_runtime_data(peer_entry: MockConfigEntry, hass: HomeAssistant) -> None:
    assert isinstance(peer_entry.runtime_data.coordinator, EdgeVoiceCoordinator)
    assert DOMAIN not in hass.data


async def test_rule_test_before_setup(core: HomeAssistant, peer: Peer) -> None:
    from homeassistant.config_entries import ConfigEntryState

    await peer.stop()
    entry = entry_for(peer.port)
    await set_up(core, entry, ConfigEntryState.SETUP_RETRY)
    assert entry.error_reason_translation_key == "cannot_connect"


def test_rule_config_flow() -> None:
    assert manifest()["config_flow"] is True
    assert defines("config_flow", "async_step_user")
    for name in ("config", "options"):
        for step, told in texts()[name]["step"].items():
            assert set(told.get("data", {})) == set(told.get("data_description", {})), f"{name}.{step}"
    for step, told in texts()["config_subentries"]["cloud_lane"]["step"].items():
        assert set(told.get("data", {})) == set(told.get("data_description", {})), step


def test_every_step_of_the_flows_has_its_texts() -> None:
    steps = {
        "config": set(re.findall(r"async_step_(\w+)", source("config_flow")))
        - {"hassio", "zeroconf", "reauth", "address", "trust"},
        "options": set(re.findall(r'step_id="(\w+)"', source("options_flow"))) - {"listen"},
    }
    for name, found in steps.items():
        assert found == set(texts()[name]["step"]), name


def test_rule_unique_config_entry() -> None:
    called = [name for name, _ in calls(trees()["config_flow"])]
    assert "async_set_unique_id" in called
    assert "_abort_if_unique_id_configured" in called


def test_rule_discovery() -> None:
    assert manifest()["zeroconf"] == ["_edge-voice._tcp.local."]
    assert defines("config_flow", "async_step_zeroconf")
    assert defines("config_flow", "async_step_hassio")


def test_rule_reauthentication_flow() -> None:
    assert defines("config_flow", "async_step_reauth")
    assert defines("config_flow", "async_step_reauth_confirm")


def test_rule_reconfiguration_flow() -> None:
    assert defines("config_flow", "async_step_reconfigure")
    assert defines("lane_flow", "async_step_reconfigure")


def test_rule_diagnostics() -> None:
    assert defines("diagnostics", "async_get_config_entry_diagnostics")


# What it is made of.


def test_rule_brands() -> None:
    assert {"icon.png", "icon@2x.png", "logo.png", "logo@2x.png"} <= {one.name for one in (PACKAGE / "brand").iterdir()}


def test_rule_integration_owner() -> None:
    assert manifest()["codeowners"]


def test_rule_common_modules() -> None:
    for name, tree in trees().items():
        for one in ast.walk(tree):
            if isinstance(one, ast.ClassDef):
                bases = {getattr(base, "id", getattr(getattr(base, "value", None), "id", "")) for base in one.bases}
                assert "DataUpdateCoordinator" not in bases or name == "coordinator", f"{name}.{one.name}"
                assert "CoordinatorEntity" not in bases or name == "entity", f"{name}.{one.name}"


def test_rule_dependency_transparency() -> None:
    for one in manifest()["requirements"]:
        told = metadata(Requirement(one).name)
        classified = " ".join([told.get("License") or "", told.get("License-Expression") or ""])
        assert "MIT" in classified, one
        assert any(
            "github.com" in address for address in [told.get("Home-page") or "", *(told.get_all("Project-URL") or [])]
        )


def test_rule_async_dependency() -> None:
    for name, tree in trees().items():
        for one in ast.walk(tree):
            imported = {alias.name for alias in one.names} if isinstance(one, ast.Import) else set()
            imported |= {one.module or ""} if isinstance(one, ast.ImportFrom) and not one.level else set()
            assert not BLOCKING & {part.partition(".")[0] for part in imported}, name
        assert "sleep" not in {called for called, call in calls(tree) if ast.unparse(call.func) == "time.sleep"}, name


def test_rule_inject_websession() -> None:
    assert all("ClientSession" not in {called for called, _ in calls(tree)} for tree in trees().values())
    assert "async_get_clientsession" in source("find_server")


def test_rule_strict_typing() -> None:
    """What is beyond mypy --strict: nothing is left for it to guess, and other packages may rely on it."""
    assert (PACKAGE / "py.typed").is_file()
    for name, tree in trees().items():
        for one in functions(tree):
            arguments = [*one.args.posonlyargs, *one.args.args, *one.args.kwonlyargs]
            untyped = [arg.arg for arg in arguments if arg.annotation is None and arg.arg not in {"self", "cls"}]
            assert not untyped, f"{name}.{one.name}: {untyped}"
            assert one.returns is not None or one.name == "__init__", f"{name}.{one.name}"
    assert "type: ignore" not in "".join(source(name) for name in trees())


def test_no_text_holds_what_only_a_developer_reads() -> None:
    for path, said in leaves(texts()):
        assert not re.search(r"\b(None|null|undefined|TODO|FIXME)\b", said), ".".join(path)
