"""A seeded sample of the proof that every fault of every lane is survived; script/prove runs the whole."""

import logging
from typing import Any

from .lane_faults import Listener, Turn, private, proved, wrong_with
from .lane_place import THREE


async def test_turns_end_well_whatever_a_lane_does() -> None:
    providers = ("deepgram", "openai", "wyoming", THREE)
    figures = await proved(32, 7, at_once=2, providers=providers, deadline_seconds=0.4)
    # On a busy machine so short a deadline may pass before a fault shows.
    late = [one for one in figures["wrong"] if "lane-timeout is none of" in one]
    assert [one for one in figures["wrong"] if one not in late] == []
    assert len(late) <= 4
    assert figures["turns"] == 32
    assert figures["keys or texts in logs"] == []
    assert figures["descriptors left"] <= 0


def test_what_must_not_be_logged_is_found_in_a_log() -> None:
    logger = logging.getLogger(__name__)
    for secret in private():
        listener = Listener()
        logger.addHandler(listener)
        logger.warning("asked with %s", secret)
        logger.removeHandler(listener)
        assert listener.leaks, secret


def test_turns_that_end_badly_are_found() -> None:
    allowed = ("lane-failed",)
    well: dict[str, Any] = {"provider": "deepgram", "fault": "http-500", "kind": "transcript", "said": "edge"}
    assert wrong_with(Turn(**well, endings=allowed), allowed) == []
    assert wrong_with(Turn(**well, endings=()), ()) == []
    for worse in (
        {"kind": "nothing"},
        {"kind": "error", "code": "turn-timeout"},
        {"said": "neither"},
        {"seconds": 4.0},
        {"endings": ()},
        {"endings": ("lane-refused",)},
    ):
        assert len(wrong_with(Turn(**({"endings": allowed} | well | worse)), allowed)) == 1, worse
    assert len(wrong_with(Turn(**well, endings=allowed), ())) == 1
