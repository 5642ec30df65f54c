"""What the lanes' tests ask with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from aiohttp import web

from tests.server.cloud.server import StandIn
from wyoming_server.engines.lanes import make_lane
from wyoming_server.errors import LaneError
from wyoming_server.pipeline.lanes import Lane, LaneRequest, LaneSettings
from wyoming_server.pipeline.types import Samples

SAID = "turn on the kitchen light"


def speech(seconds: float = 0.5, seed: int = 7) -> Samples:
    """Return samples that no other test sends."""
    noise = np.random.default_rng(seed).normal(0.0, 900.0, round(16_000 * seconds))
    return noise.astype(np.int16)


def asked(language: str | None = "en", *, prompt: tuple[str, ...] = (), seconds: float = 0.5) -> LaneRequest:
    """Return a request."""
    return LaneRequest(samples=speech(seconds), language=language, prompt=prompt)


@asynccontextmanager
async def lane_of(**settings: Any) -> AsyncIterator[Lane]:
    """Make a lane and close it."""
    lane = make_lane(LaneSettings(**{"name": "a lane", **settings}))
    try:
        yield lane
    finally:
        await lane.aclose()


@asynccontextmanager
async def lane_to(cloud: StandIn, provider: str, *, fault: str | None = None, **more: Any) -> AsyncIterator[Lane]:
    """Make a lane to one of the stand-in's services."""
    async with lane_of(**cloud.lane(provider, fault=fault, **more)) as lane:
        yield lane


async def ending_of(lane: Lane, request: LaneRequest, deadline_seconds: float) -> tuple[str, str]:
    """Return how a request ended: `answered` or an error's code, and the error's words."""
    try:
        async with asyncio.timeout(deadline_seconds):
            await lane.transcribe(request)
    except LaneError as error:
        return error.code, str(error)
    except TimeoutError:
        return "lane-timeout", ""
    return "answered", ""


type Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(answer: Answer, *, keep_alive_seconds: float = 60.0) -> AsyncIterator[str]:
    """Serve one answer to everything over real HTTP; give the address."""
    server = web.Server(answer, keepalive_timeout=keep_alive_seconds)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        await server.shutdown()
