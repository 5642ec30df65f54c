"""A seeded sample of the long proof, and streams that hypothesis makes up."""

import asyncio
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..home import Home
from ..proofs.fuzz import fuzz, one_peer


async def test_a_sample_of_fuzzed_streams_leaves_the_server_serving(served: Home) -> None:
    counts = await fuzz(served, seconds=4, seed=7)
    assert counts["right texts meanwhile"] == counts["rounds"]
    assert counts["error malformed-event"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_any_stream_is_answered_or_closed(served: Home, seed: int) -> None:
    counts = asyncio.run(one_peer(served.uri, random.Random(seed)))
    assert counts["pieces"]
    assert not counts["error internal-error"]
