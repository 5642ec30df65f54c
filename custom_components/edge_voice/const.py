"""Names that every file of the integration shares."""

import logging
from typing import Final

DOMAIN: Final = "edge_voice"
LOGGER: Final = logging.getLogger(__package__)

API_VERSION: Final = 1
"""Of the server's control API, the newest that is understood here."""
API_MIN_VERSION: Final = 1
"""Likewise the oldest."""

DEFAULT_CONTROL_PORT: Final = 10380
DEFAULT_WYOMING_PORT: Final = 10300

CONF_FINGERPRINT: Final = "fingerprint"
"""SHA-256 of the server's certificate, pinned at pairing; None where it speaks plain HTTP on loopback."""
CONF_WYOMING_PORT: Final = "wyoming_port"

SUBENTRY_LANE: Final = "cloud_lane"
EVENT_TRANSCRIPT: Final = "edge_voice_transcript"
"""On Home Assistant's bus, with the text, only while the owner keeps transcripts."""
