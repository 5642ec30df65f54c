"""Adding a server by hand: finding it, getting in, and every error on the way."""

import asyncio

import aiohttp
import pytest
from aiohttp import web
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from wyoming.event import async_write_event
from wyoming.info import AsrProgram, Attribution, Info

from tests.integration.conftest import entry_for
from tests.integration.flows.conftest import WYOMING, Encrypt
from tests.integration.flows.walk import Walk, config_flow
from tests.integration.peer import ID, TOKEN, Peer, babbling, listening, never, refusal, says

HERE = {"host": "127.0.0.1"}


async def found(hass: HomeAssistant, port: int) -> Walk:
    """Go as far as the choice of a way in."""
    walk = await config_flow(hass)
    await walk.submit(HERE | {"port": port})
    assert walk.step == "authorize", walk.result
    return walk


async def test_a_server_of_this_machine_is_paired_by_the_code_in_its_log(core: HomeAssistant, hub: Peer) -> None:
    walk = await found(core, hub.port)
    await walk.choose("pair")
    assert walk.step == "pair_here"  # no certificate to compare
    done = await walk.submit({"code": "123 456"})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert done["title"] == "Edge Voice"
    assert done["data"] == HERE | {"port": hub.port, "token": TOKEN, "fingerprint": None, "wyoming_port": WYOMING}
    assert done["result"].unique_id == ID
    assert done["result"].state is ConfigEntryState.LOADED


async def test_a_server_in_the_network_shows_its_certificate_before_the_code_is_entered(
    core: HomeAssistant, hub: Peer, encrypt: Encrypt
) -> None:
    fingerprint = await encrypt()
    walk = await found(core, hub.port)
    await walk.choose("pair")
    assert walk.step == "pair"
    assert walk.placeholders["fingerprint"].replace(":", "").lower() == fingerprint
    done = await walk.submit({"code": "123456"})
    assert done["data"]["fingerprint"] == fingerprint
    assert done["result"].state is ConfigEntryState.LOADED


async def test_a_token_is_taken_by_hand_and_without_the_blanks_around_it(core: HomeAssistant, hub: Peer) -> None:
    walk = await found(core, hub.port)
    await walk.choose("token")
    assert walk.step == "token_here"
    done = await walk.submit({"token": f" {TOKEN}\n"})
    assert done["data"]["token"] == TOKEN


async def test_a_wrong_token_can_be_corrected(core: HomeAssistant, hub: Peer, encrypt: Encrypt) -> None:
    await encrypt()
    walk = await found(core, hub.port)
    await walk.choose("token")
    assert walk.step == "token"
    await walk.submit({"token": "guessed"})
    assert walk.error == "token_refused"
    assert (await walk.submit({"token": TOKEN}))["type"] is FlowResultType.CREATE_ENTRY


async def test_a_wrong_code_an_empty_one_and_a_new_one(core: HomeAssistant, hub: Peer) -> None:
    starts = 0

    async def start(_: web.Request) -> web.Response:
        nonlocal starts
        starts += 1
        return refusal(429, "too-many-requests", "wait") if starts == 3 else web.json_response({}, status=202)

    async def refuse(_: web.Request) -> web.Response:
        return refusal(401, "pairing-refused", "no")

    hub.answers["/api/v1/pair/start"] = start
    hub.answers["/api/v1/pair"] = refuse
    walk = await found(core, hub.port)
    await walk.choose("pair")
    await walk.submit({"code": "000000"})
    assert walk.error == "refused_pairing_refused"
    await walk.submit({})
    assert walk.error == "code_missing"
    await walk.submit({"new_code": True})
    assert (walk.error, starts) == (None, 2)
    await walk.submit({"new_code": True})
    assert walk.error == "refused_too_many_requests"
    del hub.answers["/api/v1/pair"]
    assert (await walk.submit({"code": "123456"}))["type"] is FlowResultType.CREATE_ENTRY


async def test_an_address_where_nothing_answers_can_be_corrected(core: HomeAssistant, hub: Peer) -> None:
    walk = await config_flow(core)
    assert walk.step == "user"
    await walk.submit(HERE | {"port": 1})
    assert (walk.step, walk.error) == ("user", "cannot_connect")
    assert walk.placeholders == {"host": "127.0.0.1", "port": "1"}
    await walk.submit(HERE | {"port": hub.port})
    assert walk.step == "authorize"


async def test_a_wyoming_server_is_told_apart_from_any_other(core: HomeAssistant, hub: Peer) -> None:
    program = AsrProgram(
        name="whisper", attribution=Attribution(name="", url=""), installed=True, description="", version="1", models=[]
    )

    async def describe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        await async_write_event(Info(asr=[program]).event(), writer)

    walk = await config_flow(core)
    async with listening(describe) as port:
        await walk.submit(HERE | {"port": port})
    assert walk.error == "wyoming_server"
    async with babbling(b"220 mail ready\r\n") as port:
        await walk.submit(HERE | {"port": port})
    assert walk.error in {"not_edge_voice", "cannot_connect"}


async def test_a_web_server_of_somebody_else_is_not_ours(core: HomeAssistant, hub: Peer) -> None:
    hub.answers["/health"] = says("<html>my router</html>")
    walk = await config_flow(core)
    await walk.submit(HERE | {"port": hub.port})
    assert walk.error == "not_edge_voice"


@pytest.mark.parametrize(
    ("api", "error"),
    [({"version": 0, "min_version": 0}, "server_too_old"), ({"version": 9, "min_version": 9}, "server_too_new")],
)
async def test_an_older_and_a_newer_server_say_which_half_to_update(
    core: HomeAssistant, hub: Peer, api: dict[str, int], error: str
) -> None:
    hub.health["api"] = api
    walk = await config_flow(core)
    await walk.submit(HERE | {"port": hub.port})
    assert walk.error == error
    assert walk.placeholders == {"version": "0.1.0"}


@pytest.mark.parametrize(("code", "error"), [("origin-refused", "name_refused"), ("internal-error", "refused")])
async def test_a_name_that_the_server_does_not_know_as_its_own_is_told(
    core: HomeAssistant, hub: Peer, code: str, error: str
) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return refusal(403, code, "use its address")

    hub.answers["/health"] = refuse
    walk = await config_flow(core)
    await walk.submit(HERE | {"port": hub.port})
    assert walk.error == error


async def test_plain_http_is_for_this_machine_only(
    core: HomeAssistant, hub: Peer, encrypt: Encrypt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.edge_voice.find_server.is_loopback", lambda _: False)
    walk = await config_flow(core)
    await walk.submit(HERE | {"port": hub.port})
    assert walk.error == "not_edge_voice"
    await encrypt()
    await walk.submit(HERE | {"port": hub.port})
    assert walk.step == "authorize"


async def test_a_server_without_a_port_for_speech_is_not_added(core: HomeAssistant, hub: Peer) -> None:
    hub.health["wyoming_port"] = None
    walk = await config_flow(core)
    await walk.submit(HERE | {"port": hub.port})
    assert walk.error == "no_wyoming_port"


async def test_a_slow_server_is_given_up(core: HomeAssistant, hub: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    hurried = aiohttp.ClientTimeout(total=0.05)
    monkeypatch.setattr("custom_components.edge_voice.client._timeout", lambda *_: hurried)
    hub.answers["/health"] = never
    walk = await config_flow(core)
    await walk.submit(HERE | {"port": hub.port})
    assert walk.error == "slow_server"


async def test_a_server_is_added_once(core: HomeAssistant, hub: Peer) -> None:
    entry_for(1).add_to_hass(core)
    walk = await config_flow(core)
    await walk.submit(HERE | {"port": hub.port})
    assert walk.reason == "already_configured"
