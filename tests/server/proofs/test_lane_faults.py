"""A seeded sample of the proof that every fault of every lane is survived; script/prove runs the whole."""

import logging

from .lane_faults import Listener, private, proved


async def test_turns_end_well_whatever_a_lane_does() -> None:
    figures = await proved(30, 7, at_once=3, providers=("deepgram", "openai", "wyoming"), deadline_seconds=0.4)
    assert figures["wrong"] == []
    assert figures["turns"] == 30
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
