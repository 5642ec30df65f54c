"""Asking the lane that the hub chose and cannot ask itself: within the turn's time, and under the hub's ledger."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from homeassistant.core import HomeAssistant

from .client import EdgeVoiceClient
from .complaints import Complaints
from .entity_lane import Ending, EntityLane, LaneAnswer, hear, replay
from .errands import Errands
from .errors import EdgeVoiceError, RefusedError
from .tape import Tape

LANE_SECONDS: Final = 2.2
"""From the end of speech to the lane's text, as on the server; what the turn has used comes off it."""
LEAST_SECONDS: Final = 0.3
"""With less left, speech would be sent for nothing."""
_NOT_ASKED: Final = LaneAnswer(ending=Ending.CANCELLED)


class ClientLanes:
    """Asks entities on the hub's behalf."""

    def __init__(self, hass: HomeAssistant, client: EdgeVoiceClient, errands: Errands, complaints: Complaints) -> None:
        """Tell the hub how it ended in an errand: nobody waits for that."""
        self._hass, self._client, self._errands, self._complaints = hass, client, errands, complaints

    async def async_ask(
        self, fields: Mapping[str, Any], language: str, tape: Tape, lanes: Sequence[EntityLane]
    ) -> LaneAnswer:
        """Have the lane of a transcript's fields hear a tape. Raises nothing: without a text, the hub's own stays."""
        lane = next((one for one in lanes if one.name == fields.get("lane")), None)
        audio, turn_id = tape.whole, str(fields.get("turn_id"))
        ends_s = time.monotonic() + LANE_SECONDS - _used_seconds(fields)
        if lane is None or audio is None or ends_s - time.monotonic() < LEAST_SECONDS:
            return _NOT_ASKED
        upload = await self._begin(turn_id, lane, tape.seconds, ends_s)
        if upload is None:
            return _NOT_ASKED
        answer = _NOT_ASKED
        try:
            left_s = max(0.0, ends_s - time.monotonic())
            answer = await hear(self._hass, lane, language, replay(audio), seconds=left_s, errands=self._errands)
        finally:
            took_ms, text = round(answer.took_ms, 1), answer.text or None
            told = self._client.end_upload(turn_id, upload, ending=answer.ending, took_ms=took_ms, text=text)
            self._errands.tell(told, "upload")
        if answer.ending is not Ending.ANSWERED:
            self._complaints.about(f"lane {answer.ending}", "%s did not answer: %s", lane.name, answer.ending)
        return answer

    async def _begin(self, turn_id: str, lane: EntityLane, seconds: float, ends_s: float) -> int | None:
        """Have the ledger's row written; None when the hub does not want the upload, or cannot say so in time."""
        try:
            async with asyncio.timeout(ends_s - time.monotonic()):
                return await self._client.begin_upload(turn_id, lane.name, round(seconds, 2))
        except (EdgeVoiceError, TimeoutError) as error:
            code = error.code if isinstance(error, RefusedError) else type(error).__name__
            self._complaints.about(f"upload {code}", "%s was not asked: %s", lane.name, code)
            return None


def _used_seconds(fields: Mapping[str, Any]) -> float:
    """Return how long ago the last word was when the transcript was written: the sum of its spans."""
    spans = fields.get("latency_ms")
    known = spans.values() if isinstance(spans, Mapping) else ()
    return sum(float(one) for one in known if isinstance(one, int | float)) / 1000.0
