"""AssemblyAI's Sync API."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.server.cloud.server import StandIn, stand_in
from tests.server.engines.cloud_requests import SAID, asked, lane_to


def config_of(body: bytes) -> dict[str, Any]:
    """Return the JSON of the part that holds the options."""
    head, _, rest = body.partition(b'name="config"\r\nContent-Type: application/json\r\n\r\n')
    assert b"audio" not in head
    config: dict[str, Any] = json.loads(rest.partition(b"\r\n")[0])
    return config


@pytest.fixture
async def cloud() -> AsyncIterator[StandIn]:
    async with stand_in() as one:
        yield one


async def test_language_and_names_go_into_the_config(cloud: StandIn) -> None:
    async with lane_to(cloud, "assemblyai") as lane:
        heard = await lane.transcribe(asked("de-AT", prompt=("Küche", "Ida's room")))
    (upload,) = cloud.recorder.of("transcribe")
    assert config_of(upload.body) == {"language_codes": ["de"], "keyterms_prompt": ["Küche", "Ida's room"]}
    assert upload.header("X-AAI-Model") == "universal-3-5-pro"
    assert heard.text == SAID
    assert heard.confidence is not None
    assert cloud.recorder.refusals == []


async def test_a_language_that_it_cannot_be_told_is_left_to_it(cloud: StandIn) -> None:
    async with lane_to(cloud, "assemblyai") as lane:
        assert (await lane.transcribe(asked("hu"))).text == SAID
    assert config_of(cloud.recorder.arrivals[0].body) == {}


async def test_a_home_with_many_names_stays_within_its_caps(cloud: StandIn) -> None:
    names = tuple(f"room {number} {'x' * 90}" for number in range(300))
    async with lane_to(cloud, "assemblyai") as lane:
        await lane.transcribe(asked(prompt=names))
    terms = config_of(cloud.recorder.arrivals[0].body)["keyterms_prompt"]
    assert len(terms) <= 100
    assert sum(map(len, terms)) <= 8000
    assert terms[0] == names[0]
    assert cloud.recorder.refusals == []


async def test_warming_uses_the_address_made_for_it_and_shows_no_key(cloud: StandIn) -> None:
    async with lane_to(cloud, "assemblyai") as lane:
        await lane.warm()
        await lane.transcribe(asked())
    warmed, upload = cloud.recorder.arrivals
    assert (warmed.path, warmed.header("Authorization")) == ("/v1/warm", None)
    assert upload.connection == warmed.connection
