"""How the coordinator listens: what comes, what goes, and how it returns from every fault by itself."""

import copy
import logging
import random
from collections.abc import Awaitable, Callable

import pytest
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.edge_voice import coordinator as coordinator_module
from custom_components.edge_voice.const import DOMAIN
from custom_components.edge_voice.coordinator import EdgeVoiceCoordinator, backoff_seconds
from custom_components.edge_voice.errors import (
    EdgeVoiceError,
    MalformedAnswerError,
    OtherServerError,
    ServerTooOldError,
    TokenRefusedError,
)
from custom_components.edge_voice.protocol import Asking, Turn, Wake
from tests.integration.conftest import until
from tests.integration.peer import SATELLITE, TURN, Peer


@pytest.fixture(autouse=True)
def _quick_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connect again after hundredths of the usual time."""
    monkeypatch.setattr(coordinator_module, "FIRST_BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(coordinator_module, "MOST_BACKOFF_SECONDS", 0.05)


@pytest.fixture
async def coordinator(peer: Peer, peer_entry: MockConfigEntry) -> EdgeVoiceCoordinator:
    one: EdgeVoiceCoordinator = peer_entry.runtime_data.coordinator
    await until(lambda: one.connected)
    return one


async def reconnected(peer: Peer, coordinator: EdgeVoiceCoordinator, fault: Callable[[Peer], Awaitable[None]]) -> None:
    """Do something to the connection, and wait for the next one."""
    connects = peer.connects
    await fault(peer)
    await until(lambda: peer.connects > connects and coordinator.connected)


async def test_turns_questions_and_wake_words_reach_whoever_listens(
    peer: Peer, coordinator: EdgeVoiceCoordinator
) -> None:
    heard: list[object] = []
    unsubscribe = [
        coordinator.async_add_turn_listener(heard.append),
        coordinator.async_add_asking_listener(heard.append),
        coordinator.async_add_wake_listener(heard.append),
    ]
    await peer.push({"type": "wake", "satellite": SATELLITE, "word": "hey_jarvis", "score": 0.9})
    await peer.push({"type": "asking", "turn_id": "t1", "satellite": SATELLITE, "lane": "groq"})
    await peer.push({"type": "turn", "turn": TURN | {"text": "turn on the light"}})
    await until(lambda: len(heard) == 3)
    assert [type(one) for one in heard] == [Wake, Asking, Turn]
    assert isinstance(heard[2], Turn)
    assert heard[2].text == "turn on the light"
    assert (coordinator.recent_turns[0].turn_id, coordinator.recent_turns[0].text) == ("t1", None)
    for end in unsubscribe:
        end()
    await peer.push({"type": "turn", "turn": TURN | {"turn_id": "t2"}})
    await until(lambda: coordinator.recent_turns[0].turn_id == "t2")
    assert len(heard) == 3


async def test_a_listener_that_fails_keeps_nothing_from_the_others(
    peer: Peer, coordinator: EdgeVoiceCoordinator, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Turn] = []

    def fails(_: Turn) -> None:
        raise RuntimeError("a listener's fault")

    coordinator.async_add_turn_listener(fails)
    coordinator.async_add_turn_listener(heard.append)
    await peer.push({"type": "turn", "turn": TURN})
    await until(lambda: heard)
    assert coordinator.connected
    assert "A listener failed" in caplog.text
    caplog.clear()  # it was meant


async def test_a_hundred_turns_a_minute_all_arrive_and_the_last_fifty_are_kept(
    peer: Peer, coordinator: EdgeVoiceCoordinator
) -> None:
    heard: list[str] = []
    coordinator.async_add_turn_listener(lambda turn: heard.append(turn.turn_id))
    for number in range(100):
        await peer.push({"type": "turn", "turn": TURN | {"turn_id": f"n{number}"}})
        await peer.push_status()
    await until(lambda: len(heard) == 100)
    assert heard == [f"n{number}" for number in range(100)]
    assert [one.turn_id for one in coordinator.recent_turns] == [f"n{number}" for number in range(99, 49, -1)]


async def restart(peer: Peer) -> None:
    await peer.stop()
    await peer.start()


async def hang_up(peer: Peer) -> None:
    for socket in tuple(peer.sockets):
        await socket.close(code=1013)


@pytest.mark.parametrize(
    "fault",
    [
        restart,
        hang_up,
        Peer.drop,
        lambda peer: peer.push_text("{"),
        lambda peer: peer.push_text('{"type": "status", "status": {"server": 7}}'),
        lambda peer: peer.push_raw(b"\xff\xff\xff\xff"),
    ],
)
async def test_after_each_fault_the_entities_return_by_themselves(
    peer: Peer,
    coordinator: EdgeVoiceCoordinator,
    fault: Callable[[Peer], Awaitable[None]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[bool] = []
    coordinator.async_add_listener(lambda: seen.append(coordinator.last_update_success))
    await reconnected(peer, coordinator, fault)
    assert seen[0] is False
    assert seen[-1] is True
    ours = [
        one.levelno
        for one in caplog.records
        if one.name.startswith("custom_components") and one.levelno > logging.DEBUG
    ]
    assert ours == [logging.WARNING, logging.INFO]


async def test_the_network_may_be_cut_ten_times(
    core: HomeAssistant, peer: Peer, coordinator: EdgeVoiceCoordinator, peer_entry: MockConfigEntry
) -> None:
    entities = sorted(core.states.async_entity_ids())
    for _ in range(10):
        await reconnected(peer, coordinator, Peer.drop)
    assert sorted(core.states.async_entity_ids()) == entities
    assert peer_entry.state is ConfigEntryState.LOADED


async def test_one_line_is_logged_however_often_it_is_tried(
    peer: Peer, coordinator: EdgeVoiceCoordinator, caplog: pytest.LogCaptureFixture
) -> None:
    tries = 0

    def count() -> None:
        nonlocal tries
        tries += 1

    coordinator.async_add_listener(count)
    await peer.stop()
    await until(lambda: tries > 3)
    assert [one.levelno for one in caplog.records if one.levelno > logging.INFO] == [logging.WARNING]


async def test_what_follows_a_connect_runs_after_each_one(peer: Peer, coordinator: EdgeVoiceCoordinator) -> None:
    runs = 0

    async def follow() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise TokenRefusedError

    unsubscribe = coordinator.async_connected_listener(follow)
    await until(lambda: runs == 1)
    await peer.drop()
    await until(lambda: runs == 2)
    unsubscribe()
    await reconnected(peer, coordinator, Peer.drop)
    assert runs == 2


async def test_a_new_token_on_the_hub_asks_once_and_the_old_one_ends_the_question(
    core: HomeAssistant, peer: Peer, coordinator: EdgeVoiceCoordinator
) -> None:
    token, peer.token = peer.token, "another"
    tries: list[object] = []
    coordinator.async_add_listener(lambda: tries.append(coordinator.last_exception))
    await peer.drop()
    await until(lambda: sum(isinstance(one, TokenRefusedError) for one in tries) > 2)
    flows = core.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert [one["context"]["source"] for one in flows] == [SOURCE_REAUTH]
    peer.token = token
    await until(lambda: coordinator.connected)
    assert not core.config_entries.flow.async_progress_by_handler(DOMAIN)


@pytest.mark.parametrize(
    ("hello", "error"),
    [
        ({"version": 0, "min_version": 0}, ServerTooOldError),
        ({"id": "f" * 32}, OtherServerError),
        ({"id": None}, MalformedAnswerError),
    ],
)
async def test_another_hub_or_version_is_never_shown_and_the_right_one_returns(
    peer: Peer, coordinator: EdgeVoiceCoordinator, hello: dict[str, object], error: type[EdgeVoiceError]
) -> None:
    right = copy.deepcopy(peer.hello)
    peer.hello |= hello
    peer.status["mode"] = "edge_only"
    await peer.drop()
    await until(lambda: isinstance(coordinator.last_exception, error))
    assert coordinator.data.mode == "normal"
    assert coordinator.last_update_success is False
    peer.hello = right
    await until(lambda: coordinator.connected)
    assert coordinator.data.mode == "edge_only"


async def test_turns_that_were_missed_are_fetched_for_the_picture(
    peer: Peer, coordinator: EdgeVoiceCoordinator
) -> None:
    await until(lambda: [one.turn_id for one in coordinator.recent_turns] == [TURN["turn_id"]])


async def test_a_refresh_asks_the_hub(peer: Peer, coordinator: EdgeVoiceCoordinator) -> None:
    peer.status["mode"] = "shedding"
    await coordinator.async_refresh()
    assert coordinator.data.mode == "shedding"
    del peer.status["server"]
    await coordinator.async_refresh()
    assert coordinator.last_update_success is False


def test_each_wait_is_longer_than_the_last_until_the_longest_and_no_two_clients_wait_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    longest = [backoff_seconds(failures, random.Random(1)) for failures in range(8)]
    assert longest[:7] == sorted(longest[:7])
    assert all(0.5 * min(2**n, 60) <= one <= min(2**n, 60) for n, one in enumerate(longest))
    assert backoff_seconds(10_000, random.Random(2)) <= 60
    assert backoff_seconds(5, random.Random(1)) != backoff_seconds(5, random.Random(2))
