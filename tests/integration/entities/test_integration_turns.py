"""Turns as entities: one event for each, what the last one came to, and never what was said."""

import pytest
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, State, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.event import async_track_state_change_event
from pytest_homeassistant_custom_component.common import MockConfigEntry, mock_restore_cache_with_extra_data

from custom_components.edge_voice.signals import SIGNAL_TEXT_RETURNED
from custom_components.edge_voice.turns import TURN_TYPES
from tests.integration.conftest import entry_for, until
from tests.integration.entities.conftest import connect
from tests.integration.entities.sight import TURN_EVENT, attributes_of, turn, until_attribute, until_state, value_of
from tests.integration.peer import SATELLITE, TURN, Peer

ENDINGS = [
    ({}, "answered"),
    ({"action": "escalate", "route": "cloud", "lane": "groq"}, "escalated"),
    ({"action": "escalate", "route": "client", "lane": "home assistant cloud"}, "escalated"),
    ({"action": "accept", "route": "edge", "lanes": [{"lane": "groq", "ending": "lane-timeout"}]}, "answered"),
    ({"action": "confirm"}, "confirm"),
    ({"action": "defer"}, "deferred"),
    ({"action": "ask_text"}, "asked_to_type"),
    ({"action": "discard", "risk": 1.0}, "discarded"),
    ({"action": "confirm", "error": "needs-confirmation"}, "refused"),
    ({"action": "error", "error": "overloaded", "route": None, "risk": None}, "failed"),
]


async def test_each_turn_fires_the_event_with_how_it_ended(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    for number, (changes, kind) in enumerate(ENDINGS):
        await peer.push(turn(turn_id=f"t{number}", **changes))
        await until_attribute(hass, TURN_EVENT, "turn_id", f"t{number}")
        told = attributes_of(hass, TURN_EVENT)
        assert told["event_type"] == kind
        sent = TURN | changes
        assert {key: told[key] for key in ("satellite", "class", "lane", "risk", "error")} == {
            key: sent[key] for key in ("satellite", "class", "lane", "risk", "error")
        }
        assert told["latency_ms"]["last_word_to_text"] == 182.2
    assert {kind for _, kind in ENDINGS} == set(TURN_TYPES), "every ending has a turn above"


async def test_what_was_said_is_in_no_entity_even_while_the_hub_keeps_it(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    """Events are restored after a restart and kept for ten days: a text in one would outlive its owner's choice."""
    await peer.push(turn(turn_id="t1", text="unlock the secret door"))
    await until_attribute(hass, TURN_EVENT, "turn_id", "t1")
    assert "secret" not in str([state.as_dict() for state in hass.states.async_all()])


async def test_bulky_attributes_are_not_recorded(hass: HomeAssistant, peer: Peer, entry: MockConfigEntry) -> None:
    state = hass.states.get(TURN_EVENT)
    assert state is not None
    assert state.state_info is not None
    assert {"points", "latency_ms", "lanes", "why"} <= state.state_info["unrecorded_attributes"]
    assert {"risk", "satellite", "turn_id"}.isdisjoint(state.state_info["unrecorded_attributes"])


async def test_the_event_fires_while_the_cloud_is_being_asked(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    await peer.push({"type": "asking", "turn_id": "t9", "satellite": SATELLITE, "lane": "groq"})
    await until_attribute(hass, TURN_EVENT, "turn_id", "t9")
    told = attributes_of(hass, TURN_EVENT)
    assert (told["event_type"], told["satellite"], told["lane"]) == ("asking_cloud", SATELLITE, "groq")


async def test_a_hundred_turns_at_once_are_a_hundred_events_in_their_order(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    heard: list[str] = []

    @callback
    def hear(event: Event[EventStateChangedData]) -> None:
        assert event.data["new_state"] is not None
        heard.append(event.data["new_state"].attributes["turn_id"])

    async_track_state_change_event(hass, TURN_EVENT, hear)
    for number in range(100):
        await peer.push(turn(turn_id=f"t{number}"))
    await until(lambda: len(heard) >= 100)
    assert heard == [f"t{number}" for number in range(100)]


async def test_the_last_event_is_there_after_a_restart(core: HomeAssistant, peer: Peer) -> None:
    stored = {"last_event_type": "escalated", "last_event_attributes": {"turn_id": "t7", "lane": "groq"}}
    mock_restore_cache_with_extra_data(core, ((State(TURN_EVENT, "2026-11-22T10:00:00.000+00:00"), stored),))
    await connect(core, entry_for(peer.port))
    assert value_of(core, TURN_EVENT) == "2026-11-22T10:00:00.000+00:00"
    assert attributes_of(core, TURN_EVENT)["lane"] == "groq"


async def test_the_last_turns_sensors_follow_each_turn_at_once(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    now = {"at": "2026-11-22T11:00:00+00:00"}
    await peer.push(turn(route="cloud", action="escalate", lane="groq", risk=0.625, **now))
    await until_state(hass, "sensor.edge_voice_last_risk", "62.5")
    assert value_of(hass, "sensor.edge_voice_last_route") == "cloud"
    assert attributes_of(hass, "sensor.edge_voice_last_route")["lane"] == "groq"


async def test_a_turn_that_was_missed_is_shown_once_the_hub_tells_of_it(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    missed = TURN | {"turn_id": "t2", "at": "2026-11-22T11:00:09+00:00", "risk": 0.1, "route": "of a newer hub"}
    await peer.push_status(last_turn=missed)
    await until_state(hass, "sensor.edge_voice_last_risk", "10.0")
    assert value_of(hass, "sensor.edge_voice_last_route") == STATE_UNKNOWN


@pytest.mark.parametrize("turn_first", [True, False])
async def test_first_response_adds_what_the_entity_took_to_what_the_hub_took(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry, turn_first: bool
) -> None:
    if turn_first:
        await peer.push(turn(turn_id="t3"))
        await until_attribute(hass, TURN_EVENT, "turn_id", "t3")
        async_dispatcher_send(hass, SIGNAL_TEXT_RETURNED, "t3", 17.8)
    else:
        async_dispatcher_send(hass, SIGNAL_TEXT_RETURNED, "t3", 17.8)
        await peer.push(turn(turn_id="t3"))
    await until_state(hass, "sensor.edge_voice_first_response", "200.0")


async def test_first_response_knows_nothing_of_turns_that_home_assistant_did_not_ask_for(
    hass: HomeAssistant, peer: Peer, entry: MockConfigEntry
) -> None:
    for number in range(30):  # texts whose turns never came must not pile up
        async_dispatcher_send(hass, SIGNAL_TEXT_RETURNED, f"lost{number}", 1.0)
    async_dispatcher_send(hass, SIGNAL_TEXT_RETURNED, "silent", 1.0)
    await peer.push(turn(turn_id="lost0"))
    await peer.push(turn(turn_id="silent", latency_ms=None))
    await until_attribute(hass, TURN_EVENT, "turn_id", "silent")
    assert value_of(hass, "sensor.edge_voice_first_response") == STATE_UNKNOWN
