"""Whole recordings through the path, for the control API."""

import asyncio
import io
import uuid
import wave
from dataclasses import replace

import numpy as np

from ..errors import MalformedAudioError
from ..pipeline.audio import FrameQueue, Framer, PcmConverter
from ..pipeline.interpret import TurnRequest
from ..pipeline.listen import Mode
from ..pipeline.policy import Caller, RoutingMode
from ..pipeline.timeline import Spans
from ..pipeline.turn import Observer, Stages, run_turn
from ..pipeline.types import SAMPLE_RATE_HZ, Outcome, Samples

CHUNK_SAMPLES = SAMPLE_RATE_HZ


async def transcribed(
    samples: Samples, stages: Stages, request: TurnRequest, *, lane: RoutingMode | None
) -> tuple[Outcome, Spans]:
    """Return what a recording says, asked by its owner: in file mode, which teaches nothing. Raises EdgeVoiceError."""
    request = replace(
        request,
        turn_id=uuid.uuid4().hex,
        mode=Mode.FILE,
        caller=Caller(trusted=True, session="control-api", satellite="control-api", mode=lane),
        began_s=stages.clock(),
    )
    queue = FrameQueue(limit_frames=stages.listen.queue_frames)
    feeding = asyncio.create_task(_fed(queue, samples, stages), name="recording")
    try:  # no task group, which would wrap a refusal of the turn's
        outcome = await run_turn(queue, request, stages, Observer())
    finally:
        queue.abandon()
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
    return outcome, outcome.timeline.spans(stages.clock())


async def _fed(queue: FrameQueue, samples: Samples, stages: Stages) -> None:
    framer = Framer()
    for start in range(0, len(samples), CHUNK_SAMPLES):
        if frames := framer.push(samples[start : start + CHUNK_SAMPLES], stages.clock()):
            await queue.put(frames)
    if frames := framer.flush(stages.clock()):
        await queue.put(frames)
    queue.stop(stages.clock())


def samples_of(wav: bytes) -> Samples:
    """Return a WAV file's samples at 16 kHz, mono; blocks. Raises MalformedAudioError, UnsupportedAudioError."""
    try:
        with wave.open(io.BytesIO(wav)) as file:
            form = file.getframerate(), file.getsampwidth(), file.getnchannels()
            pcm = file.readframes(file.getnframes())
    except (wave.Error, EOFError, ValueError) as error:
        raise MalformedAudioError(f"The recording is no PCM WAV file: {error}") from error
    rate_hz, width_bytes, channels = form
    converter = PcmConverter(rate_hz=rate_hz, width_bytes=width_bytes, channels=channels)
    whole = len(pcm) - len(pcm) % (width_bytes * channels)
    return np.concatenate((converter.convert(pcm[:whole]), converter.flush()))


def wav_of(pcm: bytes) -> bytes:
    """Return samples of 16 bits at 16 kHz, mono, as a WAV file; blocks."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE_HZ, 0, "NONE", ""))
        file.writeframes(pcm)
    return written.getvalue()
