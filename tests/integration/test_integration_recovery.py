"""The real hub is killed, started again and given a new token: Home Assistant returns each time without a restart."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant

from custom_components.edge_voice import coordinator as coordinator_module
from custom_components.edge_voice.const import DOMAIN
from tests.home_assistant.server_process import ROOT, ServerProcess, edge_voice, our_python
from tests.integration.conftest import entry_of_server, set_up, until


@pytest.fixture
def own_server() -> Iterator[ServerProcess]:
    """A hub that a test may harm."""
    with edge_voice(control_port=0) as running:
        yield running


def unavailable(core: HomeAssistant) -> set[str]:
    return {one.entity_id for one in core.states.async_all() if one.state == STATE_UNAVAILABLE}


def rotate(server: ServerProcess) -> None:
    """Make a new token, as the owner does in a shell."""
    command = [our_python(), "-m", "wyoming_server", "token", "--rotate", "--data-dir", server.data]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


async def test_a_killed_hub_and_a_new_token_need_no_restart_of_home_assistant(
    core: HomeAssistant, own_server: ServerProcess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(coordinator_module, "MOST_BACKOFF_SECONDS", 0.2)
    entry = await entry_of_server(core, own_server)
    await set_up(core, entry)
    coordinator = entry.runtime_data.coordinator
    await until(lambda: coordinator.connected)
    usual, entities = unavailable(core), set(core.states.async_entity_ids())

    port, control_port = own_server.port, own_server.control_port
    await asyncio.to_thread(own_server.kill)
    await until(lambda: not coordinator.connected)
    assert unavailable(core) > usual
    with ExitStack() as stack:
        again = edge_voice(port=port, control_port=control_port, data=own_server.data)
        server = await asyncio.to_thread(stack.enter_context, again)
        await until(lambda: coordinator.connected)
        await core.async_block_till_done()
        assert unavailable(core) == usual
        assert set(core.states.async_entity_ids()) == entities

        await asyncio.to_thread(rotate, server)
        await until(lambda: core.config_entries.flow.async_progress_by_handler(DOMAIN))
        (flow,) = core.config_entries.flow.async_progress_by_handler(DOMAIN)
        assert flow["context"]["source"] == SOURCE_REAUTH
        assert unavailable(core) > usual
        core.config_entries.async_update_entry(entry, data={**entry.data, "token": server.token})
        await until(lambda: entry.state is ConfigEntryState.LOADED and entry.runtime_data.coordinator.connected)
        await core.async_block_till_done()
        assert unavailable(core) == usual
        assert set(core.states.async_entity_ids()) == entities
        assert not core.config_entries.flow.async_progress_by_handler(DOMAIN)
        await core.config_entries.async_unload(entry.entry_id)
        await asyncio.to_thread(stack.close)
    ours = [one for one in caplog.records if one.name.startswith("custom_components.edge_voice")]
    assert not [one for one in ours if one.exc_info]
