"""What the network reports about a peer that is gone is an end, not a failure."""

import asyncio
import errno

import pytest

from wyoming_server.errors import EventTooLargeError
from wyoming_server.listeners.framing import HEADER_LIMIT_BYTES, read_event

from ..peer import event

GONE = [TimeoutError(errno.ETIMEDOUT, "Connection timed out"), OSError(errno.EHOSTUNREACH, "No route to host")]


@pytest.mark.parametrize("failure", [*GONE, ConnectionResetError(), BrokenPipeError()], ids=repr)
@pytest.mark.parametrize("received", [b"", b'{"type"', event("ping", data_length=50) + b"{"])
async def test_a_peer_that_lost_its_power_is_gone_also_in_mid_event(received: bytes, failure: OSError) -> None:
    reader = asyncio.StreamReader(limit=HEADER_LIMIT_BYTES)
    reader.feed_data(received)
    asyncio.get_running_loop().call_soon(reader.set_exception, failure)
    assert await read_event(reader, limit_bytes=1000) is None


@pytest.mark.parametrize("key", ["data_length", "payload_length"])
async def test_the_limit_is_the_largest_length_that_is_taken(key: str) -> None:
    body = b'{"text": "' + b"x" * 988 + b'"}'
    reader = asyncio.StreamReader(limit=HEADER_LIMIT_BYTES)
    reader.feed_data(event("ping", **{key: 1000}) + body + event("ping", **{key: 1001}))
    taken = await read_event(reader, limit_bytes=1000)
    assert taken is not None
    assert len(taken.payload or b"") + len(taken.data.get("text", "")) in {988, 1000}
    with pytest.raises(EventTooLargeError, match=f"{key} is more than the 1000 bytes"):
        await read_event(reader, limit_bytes=1000)
