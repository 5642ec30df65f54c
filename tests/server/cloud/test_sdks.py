"""The providers' own clients transcribe through the stand-in, and know its errors for their provider's."""

import pytest

from .clients import SDKS, run_clients


@pytest.mark.skipif(not SDKS.exists(), reason="script/bootstrap sdks has not made the clients' environment")
@pytest.mark.parametrize("family", ["openai_family", "deepgram_own"])  # the proof runs all five
async def test_a_providers_own_client_takes_the_stand_in_for_its_provider(family: str) -> None:
    lines, cloud = await run_clients(SDKS, "tests.sdks", family)
    assert [line for line in lines if not line["ok"]] == []
    assert {line["status"] for line in lines if "raised" in line} >= {401, 429}
    unknown = [one.path for one in cloud.recorder.arrivals if not one.provider]
    assert unknown == []
