"""The forms against the real server, in a process of its own: what its log shows is all that a person needs."""

import asyncio
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.edge_voice.lanes import ordered_lanes
from custom_components.edge_voice.microphone_test import async_test_microphone
from tests.home_assistant import server_process
from tests.home_assistant.recordings import recording, words
from tests.home_assistant.server_process import ServerProcess, edge_voice
from tests.integration.conftest import until
from tests.integration.flows.asking import AskingSatellite
from tests.integration.flows.walk import Walk, config_flow, lane_flow
from tests.integration.voice.house import House

ADDRESS = {"host": "127.0.0.1"}
_CODE = re.compile(r"Pairing code (\d{3}) (\d{3})")


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """A server of this machine."""
    with edge_voice(control_port=0) as running:
        yield running


@pytest.fixture
def open_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerProcess]:
    """A server that lets other machines in, and so speaks TLS."""
    monkeypatch.setattr(server_process, "_CONTROL", re.compile(r"control API at https://[^\s:]+:(\d+)"))
    command = [server_process.our_python(), "-m", "wyoming_server", "serve", "--model", "starter", "--language", "en"]
    command += ["--uri", "tcp://127.0.0.1:0", "--data-dir", tmp_path, "--http", "0.0.0.0:0"]
    environment = {"PYTHONPATH": str(server_process.ROOT), "EDGE_VOICE_ANNOUNCE": "false"}
    with server_process._running(command, environment, server_process._listening) as running:
        running.data = tmp_path
        yield running


def code_in(log: str) -> str:
    """Return the newest code."""
    return "".join(_CODE.findall(log)[-1])


async def paired(hass: HomeAssistant, server: ServerProcess) -> Walk:
    """Add the server by the code in its log."""
    walk = await config_flow(hass)
    await walk.submit(ADDRESS | {"port": server.control_port})
    await walk.choose("pair")
    await walk.submit({"code": "000000" if code_in(server.said()) != "000000" else "111111"})
    assert walk.error == "refused_pairing_refused"
    await walk.submit({"code": code_in(server.said())})
    assert walk.result["type"] is FlowResultType.CREATE_ENTRY, walk.result
    return walk


async def test_from_the_code_in_the_log_to_a_tested_microphone(
    core: HomeAssistant, house: House, server: ServerProcess
) -> None:
    walk = await paired(core, server)
    entry: ConfigEntry = walk.result["result"]
    assert entry.state is ConfigEntryState.LOADED
    assert entry.data["wyoming_port"] == server.port
    following = Walk(core, core.config_entries.options, {"flow_id": walk.result["next_flow"][1]})
    await following.submit()
    form = {str(one): one.default() for one in following.result["data_schema"].schema}
    await following.submit(form)
    assert following.reason == "pipeline_made"

    spoken = recording("time.wav")
    assert isinstance(house.kitchen, AskingSatellite)
    house.kitchen.ready = spoken.followed_by_room(2.0)
    result = await async_test_microphone(core, entry, "assist_satellite.kitchen")
    assert words(result["text"]) == words(spoken.text)
    assert result["snr_db"] > 10
    assert result["clipping"] == 0
    assert result["route"] == "edge"
    assert 0 <= result["risk"] < result["threshold"]
    assert result["seconds"] >= 1.0
    assert result["latency_ms"]
    await core.config_entries.async_unload(entry.entry_id)


async def test_a_lane_at_home_is_tested_by_the_server_itself(core: HomeAssistant, server: ServerProcess) -> None:
    entry = (await paired(core, server)).result["result"]
    walk = await lane_flow(core, entry.entry_id)
    await walk.choose("provider")
    await walk.submit({"service": "wyoming_home"})
    await walk.submit({"name": "Attic", "url": "tcp://127.0.0.1:1", "stays_home": True})
    await walk.submit({"send_names": False})
    assert (walk.step, walk.error) == ("failed", "refused_lane_unreachable")
    await walk.submit({"what_now": "change"})
    await walk.submit({"name": "Attic", "url": f"tcp://127.0.0.1:{server.port}", "stays_home": True})
    await walk.submit({"send_names": False})
    assert walk.step == "tried"
    assert words(walk.placeholders["text"]) == ["turn", "on", "the", "kitchen", "light"]
    await walk.submit({"what_now": "save"})
    client = entry.runtime_data.client
    assert [one["name"] for one in (await client.lanes())["lanes"]] == ["Attic"]
    (lane,) = ordered_lanes(entry)
    core.config_entries.async_remove_subentry(entry, lane.subentry_id)
    await core.async_block_till_done()
    await until(lambda: not entry.runtime_data.coordinator.data.lanes)
    await core.config_entries.async_unload(entry.entry_id)


async def test_an_entity_is_a_lane_that_the_server_leaves_to_us(
    core: HomeAssistant, house: House, server: ServerProcess
) -> None:
    entry = (await paired(core, server)).result["result"]
    walk = await lane_flow(core, entry.entry_id)
    await walk.choose("entity")
    await walk.submit({"entity_id": "stt.service", "stays_home": False})
    await walk.submit({"agreed": True, "satellites": ["assist_satellite.kitchen"]})
    assert walk.step == "tried"
    await walk.submit({"what_now": "save"})
    await core.async_block_till_done()
    await until(lambda: entry.runtime_data.coordinator.data.lanes)
    (kept,) = (await entry.runtime_data.client.lanes())["lanes"]
    assert (kept["provider"], kept["entity"], kept["trust"]) == ("client", "stt.service", "cloud")
    assert (kept["languages"], kept["satellites"]) == (["de", "en"], ["assist_satellite.kitchen"])
    (lane,) = ordered_lanes(entry)
    core.config_entries.async_remove_subentry(entry, lane.subentry_id)
    await core.async_block_till_done()
    await until(lambda: not entry.runtime_data.coordinator.data.lanes)
    await core.config_entries.async_unload(entry.entry_id)


async def test_a_services_key_survives_what_is_told_without_it(core: HomeAssistant, server: ServerProcess) -> None:
    entry = (await paired(core, server)).result["result"]
    walk = await lane_flow(core, entry.entry_id)
    await walk.choose("provider")
    await walk.submit({"service": "openai_home"})
    given = {"name": "Attic", "key": "a-key-that-is-none-x4Qz", "url": "http://127.0.0.1:1/v1", "stays_home": True}
    await walk.submit(given)
    await walk.submit({"send_names": True})
    assert walk.step == "failed"
    await walk.submit({"what_now": "save"})
    await core.async_block_till_done()
    await until(lambda: entry.runtime_data.coordinator.connected)
    (kept,) = (await entry.runtime_data.client.lanes())["lanes"]
    assert kept["key_ends"] == "x4Qz"
    assert kept["consent"] == ordered_lanes(entry)[0].data["consent"]
    await core.config_entries.async_unload(entry.entry_id)


async def test_a_server_in_the_network_is_paired_by_its_certificate_and_survives_a_renewed_token(
    core: HomeAssistant, open_server: ServerProcess
) -> None:
    asyncio.get_running_loop().set_debug(False)
    walk = await config_flow(core)
    await walk.submit(ADDRESS | {"port": open_server.control_port})
    await walk.choose("pair")
    assert walk.step == "pair"
    assert walk.placeholders["fingerprint"] in open_server.said()
    await walk.submit({"code": code_in(open_server.said())})
    entry = walk.result["result"]
    assert entry.state is ConfigEntryState.LOADED

    rotate = [server_process.our_python(), "-m", "wyoming_server", "token", "--rotate", "--data-dir", open_server.data]
    await core.async_add_executor_job(
        lambda: subprocess.run(rotate, check=True, capture_output=True, cwd=server_process.ROOT)
    )
    await core.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    (progress,) = core.config_entries.flow.async_progress()
    again = Walk(core, core.config_entries.flow, {"flow_id": progress["flow_id"]})
    await again.submit({})
    await again.choose("token")
    await again.submit({"token": open_server.token})
    assert again.reason == "reauth_successful"
    await core.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    await core.config_entries.async_unload(entry.entry_id)
