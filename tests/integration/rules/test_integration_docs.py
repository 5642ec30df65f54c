"""The pages about Home Assistant say what the integration has, in its own words, with examples that work."""

import re
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice.answers import PHRASES
from tests.integration.conftest import entry_for, set_up
from tests.integration.entities.conftest import CLOUD, DISAGREEMENT
from tests.integration.peer import HEALTH, Peer
from tests.integration.rules.source import DOCS, ENTITIES, leaves, parts, texts

PAGE = DOCS.read_text(encoding="utf-8")
EXAMPLES = [parse_yaml(block) for block in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]
STAGES = re.compile(r".*, 95th percentile$|.*, median$|Threshold \(.*|.*\(\{language\}\)$")
"""Families of entities, of which the page names one for all."""


@pytest.fixture
async def entry(core: HomeAssistant, peer: Peer) -> MockConfigEntry:
    """A hub that has been talked to, with ports for speech."""
    peer.status |= {"cloud": CLOUD, "disagreement": DISAGREEMENT}
    peer.health = HEALTH | {"wyoming_port": 1}
    one = entry_for(peer.port)
    await set_up(core, one)
    return one


async def test_every_entity_is_on_the_page_about_entities(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    page = " ".join(ENTITIES.read_text(encoding="utf-8").split())
    registered = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    names = {texts()["entity"][one.domain][one.translation_key]["name"] for one in registered if one.original_name}
    counts = {"Turns looked at", "Clipped turns of the last ones", "Noisy turns of the last ones"}  # one phrase there
    assert {name for name in names - counts if name not in page and not STAGES.match(name)} <= {
        *("Cloud audio this month", "Audit limit per day", "Early question limit per day"),  # named with their fellows
    }


def test_every_field_of_the_forms_is_explained() -> None:
    fields = {
        label
        for section in (texts()["config"], texts()["options"], *texts()["config_subentries"].values())
        for step in section["step"].values()
        for label in step.get("data", {}).values()
    }
    assert sorted(label for label in fields if f"**{label}**" not in PAGE) == []


def test_the_sentences_of_the_troubleshooting_are_those_that_home_assistant_says() -> None:
    said = [text for _, text in leaves(texts())]
    quoted = re.findall(r'^\| "(.+?)" \|', parts(DOCS)["By what Home Assistant says"], re.MULTILINE)
    assert len(quoted) > len("sentences") - 1
    for sentence in quoted:
        pattern = ".*?".join(map(re.escape, sentence.split("…")))
        assert any(re.match(pattern, text) for text in said), sentence


def test_the_languages_of_the_questions_are_those_that_are_named() -> None:
    names = {"de": "German", "en": "English", "es": "Spanish", "fr": "French", "it": "Italian", "nl": "Dutch"}
    names |= {"pl": "Polish", "pt": "Portuguese", "sv": "Swedish", "zh": "Chinese"}
    assert set(PHRASES) == set(names)
    named = parts(DOCS)["Known limitations"].split("**Questions are asked in ")[1].split(";")[0]
    assert all(name in named for name in names.values())


def test_the_things_that_a_reader_is_to_click_are_named_as_they_are_there() -> None:
    known = {text for _, text in leaves(texts())}
    for named in (
        "Keep transcripts",
        "Cloud allowed",
        "Answer early",
        "Keep lists and notes for later",
        "Error target",
    ):
        assert named in known
        assert named in PAGE
    flow = texts()["config_subentries"]["cloud_lane"]
    assert flow["initiate_flow"]["user"] in PAGE
    assert flow["step"]["reconfigure"]["menu_options"]["order"] in PAGE


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["alias"]))
async def test_the_examples_are_automations(
    hass: HomeAssistant, entry: MockConfigEntry, example: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert await async_setup_component(hass, "automation", {"automation": [example]})
    await hass.async_block_till_done()
    assert [state.state for state in hass.states.async_all("automation")] == ["on"], caplog.text
    await hass.services.async_call("automation", "turn_off", {"entity_id": "all"}, blocking=True)
    actions = {step["action"] for step in example["actions"] if "action" in step}
    assert {action for action in actions if action.startswith("edge_voice.")} <= {
        f"edge_voice.{name}" for name in texts()["services"]
    }


async def test_the_entities_that_the_examples_name_are_there(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    named = set(re.findall(r"\b(?:sensor|select|binary_sensor|switch|event|number)\.edge_voice_\w+", PAGE))
    assert named
    assert {one for one in named if hass.states.get(one) is None} == set()
