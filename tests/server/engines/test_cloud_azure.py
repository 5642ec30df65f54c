"""Azure's short-audio API."""

from collections.abc import AsyncIterator

import pytest

from tests.server.cloud.server import StandIn, stand_in
from tests.server.engines.cloud_requests import SAID, asked, lane_to
from wyoming_server.engines.lanes import make_lane
from wyoming_server.errors import InvalidSettingsError
from wyoming_server.pipeline.lanes import LaneSettings


@pytest.fixture
async def cloud() -> AsyncIterator[StandIn]:
    async with stand_in() as one:
        yield one


@pytest.mark.parametrize(
    ("language", "languages", "told"),
    [("en", (), "en-US"), ("en-GB", (), "en-GB"), (None, ("de", "en"), "de-DE"), (None, (), "en-US")],
)
async def test_it_is_told_a_locale(cloud: StandIn, language: str | None, languages: tuple[str, ...], told: str) -> None:
    async with lane_to(cloud, "azure", languages=languages) as lane:
        heard = await lane.transcribe(asked(language))
    assert cloud.recorder.arrivals[0].fields["language"] == [told]
    assert heard.text == SAID
    assert heard.confidence is not None
    assert cloud.recorder.refusals == []


def test_it_needs_a_region_or_an_address() -> None:
    with pytest.raises(InvalidSettingsError, match="region"):
        make_lane(LaneSettings(name="x", provider="azure", key="k"))
