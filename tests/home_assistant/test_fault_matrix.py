"""A sample of `tests.home_assistant.fault_matrix`: a real server, broken from outside, without Home Assistant."""

import functools

from tests.home_assistant.fault_matrix.house import house
from tests.home_assistant.fault_matrix.matrix import matrix

SAMPLE = (
    ("clock jump", "mid-sentence"),
    ("disk full", "mid-upload"),
    ("memory pressure", "mid-decode"),
)
SPEED = 8.0


async def test_a_hub_serves_through_what_breaks_around_it_and_heals_by_itself(socket_enabled: None) -> None:
    done = await matrix(SAMPLE, functools.partial(house, with_home_assistant=False, speed=SPEED))
    assert [(one.fault, one.moment) for one in done if one.wrong] == [], [one.wrong for one in done]
    assert len(done) == len(SAMPLE)
