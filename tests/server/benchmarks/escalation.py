"""What asking a lane adds to the lane's own time: `python -m tests.server.benchmarks.escalation [--repeat 3]`.

A real server in a process of its own asks a real HTTP server that takes 350 ms from the last byte to the first; every
turn is sent there (`lane: cloud`), and the client streams in real time and stops 0.7 s after the last word, or at once.
The same speech is also posted to that server directly, in the same minutes: what that takes beyond 350 ms is the
stand-in's, HTTP's and this machine's. A table, and one line of JSON.
"""

import argparse
import asyncio
import io
import json
import tempfile
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import aiohttp
import numpy as np

from tests.server.benchmarks.recordings import commands
from tests.server.cloud.server import StandIn, stand_in
from wyoming_server.commands.client import Answer, Manner, connected
from wyoming_server.commands.local import Served, demo_home, in_a_process
from wyoming_server.commands.recording import Recording
from wyoming_server.commands.report import table
from wyoming_server.pipeline.hedge import HedgeSettings
from wyoming_server.pipeline.lanes import LaneSettings, LanesSettings
from wyoming_server.records.caps import LedgerSettings
from wyoming_server.settings import RoutingSettings, ServerSettings, Settings

CLOUD_MS = 350.0
CAPS = LedgerSettings(cloud_seconds_per_day=86_400.0, hedge_seconds_per_day=86_400.0, cloud_money_per_month=10_000.0)
"""Larger than what is asked here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way of asking."""

    name: str
    hedge: bool
    client_silence_seconds: float
    goal_ms: float
    """Most that the 95th percentile may lie above the cloud's 350 ms."""


CASES = (
    Case(name="0.7 s of silence, plain", hedge=False, client_silence_seconds=0.7, goal_ms=60.0),
    Case(name="0.7 s of silence, hedged", hedge=True, client_silence_seconds=0.7, goal_ms=20.0),
    Case(name="stops at the last word, plain", hedge=False, client_silence_seconds=0.03, goal_ms=60.0),
    Case(name="stops at the last word, hedged", hedge=True, client_silence_seconds=0.03, goal_ms=20.0),
)


@dataclass(slots=True)
class Measured:
    """One case's turns."""

    end_to_text_ms: list[float] = field(default_factory=list)
    waited_ms: list[float] = field(default_factory=list)
    """For the lane alone, once the hub's own text was there."""
    direct_ms: list[float] = field(default_factory=list)
    """The same speech, posted to the lane by this program."""
    uploads: list[int] = field(default_factory=list)
    """Per turn; one is enough."""


@asynccontextmanager
async def served(case: Case, cloud: StandIn) -> AsyncIterator[Served]:
    """Serve the demo home with one lane, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        home = demo_home(Settings(server=ServerSettings(data_dir=folder, log_level="error")))
        settings = replace(
            home,
            cloud=LanesSettings(lanes=(LaneSettings(**cloud.lane("openai", price_per_minute=0.006)),)),
            hedge=HedgeSettings(hedge=case.hedge, hedge_at=0.0),
            ledger=CAPS,
            routing=RoutingSettings(),
        )
        async with in_a_process(settings) as one:
            yield one


async def measured(case: Case, recordings: Sequence[Recording], *, repeat: int) -> Measured:
    """Return every turn's times but the first's, which opens connections."""
    figures = Measured()
    async with stand_in() as cloud, served(case, cloud) as server, aiohttp.ClientSession() as session:
        cloud.delay_seconds = CLOUD_MS / 1000
        await _turn(server, recordings[0], case)
        await _posted(session, cloud, recordings[0])
        for recording in list(recordings) * repeat:
            before = len(cloud.recorder.arrivals)
            spans = (await _turn(server, recording, case)).detail["latency_ms"]
            figures.uploads.append(sum(one.method == "POST" for one in cloud.recorder.arrivals[before:]))
            figures.end_to_text_ms.append(spans["end_to_text"])
            figures.waited_ms.append(spans["cloud"])
            figures.direct_ms.append(await _posted(session, cloud, recording))
    return figures


async def _turn(server: Served, recording: Recording, case: Case) -> Answer:
    manner = Manner(client_silence_seconds=case.client_silence_seconds)
    async with connected(server.uri) as connection:
        answer = await connection.transcribe(recording, manner, language="en", lane="cloud", answer_early=False)
    if answer.detail["route"] != "cloud":
        raise RuntimeError(f"the lane was not asked: {answer.detail['reason']}")
    return answer


async def _posted(session: aiohttp.ClientSession, cloud: StandIn, recording: Recording) -> float:
    """Return how long the lane alone takes for a recording, in ms."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((recording.channels, recording.width_bytes, recording.rate_hz, 0, "NONE", ""))
        sound.writeframes(recording.pcm)
    form = aiohttp.FormData({"model": "whisper-1", "response_format": "json"})
    form.add_field("file", file.getvalue(), filename="speech.wav", content_type="audio/wav")
    headers, clock = {"Authorization": f"Bearer {cloud.key('openai')}"}, asyncio.get_running_loop().time
    began_s = clock()
    async with session.post(f"{cloud.url('openai')}/audio/transcriptions", data=form, headers=headers) as response:
        await response.json()
        response.raise_for_status()
    return 1000.0 * (clock() - began_s)


async def main() -> None:
    """Print the table, and its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    heads = ["client", "end → text", "above 350 ms", "asked directly, above 350 ms", "waited for the lane", "uploads"]
    rows, told = [[*heads, "turns", "goal"]], {}
    for case in CASES:
        figures = await measured(case, commands(), repeat=arguments.repeat)
        above, direct = (
            _cuts([one - CLOUD_MS for one in values]) for values in (figures.end_to_text_ms, figures.direct_ms)
        )
        shown = [_cuts(figures.end_to_text_ms), above, direct, _cuts(figures.waited_ms)]
        uploads = f"{np.mean(figures.uploads):.2f}"
        rows.append(
            [case.name, *(f"{p50:.0f} / {p95:.0f}" for p50, p95 in shown), uploads, str(len(figures.uploads)),
             f"p95 ≤ {case.goal_ms:.0f}"]
        )  # fmt: skip
        told[case.name] = {"above 350 ms, p50 and p95": above, "directly": direct, "reached": above[1] <= case.goal_ms}
    print(table(rows))
    print(json.dumps(told, ensure_ascii=False))


def _cuts(values: Sequence[float]) -> tuple[float, float]:
    return round(float(np.median(values)), 1), round(float(np.percentile(values, 95)), 1)


if __name__ == "__main__":
    asyncio.run(main())
