"""The options' step that says where models come from."""

import json
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from tests.integration.conftest import entry_for, set_up, until
from tests.integration.flows.conftest import WYOMING
from tests.integration.flows.walk import Walk, options_flow, suggested
from tests.integration.peer import Peer, refusal

URL = "https://models.example.net"
ROOT: dict[str, Any] = {"signed": {"_type": "root", "version": 1}, "signatures": []}
PLACE = "/api/v1/bundles/repository"


@pytest.fixture
async def entry(core: HomeAssistant, hub: Peer) -> MockConfigEntry:
    """The server's entry, set up; it trusts nobody yet."""
    hub.status["bundles"] = hub.status["bundles"] | {"repository": None}
    one = entry_for(hub.port, wyoming_port=WYOMING)
    await set_up(core, one)
    return one


async def step(hass: HomeAssistant, entry: MockConfigEntry) -> Walk:
    """Open the step from the options."""
    walk = await options_flow(hass, entry.entry_id)
    await walk.choose("repository")
    return walk


def told(hub: Peer) -> list[tuple[str, str, Any]]:
    return [one for one in hub.asked if one[1] == PLACE]


async def uploaded(core: HomeAssistant, hass_client: ClientSessionGenerator, content: bytes) -> str:
    """Upload a file as the form does; return what stands for it."""
    assert await async_setup_component(core, "file_upload", {})
    form = aiohttp.FormData()
    form.add_field("file", content, filename="root.json", content_type="application/json")
    answer = await (await hass_client()).post("/api/file_upload", data=form)
    file_id: str = (await answer.json())["file_id"]
    return file_id


async def test_a_repository_is_trusted_by_the_text_of_its_root(
    core: HomeAssistant, hub: Peer, entry: MockConfigEntry
) -> None:
    walk = await step(core, entry)
    assert walk.step == "trust"
    await walk.submit({"url": f" {URL} ", "root": json.dumps(ROOT)})
    assert walk.reason == "repository_trusted"
    assert walk.placeholders == {"url": URL}
    assert told(hub) == [("PUT", PLACE, {"url": URL, "root": ROOT})]


async def test_a_repository_is_trusted_by_its_root_file(
    core: HomeAssistant, hub: Peer, entry: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    file_id = await uploaded(core, hass_client, json.dumps(ROOT).encode())
    walk = await step(core, entry)
    await walk.submit({"url": URL, "root_file": file_id})
    assert walk.reason == "repository_trusted"
    assert told(hub) == [("PUT", PLACE, {"url": URL, "root": ROOT})]


async def test_what_is_no_root_is_said_before_the_hub_is_asked(
    core: HomeAssistant, hub: Peer, entry: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    walk = await step(core, entry)
    await walk.submit({"url": URL})
    assert walk.error == "root_missing"
    for text in ("{", '["no", "object"]', "[" * 100_000):
        await walk.submit({"url": URL, "root": text})
        assert walk.error == "root_unreadable"
    for content in (b"\xff\xfe", b" " * 600_000):
        await walk.submit({"url": URL, "root_file": await uploaded(core, hass_client, content)})
        assert walk.error == "root_unreadable"
    gone = await uploaded(core, hass_client, b"{}")
    await walk.submit({"url": URL, "root_file": gone, "root": "is passed over"})
    walk = await step(core, entry)
    await walk.submit({"url": URL, "root_file": gone})  # was erased when it was read
    assert walk.error == "root_unreadable"
    assert suggested(walk.result)["url"] == URL
    assert len(told(hub)) == 1


async def test_what_the_hub_refuses_stands_in_the_form_to_be_corrected(
    core: HomeAssistant, hub: Peer, entry: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return refusal(400, "root-refused", "The root is signed by one key of two.")

    hub.answers[PLACE] = refuse
    walk = await step(core, entry)
    await walk.submit({"url": URL, "root_file": await uploaded(core, hass_client, json.dumps(ROOT).encode())})
    assert (walk.error, walk.placeholders) == (
        "repository_refused",
        {"message": "The root is signed by one key of two."},
    )
    assert suggested(walk.result) == {"url": URL, "root": json.dumps(ROOT)}
    del hub.answers[PLACE]
    await walk.submit(suggested(walk.result))
    assert walk.reason == "repository_trusted"


async def test_a_repository_can_be_changed_or_trusted_no_more(
    core: HomeAssistant, hub: Peer, entry: MockConfigEntry
) -> None:
    known = {"url": URL, "channel": "beta", "checked_at": None, "error": None}
    await hub.push_status(bundles=hub.status["bundles"] | {"repository": known})
    await until(lambda: entry.runtime_data.coordinator.data.bundles.repository)
    walk = await step(core, entry)
    assert (walk.step, walk.placeholders) == ("repository", {"url": URL, "channel": "beta"})
    await walk.choose("trust")
    assert walk.step == "trust"
    walk = await step(core, entry)
    await walk.choose("distrust")
    await hub.stop()
    await walk.submit({})
    assert walk.error == "hub_away"
    await hub.start()
    await walk.submit({})
    assert walk.reason == "repository_forgotten"
    assert told(hub) == [("DELETE", PLACE, b"")]


async def test_a_hub_that_knows_no_bundles_or_was_never_there_is_not_asked(
    core: HomeAssistant, hub: Peer, entry: MockConfigEntry
) -> None:
    async def offered() -> list[str]:
        return list((await options_flow(core, entry.entry_id)).result["menu_options"])

    assert "repository" in await offered()
    del hub.status["bundles"]
    await hub.push_status()
    await until(lambda: entry.runtime_data.coordinator.data.bundles is None)
    assert "repository" not in await offered()
    await core.config_entries.async_unload(entry.entry_id)
    assert "repository" not in await offered()
