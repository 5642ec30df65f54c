"""A server to be found, as the forms see it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from custom_components.edge_voice.const import DOMAIN
from tests.integration.flows.asking import AskingSatellite
from tests.integration.peer import Peer, certificate, listening
from tests.integration.voice import house as voice_house
from tests.integration.voice.ear import Ear
from tests.integration.voice.house import House

WYOMING = 10300
"""Nothing speaks in these tests."""

type Encrypt = Callable[[], Awaitable[str]]


@pytest.fixture
async def hub(core: HomeAssistant, peer: Peer) -> AsyncIterator[Peer]:
    """A server with a port for speech, whose entry is unloaded before it goes away."""
    peer.health["wyoming_port"] = WYOMING
    yield peer
    for entry in core.config_entries.async_loaded_entries(DOMAIN):
        await core.config_entries.async_unload(entry.entry_id)


@pytest.fixture
def encrypt(hub: Peer, tmp_path: Path) -> Encrypt:
    """Have the server speak TLS from then on, with a new certificate each time; return its fingerprint."""

    async def start_anew() -> str:
        # Plain HTTP is tried first on this machine: a loop in debug mode would report that as the server's error.
        asyncio.get_running_loop().set_debug(False)
        await hub.stop()
        hub.tls, fingerprint = certificate(tmp_path)
        await hub.start()
        return fingerprint

    return start_anew


@pytest.fixture
async def house(core: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> House:
    """Satellites that can be asked, and a speech-to-text entity that is not ours."""
    monkeypatch.setattr(voice_house, "Satellite", AskingSatellite)
    for component in ("assist_pipeline", "assist_satellite"):
        assert await async_setup_component(core, component, {})
    return await voice_house.house_of(core)


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    """What the satellites speak to."""
    one = Ear()
    async with listening(one.handle) as port:
        one.port = port
        yield one
