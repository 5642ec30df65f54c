"""Texts of the last turns are forgotten by the clock, whether or not anybody speaks again."""

from tests.server.learning.school import turn
from wyoming_server.control.said_turns import KEPT_SECONDS, SaidTurns


def test_what_was_said_is_gone_after_ten_minutes_of_silence() -> None:
    said = SaidTurns()
    said.add(turn("turn on the kitchen light", at_s=0.0), 0.0)
    said.expire(KEPT_SECONDS)
    assert len(said._turns) == 1
    said.expire(KEPT_SECONDS + 1.0)
    assert len(said._turns) == 0
