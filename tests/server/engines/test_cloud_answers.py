"""Whatever JSON a service answers, a lane makes a text or one of its own errors of it."""

import json
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import web

from tests.server.cloud.server import StandIn, stand_in
from tests.server.engines.cloud_requests import asked, lane_of, lane_to, serving
from wyoming_server.errors import LaneError

ANSWERS_PER_PROVIDER = 120
LEAVES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        0.5,
        1e308,
        10**40,
        "",
        " ",
        "turn on the light",
        "Success",
        "success",
        "en",
        "english",
    ),
    *("\ud800", "\x00", [], {}, [None], [[]], [{}], {"text": {}}, "x" * 70_000),
)
PROVIDERS = ("openai", "groq", "deepgram", "assemblyai", "azure", "google", "elevenlabs", "home_assistant")


def spoilt(value: Any, chance: random.Random) -> Any:
    """Return a document with some of its parts replaced, removed or repeated."""
    if chance.random() < 0.12:
        return chance.choice(LEAVES)
    if isinstance(value, dict):
        kept = {key: spoilt(one, chance) for key, one in value.items() if chance.random() > 0.06}
        return kept | ({"unknown": chance.choice(LEAVES)} if chance.random() < 0.1 else {})
    if isinstance(value, list):
        return [spoilt(one, chance) for one in value] * chance.choice((1, 1, 1, 0, 2))
    return value


@pytest.fixture
async def cloud() -> AsyncIterator[StandIn]:
    async with stand_in() as one:
        yield one


async def genuine(cloud: StandIn, provider: str) -> list[Any]:
    """Return the documents that a provider answers with when all is well."""
    seen: list[Any] = []
    service = cloud.services[provider]
    answer = service.answer

    def kept(*arguments: Any) -> Any:
        reply = answer(*arguments)
        seen.append(reply.document)
        return reply

    service.answer = kept
    async with lane_to(cloud, provider) as lane:
        await lane.transcribe(asked())
    return seen


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_spoilt_answer_is_an_error_of_the_lane_or_a_text(cloud: StandIn, provider: str) -> None:
    chance = random.Random(f"answers of {provider}")
    honest = await genuine(cloud, provider)
    endings: set[str] = set()

    def documents() -> Iterator[Any]:
        while True:
            for one in honest:
                yield spoilt(one, chance)

    coming = documents()

    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(text=json.dumps(next(coming)), content_type="application/json")

    async with serving(answer) as url:
        settings = cloud.lane(provider) | {"url": url}
        if provider == "google":
            settings["key"] = settings["key"].replace(cloud.origin, url)
        async with lane_of(**settings) as lane:
            for _ in range(ANSWERS_PER_PROVIDER):
                try:
                    heard = await lane.transcribe(asked())
                except LaneError as error:
                    endings.add(error.code)
                else:
                    heard.text.encode()
                    assert heard.text == " ".join(heard.text.split())
                    assert heard.confidence is None or 0.0 <= heard.confidence <= 1.0
                    endings.add("answered")
    assert {"answered", "lane-malformed"} <= endings
