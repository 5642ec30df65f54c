"""Deepgram's pre-recorded API."""

from collections.abc import AsyncIterator

import pytest

from tests.server.cloud.server import StandIn, stand_in
from tests.server.engines.cloud_requests import SAID, asked, lane_to
from wyoming_server.errors import LaneForbiddenError


@pytest.fixture
async def cloud() -> AsyncIterator[StandIn]:
    async with stand_in() as one:
        yield one


async def test_names_go_along_one_by_one_and_nothing_is_kept_to_train_on(cloud: StandIn) -> None:
    async with lane_to(cloud, "deepgram") as lane:
        heard = await lane.transcribe(asked("en-GB", prompt=("Ida & Tom's room", "Küche")))
    fields = cloud.recorder.arrivals[0].fields
    assert fields["keyterm"] == ["Ida & Tom's room", "Küche"]
    assert (fields["language"], fields["mip_opt_out"]) == (["en-GB"], ["true"])
    assert (heard.text, heard.confidence) == (SAID, 0.98)
    assert cloud.recorder.refusals == []


async def test_a_model_without_keyterms_gets_no_names(cloud: StandIn) -> None:
    async with lane_to(cloud, "deepgram", model="nova-2") as lane:
        await lane.transcribe(asked(prompt=("Küche",)))
    assert "keyterm" not in cloud.recorder.arrivals[0].fields
    assert cloud.recorder.refusals == []


async def test_without_a_language_it_is_detected(cloud: StandIn) -> None:
    cloud.language = "de"
    async with lane_to(cloud, "deepgram") as lane:
        assert (await lane.transcribe(asked(None))).language == "de"
    assert cloud.recorder.arrivals[0].fields["detect_language"] == ["true"]


async def test_spent_credits_are_not_a_wrong_key(cloud: StandIn) -> None:
    cloud.always("deepgram", "quota-spent")
    async with lane_to(cloud, "deepgram") as lane:
        with pytest.raises(LaneForbiddenError, match="balance"):
            await lane.transcribe(asked())


async def test_the_wav_has_a_header_of_44_bytes_and_the_speech(cloud: StandIn) -> None:
    request = asked()
    async with lane_to(cloud, "deepgram") as lane:
        await lane.transcribe(request)
    body = cloud.recorder.arrivals[0].body
    assert len(body) == 44 + 2 * len(request.samples)
    assert body[44:] == request.samples.tobytes()
