"""Home Assistant's own Wyoming integration against our server, which runs in a process and environment of its own."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.config_entries import SOURCE_USER, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict

from tests.home_assistant.assist import Assist
from tests.home_assistant.server_process import ServerProcess, edge_voice

type Connect = Callable[[int], Awaitable[ConfigEntry]]
type Open = Callable[[], Awaitable[Assist]]


def pytest_configure(config: pytest.Config) -> None:
    """Let Home Assistant and its libraries warn of their own ways; what these tests do wrong stays an error."""
    config.addinivalue_line("filterwarnings", "default")
    config.addinivalue_line("filterwarnings", r"ignore:::homeassistant\.")
    config.addinivalue_line("filterwarnings", r"error:::tests\.home_assistant")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long forms unless they are asked for by their mark."""
    if not config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("prove")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session")
def server() -> Iterator[ServerProcess]:
    """Our server, shared by the tests that do it no harm."""
    with edge_voice() as running:
        yield running


@pytest.fixture
async def home(hass: HomeAssistant, socket_enabled: None) -> HomeAssistant:
    """Home Assistant with the pipeline and the home that the recordings speak of."""
    assert await async_setup_component(hass, "homeassistant", {})
    config = await hass.async_add_executor_job(load_yaml_dict, str(Path(__file__).parent / "home.yaml"))
    for component in (*config, "assist_pipeline", "wyoming"):  # their web routes must exist before a client connects
        assert await async_setup_component(hass, component, config)
    async_expose_entity(hass, "conversation", "lock.front_door", should_expose=True)  # locks are not, by default
    await hass.async_block_till_done()
    return hass


@pytest.fixture
def connect(home: HomeAssistant) -> Connect:
    """Add a Wyoming server at a port as a person would."""

    async def add(port: int) -> ConfigEntry:
        flow = await home.config_entries.flow.async_init("wyoming", context={"source": SOURCE_USER})
        assert flow["type"] is FlowResultType.FORM
        done = await home.config_entries.flow.async_configure(flow["flow_id"], {"host": "127.0.0.1", "port": port})
        assert done["type"] is FlowResultType.CREATE_ENTRY, done
        await home.async_block_till_done()
        entry: ConfigEntry = done["result"]
        return entry

    return add


@pytest.fixture
async def entry(connect: Connect, server: ServerProcess) -> ConfigEntry:
    """The shared server's entry."""
    return await connect(server.port)


def entity_of(hass: HomeAssistant, entry: ConfigEntry, domain: str) -> str:
    """Return the one entity of a domain that an entry has made."""
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    (found,) = [one.entity_id for one in entities if one.domain == domain]
    return found


def state_of(hass: HomeAssistant, entity_id: str) -> str:
    """Return an entity's state; an AssertionError when there is none."""
    state = hass.states.get(entity_id)
    assert state is not None, entity_id
    return state.state


@pytest.fixture
def open_session(home: HomeAssistant, hass_ws_client: Callable[[HomeAssistant], Awaitable[object]]) -> Open:
    """Open sessions with Home Assistant, one per satellite."""

    async def opened() -> Assist:
        return Assist(await hass_ws_client(home))

    return opened
