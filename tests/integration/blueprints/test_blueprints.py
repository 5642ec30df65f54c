"""The blueprints themselves: what Home Assistant makes of them, and how they get onto a home's disk."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint import BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.importer import _get_github_import_url
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.util.yaml import parse_yaml
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.edge_voice.blueprint_files import PACKAGED, VERSIONS, digest, install, packaged
from custom_components.edge_voice.const import DOMAIN
from tests.integration.write_blueprints import SOURCE, names

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs/blueprints.md", ROOT / "README.md"]
SCHEMAS = {"automation": AUTOMATION_BLUEPRINT_SCHEMA, "script": BLUEPRINT_SCHEMA}
OURS = re.compile(r"\bedge_voice\.(\w+)")


def read(name: str) -> Any:
    """Return a blueprint's YAML."""
    return parse_yaml((SOURCE / name).read_text("utf-8"))


def test_the_integration_brings_each_blueprint_as_it_is_here() -> None:
    """`python -m tests.integration.write_blueprints` copies them."""
    assert [*packaged()] == names()
    assert len(names()) == 9
    for name in names():
        assert (PACKAGED / name).read_bytes() == (SOURCE / name).read_bytes(), name


def test_each_version_is_known_by_its_digest() -> None:
    versions = json.loads(VERSIONS.read_text("utf-8"))
    assert sorted(versions) == names()
    for name in names():
        assert versions[name][-1] == digest((SOURCE / name).read_bytes()), name


@pytest.mark.parametrize("name", names())
def test_home_assistant_takes_each_and_says_where_it_comes_from(name: str) -> None:
    domain = name.partition("/")[0]
    blueprint = Blueprint(read(name), path=name, expected_domain=domain, schema=SCHEMAS[domain])
    assert blueprint.validate() is None
    told = blueprint.metadata
    assert told["source_url"] == f"https://github.com/edge-voice/edge-voice/blob/main/blueprints/{name}"
    assert _get_github_import_url(told["source_url"]).endswith(name)
    assert (told["author"], told["homeassistant"]["min_version"]) == ("Edge Voice", "2026.10.0")
    assert told["name"].startswith("Edge Voice: ")


def inputs_of(tree: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the inputs, also of sections."""
    for key, one in tree.items():
        if "input" in one:
            yield from inputs_of(one["input"])
        else:
            yield key, one


@pytest.mark.parametrize("name", names())
def test_each_form_asks_in_words_and_only_for_what_cannot_be_guessed(name: str) -> None:
    schema = BLUEPRINT_SCHEMA(read(name))["blueprint"]
    fields = dict(inputs_of(schema["input"]))
    assert all(one.get("name") and one.get("selector") for one in fields.values())
    needed = {key for key, one in fields.items() if "default" not in one}
    assert needed <= {"hub", "phones", "places", "confirm"}
    assert ("quiet_from" in fields) == ("interruption-level" in (text := (SOURCE / name).read_text("utf-8"))) or (
        "interruption-level: passive" in text
    )
    assert len(schema["description"]) > 100


@pytest.mark.parametrize("name", names())
def test_what_each_starts_from_and_asks_for_is_there(name: str) -> None:
    """A name that is not there would only be noticed on the day on which it matters."""
    described = [*ROOT.glob("custom_components/edge_voice/*s.yaml")]
    known = {key for path in described for key in parse_yaml(path.read_text("utf-8"))}
    body = read(name)
    del body["blueprint"]
    used = set(OURS.findall(json.dumps(body, default=str)))
    assert used <= known


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_pages_offer_each_for_import(path: Path) -> None:
    page = path.read_text("utf-8")
    for name in names():
        address = quote(read(name)["blueprint"]["source_url"], safe="")
        assert f"https://my.home-assistant.io/redirect/blueprint_import/?blueprint_url={address}" in page, name


def test_what_an_owner_has_changed_stays_and_what_is_old_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = install(tmp_path)
    assert (fresh.installed, fresh.updated, fresh.kept, fresh.current) == (names(), [], [], [])
    assert install(tmp_path).current == names()
    changed, old, gone = names()[:3]
    (tmp_path / changed).write_text("my own", "utf-8")
    (tmp_path / old).write_text("an older version", "utf-8")
    (tmp_path / gone).unlink()
    versions = json.loads(VERSIONS.read_text("utf-8"))
    versions[old].insert(0, digest(b"an older version"))
    known = tmp_path / "versions.json"
    known.write_text(json.dumps(versions), "utf-8")
    monkeypatch.setattr("custom_components.edge_voice.blueprint_files.VERSIONS", known)
    done = install(tmp_path)
    assert (done.installed, done.updated, done.kept) == ([gone], [old], [changed])
    assert (tmp_path / changed).read_text("utf-8") == "my own"
    assert (tmp_path / old).read_bytes() == (SOURCE / old).read_bytes()
    assert not [*tmp_path.rglob(".*")]


async def test_administrators_install_them_by_an_action_or_by_the_options(
    hass: HomeAssistant, entry: MockConfigEntry, hass_read_only_user: MockUser
) -> None:
    context = Context(user_id=hass_read_only_user.id)
    with pytest.raises(Unauthorized):
        await hass.services.async_call(DOMAIN, "install_blueprints", blocking=True, context=context)
    menu = await hass.config_entries.options.async_init(entry.entry_id)
    done = await hass.config_entries.options.async_configure(menu["flow_id"], {"next_step_id": "blueprints"})
    assert done["reason"] == "blueprints_installed"
    told = done["description_placeholders"]
    assert "privacy_guard" in told["installed"]
    assert (told["updated"], told["kept"]) == ("–", "–")
    again = await hass.services.async_call(DOMAIN, "install_blueprints", blocking=True, return_response=True)
    assert again == {"installed": [], "updated": [], "kept": [], "current": names()}


async def test_a_folder_that_takes_nothing_is_said(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    await hass.async_add_executor_job(Path(hass.config.path("blueprints")).write_text, "a file in its place")
    with pytest.raises(HomeAssistantError, match="cannot be written"):
        await hass.services.async_call(DOMAIN, "install_blueprints", blocking=True)
    menu = await hass.config_entries.options.async_init(entry.entry_id)
    done = await hass.config_entries.options.async_configure(menu["flow_id"], {"next_step_id": "blueprints"})
    assert done["reason"] == "blueprints_unwritable"


def test_what_the_descriptions_name_is_called_so_in_home_assistant() -> None:
    """Names stand between asterisks."""
    texts = (ROOT / "custom_components/edge_voice/translations/en.json").read_text("utf-8")
    bodies = "".join((SOURCE / name).read_text("utf-8") for name in names())
    own = set(re.findall(r"'?title'?: '?([A-Z][^{}'\n]+)", bodies))
    for name in names():
        described = str(read(name)["blueprint"])
        for called in re.findall(r"\*([^*]+)\*", described):
            assert json.dumps(called) in texts or called in own, (name, called)
