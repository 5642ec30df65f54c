"""ElevenLabs' Scribe."""

from collections.abc import AsyncIterator

import pytest

from tests.server.cloud.server import StandIn, stand_in
from tests.server.engines.cloud_requests import SAID, asked, lane_to
from wyoming_server.errors import LaneBusyError, LaneCredentialsError, LaneLanguageError


@pytest.fixture
async def cloud() -> AsyncIterator[StandIn]:
    async with stand_in() as one:
        yield one


async def test_bare_samples_are_sent_and_names_that_fit(cloud: StandIn) -> None:
    async with lane_to(cloud, "elevenlabs") as lane:
        heard = await lane.transcribe(
            asked("en-GB", prompt=("Ida's room", "a <b>", "x" * 51, "one two three four five six"))
        )
    (upload,) = cloud.recorder.arrivals
    assert upload.fields["keyterms"] == ["Ida's room"]
    assert upload.fields["language_code"] == ["en"]
    assert upload.sound is not None
    assert upload.sound.chunks == ()
    assert (heard.text, heard.language) == (SAID, "en")
    assert heard.confidence is not None
    assert cloud.recorder.refusals == []


async def test_spent_credits_are_not_a_wrong_key(cloud: StandIn) -> None:
    cloud.script("elevenlabs", "quota-spent", "http-401")
    async with lane_to(cloud, "elevenlabs") as lane:
        with pytest.raises(LaneBusyError, match="credits"):
            await lane.transcribe(asked())
        with pytest.raises(LaneCredentialsError, match="key"):
            await lane.transcribe(asked())


async def test_the_language_is_compared_by_its_three_letters_too(cloud: StandIn) -> None:
    cloud.always("elevenlabs", "other-language")
    async with lane_to(cloud, "elevenlabs") as lane:
        with pytest.raises(LaneLanguageError):
            await lane.transcribe(asked("en"))
