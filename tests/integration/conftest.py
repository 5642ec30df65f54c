"""The integration in a real Home Assistant, with a real hub: a process of its own, or a small peer for its faults."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

import custom_components.edge_voice  # noqa: F401  # before the test plugin puts its own custom_components in front
from custom_components.edge_voice.client import EdgeVoiceClient
from custom_components.edge_voice.const import DOMAIN
from tests.home_assistant.server_process import ServerProcess, edge_voice
from tests.integration.peer import ID, TOKEN, Peer

_LONGEST_WAIT_S = 10.0


def pytest_configure(config: pytest.Config) -> None:
    """Let Home Assistant and its libraries warn of their own ways; what is ours stays an error."""
    config.addinivalue_line("filterwarnings", "default")
    config.addinivalue_line("filterwarnings", r"ignore:::homeassistant\.")
    config.addinivalue_line("filterwarnings", r"error:::tests\.integration")
    config.addinivalue_line("filterwarnings", r"error:::custom_components\.edge_voice")


@pytest.fixture(autouse=True)
def _custom_integrations(enable_custom_integrations: None) -> None:
    """Home Assistant loads custom integrations."""


@pytest.fixture
async def core(hass: HomeAssistant, socket_enabled: None) -> HomeAssistant:
    """Home Assistant with what the integration's dependencies ask of it, and with a network."""
    assert await async_setup_component(hass, "homeassistant", {})
    return hass


@pytest.fixture
async def peer(hass: HomeAssistant, socket_enabled: None) -> AsyncIterator[Peer]:
    """A small hub whose faults a test chooses. Nobody asks it any more when it goes."""
    one = Peer()
    await one.start()
    yield one
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        await hass.config_entries.async_unload(entry.entry_id)
    await one.stop()


def client_for(
    hass: HomeAssistant, port: int, *, token: str = TOKEN, fingerprint: str | None = None
) -> EdgeVoiceClient:
    """Return a client for a hub of this machine."""
    return EdgeVoiceClient(
        async_get_clientsession(hass), host="127.0.0.1", port=port, token=token, fingerprint=fingerprint
    )


def entry_for(port: int, *, token: str = TOKEN, server_id: str = ID, wyoming_port: int = 1) -> MockConfigEntry:
    """Return an entry as pairing leaves it."""
    data = {"host": "127.0.0.1", "port": port, "token": token, "fingerprint": None, "wyoming_port": wyoming_port}
    return MockConfigEntry(domain=DOMAIN, title="Edge Voice", unique_id=server_id, data=data)


async def set_up(
    hass: HomeAssistant, entry: MockConfigEntry, state: ConfigEntryState = ConfigEntryState.LOADED
) -> None:
    """Add an entry and set it up; an AssertionError unless it comes to that state."""
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is state, entry.reason


@pytest.fixture
async def peer_entry(core: HomeAssistant, peer: Peer) -> MockConfigEntry:
    """The small hub's entry, set up and connected."""
    entry = entry_for(peer.port)
    await set_up(core, entry)
    return entry


async def until(condition: Callable[[], object], *, longest_s: float = _LONGEST_WAIT_S) -> None:
    """Wait for what happens by itself; a TimeoutError when it never does. Nothing is said about how long it takes."""
    async with asyncio.timeout(longest_s):
        while not condition():  # noqa: ASYNC110  # what is waited for sets no event
            await asyncio.sleep(0.005)


@pytest.fixture(scope="session")
def server() -> Iterator[ServerProcess]:
    """A real hub, shared by the tests that do it no harm."""
    with edge_voice(control_port=0) as running:
        yield running


async def entry_of_server(hass: HomeAssistant, server: ServerProcess) -> MockConfigEntry:
    """Return an entry for a real hub, as pairing leaves it."""
    health = await client_for(hass, server.control_port, token=server.token).health()
    return entry_for(server.control_port, token=server.token, server_id=health.id, wyoming_port=server.port)


@pytest.fixture
async def entry(core: HomeAssistant, server: ServerProcess) -> MockConfigEntry:
    """The real hub's entry, set up and connected."""
    one = await entry_of_server(core, server)
    await set_up(core, one)
    await until(lambda: one.runtime_data.coordinator.connected)
    return one
