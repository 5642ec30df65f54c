"""Cloud lanes: whom to ask, the sentence that is agreed to, the test, and what changes later."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from homeassistant.components import stt
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice import lane_flow as lane_flow_module
from custom_components.edge_voice import lane_test
from custom_components.edge_voice.lanes import ordered_lanes
from tests.integration.conftest import entry_for, set_up
from tests.integration.entities.sight import until
from tests.integration.flows.conftest import WYOMING
from tests.integration.flows.walk import Walk, lane_flow, suggested
from tests.integration.peer import Peer, refusal, says
from tests.integration.voice.house import House, never_returns

type Json = dict[str, Any]

OPENAI: Json = {
    "provider": "openai",
    "title": "OpenAI",
    "needs": ["key"],
    "optional": ["model"],
    "url": "https://api.openai.com/v1",
    "models": ["gpt-transcribe", "whisper-1"],
    "price_per_minute": 0.0045,
    "as_of": "2026-11-22",
    "trust": "cloud",
}
GROQ: Json = {**OPENAI, "title": "Groq", "url": "https://api.groq.com/openai/v1", "price_per_minute": 0.0007}
UNPRICED: Json = {**OPENAI, "optional": [], "url": "", "price_per_minute": None}
AZURE: Json = {**UNPRICED, "provider": "azure", "title": "Azure AI Speech", "needs": ["key", "region"]}
AT_HOME: Json = {**UNPRICED, "needs": ["url"], "optional": ["key"], "models": [], "trust": "home"}
CLIENT: Json = {**OPENAI, "provider": "client", "needs": []}
SECRET = "sk-secret-x4Qz"


class Lanes:
    """The server's lanes: it keeps what it is told, and hears the recording unless a test says otherwise."""

    def __init__(self, hub: Peer) -> None:
        self.kept: list[Json] = []
        self.tested: list[Json] = []
        self.fails: list[tuple[int, str]] = []
        """Status and code of its next answers to tests."""
        self.refuses: tuple[int, str] | None = None
        """Likewise to changes."""
        self.heard = "Turn on the kitchen light."
        hub.answers["/api/v1/lanes"] = self._lanes
        hub.answers["/api/v1/lanes/test"] = self._test

    async def _lanes(self, request: web.Request) -> web.Response:
        if request.method == "PUT":
            if self.refuses is not None:
                return refusal(*self.refuses, "no")
            self.kept = (await request.json())["lanes"]
        return web.json_response({"lanes": self.kept, "providers": [CLIENT, OPENAI, GROQ, AZURE, AT_HOME]})

    async def _test(self, request: web.Request) -> web.Response:
        self.tested.append(await request.json())
        if self.fails:
            return refusal(*self.fails.pop(), "no")
        return web.json_response({"text": self.heard, "took_ms": 412.0, "matches": "kitchen" in self.heard})


@pytest.fixture
def lanes(hub: Peer) -> Lanes:
    """The server's lanes."""
    return Lanes(hub)


@pytest.fixture
async def entry(core: HomeAssistant, hub: Peer, lanes: Lanes, house: House) -> AsyncIterator[MockConfigEntry]:
    """The server's entry, set up."""
    one = entry_for(hub.port, wyoming_port=WYOMING)
    await set_up(core, one)
    yield one
    await core.async_block_till_done()


async def add_openai(hass: HomeAssistant, entry: MockConfigEntry, name: str = "OpenAI", **given: Any) -> Walk:
    """Go as far as the result of the test."""
    walk = await lane_flow(hass, entry.entry_id)
    await walk.choose("provider")
    await walk.submit({"service": "openai"})
    await walk.submit({"name": name, "key": SECRET} | given)
    await walk.submit({"agreed": True, "send_names": False})
    return walk


async def added(hass: HomeAssistant, entry: MockConfigEntry, name: str = "OpenAI") -> ConfigSubentry:
    """Add a lane; return it."""
    walk = await add_openai(hass, entry, name)
    done = await walk.submit({"what_now": "save"})
    assert done["type"] is FlowResultType.CREATE_ENTRY, done
    await hass.async_block_till_done()
    return next(lane for lane in ordered_lanes(entry) if lane.title == name)


async def test_a_services_key_goes_to_the_server_and_nowhere_else(
    core: HomeAssistant, entry: MockConfigEntry, lanes: Lanes
) -> None:
    walk = await lane_flow(core, entry.entry_id)
    assert walk.step == "user"
    await walk.choose("provider")
    offered = walk.result["data_schema"].schema["service"].config["options"]
    assert [one["label"] for one in offered] == [
        "OpenAI – 0.0045 USD/min (2026-11-22)",
        "Groq – 0.0007 USD/min (2026-11-22)",
        "Azure AI Speech",
        "OpenAI",
    ]
    assert [one["value"] for one in offered] == ["openai", "groq", "azure_ai_speech", "openai_home"]
    await walk.submit({"service": "openai"})
    assert walk.step == "details"
    await walk.submit({"name": " OpenAI ", "key": f"{SECRET} "})
    assert walk.step == "consent_priced"
    assert walk.placeholders == {"name": "OpenAI", "provider": "OpenAI", "price": "0.0045", "as_of": "2026-11-22"}
    await walk.submit({"agreed": False, "send_names": False})
    assert walk.error == "not_agreed"
    assert lanes.tested == []
    await walk.submit({"agreed": True, "send_names": True, "satellites": ["assist_satellite.kitchen"]})
    assert walk.step == "tried"
    assert walk.placeholders == {"name": "OpenAI", "text": "Turn on the kitchen light.", "took": "412"}
    assert lanes.tested[0]["key"] == SECRET
    done = await walk.submit({"what_now": "save"})
    assert done["title"] == "OpenAI"
    assert lanes.kept[0]["key"] == SECRET
    await core.async_block_till_done()
    (lane,) = ordered_lanes(entry)
    today = dt_util.now().date().isoformat()
    assert lane.data["key_ends"] == "x4Qz"
    assert lane.data["consent"] == today
    assert SECRET not in str(dict(lane.data))
    await until(lambda: "key" not in lanes.kept[0])  # told once more, when the entry was set up anew
    assert lanes.kept == [
        {
            "name": "OpenAI",
            "provider": "openai",
            "trust": "cloud",
            "consent": today,
            "satellites": ["assist_satellite.kitchen"],
            "send_names": True,
        }
    ]


@pytest.mark.parametrize(
    ("service", "given", "step"),
    [
        ("openai", {"key": SECRET, "price_per_minute": 0.001}, "consent_own_price"),
        ("groq", {"key": SECRET, "model": "other"}, "consent_priced"),
        ("azure_ai_speech", {"key": SECRET, "region": "westeurope"}, "consent_unpriced"),
        ("openai_home", {"url": "http://192.168.1.2:8000/v1", "stays_home": True}, "consent_home"),
        ("openai_home", {"url": "https://api.example.com/v1", "stays_home": False}, "consent_unpriced"),
    ],
)
async def test_the_sentence_says_who_is_asked_and_at_which_price(
    core: HomeAssistant, entry: MockConfigEntry, service: str, given: Json, step: str
) -> None:
    walk = await lane_flow(core, entry.entry_id)
    await walk.choose("provider")
    await walk.submit({"service": service})
    await walk.submit({"name": "Mine"} | given)
    assert walk.step == step
    asks = "agreed" in {str(one) for one in walk.result["data_schema"].schema}
    assert asks is (step != "consent_home")
    await walk.submit({"send_names": False} | ({"agreed": True} if asks else {}))
    assert walk.step == "tried"


async def test_a_lane_needs_a_name_of_its_own(core: HomeAssistant, entry: MockConfigEntry) -> None:
    await added(core, entry)
    walk = await lane_flow(core, entry.entry_id)
    await walk.choose("provider")
    await walk.submit({"service": "openai"})
    await walk.submit({"name": "OpenAI", "key": SECRET})
    assert walk.error == "name_taken"
    await walk.submit({"name": " ", "key": SECRET})
    assert walk.error == "name_missing"
    await walk.submit({"name": "Second", "key": SECRET})
    assert walk.step == "consent_priced"


async def test_a_refused_key_is_said_and_can_be_corrected(
    core: HomeAssistant, entry: MockConfigEntry, lanes: Lanes
) -> None:
    lanes.fails.append((400, "lane-credentials"))
    walk = await add_openai(core, entry, key="wrong-key")
    assert (walk.step, walk.error) == ("failed", "refused_lane_credentials")
    await walk.submit({"what_now": "change"})
    assert walk.step == "details"
    await walk.submit({"name": "OpenAI", "key": SECRET})
    await walk.submit({"agreed": True, "send_names": False})
    assert walk.step == "tried"
    assert [one["key"] for one in lanes.tested] == ["wrong-key", SECRET]


async def test_a_lane_that_fails_is_tried_again_or_saved_all_the_same(
    core: HomeAssistant, entry: MockConfigEntry, lanes: Lanes
) -> None:
    lanes.fails.append((400, "lane-timeout"))
    walk = await add_openai(core, entry)
    assert walk.error == "refused_lane_timeout"
    lanes.heard = "Schalte das Licht ein."
    await walk.submit({"what_now": "again"})
    assert walk.step == "tried_other_text"
    lanes.fails.append((400, "lane-timeout"))
    await walk.submit({"what_now": "again"})
    done = await walk.submit({"what_now": "save"})
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_a_lane_that_the_server_does_not_take_is_not_kept(
    core: HomeAssistant, entry: MockConfigEntry, lanes: Lanes
) -> None:
    walk = await add_openai(core, entry)
    lanes.refuses = (403, "plain-http-refused")
    await walk.submit({"what_now": "save"})
    assert (walk.step, walk.error) == ("unsaved", "refused_plain_http_refused")
    assert ordered_lanes(entry) == []
    lanes.refuses = None
    done = await walk.submit({"what_now": "save"})
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_without_the_server_no_service_can_be_offered(
    core: HomeAssistant, entry: MockConfigEntry, hub: Peer
) -> None:
    lane = await added(core, entry)
    hub.answers["/api/v1/lanes"] = says("bad gateway", status=502)
    walk = await lane_flow(core, entry.entry_id)
    await walk.choose("provider")
    assert walk.reason == "cannot_connect"
    walk = await lane_flow(core, entry.entry_id, lane.subentry_id)
    assert walk.reason == "cannot_connect"


async def test_an_entity_hears_the_packaged_recording_in_its_own_words_for_english(
    core: HomeAssistant, entry: MockConfigEntry, house: House, lanes: Lanes
) -> None:
    walk = await lane_flow(core, entry.entry_id)
    await walk.choose("entity")
    ours = walk.result["data_schema"].schema["entity_id"].config["exclude_entities"]
    assert "stt.edge_voice" in ours
    await walk.submit({"entity_id": "stt.service", "stays_home": False})
    assert walk.step == "consent_entity"
    assert walk.placeholders == {"name": "Service", "entity": "stt.service"}
    await walk.submit({"agreed": True})
    assert walk.step == "tried"
    assert house.service.asked[0].language == "en-GB"
    assert len(house.service.heard) > 32_000
    done = await walk.submit({"what_now": "save"})
    assert done["title"] == "Service"
    await core.async_block_till_done()
    await until(lambda: lanes.kept)
    assert lanes.kept[0]["entity"] == "stt.service"
    assert lanes.kept[0]["provider"] == "client"
    assert lanes.kept[0]["languages"] == ["de", "en"]
    assert lanes.tested == []


async def test_an_entity_that_fails_is_told_by_its_own_failure(
    core: HomeAssistant, entry: MockConfigEntry, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def raises(_: stt.SpeechMetadata, stream: object) -> stt.SpeechResult:
        raise HomeAssistantError("the subscription has ended")

    async def breaks(_: stt.SpeechMetadata, stream: object) -> stt.SpeechResult:
        raise RuntimeError

    walk = await lane_flow(core, entry.entry_id)
    await walk.choose("entity")
    await walk.submit({"entity_id": "stt.service", "stays_home": True})
    assert walk.step == "consent_home"
    house.service.hears = raises
    await walk.submit({})
    assert (walk.step, walk.error) == ("failed", "lane_raised")
    assert walk.placeholders["message"] == "the subscription has ended"
    house.service.hears = breaks
    await walk.submit({"what_now": "again"})
    assert walk.placeholders["message"] == "RuntimeError"
    house.service.hears = house.service.says(None, stt.SpeechResultState.ERROR)
    await walk.submit({"what_now": "again"})
    assert walk.error == "lane_heard_nothing"
    monkeypatch.setattr(lane_test, "_MOST_SECONDS", 0.01)
    house.service.hears = never_returns
    await walk.submit({"what_now": "again"})
    assert walk.error == "lane_slow"
    await walk.submit({"what_now": "change"})
    assert walk.step == "entity"
    assert suggested(walk.result)["entity_id"] == "stt.service"
    await walk.submit({"entity_id": "stt.gone", "stays_home": False})
    await walk.submit({"agreed": True})
    assert walk.error == "lane_gone"


async def test_a_service_in_another_language_is_asked_in_that(house: House, core: HomeAssistant) -> None:
    house.service.languages = ["de-DE"]
    house.service.hears = house.service.says("Schalte das Licht ein")
    heard = await lane_test.async_test_entity(core, "stt.service")
    assert (heard.matches, house.service.asked[0].language) == (False, "de-DE")


async def test_a_new_key_takes_the_place_of_the_old_one(
    core: HomeAssistant, entry: MockConfigEntry, lanes: Lanes
) -> None:
    lane = await added(core, entry)
    walk = await lane_flow(core, entry.entry_id, lane.subentry_id)
    assert walk.step == "reconfigure"
    await walk.choose("details")
    assert "name" not in {str(one) for one in walk.result["data_schema"].schema}
    await walk.submit({"key": "sk-renewed-9999"})
    assert suggested(walk.result)["agreed"] is True
    await walk.submit({"agreed": True, "send_names": False})
    await walk.submit({"what_now": "save"})
    assert walk.reason == "reconfigure_successful"
    assert lanes.kept[0]["key"] == "sk-renewed-9999"
    await core.async_block_till_done()
    assert ordered_lanes(entry)[0].data["key_ends"] == "9999"


async def test_another_address_needs_its_own_key_and_has_to_be_agreed_to_anew(
    core: HomeAssistant, entry: MockConfigEntry, lanes: Lanes
) -> None:
    walk = await lane_flow(core, entry.entry_id)
    await walk.choose("provider")
    await walk.submit({"service": "groq"})
    await walk.submit({"name": "Groq", "key": SECRET})
    await walk.submit({"agreed": True, "send_names": False})
    await walk.submit({"what_now": "save"})
    assert lanes.kept[0]["url"] == GROQ["url"]
    await core.async_block_till_done()
    (lane,) = ordered_lanes(entry)
    core.config_entries.async_update_subentry(entry, lane, data={**lane.data, "url": "https://api.example.com"})
    await core.async_block_till_done()
    walk = await lane_flow(core, entry.entry_id, lane.subentry_id)
    await walk.choose("details")
    await walk.submit({"model": "whisper-large-v3"})
    assert walk.error == "key_missing"
    await walk.submit({"key": SECRET})
    assert walk.step == "consent_priced"
    assert suggested(walk.result)["agreed"] is False


async def test_consent_is_withdrawn_without_a_test(core: HomeAssistant, entry: MockConfigEntry, lanes: Lanes) -> None:
    lane = await added(core, entry)
    tested = len(lanes.tested)
    walk = await lane_flow(core, entry.entry_id, lane.subentry_id)
    await walk.choose("consent")
    await walk.submit({"agreed": False, "send_names": False})
    assert walk.reason == "reconfigure_successful"
    assert "consent" not in ordered_lanes(entry)[0].data
    await until(lambda: "consent" not in lanes.kept[0])
    assert len(lanes.tested) == tested


async def test_an_older_consent_keeps_its_day(core: HomeAssistant, entry: MockConfigEntry) -> None:
    lane = await added(core, entry)
    core.config_entries.async_update_subentry(entry, lane, data={**lane.data, "consent": "2026-01-01"})
    await core.async_block_till_done()
    walk = await lane_flow(core, entry.entry_id, lane.subentry_id)
    await walk.choose("again")
    await walk.submit({"what_now": "save"})
    await core.async_block_till_done()
    assert ordered_lanes(entry)[0].data["consent"] == "2026-01-01"


async def test_lanes_are_asked_in_the_order_that_was_chosen(
    core: HomeAssistant, entry: MockConfigEntry, lanes: Lanes
) -> None:
    for name in ("A", "B", "C"):
        await added(core, entry, name)
    for moved, place, order in (("C", 1, "CAB"), ("A", 3, "CBA"), ("C", 2, "BCA")):
        lane = next(one for one in ordered_lanes(entry) if one.title == moved)
        walk = await lane_flow(core, entry.entry_id, lane.subentry_id)
        await walk.choose("order")
        await walk.submit({"place": place})
        await until(lambda order=order: "".join(one["name"] for one in lanes.kept) == order)


async def test_a_deleted_lane_ends_on_the_server(core: HomeAssistant, entry: MockConfigEntry, lanes: Lanes) -> None:
    lane = await added(core, entry)
    core.config_entries.async_remove_subentry(entry, lane.subentry_id)
    await until(lambda: lanes.kept == [])


async def test_a_service_that_the_server_no_longer_knows_cannot_be_changed(
    core: HomeAssistant, entry: MockConfigEntry
) -> None:
    lane = await added(core, entry)
    core.config_entries.async_update_subentry(entry, lane, data={**lane.data, "service": "gone"})
    await core.async_block_till_done()
    walk = await lane_flow(core, entry.entry_id, lane.subentry_id)
    assert walk.reason == "provider_gone"


async def test_an_entity_lane_is_changed_without_the_server(
    core: HomeAssistant, entry: MockConfigEntry, hub: Peer, lanes: Lanes
) -> None:
    walk = await lane_flow(core, entry.entry_id)
    await walk.choose("entity")
    await walk.submit({"entity_id": "stt.service", "stays_home": True})
    await walk.submit({})
    await walk.submit({"what_now": "save"})
    await core.async_block_till_done()
    (lane,) = ordered_lanes(entry)
    walk = await lane_flow(core, entry.entry_id, lane.subentry_id)
    assert "order" not in walk.result["menu_options"]  # there is only one
    await walk.choose("entity")
    await walk.submit({"entity_id": "stt.service", "stays_home": False})
    assert walk.step == "consent_entity"
    assert suggested(walk.result)["agreed"] is False  # what stayed at home is to leave it


async def test_a_fault_of_our_own_is_not_shown_as_the_lanes(
    core: HomeAssistant, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(lane_flow_module, "async_test_provider", breaks)
    with pytest.raises(RuntimeError, match="a bug"):
        await add_openai(core, entry)
