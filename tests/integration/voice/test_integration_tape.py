"""What is being said is kept, within bounds, for whoever takes over."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from homeassistant.core import HomeAssistant

from custom_components.edge_voice.errands import Errands
from custom_components.edge_voice.tape import BYTES_PER_SECOND, Tape
from tests.integration.voice.ear import said


async def file(seconds: int) -> AsyncIterator[bytes]:
    """Give a file as Home Assistant's web server does: as fast as it is taken, each second another value."""
    for number in range(seconds):
        for _ in range(8):
            yield bytes([number]) * (BYTES_PER_SECOND // 8)


async def test_a_long_file_is_heard_whole_though_only_its_end_is_kept() -> None:
    heard = bytearray()
    async with Tape(file(100)) as tape:
        async for chunk in tape.chunks():
            heard += chunk
        assert tape.seconds == 100
        assert tape.whole is None
        assert b"".join([chunk async for chunk in tape.chunks()]) == heard[-30 * BYTES_PER_SECOND :]
    assert heard == b"".join(bytes([number]) * BYTES_PER_SECOND for number in range(100))


async def test_nothing_is_read_ahead_without_bound() -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield bytes(BYTES_PER_SECOND)

    async with Tape(endless()):
        for _ in range(200):
            await asyncio.sleep(0)
    assert taken <= 31


async def test_a_reader_that_gives_up_leaves_the_stream_to_the_next() -> None:
    async with Tape(said(bytes(range(256)) * 250)) as tape:
        first = tape.chunks()
        begun = await anext(first)
        await first.aclose()
        whole = b"".join([chunk async for chunk in tape.chunks()])
    assert whole == bytes(range(256)) * 250
    assert whole.startswith(begun)


async def test_what_the_stream_raises_reaches_the_reader_after_what_it_gave() -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield bytes(2048)
        raise ConnectionResetError

    async with Tape(breaks()) as tape:
        chunks = tape.chunks()
        assert await anext(chunks) == bytes(2048)
        with pytest.raises(ConnectionResetError):
            await anext(chunks)


async def test_an_errand_that_does_not_end_is_left_behind(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_components.edge_voice.errands._PATIENCE_SECONDS", 0.05)
    stopped: list[str] = []

    async def stubborn() -> None:
        for _ in range(2):
            try:
                await asyncio.sleep(0.2)
            except asyncio.CancelledError:
                stopped.append("told to stop")

    errands = Errands(hass)
    errand = errands.start(stubborn(), "stubborn")
    async with asyncio.timeout(2.0):
        await errands.async_close()
        assert stopped == ["told to stop"]
        await asyncio.wait({errand})
