"""Google's Speech-to-Text v2."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest

from tests.server.cloud.server import StandIn, stand_in
from tests.server.engines.cloud_requests import SAID, asked, lane_to
from wyoming_server.engines.lanes import make_lane
from wyoming_server.errors import InvalidSettingsError, LaneCredentialsError, LaneFailedError, LaneMalformedError
from wyoming_server.pipeline.lanes import LaneSettings


@pytest.fixture
async def cloud() -> AsyncIterator[StandIn]:
    async with stand_in() as one:
        yield one


async def test_a_token_is_asked_for_once_and_serves_all_that_follow(cloud: StandIn) -> None:
    async with lane_to(cloud, "google") as lane:
        await asyncio.gather(*(lane.transcribe(asked()) for _ in range(4)))
        await lane.transcribe(asked())
    assert len(cloud.recorder.of("token")) == 1
    assert cloud.recorder.refusals == []


async def test_it_is_told_model_language_and_names(cloud: StandIn) -> None:
    async with lane_to(cloud, "google", model="short") as lane:
        heard = await lane.transcribe(asked("en", prompt=("Küche",)))
    fields = {name: json.loads(one[0]) for name, one in cloud.recorder.of("transcribe")[0].fields.items()}
    assert (fields["model"], fields["languageCodes"]) == ("short", ["en-US"])
    assert fields["adaptation"] == {"phraseSets": [{"inlinePhraseSet": {"phrases": [{"value": "Küche"}]}}]}
    assert heard.text == SAID
    assert cloud.recorder.refusals == []


async def test_without_a_language_it_finds_out_by_itself(cloud: StandIn) -> None:
    async with lane_to(cloud, "google") as lane:
        await lane.transcribe(asked(None))
    assert cloud.recorder.of("transcribe")[0].fields["languageCodes"] == ['["auto"]']
    assert cloud.recorder.refusals == []


async def test_a_token_is_renewed_before_its_end(cloud: StandIn) -> None:
    ahead = [0.0]
    lane = make_lane(LaneSettings(**cloud.lane("google")), wall_clock=lambda: time.time() + ahead[0])
    await lane.transcribe(asked())
    ahead[0] = -200.0  # Google takes no assertion of the future, so the clock steps back and then catches up
    await lane.transcribe(asked())
    assert len(cloud.recorder.of("token")) == 1
    ahead[0] = 3599.0 - 100.0
    with pytest.raises(LaneCredentialsError, match="clock"):
        await lane.transcribe(asked())
    ahead[0] = 0.0
    await lane.transcribe(asked())
    await lane.aclose()
    assert len(cloud.recorder.of("token")) == 2


async def test_a_token_that_was_withdrawn_is_replaced(cloud: StandIn) -> None:
    async with lane_to(cloud, "google") as lane:
        await lane.transcribe(asked())
        cloud.services["google"].expire()
        assert (await lane.transcribe(asked())).text == SAID
    assert [one.status for one in cloud.recorder.of("transcribe")] == [200, 401, 200]


async def test_a_key_that_google_refuses_again_is_a_matter_of_credentials(cloud: StandIn) -> None:
    cloud.always("google", "http-401")
    async with lane_to(cloud, "google") as lane:
        with pytest.raises(LaneCredentialsError):
            await lane.transcribe(asked())
    assert len(cloud.recorder.of("transcribe")) == 2


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [("http-400", LaneCredentialsError), ("http-500", LaneFailedError), ("html", LaneMalformedError)],
)
async def test_no_speech_leaves_without_a_token(cloud: StandIn, fault: str, refusal: type[Exception]) -> None:
    cloud.always("google", fault, "token")
    async with lane_to(cloud, "google") as lane:
        await lane.warm()
        with pytest.raises(refusal):
            await lane.transcribe(asked())
    assert cloud.recorder.of("transcribe") == []


async def test_cancelling_while_a_token_is_fetched_blocks_nobody(cloud: StandIn) -> None:
    cloud.always("google", "never-answers", "token")
    async with lane_to(cloud, "google") as lane:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await lane.transcribe(asked())
        cloud.well()
        assert (await lane.transcribe(asked())).text == SAID


def test_a_key_that_is_no_service_account_is_refused_without_repeating_it(cloud_key: str) -> None:
    account = json.loads(cloud_key)
    damaged = {
        "not json": "MY-SECRET",
        "a list": '["MY-SECRET"]',
        "no key": json.dumps({**account, "private_key": None}),
        "half a key": json.dumps({**account, "private_key": account["private_key"][:200]}),
        "no address": json.dumps({name: value for name, value in account.items() if name != "client_email"}),
    }
    for key in damaged.values():
        with pytest.raises(InvalidSettingsError) as refused:
            make_lane(LaneSettings(name="x", provider="google", key=key))
        assert "MY-SECRET" not in str(refused.value)
        assert account["private_key"][40:60] not in str(refused.value)


@pytest.fixture
async def cloud_key(cloud: StandIn) -> str:
    return cloud.key("google")
