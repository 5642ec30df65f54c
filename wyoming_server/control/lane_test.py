"""Ask a lane for the text of a packaged recording: what its owner tries before saving it."""

import asyncio
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..engines.lanes import make_lane
from ..errors import InvalidSettingsError, LaneTimeoutError
from ..learning.comparison import compare
from ..pipeline.lanes import LaneRequest, LaneSettings, Ledger, Upload
from ..pipeline.policy import Trust
from ..pipeline.types import Samples
from .feed import Json

RECORDING = Path(__file__).parents[1] / "recordings" / "kitchen.wav"
SAYS = "Turn on the kitchen light."
LANGUAGE = "en"
LONGEST_SECONDS = 20.0
"""A service that wakes up for its first request may take its time; a turn would not wait so long."""


async def tested(settings: LaneSettings, ledger: Ledger, *, clock: Callable[[], float]) -> Json:
    """Return what a lane makes of the recording. Raises LaneError, UsageError, DiskError."""
    if settings.provider == "client":
        raise InvalidSettingsError(f"Lane '{settings.name}' is the client's own: only the client can test it")
    lane = await asyncio.to_thread(make_lane, settings)
    try:
        request = LaneRequest(samples=await asyncio.to_thread(_recording), language=LANGUAGE)
        number = await ledger.open(_upload(lane.settings, request))
        began_s, ending = clock(), "cancelled"
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                heard = await lane.transcribe(request)
            ending = "answered"
        except TimeoutError as error:
            ending = LaneTimeoutError.code
            raise LaneTimeoutError(
                f"Lane '{settings.name}' gave no text within {LONGEST_SECONDS:.0f} s", lane=settings.name
            ) from error
        finally:
            await ledger.close(number, ending, clock() - began_s)
    finally:
        await lane.aclose()
    matches = compare(heard.text, SAYS, LANGUAGE).exact
    return {"text": heard.text, "took_ms": round(1000.0 * (clock() - began_s), 1), "matches": matches}


def _recording() -> Samples:
    with wave.open(str(RECORDING)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.int16)


def _upload(settings: LaneSettings, request: LaneRequest) -> Upload:
    leaves = settings.trust_class is Trust.CLOUD
    return Upload(
        lane=settings.name,
        trust=settings.trust_class,
        turn_id="",
        reason="test",
        consent="",
        seconds=request.seconds,
        bytes=2 * len(request.samples),
        cost=settings.cost(request.seconds) if leaves else 0.0,
    )
