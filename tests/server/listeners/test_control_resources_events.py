"""The control API's WebSocket on a real port."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from wyoming_server.listeners import control_events, control_resources
from wyoming_server.listeners.control_answers import MESSAGES
from wyoming_server.listeners.control_values import checked

from .control_surfaces import MOVED, SERVER_ID, TURN, WAKE, RecordingSurface, opened
from .queue_surfaces import QUEUE_MOVED

ASKING = {"type": "asking", "turn_id": "a-turn", "satellite": None, "lane": "OpenAI"}
EVENTS = "/api/v1/events"


@pytest.fixture
def surface() -> RecordingSurface:
    return RecordingSurface()


@pytest.fixture
async def session(surface: RecordingSurface, tmp_path: Path) -> AsyncGenerator[aiohttp.ClientSession]:
    async with opened(surface, tmp_path) as (_, one):
        yield one


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  # what is waited for happens inside the server
            await asyncio.sleep(0.01)


async def test_it_says_hello_then_the_status_then_what_happens(
    session: aiohttp.ClientSession, surface: RecordingSurface
) -> None:
    surface.happens = [ASKING, {"type": "turn", "turn": TURN}, WAKE, MOVED, QUEUE_MOVED]
    async with session.ws_connect(EVENTS) as socket:
        told = [await socket.receive_json(timeout=10) for _ in range(7)]
    assert [one["type"] for one in told] == ["hello", "status", "asking", "turn", "wake", "bundle", "queue"]
    assert [checked(MESSAGES[one["type"]], one) for one in told] == told
    assert told[0] == {"type": "hello", "version": 1, "min_version": 1, "id": SERVER_ID, "server_version": "0.1.0"}


async def test_what_a_client_says_is_ignored_until_it_goes(
    session: aiohttp.ClientSession, surface: RecordingSurface
) -> None:
    async with session.ws_connect(EVENTS, autoping=False) as socket:
        assert [(await socket.receive_json(timeout=10))["type"] for _ in range(2)] == ["hello", "status"]
        await socket.send_str("{")
        await socket.send_bytes(b"\0" * 1000)
        await socket.ping(b"are you there")
        pong = await socket.receive(timeout=10)
        assert (pong.type, pong.data, surface.listening) == (WSMsgType.PONG, b"are you there", 1)
    await eventually(lambda: surface.listening == 0)


@pytest.mark.parametrize("how", ["close", "cut"])
async def test_nobody_listens_on_after_a_client_has_gone(
    how: str, session: aiohttp.ClientSession, surface: RecordingSurface
) -> None:
    sockets = [await session.ws_connect(EVENTS) for _ in range(5)]
    await eventually(lambda: surface.listening == 5)
    for one in sockets:
        if how == "cut":
            one._response.connection.transport.abort()  # as a cable does
        else:
            await one.close()
    await eventually(lambda: surface.listening == 0)


async def test_a_client_that_is_behind_is_told_to_come_again(
    session: aiohttp.ClientSession, surface: RecordingSurface
) -> None:
    surface.behind.set()
    async with session.ws_connect(EVENTS) as socket:
        assert [(await socket.receive_json(timeout=10))["type"] for _ in range(2)] == ["hello", "status"]
        last = await socket.receive(timeout=10)
    assert (last.type, last.data, socket.close_code) == (WSMsgType.CLOSE, 1013, 1013)


async def test_a_client_that_reads_nothing_is_cut_off(
    surface: RecordingSurface, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = partial(control_events.events, patience_seconds=0.2)
    monkeypatch.setattr(control_resources, "events", impatient)
    surface.happens = [{"type": "turn", "turn": TURN | {"text": "x" * 20_000}}] * 1000
    async with opened(surface, tmp_path) as (door, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port, limit=1)
        writer.write(
            f"GET {EVENTS} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Authorization: Bearer {door.token}\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        await eventually(lambda: surface.listening == 1)
        await eventually(lambda: surface.listening == 0)
        with contextlib.suppress(ConnectionError):  # cut, not closed
            async with asyncio.timeout(10):
                while await reader.read(2**16):
                    pass
        writer.close()


async def test_an_error_inside_closes_with_its_own_code(
    session: aiohttp.ClientSession,
    surface: RecordingSurface,
    caplog: pytest.LogCaptureFixture,
) -> None:
    surface.happens = [{"type": "turn", "turn": {"risk": float("nan")}}]
    async with session.ws_connect(EVENTS) as socket:
        assert [(await socket.receive_json(timeout=10))["type"] for _ in range(2)] == ["hello", "status"]
        last = await socket.receive(timeout=10)
    assert (last.type, last.data) == (WSMsgType.CLOSE, 1011)
    await eventually(lambda: bool(caplog.records))
    assert "a request failed with ValueError" in caplog.text
    caplog.clear()


async def test_the_server_says_goodbye_when_it_stops(surface: RecordingSurface, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack, aiohttp.ClientSession() as session:
        door, _ = await stack.enter_async_context(opened(surface, tmp_path))
        headers = {"Authorization": f"Bearer {door.token}"}
        async with session.ws_connect(f"{door.url}{EVENTS}", headers=headers) as socket:
            assert [(await socket.receive_json(timeout=10))["type"] for _ in range(2)] == ["hello", "status"]
            closing = asyncio.create_task(stack.aclose())
            last = await socket.receive(timeout=10)
            assert (last.type, last.data) == (WSMsgType.CLOSE, 1001)
        await closing
    assert surface.listening == 0


async def test_a_plain_request_is_told_how_to_ask(session: aiohttp.ClientSession) -> None:
    async with session.get(EVENTS) as response:
        told: Any = await response.json()
    assert (response.status, told["code"]) == (400, "invalid-request")
    assert "WebSocket" in told["message"]
    async with session.head(EVENTS) as response:
        assert response.status == 405


async def test_a_request_ends_without_complaint_when_its_client_goes(
    surface: RecordingSurface, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endings: list[BaseException | None] = []

    async def watched(request: Any, **asked: Any) -> Any:
        try:
            return await control_events.events(request, **asked)
        except BaseException as error:
            endings.append(error)
            raise
        finally:
            endings.append(None)

    monkeypatch.setattr(control_resources, "events", watched)
    async with opened(surface, tmp_path) as (_, session):
        async with session.ws_connect(EVENTS) as socket:
            await socket.receive_json(timeout=10)
        await eventually(lambda: bool(endings))
    assert endings == [None]
