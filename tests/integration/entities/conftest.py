"""A hub that has been talked to, its entities, and a real hub for all of these tests."""

from collections.abc import AsyncIterator, Iterator

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.entity import Entity
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice.client import EdgeVoiceClient
from tests.home_assistant.server_process import ServerProcess, edge_voice
from tests.integration.conftest import entry_for, set_up, until
from tests.integration.peer import TURN, Peer

CLOUD = {
    "reachable": True,
    "over_budget": False,
    "currency": "EUR",
    "seconds_today": 12.5,
    "seconds_this_month": 80.0,
    "cost_this_month": 0.01,
    "seconds_left_today": 587.5,
    "money_left_this_month": 4.99,
}
DISAGREEMENT = [{"language": "en", "value": 0.07, "low": 0.03, "high": 0.12, "pairs": 44, "population": "escalated"}]


@pytest.fixture
def all_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable what is disabled by default."""
    monkeypatch.setattr(Entity, "entity_registry_enabled_default", True)


async def connect(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Set an entry up and wait until its hub's events flow, and its ledger was read."""
    await set_up(hass, entry)
    await until(lambda: entry.runtime_data.coordinator.connected and entry.runtime_data.ledger.known)
    return entry


@pytest.fixture
def talked_to(peer: Peer) -> Peer:
    """A small hub that has a cloud lane and has been talked to."""
    peer.status |= {"cloud": CLOUD, "disagreement": DISAGREEMENT, "last_turn": TURN}
    return peer


@pytest.fixture
async def entry(core: HomeAssistant, talked_to: Peer) -> MockConfigEntry:
    """The small hub's entry, whose events flow."""
    return await connect(core, entry_for(talked_to.port))


@pytest.fixture(scope="session")
def real_hub() -> Iterator[ServerProcess]:
    """A real hub, shared by these tests."""
    with edge_voice(control_port=0) as server:
        yield server


@pytest.fixture
async def real_client(core: HomeAssistant, real_hub: ServerProcess) -> EdgeVoiceClient:
    """A client of it."""
    return EdgeVoiceClient(
        async_get_clientsession(core),
        host="127.0.0.1",
        port=real_hub.control_port,
        token=real_hub.token,
        fingerprint=None,
    )


@pytest.fixture
async def real_entry(
    core: HomeAssistant, real_hub: ServerProcess, real_client: EdgeVoiceClient, all_enabled: None
) -> AsyncIterator[MockConfigEntry]:
    """Its entry with every entity enabled; afterwards the hub is as its owner left it."""
    server_id = (await real_client.health()).id
    entry = entry_for(real_hub.control_port, token=real_hub.token, server_id=server_id, wyoming_port=real_hub.port)
    yield await connect(core, entry)
    await real_client.purge(["choices", "satellites", "turns"])
