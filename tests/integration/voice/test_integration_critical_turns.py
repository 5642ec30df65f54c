"""No deed that matters from risky text without a yes or a lane: simulated turns through real pipelines.

EDGE_VOICE_TURNS=10000 python -m pytest -s tests/integration/voice/test_integration_critical_turns.py   # the proof
"""

import json
import os
from collections.abc import AsyncIterator
from functools import partial

import pytest
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice.exchanges import Exchanges
from tests.integration.conftest import entry_for, set_up, until
from tests.integration.peer import Peer, listening
from tests.integration.voice.conftest import speak_to
from tests.integration.voice.deciding import DecidingEar
from tests.integration.voice.house import House, house_of
from tests.integration.voice.turns_that_matter import Simulation, SteppingClock, home_of_doors, names_told
from wyoming_server.engines.grammar_hassil import HassilGrammar

TURNS = int(os.environ.get("EDGE_VOICE_TURNS", "40"))
SEED = 20


@pytest.fixture
async def doors(core: HomeAssistant) -> HomeAssistant:
    """A home that can be opened in many ways."""
    await home_of_doors(core)
    return core


@pytest.fixture
async def doorways(doors: HomeAssistant) -> House:
    """Its satellites."""
    return await house_of(doors)


@pytest.fixture
async def deciding(socket_enabled: None, peer: Peer) -> AsyncIterator[DecidingEar]:
    """A hub that decides as the server does, of what the integration tells it."""
    grammar = HassilGrammar()
    ear = DecidingEar(grammar, lambda: names_told(peer.asked))
    async with listening(ear.handle) as ear.port:
        yield ear
    await grammar.aclose()


@pytest.fixture
async def simulated(
    doors: HomeAssistant, doorways: House, peer: Peer, deciding: DecidingEar, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Simulation]:
    """The whole, with a clock that can be moved on."""
    clock = SteppingClock()
    monkeypatch.setattr("custom_components.edge_voice.voice.Exchanges", partial(Exchanges, clock))
    entry: MockConfigEntry = entry_for(peer.port, wyoming_port=deciding.port)
    await set_up(doors, entry)
    await speak_to(doors)
    await until(lambda: names_told(peer.asked).get("critical"))
    yield Simulation(doors, doorways, deciding, clock, SEED)
    await doors.config_entries.async_unload(entry.entry_id)


async def test_nothing_that_matters_is_done_from_risky_text_without_a_yes_or_a_lane(simulated: Simulation) -> None:
    counts = await simulated.run(TURNS)
    print(json.dumps(counts.told(), indent=1, ensure_ascii=False))
    assert not counts.breaches, "\n".join(counts.breaches)
    assert counts.questions  # or nothing was shown
    assert counts.done["a text within"]
