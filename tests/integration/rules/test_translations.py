"""Every language says all that English says, in its own words."""

import json
import re
from functools import cache
from string import Formatter
from typing import Any

import hass_frontend
import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from custom_components.edge_voice.const import DOMAIN
from tests.integration.rules.source import PACKAGE, leaves, texts

LANGUAGES = ("de", "es", "fr", "it", "nl", "pl", "pt-BR", "sv", "zh-Hans")
ENGLISH = dict(leaves(texts()))
ENGLISH_SECTIONS = tuple(texts())
_MARKS = re.compile(r"`[^`]*`")

NAMES = {
    "{name}": "a placeholder alone",
    "{message}": "a placeholder alone",
    "{reason}": "a placeholder alone",
}
"""Texts that are the same in every language, and why."""
LOANS = {
    "de": {
        "Beta": "also German",
        "Code": "also German",
        "Name": "also German",
        "Normal": "also German",
        "Region": "also German",
        "Text": "also German",
        "Token": "Home Assistant's German says so, too",
    },
    "es": {"Beta": "also Spanish", "Normal": "also Spanish", "Token": "Home Assistant's Spanish says so, too"},
    "fr": dict.fromkeys(
        (
            *("Action", "Code", "Message", "Microphone", "Mode", "Normal", "Points", "Question", "Satellite"),
            *("Satellites", "Service", "Stable"),
        ),
        "also French",
    ),
    "it": {
        "Beta": "also Italian",
        "File": "also Italian",
        "Satellite": "also Italian",
        "Token": "Home Assistant's Italian says so, too",
    },
    "nl": {"Code": "also Dutch", "Model": "also Dutch", "Project": "also Dutch", "Token": "as among Dutch engineers"},
    "pl": {"Model": "also Polish", "Region": "also Polish", "Token": "also Polish"},
    "pt-BR": {
        "Beta": "also Portuguese",
        "Normal": "also Portuguese",
        "Token": "Home Assistant's Portuguese says so, too",
    },
    "sv": {
        "Beta": "also Swedish",
        "Region": "also Swedish",
        "Risk": "also Swedish",
        "Text": "also Swedish",
        "Token": "as among Swedish engineers",
    },
    "zh-Hans": {},
}
"""Words that a language shares with English, and where it has them from."""

BUTTONS = {
    "*Submit*": "ui.panel.config.integrations.config_flow.submit",
    "*Prefer handling commands locally*": (
        "ui.panel.config.voice_assistants.assistants.pipeline.detail.form.prefer_local_intents"
    ),
}
"""What our texts tell people to click, and where Home Assistant's pages have its name from."""


@cache
def pages(language: str) -> dict[str, str]:
    """Return the words of Home Assistant's own pages."""
    files = (hass_frontend.where() / "static" / "translations").rglob(f"{language}-*.json")
    return {".".join(path): said for file in files for path, said in leaves(_read(file))}


def _read(file: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return told


def placeholders(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)


def test_there_are_ten_languages() -> None:
    found = {path.stem for path in (PACKAGE / "translations").glob("*.json")}
    assert found == {"en", *LANGUAGES}


def test_the_card_speaks_the_same_languages() -> None:
    assert {path.stem for path in (PACKAGE / "frontend" / "texts").glob("*.js")} == {"en", *LANGUAGES}


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_a_mode_has_one_name_on_the_card_and_as_an_entity(language: str) -> None:
    card = (PACKAGE / "frontend" / "texts" / f"{language}.js").read_text("utf-8")
    for mode, name in texts(language)["entity"]["sensor"]["mode"]["state"].items():
        assert f'mode_{mode}: "{name}"' in card


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_text_and_no_others(language: str) -> None:
    there = dict(leaves(texts(language)))
    missing, left_over = ENGLISH.keys() - there.keys(), there.keys() - ENGLISH.keys()
    assert not missing, f"missing: {sorted('.'.join(path) for path in missing)}"
    assert not left_over, f"left over: {sorted('.'.join(path) for path in left_over)}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_keeps_the_placeholders_and_what_is_typed_as_it_stands(language: str) -> None:
    for path, said in leaves(texts(language)):
        english = ENGLISH[path]
        assert placeholders(said) == placeholders(english), f"{'.'.join(path)}: {said}"
        assert sorted(_MARKS.findall(said)) == sorted(_MARKS.findall(english)), f"{'.'.join(path)}: {said}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_says_nothing_in_english_but_what_it_has_taken_from_it(language: str) -> None:
    same = {said for path, said in leaves(texts(language)) if said == ENGLISH[path]}
    allowed = NAMES.keys() | LOANS[language].keys()
    assert same - allowed == set()
    assert LOANS[language].keys() <= same, "words that are no longer used as they are"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_english_says_alike_a_language_says_alike_in_the_same_section(language: str) -> None:
    said: dict[tuple[str, str], set[str]] = {}
    for path, text in leaves(texts(language)):
        if path[0] in {"config", "config_subentries", "options", "issues", "triggers", "conditions"}:
            said.setdefault((path[0], ENGLISH[path]), set()).add(text)
    assert {english: found for english, found in said.items() if len(found) > 1} == {}


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_buttons_are_called_as_home_assistant_calls_them_in_that_language(language: str) -> None:
    for path, said in leaves(texts(language)):
        for button, where in BUTTONS.items():
            if button in ENGLISH[path]:
                assert f"*{pages(language)[where]}*" in said, ".".join(path)
        if "*Answer early*" in ENGLISH[path]:
            ours = texts(language)["entity"]["switch"]["satellite_answer_early"]["name"]
            assert f"*{ours}*" in said, ".".join(path)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_home_assistant_shows_a_language_to_those_who_speak_it(
    hass: HomeAssistant, language: str, caplog: pytest.LogCaptureFixture
) -> None:
    for category in ENGLISH_SECTIONS:
        shown = await async_get_translations(hass, language, category, [DOMAIN])
        told = {".".join(path): said for path, said in leaves({category: texts(language)[category]})}
        assert shown == {f"component.{DOMAIN}.{path}": said for path, said in told.items()}
    complaints = [one for one in caplog.records if one.name == "homeassistant.helpers.translation"]
    assert [one.message for one in complaints if one.levelname != "DEBUG"] == []


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_files_are_written_in_one_way(language: str) -> None:
    path = PACKAGE / "translations" / f"{language}.json"
    canonical = json.dumps(texts(language), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    assert path.read_text(encoding="utf-8") == canonical
