"""Waiting for what another program does, which tells nobody: by looking again and again."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp

AWAY = (aiohttp.ClientError, OSError, TimeoutError)
"""What asking a program raises that is not there now."""


async def until(holds: Callable[[], Awaitable[bool]], seconds: float, every: float = 0.1) -> bool:
    """Look until it holds, at most so long; return whether it does. A program that is away holds nothing."""
    deadline_s = time.monotonic() + seconds
    while True:
        try:
            if await holds():
                return True
        except AWAY:
            pass
        if time.monotonic() > deadline_s:
            return False
        await asyncio.sleep(every)
