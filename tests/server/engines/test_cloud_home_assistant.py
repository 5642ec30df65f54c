"""A Home Assistant's speech-to-text entity as a lane."""

from collections.abc import AsyncIterator

import pytest

from tests.server.cloud.server import StandIn, stand_in
from tests.server.engines.cloud_requests import SAID, asked, lane_of, lane_to
from wyoming_server.engines.cloud_trust import Reach
from wyoming_server.engines.lanes import make_lane
from wyoming_server.errors import (
    InvalidSettingsError,
    LaneFailedError,
    LaneLanguageError,
    LaneNotPrivateError,
    LaneRefusedError,
)
from wyoming_server.pipeline.lanes import LaneSettings
from wyoming_server.pipeline.policy import Trust


@pytest.fixture
async def cloud() -> AsyncIterator[StandIn]:
    async with stand_in() as one:
        yield one


@pytest.mark.parametrize(
    ("language", "told"), [("en", "en-US"), ("en-GB", "en-GB"), ("de-AT", "de-DE"), (None, "en-US")]
)
async def test_the_language_is_said_as_the_entity_names_it(cloud: StandIn, language: str | None, told: str) -> None:
    async with lane_to(cloud, "home_assistant") as lane:
        assert (await lane.transcribe(asked(language))).text == SAID
    assert cloud.recorder.of("transcribe")[0].fields["language"] == [told]
    assert cloud.recorder.refusals == []


async def test_what_the_entity_knows_is_asked_for_once(cloud: StandIn) -> None:
    async with lane_to(cloud, "home_assistant") as lane:
        await lane.transcribe(asked())
        await lane.transcribe(asked())
    assert [one.method for one in cloud.recorder.arrivals] == ["GET", "POST", "POST"]


async def test_a_language_that_the_entity_does_not_know_is_not_sent_to_it(cloud: StandIn) -> None:
    async with lane_to(cloud, "home_assistant") as lane:
        with pytest.raises(LaneLanguageError, match="'ja'"):
            await lane.transcribe(asked("ja"))
    assert cloud.recorder.of("transcribe") == []


async def test_an_entity_that_fails_and_one_that_is_not_there(cloud: StandIn) -> None:
    cloud.always("home_assistant", "quota-spent")
    async with lane_to(cloud, "home_assistant") as lane:
        with pytest.raises(LaneFailedError, match="its log"):
            await lane.transcribe(asked())
    async with lane_to(cloud, "home_assistant", entity="stt.gone") as lane:
        with pytest.raises(LaneRefusedError):
            await lane.transcribe(asked())


def test_an_entity_must_be_named() -> None:
    for entity in ("", "../config", "stt.a/b", "stt.ä"):
        with pytest.raises(InvalidSettingsError, match="entity"):
            make_lane(
                LaneSettings(name="x", provider="home_assistant", url="http://192.168.1.2", key="k", entity=entity)
            )


async def test_in_the_open_it_is_asked_within_the_home_only_and_stays_a_matter_of_consent() -> None:
    async with lane_of(provider="home_assistant", url="http://1.1.1.1:8123", key="k", entity="stt.cloud") as lane:
        assert lane.settings.trust_class is Trust.CLOUD
        with pytest.raises(LaneNotPrivateError):
            await lane.transcribe(asked())
    async with lane_of(provider="home_assistant", url="https://ha.example", key="k", entity="stt.cloud") as lane:
        assert lane._provider._service._reach is Reach.ANYWHERE
