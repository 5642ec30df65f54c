"""A signed model's way to a real hub and off it again, as its owner goes it in Home Assistant."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice.const import DOMAIN
from tests.home_assistant.server_process import ServerProcess, edge_voice
from tests.integration.conftest import entry_of_server, until
from tests.integration.entities.conftest import connect
from tests.integration.entities.sight import act, attributes_of, until_attribute, until_state, value_of
from tests.integration.entities.speaking import spoken
from tests.integration.flows.walk import options_flow
from tests.integration.repository import Publisher, published

SPEECH = "update.edge_voice_speech_model"
BACK = "button.edge_voice_return_to_the_speech_model_before"
CHANGE = "event.edge_voice_model_change"
MODEL = "sensor.edge_voice_model"
ALONE = {"EDGE_VOICE_BUNDLES_AUTOMATIC": "false", "HF_ENDPOINT": "http://127.0.0.1:9"}
"""The hub takes nothing up by itself, and has no network for a larger model."""
ALL_UNHEARD = {"EDGE_VOICE_BUNDLES_SHADOW_SHARE": "1", "EDGE_VOICE_BUNDLES_SHADOW_TURNS": "400"}
TELLING = ("fan-noisy.wav", "time.wav")
"""What a model with two bits per weight is unsure of, and the starter is not."""
MOST_TURNS = 120
_TRIAL_S = 60.0
"""Another process loads the model and hears its recordings twice, beside whatever else this machine does."""


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """Whoever publishes models."""
    with published() as one:
        yield one


@pytest.fixture
def hub() -> Iterator[ServerProcess]:
    """A hub with nothing but its starter model, whose owner leaves the choice to bundles."""
    with edge_voice(control_port=0, model="", settings=ALONE | ALL_UNHEARD) as server:
        yield server


@pytest.fixture
async def entry(core: HomeAssistant, hub: ServerProcess, publisher: Publisher) -> MockConfigEntry:
    """The hub's entry; it trusts the publisher by the options' form."""
    one = await connect(core, await entry_of_server(core, hub))
    walk = await options_flow(core, one.entry_id)
    await walk.choose("repository")
    await walk.submit({"url": publisher.url, "root": json.dumps(publisher.root)})
    assert walk.reason == "repository_trusted", walk.placeholders
    return one


async def looked(hass: HomeAssistant) -> dict[str, Any]:
    """Have the hub look at its repository; return what it tells of its bundles."""
    answer = await hass.services.async_call(DOMAIN, "check_bundles", {}, blocking=True, return_response=True)
    assert isinstance(answer, dict)
    return answer


async def installed(hass: HomeAssistant, shown: str) -> None:
    """Take what is offered, which is shown so, and wait until it has been fetched and tried."""
    await looked(hass)
    await until_attribute(hass, SPEECH, "latest_version", shown)
    await act(hass, "update.install", SPEECH)
    await until(lambda: attributes_of(hass, CHANGE).get("label", "").endswith(shown), longest_s=_TRIAL_S)
    await until(lambda: attributes_of(hass, CHANGE)["event_type"] != "installing", longest_s=_TRIAL_S)


def shown(hass: HomeAssistant) -> set[str]:
    """Return the keys of what is to be mended."""
    issues = ir.async_get(hass).issues.items()
    return {one.translation_key or "" for (domain, _), one in issues if domain == DOMAIN and one.active}


async def test_a_model_comes_signed_proves_itself_and_goes_when_its_owner_says_so(
    hass: HomeAssistant, entry: MockConfigEntry, hub: ServerProcess, publisher: Publisher
) -> None:
    starter = value_of(hass, MODEL)
    await publisher.publish("good", "1.0.0", terms={"notes": "Hears the *kitchen* light."})
    (offered,) = (await looked(hass))["offers"]
    assert offered["eligible"], offered["reasons"]
    await until_state(hass, SPEECH, "on")
    assert attributes_of(hass, SPEECH)["installed_version"] == starter
    assert attributes_of(hass, SPEECH)["latest_version"] == "home-en@1.0.0"

    # Beside the starter there is nothing to compare it with: it serves once it has passed its test.
    await installed(hass, "home-en@1.0.0")
    await until_attribute(hass, SPEECH, "installed_version", "1.0.0")
    await until_state(hass, MODEL, "home-en@1.0.0")
    await until_state(hass, SPEECH, "off")
    await spoken(hub.port, "kitchen.wav")
    await until_attribute(hass, "event.edge_voice_turn", "model", "home-en@1.0.0")

    await publisher.publish("ruined", "1.1.0")
    await installed(hass, "1.1.0")
    await until_attribute(hass, CHANGE, "code", "self-test-failed")
    await until(lambda: "bundle_refused" in shown(hass))
    await until_attribute(hass, SPEECH, "in_progress", value=False)
    assert attributes_of(hass, SPEECH)["installed_version"] == "1.0.0"

    await publisher.publish("good", "1.2.0")
    await installed(hass, "1.2.0")
    await until_attribute(hass, SPEECH, "stage", "shadow")
    assert attributes_of(hass, CHANGE)["event_type"] == "shadow"
    await until(lambda: "bundle_refused" not in shown(hass))
    assert (attributes_of(hass, SPEECH)["in_progress"], value_of(hass, MODEL)) == (True, "home-en@1.0.0")
    await act(hass, "button.press", BACK)
    await until_attribute(hass, CHANGE, "event_type", "rolled_back")
    await until_attribute(hass, SPEECH, "in_progress", value=False)
    told = await looked(hass)
    assert {one["label"]: one["code"] for one in told["denied"]} == {
        "home-en@1.1.0": "self-test-failed",
        "home-en@1.2.0": "owner",
    }
    await until_attribute(hass, SPEECH, "installed_version", "1.0.0")
    assert value_of(hass, SPEECH) == "off"
    await spoken(hub.port, "kitchen.wav")
    await until_attribute(hass, "event.edge_voice_turn", "model", "home-en@1.0.0")


async def test_a_model_that_is_worse_goes_by_itself_and_its_owner_sees_by_how_much(
    hass: HomeAssistant, entry: MockConfigEntry, hub: ServerProcess, publisher: Publisher
) -> None:
    await publisher.publish("good", "1.0.0")
    await installed(hass, "home-en@1.0.0")
    await publisher.publish("subtly_bad", "1.1.0")
    await installed(hass, "1.1.0")
    assert attributes_of(hass, CHANGE)["event_type"] == "shadow"
    for number in range(MOST_TURNS):
        await spoken(hub.port, TELLING[number % len(TELLING)])
        await asyncio.sleep(0.5)  # whoever decodes unheard does so while nobody speaks
        if attributes_of(hass, CHANGE)["event_type"] == "rolled_back":
            break
    told = attributes_of(hass, CHANGE)
    assert (told["event_type"], told["label"], told["code"]) == ("rolled_back", "home-en@1.1.0", "worse")
    (figures,) = [one for one in told["evidence"] if one["metric"] == "escalated"]
    assert figures["candidate"] > figures["baseline"]
    assert figures["e_value"] > 100
    await until(lambda: "bundle_rolled_back" in shown(hass))
    issues = ir.async_get(hass).issues.values()
    (repair,) = [one for one in issues if one.translation_key == "bundle_rolled_back"]
    placeholders = repair.translation_placeholders or {}
    assert placeholders["escalated_after"] == f"{100 * figures['candidate']:.1f} % ({figures['candidate_turns']})"
    assert placeholders["failed_weight"] == "–"  # nobody heard it
    assert value_of(hass, MODEL) == "home-en@1.0.0"
    await until_attribute(hass, SPEECH, "in_progress", value=False)
    assert value_of(hass, SPEECH) == "off"
