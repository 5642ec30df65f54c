"""A sample of the proof `queue-kills`, of the hub alone: killed while requests wait, and while they are handed out."""

import asyncio
import json
import random
from pathlib import Path

import aiohttp

from ..cloud.server import stand_in
from .killed_hub import Hub
from .queue_hub import number_of, text_of

KILLS, REQUESTS = 2, 10
BY = "a home"


async def do_ready(http: aiohttp.ClientSession, done: list[str], began: set[str]) -> int:
    """Do what is ready, as the integration does: what was begun is written down first; return how many are left."""
    async with http.get("/api/v1/queue") as reply:
        requests = (await reply.json())["requests"]
    for one in requests:
        if one["state"] != "ready" or one["id"] in began:
            continue
        async with http.post(f"/api/v1/queue/{one['id']}/start", json={"by": BY}) as reply:
            taken = await reply.json()
        began.add(one["id"])
        done.append(taken["text"])
    for one in sorted(began):
        async with http.post(f"/api/v1/queue/{one}/end", json={"by": BY, "result": "done"}) as reply:
            assert reply.status == 200, await reply.text()
    return len(requests)


async def test_a_hub_that_is_killed_loses_nothing_and_hands_nothing_out_twice(tmp_path: Path) -> None:
    generator, done, began = random.Random(7), list[str](), set[str]()
    async with stand_in() as cloud:
        cloud.hearing.listen = lambda samples, _rate: text_of(number_of(samples))
        lane = json.dumps(cloud.lane("openai", price_per_minute=0.006, price_as_of="2026-11-01"))
        hub = Hub(tmp_path)
        async with hub.running(lane) as http:
            promised = set[int]()
            for round_ in range(KILLS):
                each = REQUESTS // KILLS
                keeping = [
                    asyncio.create_task(hub.keep(number)) for number in range(round_ * each, (round_ + 1) * each)
                ]
                await asyncio.sleep(generator.random() * 0.15)
                await hub.kill()
                told = await asyncio.gather(*keeping)
                promised |= {number for number, one in enumerate(told, round_ * each) if one}
            async with asyncio.timeout(20):
                while True:
                    if not await do_ready(http, done, began):
                        break
                    await asyncio.sleep(0.02)
        cloud.failures.clear()  # who asked was killed
    assert len(done) == len(set(done)), "none is done twice"
    assert {text_of(number) for number in promised} <= set(done), "and none is lost"
