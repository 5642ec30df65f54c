"""A seeded sample of the proof that every fault of every lane is survived; script/prove runs the whole."""

import logging

from .lane_faults import Listener, private, proved
from .lane_place import THREE


async def test_turns_end_well_whatever_a_lane_does() -> None:
    providers = ("deepgram", "openai", "wyoming", THREE)
    figures = await proved(32, 7, at_once=2, providers=providers, deadline_seconds=0.4)
    assert figures["wrong"] == []
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
