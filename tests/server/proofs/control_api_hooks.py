"""What schemathesis cannot make up by itself: a recording, and the id of a turn that was."""

import os
import zlib
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st

SILENCE = Path(__file__).parents[3] / "wyoming_server/recordings/silence.wav"
TURN = os.environ.get("EDGE_VOICE_TURN", "")

schemathesis.openapi.media_type("audio/wav", st.just(SILENCE.read_bytes()))


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: Any) -> Any:
    """Ask two of three times for the turn that was."""
    is_of_turn = context.operation.path.startswith("/api/v1/turns/") and "id" in (path_parameters or {})
    if TURN and is_of_turn and zlib.crc32(repr(path_parameters["id"]).encode()) % 3:
        return {**path_parameters, "id": TURN}
    return path_parameters
