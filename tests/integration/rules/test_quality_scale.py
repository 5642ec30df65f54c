"""Home Assistant's quality scale: every rule is done, and seen to be, or exempt with its reason.

Rules about entities are in the file beside.
"""

import ast
import re
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
from packaging.requirements import Requirement
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice import PLATFORMS
from custom_components.edge_voice.const import DOMAIN
from custom_components.edge_voice.coordinator import EdgeVoiceCoordinator
from tests.integration.conftest import entry_for, set_up
from tests.integration.peer import Peer
from tests.integration.rules.source import (
    DOCS,
    ENTITIES,
    PACKAGE,
    ROOT,
    calls,
    defines,
    described,
    functions,
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

DOCUMENTED = {
    "docs-actions": ("Actions",),
    "docs-conditions": ("Triggers and conditions",),
    "docs-configuration-parameters": ("Options", "Cloud lanes", "Models"),
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
    files = sorted(Path(__file__).parent.glob("test_*.py"))
    named = [name for file in files for name in re.findall(r"def test_rule_(\w+)", file.read_text(encoding="utf-8"))]
    checks = {name.replace("_", "-") for name in named}
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
    commands = {"change_policy", "change_satellite", "purge", "install_bundle", "roll_back_bundle"}
    commands |= {"accept_drift", "begin_baseline", "end_baseline"}
    for name in ("services", "services_bundles", "services_past", "switch", "select", "number", "button", "update"):
        for one in functions(trees()[name]):
            asked = [call for called, call in calls(one) if called in commands]
            if asked and not isinstance(one, ast.Lambda):
                assert "async_command" in {called for called, _ in calls(one)}, f"{name}.{one.name}"
    for name in ("services", *(one.value for one in PLATFORMS)):
        for one in ast.walk(trees()[name]):
            if isinstance(one, ast.ExceptHandler) and name == "services":
                assert any(isinstance(part, ast.Raise) for part in ast.walk(one)), f"{name}:{one.lineno}"


async def test_rule_repair_issues(hass: HomeAssistant) -> None:
    assert defines("repairs", "async_create_fix_flow")
    from custom_components.edge_voice import issues, issues_queue
    from custom_components.edge_voice.protocol_queue import NEEDS_YOU

    said = set(texts()["issues"])
    made = {code.replace("-", "_") for code in issues._SEVERITY} | {f"suggestion_{one}" for one in issues._SETTINGS}
    made |= {"lane_credentials_file", "hub_warning", "suggestion", "pipeline_other_agent", "pipeline_local_first"}
    made |= {"bundle_rolled_back_broken", "repository_refused"}
    made |= {f"request_{state}" for state in NEEDS_YOU} | {f"mode_{mode}" for mode in issues_queue._MODES}
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
