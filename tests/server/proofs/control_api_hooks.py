"""What schemathesis cannot make up by itself: a recording."""

from pathlib import Path

import schemathesis
from hypothesis import strategies as st

HUM = Path(__file__).parents[3] / "wyoming_server/recordings/silence.wav"

schemathesis.openapi.media_type("audio/wav", st.just(HUM.read_bytes()))
