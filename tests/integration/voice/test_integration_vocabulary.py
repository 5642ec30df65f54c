"""The hub knows the home's names, and hears when they change."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from homeassistant.components.conversation.agent_manager import get_agent_manager
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import floor_registry as fr
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice import vocabulary
from tests.integration.conftest import entry_for, set_up, until
from tests.integration.peer import Peer


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seconds are for people."""
    monkeypatch.setattr(vocabulary, "COOLDOWN_SECONDS", 0.05)


def told(peer: Peer) -> list[dict[str, Any]]:
    """Return what the hub was told, the oldest first."""
    return [body for _, path, body in peer.asked if path == "/api/v1/vocabulary"]


async def connected(hass: HomeAssistant, peer: Peer, **options: Any) -> MockConfigEntry:
    """Return an entry that is connected."""
    like = entry_for(peer.port)
    entry = MockConfigEntry(domain="edge_voice", unique_id=like.unique_id, data=dict(like.data), options=options)
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.coordinator.connected)
    return entry


async def test_the_hub_is_told_all_names_when_it_connects(parlour: HomeAssistant, peer: Peer) -> None:
    floor = fr.async_get(parlour).async_create("Ground floor", aliases={"Downstairs"})
    area = ar.async_get(parlour).async_create("Living room", aliases={"Lounge"})
    ar.async_get(parlour).async_update(area.id, floor_id=floor.floor_id)
    light = er.async_get(parlour).async_get_or_create("light", "house", "one", original_name="Reading lamp")
    er.async_get(parlour).async_update_entity(light.entity_id, aliases=["Book light"])
    parlour.states.async_set(light.entity_id, "on", {"friendly_name": "Reading lamp"})
    async_expose_entity(parlour, "conversation", light.entity_id, should_expose=True)
    parlour.states.async_set("light.secret", "on", {"friendly_name": "Secret"})
    async_expose_entity(parlour, "conversation", "light.secret", should_expose=False)
    await connected(parlour, peer)
    await until(lambda: told(peer))
    names = told(peer)[0]
    assert {"Kitchen light", "Book light"} <= set(names["names"])
    assert "Secret" not in names["names"]
    assert set(names["areas"]) == {"Living room", "Lounge"}
    assert set(names["floors"]) == {"Ground floor", "Downstairs"}
    assert {"open", "sesame", "now"} <= set(names["terms"])


async def test_the_hub_is_told_again_after_each_connect(parlour: HomeAssistant, peer: Peer) -> None:
    await connected(parlour, peer)
    await until(lambda: told(peer))
    before = len(told(peer))
    await peer.drop()
    await until(lambda: len(told(peer)) > before)


async def test_the_hub_hears_of_what_is_renamed_added_exposed_and_taught(
    parlour: HomeAssistant, peer: Peer, hass_config_dir: str
) -> None:
    await connected(parlour, peer)
    await until(lambda: told(peer))
    ar.async_get(parlour).async_create("Cellar")
    await until(lambda: "Cellar" in told(peer)[-1]["areas"])
    fr.async_get(parlour).async_create("Attic")
    await until(lambda: "Attic" in told(peer)[-1]["floors"])
    parlour.states.async_set("light.porch", "on", {"friendly_name": "Porch"})
    async_expose_entity(parlour, "conversation", "light.porch", should_expose=True)
    await until(lambda: "Porch" in told(peer)[-1]["names"])
    parlour.states.async_remove("light.porch")
    await until(lambda: "Porch" not in told(peer)[-1]["names"])
    get_agent_manager(parlour).register_trigger(["[it's] party time {place}"], _nothing)
    await until(lambda: {"party", "time"} <= set(told(peer)[-1]["terms"]))
    assert "place" not in told(peer)[-1]["terms"]


async def test_the_hub_hears_in_which_country_the_home_is(parlour: HomeAssistant, peer: Peer) -> None:
    await parlour.config.async_update(country="DE")
    await connected(parlour, peer)
    await until(lambda: told(peer))
    assert told(peer)[-1]["country"] == "DE"
    await parlour.config.async_update(country="FR")
    await until(lambda: told(peer)[-1]["country"] == "FR")


async def test_a_hub_that_has_no_use_for_the_country_does_not_hear_of_it(parlour: HomeAssistant, peer: Peer) -> None:
    """An older one would refuse all the names for a key that it does not know."""
    await parlour.config.async_update(country="DE")
    del peer.status["bundles"]
    await connected(parlour, peer)
    await until(lambda: told(peer))
    assert "country" not in told(peer)[-1]
    assert told(peer)[-1]["names"]


async def test_a_burst_of_changes_is_told_once_and_no_change_not_at_all(parlour: HomeAssistant, peer: Peer) -> None:
    await connected(parlour, peer)
    await until(lambda: told(peer))
    await asyncio.sleep(0.2)
    before = len(told(peer))
    for number in range(30):
        ar.async_get(parlour).async_create(f"Room {number}")
    await until(lambda: "Room 29" in told(peer)[-1]["areas"])
    assert len(told(peer)) - before <= 2
    before = len(told(peer))
    parlour.states.async_set("sensor.hidden", "1")  # comes, and is exposed to nobody
    parlour.states.async_set("light.kitchen", "on")
    await asyncio.sleep(0.2)
    assert len(told(peer)) - before <= 1


async def test_the_files_of_custom_sentences_are_read_in_the_homes_languages(
    parlour: HomeAssistant, peer: Peer, tmp_path: Path
) -> None:
    for language, sentence in {"en": "release the hounds", "pl": "wypuść psy"}.items():
        folder = tmp_path / "custom_sentences" / language
        folder.mkdir(parents=True)
        (folder / "house.yaml").write_text(
            f"language: {language}\nintents:\n  Hounds:\n    data:\n      - sentences: ['{sentence} [in] <area>']\n",
            "utf-8",
        )
    (tmp_path / "custom_sentences/en/broken.yaml").write_text("intents: [", "utf-8")
    parlour.config.config_dir = str(tmp_path)
    await connected(parlour, peer)
    await until(lambda: told(peer))
    terms = set(told(peer)[0]["terms"])
    assert {"release", "the", "hounds"} <= terms
    assert terms.isdisjoint({"wypuść", "area"})


async def test_an_owner_who_keeps_the_names_keeps_them(parlour: HomeAssistant, peer: Peer) -> None:
    await connected(parlour, peer, send_vocabulary=False)
    ar.async_get(parlour).async_create("Cellar")
    await asyncio.sleep(0.2)
    assert not told(peer)


async def test_no_more_is_told_than_the_hub_takes(
    parlour: HomeAssistant, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "MOST_OF_EACH", 3)
    for number in range(5):
        ar.async_get(parlour).async_create(f"{number} " + "x" * 300)
    await connected(parlour, peer)
    await until(lambda: told(peer))
    assert len(told(peer)[0]["areas"]) == 3
    assert all(len(one) <= 100 for one in told(peer)[0]["areas"])


async def _nothing(*_: object) -> None:
    return None
