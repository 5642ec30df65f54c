"""How much of an answer is read, unpacked, believed and kept."""

import asyncio
import gzip
import json
import traceback
import tracemalloc
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.server.cloud.server import StandIn, stand_in
from tests.server.engines.cloud_requests import SAID, asked, lane_of, lane_to, serving
from wyoming_server.engines.cloud_http import ANSWER_LIMIT_BYTES
from wyoming_server.errors import LaneError, LaneFailedError, LaneMalformedError

ANSWER = json.dumps({"results": {"channels": [{"alternatives": [{"transcript": SAID, "confidence": 0.9}]}]}})
JSON = "application/json"
NAME = "Ottilie"  # not in the line that a traceback shows of this file
MEGABYTE = 2**20


@pytest.fixture
async def cloud() -> AsyncIterator[StandIn]:
    async with stand_in() as one:
        yield one


async def test_an_endless_document_is_left_at_the_limit() -> None:
    sent, gone = [0], asyncio.Event()

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": JSON})
        await response.prepare(request)
        try:
            while sent[0] < 64 * MEGABYTE:
                await response.write(b" " * 65_536)
                sent[0] += 65_536
        finally:
            gone.set()
        return response

    async with serving(endless) as url, lane_of(provider="deepgram", key="k", url=url) as lane:
        with pytest.raises(LaneMalformedError, match="too long"):
            await lane.transcribe(asked())
        async with asyncio.timeout(10.0):
            await gone.wait()
    assert sent[0] < 16 * MEGABYTE  # what the kernel's buffers hold, and no more


@pytest.mark.parametrize("size", [ANSWER_LIMIT_BYTES, ANSWER_LIMIT_BYTES + 1])
async def test_the_limit_is_where_it_is_said_to_be(size: int) -> None:
    async def long(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=ANSWER.encode().ljust(size), content_type=JSON)

    async with serving(long) as url, lane_of(provider="deepgram", key="k", url=url) as lane:
        if size <= ANSWER_LIMIT_BYTES:
            assert (await lane.transcribe(asked())).text == SAID
        else:
            with pytest.raises(LaneMalformedError):
                await lane.transcribe(asked())


async def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b" " * (32 * MEGABYTE))
    assert len(bomb) < ANSWER_LIMIT_BYTES

    async def throwing(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=bomb, content_type=JSON, headers={"Content-Encoding": "gzip"})

    async with serving(throwing) as url, lane_of(provider="deepgram", key="k", url=url) as lane:
        tracemalloc.start()
        with pytest.raises(LaneMalformedError, match="too long"):
            await lane.transcribe(asked())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 8 * MEGABYTE


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate"])
async def test_a_small_answer_may_be_compressed_unasked(coding: str) -> None:
    async def packed(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(
            body=gzip.compress(ANSWER.encode()), content_type=JSON, headers={"Content-Encoding": coding}
        )

    async with serving(packed) as url, lane_of(provider="deepgram", key="k", url=url) as lane:
        assert (await lane.transcribe(asked())).text == SAID


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/octet-stream", "video/json"])
async def test_an_answer_that_does_not_say_it_is_json_is_not_believed(kind: str) -> None:
    async def plain(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=ANSWER, content_type=kind)

    async with serving(plain) as url, lane_of(provider="deepgram", key="k", url=url) as lane:
        with pytest.raises(LaneMalformedError, match=kind):
            await lane.transcribe(asked())


async def test_a_connection_that_breaks_in_the_answer_is_a_failure_and_no_other_protocol(cloud: StandIn) -> None:
    cloud.always("deepgram", "closes-mid-body")
    async with lane_to(cloud, "deepgram") as lane:
        with pytest.raises(LaneFailedError, match="middle"):
            await lane.transcribe(asked())


async def test_a_cookie_is_not_kept() -> None:
    seen: list[str | None] = []

    async def baking(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.headers.get("Cookie"))
        return web.Response(text=ANSWER, content_type=JSON, headers={"Set-Cookie": "home=this-one; Path=/"})

    async with serving(baking) as url, lane_of(provider="deepgram", key="k", url=url) as lane:
        await lane.transcribe(asked())
        await lane.transcribe(asked())
    assert seen == [None, None]


async def test_a_connection_that_the_server_has_closed_meanwhile_is_not_used() -> None:
    peers: list[object] = []

    async def plain(request: web.BaseRequest) -> web.StreamResponse:
        peers.append(request.transport and request.transport.get_extra_info("peername"))
        return web.Response(text=ANSWER, content_type=JSON)

    async with (
        serving(plain, keep_alive_seconds=0.02) as url,
        lane_of(provider="deepgram", key="k", url=url) as lane,
    ):
        await lane.transcribe(asked())
        await asyncio.sleep(0.2)
        assert (await lane.transcribe(asked())).text == SAID
    assert len(set(peers)) == 2


@pytest.mark.parametrize("fault", ["garbage", "closes-at-once", "http-400", "half-json", "bad-chunk"])
async def test_not_even_a_traceback_tells_the_key_or_a_name(cloud: StandIn, fault: str) -> None:
    cloud.always("deepgram", fault)
    async with lane_to(cloud, "deepgram") as lane:
        with pytest.raises(LaneError) as refused:
            await lane.transcribe(asked(prompt=(NAME,)))
    told = "".join(traceback.format_exception(refused.value))
    assert cloud.key("deepgram") not in told
    assert NAME not in told
    assert SAID not in told
