"""Speak to a hub as the kitchen's satellite does."""

from collections.abc import AsyncIterator

from custom_components.edge_voice.wyoming_client import WyomingTarget, transcribe
from tests.home_assistant.recordings import BYTES_PER_SECOND, recording
from tests.integration.peer import SATELLITE


async def spoken(port: int, file: str) -> str:
    """Speak a packaged recording to a hub; return the turn's id."""
    target = WyomingTarget(host="127.0.0.1", port=port)
    pcm = recording(file).followed_by_room(1.0)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(pcm), BYTES_PER_SECOND // 50):
            yield pcm[start : start + BYTES_PER_SECOND // 50]

    heard = await transcribe(target, language="en", context={"satellite_id": SATELLITE}, chunks=chunks())
    turn_id = heard.fields["turn_id"]
    assert isinstance(turn_id, str)
    return turn_id
