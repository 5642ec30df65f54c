"""The rules of Home Assistant's own checker of integrations, which comes with its repository and in no package."""

import re
import struct
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import probatio as vol
import pytest
from homeassistant.const import Platform
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.selector import TargetSelector, validate_selector
from homeassistant.loader import CUSTOM_WARNING, Manifest
from packaging.requirements import Requirement

from tests.integration.rules.source import (
    PACKAGE,
    ROOT,
    Tree,
    calls,
    described,
    icons,
    leaves,
    manifest,
    read_json,
    texts,
    trees,
)

LANGUAGES = sorted(path.stem for path in (PACKAGE / "translations").glob("*.json"))
SECTIONS = {
    "services.yaml": ("services", "service"),
    "triggers.yaml": ("triggers", "trigger"),
    "conditions.yaml": ("conditions", "condition"),
}
_KEY = re.compile(r"(?!.*[_-]$)[a-z0-9][a-z0-9_-]*$")
_ICON = re.compile(r"mdi:[a-z0-9]+(-[a-z0-9]+)*$")
_URL = re.compile(r"https?://|www\.", re.IGNORECASE)


def key(value: Any) -> str:
    """Validate a translation key."""
    if not _KEY.match(str(value)):
        raise vol.Invalid(f"not a translation key: {value}")
    return str(value)


def text(value: Any) -> str:
    """Validate a text as people read it."""
    said = cv.string_with_no_html(value)
    for wrong, why in (
        (said != said.strip() or not said, "blank at an end, or empty"),
        (re.search(r"'[{}]", said), "an apostrophe before a brace, which makes Home Assistant's pages print the brace"),
        ("[%key:" in said, "a reference, which nobody resolves in custom integrations"),
        (_URL.search(said), "an address: give it as a placeholder"),
    ):
        if wrong:
            raise vol.Invalid(f"{why}: {said}")
    return said


def keyed(value: Any, slug: Any = key) -> Any:
    """Validate a section whose keys are free."""
    return cv.schema_with_slug_keys(value, slug_validator=slug)


FIELDS = keyed(text)
STATES = keyed(text)
STEP = {
    vol.Optional("title"): text,
    vol.Optional("description"): text,
    vol.Optional("data"): FIELDS,
    vol.Optional("data_description"): FIELDS,
    vol.Optional("menu_options"): FIELDS,
    vol.Optional("menu_option_descriptions"): FIELDS,
    vol.Optional("submit"): text,
}


def flow(**more: Any) -> Any:
    """Return the schema of a flow's texts."""
    return {
        vol.Required("step"): keyed(STEP),
        **{vol.Optional(part): FIELDS for part in ("error", "abort", "progress", "create_entry")},
        **{vol.Optional(part): rule for part, rule in more.items()},
    }


NAMED = {
    vol.Required("name"): text,
    vol.Required("description"): text,
    vol.Optional("fields"): keyed({vol.Required("name"): text, vol.Optional("description"): text}),
}
TEXTS = vol.Schema(
    {
        vol.Optional("title"): text,
        vol.Optional("config"): flow(flow_title=text),
        vol.Optional("config_subentries"): keyed(
            flow(entry_type=text, initiate_flow={vol.Required("user"): text, vol.Optional("reconfigure"): text})
        ),
        vol.Optional("options"): flow(),
        vol.Optional("selector"): keyed({vol.Required("options"): STATES}),
        vol.Optional("issues"): keyed(
            vol.Any(
                {vol.Required("title"): text, vol.Required("description"): text},
                {vol.Required("title"): text, vol.Required("fix_flow"): flow()},
            )
        ),
        vol.Optional("entity"): keyed(
            keyed(
                {
                    vol.Optional("name"): text,
                    vol.Optional("state"): STATES,
                    vol.Optional("state_attributes"): keyed(
                        {vol.Optional("name"): text, vol.Optional("state"): STATES}
                    ),
                }
            ),
            vol.In([one.value for one in Platform]),
        ),
        vol.Optional("exceptions"): keyed({vol.Required("message"): text}, cv.slug),
        vol.Optional("services"): keyed(NAMED),
        vol.Optional("triggers"): keyed(NAMED),
        vol.Optional("conditions"): keyed(NAMED),
        vol.Optional("device"): keyed({vol.Optional("name"): text}),
        vol.Optional("system_health"): {vol.Optional("info"): FIELDS},
        vol.Optional("common"): keyed(text, cv.slug),
    }
)
FIELD = {
    vol.Optional("example"): vol.Any(str, int, float, list, dict),
    vol.Optional("default"): vol.Any(str, int, float, bool, list, dict),
    vol.Optional("required"): bool,
    vol.Required("selector"): validate_selector,
}
DESCRIBED = vol.Schema(
    {cv.slug: {vol.Optional("target"): TargetSelector.CONFIG_SCHEMA, vol.Optional("fields"): {cv.slug: FIELD}}}
)


# The manifest.


def test_the_manifest_has_its_keys_in_their_order_and_no_others() -> None:
    keys = list(manifest())
    assert keys == ["domain", "name", *sorted(keys[2:])]
    assert set(keys) <= set(Manifest.__annotations__)
    needed = {"codeowners", "config_flow", "documentation", "integration_type", "iot_class", "issue_tracker", "version"}
    assert needed <= set(keys)


def test_the_manifest_says_what_home_assistant_takes() -> None:
    told = manifest()
    assert told["domain"] == PACKAGE.name
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["version"])
    assert told["integration_type"] in {"device", "hub", "service"}
    assert told["iot_class"] == "local_push"
    assert all(re.fullmatch(r"@[\w-]+(/[\w-]+)?", owner) for owner in told["codeowners"])
    for address in (told["documentation"], told["issue_tracker"]):
        assert urlsplit(address).scheme == "https"
    assert CUSTOM_WARNING  # what custom integrations say of themselves, whatever scale they name
    assert "quality_scale" not in told


def test_requirements_are_pinned_and_are_what_the_tests_ran_with() -> None:
    requirements = [Requirement(one) for one in manifest()["requirements"]]
    assert {one.name: str(one.specifier) for one in requirements} == {
        one.name: f"=={version(one.name)}" for one in requirements
    }


@pytest.mark.parametrize("name", [*manifest()["dependencies"], *manifest()["after_dependencies"]])
def test_every_dependency_is_a_component_of_home_assistant(name: str) -> None:
    assert find_spec(f"homeassistant.components.{name}")


def test_every_component_that_is_used_is_a_dependency_or_always_there() -> None:
    used = {
        found
        for path in PACKAGE.glob("*.py")
        for found in re.findall(r"homeassistant\.components\.(\w+)", path.read_text(encoding="utf-8"))
    }
    used |= {
        found
        for path in PACKAGE.glob("*.py")
        for line in re.findall(
            r"^from homeassistant\.components import ([\w, ]+)$", path.read_text(encoding="utf-8"), re.MULTILINE
        )
        for found in line.replace(" ", "").split(",")
    }
    platforms = {one.value for one in Platform} - {"conversation", "stt", "wake_word", "assist_satellite"}
    # Home Assistant loads these itself for each integration that has such a file; the last two are its core.
    loaded_for_us = {"diagnostics", "logbook", "repairs", "system_health", "homeassistant", "persistent_notification"}
    declared = {*manifest()["dependencies"], *manifest()["after_dependencies"]}
    assert used - platforms - loaded_for_us - declared == set()


def test_hacs_json_has_the_keys_that_hacs_knows() -> None:
    known = {
        *(
            "name",
            "homeassistant",
            "hacs",
            "zip_release",
            "filename",
            "render_readme",
            "hide_default_branch",
            "country",
        ),
        *("persistent_directory", "content_in_root"),
    }
    told = read_json(ROOT / "hacs.json")
    assert set(told) <= known
    assert told["name"] == manifest()["name"]
    assert re.fullmatch(r"\d{4}\.\d+\.\d+", told["homeassistant"])


@pytest.mark.parametrize(("name", "height"), [("icon", 256), ("icon@2x", 512), ("logo", 128), ("logo@2x", 256)])
def test_brand_images_have_the_sizes_that_the_pages_expect(name: str, height: int) -> None:
    content = (PACKAGE / "brand" / f"{name}.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    wide, high = struct.unpack(">II", content[16:24])
    assert high == height
    assert wide == height if name.startswith("icon") else wide > height


# Texts.


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_have_the_sections_and_shapes_that_home_assistant_reads(language: str) -> None:
    TEXTS(texts(language))


def flows(language: str) -> dict[str, Tree]:
    told = texts(language)
    repairs = {name: one["fix_flow"] for name, one in told["issues"].items() if "fix_flow" in one}
    return {"config": told["config"], "options": told["options"], **told["config_subentries"], **repairs}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_step_explains_a_field_that_it_does_not_have_or_bears_only_our_name(language: str) -> None:
    for name, one in flows(language).items():
        for step, told in one["step"].items():
            where = f"{name}.{step}"
            assert set(told.get("data_description", {})) <= set(told.get("data", {})), where
            assert set(told.get("menu_option_descriptions", {})) <= set(told.get("menu_options", {})), where
            assert told.get("title") != manifest()["name"], f"{where}: a brand's name is no title"


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_and_titles_end_without_a_full_stop(language: str) -> None:
    for path, said in leaves(texts(language)):
        if (path[-2] in {"data", "menu_options", "options", "state"} and path[-1] != "description") or (
            path[-1] in {"name", "title"} and path[-2] != "data_description"
        ):
            assert not said.endswith((".", "。")), f"{'.'.join(path)}: {said}"


def test_every_subentry_says_what_it_is_and_how_it_begins() -> None:
    assert set(texts()["config_subentries"]) == {"cloud_lane"}
    for told in texts()["config_subentries"].values():
        assert {"entry_type", "initiate_flow"} <= set(told)


# Actions, triggers and conditions.


@pytest.mark.parametrize("file", SECTIONS)
def test_what_automations_use_is_described_as_home_assistant_reads_it(file: str) -> None:
    assert DESCRIBED(described(file))


@pytest.mark.parametrize("file", SECTIONS)
def test_what_automations_use_has_names_descriptions_and_icons_and_nothing_else_has(file: str) -> None:
    section, mark = SECTIONS[file]
    told = texts()[section]
    assert set(described(file)) == set(told) == set(icons()[section])
    assert all(set(one) == {mark} for one in icons()[section].values())
    for name, one in described(file).items():
        assert set(one.get("fields", {})) == set(told[name].get("fields", {})), name
        for field, said in told[name].get("fields", {}).items():
            assert said["name"], f"{name}.{field}"
            assert section != "services" or said["description"], f"{name}.{field}"


def selectors(tree: Any) -> list[Tree]:
    """Return every select selector below a tree."""
    if not isinstance(tree, dict):
        return []
    own = [tree["select"]] if isinstance(tree.get("select"), dict) else []
    return own + [found for value in tree.values() for found in selectors(value)]


@pytest.mark.parametrize("file", SECTIONS)
def test_every_choice_of_a_field_has_its_words(file: str) -> None:
    for select in selectors(described(file)):
        options = texts()["selector"][select["translation_key"]]["options"]
        assert set(options) == set(select["options"]), select


def test_every_translated_selector_of_the_forms_has_its_words() -> None:
    used = {
        str(getattr(one.value, "value", ""))
        for tree in trees().values()
        for called, call in calls(tree)
        if called == "SelectSelectorConfig"
        for one in call.keywords
        if one.arg == "translation_key"
    } - {""}
    assert used | {"what_now"} <= set(texts()["selector"])


# Icons.


def test_icons_are_names_of_material_design_icons() -> None:
    for path, icon in leaves(icons()):
        assert _ICON.match(icon), f"{'.'.join(path)}: {icon}"


def test_icons_have_the_sections_that_home_assistant_reads() -> None:
    assert set(icons()) <= {"conditions", "entity", "services", "triggers"}
    for platform, entities in icons()["entity"].items():
        assert platform in {one.value for one in Platform}
        for name, told in entities.items():
            assert set(told) <= {"default", "range", "state", "state_attributes"}, name
            assert told["default"] not in told.get("state", {}).values(), f"{platform}.{name}: say it once"
            known = texts()["entity"].get(platform, {}).get(name, {}).get("state")
            assert known is None or set(told.get("state", {})) <= set(known), f"{platform}.{name}"
