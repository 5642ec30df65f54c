"""A home that speaks: the recordings' home, a hub, satellites and other speech-to-text entities."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from homeassistant.components.assist_pipeline.pipeline import async_get_pipeline, async_update_pipeline
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.home_assistant.assist import Assist
from tests.home_assistant.server_process import ServerProcess
from tests.integration.conftest import entry_for, entry_of_server, set_up
from tests.integration.peer import Peer, listening
from tests.integration.voice.ear import Ear
from tests.integration.voice.house import House, house_of

HOME = Path(__file__).parents[2] / "home_assistant/home.yaml"
VOICE = [Platform.CONVERSATION, Platform.STT, Platform.WAKE_WORD]
type Open = Callable[[], Awaitable[Assist]]


@pytest.fixture(autouse=True)
def _voice_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set up the entities that speech is about, and not the many that tell of it."""
    monkeypatch.setattr("custom_components.edge_voice.PLATFORMS", VOICE)


@pytest.fixture(autouse=True)
async def _without_stack_of_each_call() -> None:
    """The loop's debug mode keeps a stack of every call: with 100 chunks a second, most time would go there."""
    asyncio.get_running_loop().set_debug(False)


@pytest.fixture
async def home(core: HomeAssistant) -> HomeAssistant:
    """Home Assistant with the pipeline and the home that the recordings speak of."""
    config = await core.async_add_executor_job(load_yaml_dict, str(HOME))
    for component in (*config, "assist_pipeline", "assist_satellite", "conversation"):
        assert await async_setup_component(core, component, config)
    async_expose_entity(core, "conversation", "lock.front_door", should_expose=True)  # locks are not, by default
    await core.async_block_till_done()
    return core


@pytest.fixture
async def house(home: HomeAssistant) -> House:
    """Satellites, and speech-to-text entities of others, in that home."""
    return await house_of(home)


@pytest.fixture
async def entry(home: HomeAssistant, server: ServerProcess) -> AsyncIterator[MockConfigEntry]:
    """The shared hub's entry."""
    one = await entry_of_server(home, server)
    await set_up(home, one)
    yield one
    await home.config_entries.async_unload(one.entry_id)


@pytest.fixture
async def parlour(core: HomeAssistant) -> HomeAssistant:
    """A smaller home, for what does not depend on the real hub: one light and one lock that remember."""
    config = {
        "input_boolean": {"kitchen_light": {"name": "Kitchen light"}, "front_door": {"name": "Front door"}},
        "conversation": {"intents": {"OpenSesame": ["open sesame now"]}},
    }
    for component in (*config, "assist_pipeline", "assist_satellite"):
        assert await async_setup_component(core, component, config)
    for one in ("kitchen_light", "front_door"):
        async_expose_entity(core, "conversation", f"input_boolean.{one}", should_expose=True)
    await core.async_block_till_done()
    return core


@pytest.fixture
async def rooms(parlour: HomeAssistant) -> House:
    """Satellites and others in the smaller home."""
    return await house_of(parlour)


@pytest.fixture
async def ear(socket_enabled: None) -> AsyncIterator[Ear]:
    """A Wyoming server that says what a test wants."""
    one = Ear()
    async with listening(one.handle) as one.port:
        yield one


@pytest.fixture
async def heard(parlour: HomeAssistant, rooms: House, peer: Peer, ear: Ear) -> AsyncIterator[MockConfigEntry]:
    """An entry whose speech goes to that server, and the pipeline that every satellite uses."""
    one = entry_for(peer.port, wyoming_port=ear.port)
    await set_up(parlour, one)
    await speak_to(parlour)
    yield one
    await parlour.config_entries.async_unload(one.entry_id)


@pytest.fixture
def open_session(home: HomeAssistant, hass_ws_client: Callable[[HomeAssistant], Awaitable[object]]) -> Open:
    """Open sessions with Home Assistant, one per satellite that is none of its own."""

    async def opened() -> Assist:
        return Assist(await hass_ws_client(home))

    return opened


def with_lane(like: MockConfigEntry, **options: Any) -> MockConfigEntry:
    """Return an entry as another, and with the house's service as a lane that the owner consented to."""
    data = {"kind": "entity", "name": "Service", "entity_id": "stt.service", "consent": "2026-11-22"}
    lane: Any = {"subentry_type": "cloud_lane", "title": "Service", "unique_id": None, "data": data}
    return MockConfigEntry(
        domain=like.domain,
        title=like.title,
        unique_id=like.unique_id,
        data=dict(like.data),
        options=options,
        subentries_data=[lane],
    )


async def speak_to(
    hass: HomeAssistant,
    *,
    agent: str = "conversation.edge_voice",
    prefer_local: bool = False,
    language: str = "en",
) -> None:
    """Have every satellite use our ears, and an agent in a language."""
    await async_update_pipeline(
        hass,
        async_get_pipeline(hass),
        stt_engine="stt.edge_voice",
        stt_language="en",
        conversation_engine=agent,
        conversation_language=language,
        prefer_local_intents=prefer_local,
    )


def on_device(hass: HomeAssistant, entity_id: str, domain: str) -> str:
    """Put an entity on a device of another integration; return the device."""
    registry = er.async_get(hass)
    entry = registry.async_get(entity_id)
    assert entry is not None
    assert entry.config_entry_id is not None
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.config_entry_id, identifiers={(domain, entity_id)}, name=entity_id
    )
    registry.async_update_entity(entity_id, device_id=device.id)
    return device.id
