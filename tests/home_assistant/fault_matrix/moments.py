"""The moments at which a fault strikes, found from outside: by what is said, what computes, and what goes out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from .house import House
from .speech import Got, Spoken
from .waiting import until

type Strike = Callable[[], Awaitable[None]]
MID_SENTENCE = 0.6
"""Of the sentence."""
DECODING_SECONDS = 0.12
"""After the last voiced sample: what was said so far is decoded 64 ms after it."""
NEVER_SECONDS = 20.0
"""A moment that has not come by then does not."""
REPLAY_SECONDS = 60.0
"""A service that failed is asked again after a while."""


async def spoken_and_struck(house: House, moment: str, strike: Strike) -> Got | None:
    """Say a sentence and strike at that moment; return what it came to. Raises TimeoutError for one that does not come.

    At rest, the sentence is said once it has struck.
    """
    if moment == "idle":
        await strike()
        return await house.says() if house.is_there else None
    spoken = house.next_sentence()
    when = {"mid-sentence": _sentence, "mid-decode": _decode, "mid-upload": _upload}[moment]
    speaking = asyncio.create_task(house.speak(spoken))
    try:
        async with asyncio.timeout(NEVER_SECONDS), when(house, spoken):
            await strike()
        return await speaking
    finally:
        speaking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await speaking


@asynccontextmanager
async def _sentence(_house: House, spoken: Spoken) -> AsyncIterator[None]:
    await spoken.until(MID_SENTENCE * spoken.ends_s)
    yield


@asynccontextmanager
async def _decode(house: House, spoken: Spoken) -> AsyncIterator[None]:
    """Hold the recogniser until the fault is there, with the sentence in its hands."""
    held = house.threads
    await spoken.until(spoken.ends_s - 0.05)
    if held is not None:
        held.hold(held.decoding(house.hub.pid))
    try:
        await spoken.until(spoken.ends_s + DECODING_SECONDS)
        yield
    finally:
        if held is not None and not house.stands:
            held.release()


@asynccontextmanager
async def _upload(house: House, spoken: Spoken) -> AsyncIterator[None]:
    before = house.service.uploads
    await spoken.until(spoken.ends_s)
    await house.service.next_upload(before)
    yield


async def replay(house: House, well: Strike, strike: Strike) -> Got:
    """Have a request wait, let the service come back by `well`, and strike while it hears the request.

    Return what a person got for the request. Raises TimeoutError.
    """
    await house.service.fails("refuses-connection")
    got = await house.says("milk")
    assert await until(house.keeps, NEVER_SECONDS), f"nothing is kept, but {got}"
    before = house.service.uploads
    await well()
    async with asyncio.timeout(REPLAY_SECONDS):
        await house.service.next_upload(before)
    await strike()
    return got
