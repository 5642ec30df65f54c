"""What runs beside the server: a fault in it is said, and costs that part only."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from wyoming_server.errors import DiskError
from wyoming_server.serve import _in_background


async def test_a_part_that_ends_by_a_fault_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async def fails(error: Exception) -> None:
        await asyncio.sleep(0)
        raise error

    async with AsyncExitStack() as stack:
        _in_background(fails(DiskError("The disk is full")), stack)
        _in_background(fails(ZeroDivisionError("a fault of ours")), stack)
        _in_background(asyncio.sleep(60.0), stack)
        for _ in range(5):
            await asyncio.sleep(0)
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["a fault of ours"]
