"""The hub of the proof `queue-kills`: a real server whose queue is given what turns would give it.

`python -m tests.server.proofs.queue_hub FOLDER CONTROL_PORT LANE_JSON`: a life per line of standard input (`lives`).
On the Unix socket FOLDER/keep each line names a number; the answer is the id under which its request waits, once it is
on the disk, as a transcript would say it, or nothing. Its sound says the number, for a stand-in service to hear.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.server.home import settings_for_tests
from tests.server.proofs.lives import fork_at_every_line
from wyoming_server import serve
from wyoming_server.control.queue_desk import QueueDesk
from wyoming_server.errors import EdgeVoiceError
from wyoming_server.pipeline.interpret import UNDECIDED
from wyoming_server.pipeline.policy import FIRST_TRY, Caller, Cell, WaitKind, Workload, WorkloadClass
from wyoming_server.pipeline.types import (
    FRAME_SAMPLES,
    Continuation,
    GrammarMatch,
    Hypothesis,
    Interpretation,
    Quality,
    Risk,
    Samples,
    Speech,
)
from wyoming_server.settings import Settings

DIGITS = 24
LOUD = 8000
FRAMES = 10
SATELLITE, DEVICE = "assist_satellite.kitchen", "a device"
SOCKET = "keep"


def text_of(number: int) -> str:
    """Return what a number's request says."""
    return f"add item {number} to the shopping list"


def sound_of(number: int) -> Samples:
    """Return sound that says a number: loud samples are its ones."""
    samples = np.full(FRAMES * FRAME_SAMPLES, 100, dtype=np.int16)
    samples[:DIGITS] = [LOUD if number >> place & 1 else 100 for place in range(DIGITS)]
    return samples


def number_of(samples: Samples) -> int:
    """Return the number that a sound says."""
    return sum(1 << place for place in range(DIGITS) if samples[place] > LOUD // 2)


def settings_of(folder: Path, port: int, lane: dict[str, Any]) -> Settings:
    """Return a hub that keeps requests, and is quick to try a service again."""
    return settings_for_tests(
        folder,
        control={"address": f"127.0.0.1:{port}"},
        routing={"defer": True},
        cloud={"lanes": [lane]},
        breaker={"open_seconds": 0.2, "most_seconds": 1.0},
        queue={"most_requests": 1000, "tries": 3},
        ledger={"cloud_seconds_per_day": 86_400.0},
        server={"log_level": "warning"},
    )


def interpretation(number: int) -> Interpretation:
    """Return what a turn would have made of it."""
    samples = sound_of(number)
    return Interpretation(
        speech=Speech(
            samples=samples,
            noise=samples[:0],
            start_sample=0,
            end_sample=len(samples),
            voiced_end_sample=len(samples),
            active=(True,) * FRAMES,
        ),
        hypothesis=Hypothesis(text=text_of(number), language="en", model="none"),
        match=GrammarMatch(continuation=Continuation.NONE),
        quality=Quality(
            snr_db=None,
            clipping=0.0,
            level_dbfs=-20.0,
            peak_dbfs=-10.0,
            noise_dbfs=None,
            speech_ratio=1.0,
            dc_offset=0.0,
        ),
        risk=Risk(value=0.9, reason="the proof says so"),
        workload=Workload(kind=WorkloadClass.LIST, waits=WaitKind.LIST),
        cell=Cell(language="en"),
        history=FIRST_TRY,
        decision=UNDECIDED,
        finished=1.0,
        started_s=0.0,
        finished_s=0.0,
    )


async def live(folder: Path, settings: Settings) -> None:
    """Serve until killed."""
    async with serve.running(settings) as server:
        desk = server.control.queue

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                writer.write(f"{await kept(desk, int(line))}\n".encode())
                await writer.drain()
            writer.close()

        path = folder / SOCKET
        path.unlink(missing_ok=True)
        async with await asyncio.start_unix_server(talk, path):
            await asyncio.Event().wait()


async def kept(desk: QueueDesk, number: int) -> str:
    """Keep a number's request; return its id, or nothing."""
    caller = Caller(trusted=True, satellite=SATELLITE, session=f"session-{number}", device=DEVICE, keeps_queue=True)
    try:
        return (await desk.keep(interpretation(number), turn_id=f"turn-{number}", caller=caller, language="en")).id
    except EdgeVoiceError as error:
        print(f"not kept: {error.code}: {error}", file=sys.stderr, flush=True)
        return ""


def main() -> None:
    """Fork lives."""
    folder, port, lane = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
    settings = settings_of(folder, port, lane)
    fork_at_every_line(lambda: asyncio.run(live(folder, settings)))


if __name__ == "__main__":
    main()
