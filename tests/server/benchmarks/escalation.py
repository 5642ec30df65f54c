"""What asking a lane adds to the lane's own time: `python -m tests.server.benchmarks.escalation [--repeat 3]`.

A real server in a process of its own asks a real HTTP server that takes 350 ms from the last byte to the first; every
turn is sent there (`lane: cloud`), and the client streams in real time and stops 0.7 s after the last word, or at once.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tests.server.benchmarks.recordings import commands
from tests.server.cloud.server import stand_in
from wyoming_server.commands.client import Manner, connected
from wyoming_server.commands.local import demo_home, in_a_process
from wyoming_server.commands.recording import Recording
from wyoming_server.commands.report import table
from wyoming_server.pipeline.hedge import HedgeSettings
from wyoming_server.pipeline.lanes import LaneSettings, LanesSettings
from wyoming_server.settings import RoutingSettings, ServerSettings, Settings

CLOUD_MS = 350.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way of asking."""

    name: str
    hedge: bool
    client_silence_seconds: float


CASES = (
    Case(name="0.7 s of silence, plain", hedge=False, client_silence_seconds=0.7),
    Case(name="0.7 s of silence, hedged", hedge=True, client_silence_seconds=0.7),
    Case(name="stops at the last word, plain", hedge=False, client_silence_seconds=0.03),
    Case(name="stops at the last word, hedged", hedge=True, client_silence_seconds=0.03),
)


async def measured(case: Case, recordings: Sequence[Recording], *, repeat: int) -> dict[str, list[float]]:
    """Return every turn's end_to_text, and the lane's own time in it, in ms."""
    async with stand_in() as cloud:
        cloud.delay_seconds = CLOUD_MS / 1000
        with tempfile.TemporaryDirectory() as folder:
            settings = replace(
                demo_home(Settings(server=ServerSettings(data_dir=folder))),
                cloud=LanesSettings(lanes=(LaneSettings(**cloud.lane("openai")),)),
                hedge=HedgeSettings(hedge=case.hedge, hedge_at=0.0),
                routing=RoutingSettings(),
            )
            async with in_a_process(settings) as served:
                figures: dict[str, list[float]] = {"end_to_text": [], "above the lane's own time": [], "cloud": []}
                manner = Manner(client_silence_seconds=case.client_silence_seconds)
                for number in range(repeat * len(recordings) + 1):
                    async with connected(served.uri) as connection:
                        answer = await connection.transcribe(
                            recordings[number % len(recordings)],
                            manner,
                            language="en",
                            lane="cloud",
                            answer_early=False,
                        )
                    if answer.detail["route"] != "cloud":
                        raise RuntimeError(f"the lane was not asked: {answer.detail['reason']}")
                    if number:  # the first one opens connections
                        spans = answer.detail["latency_ms"]
                        figures["end_to_text"].append(spans["end_to_text"])
                        figures["cloud"].append(spans["cloud"])
                        figures["above the lane's own time"].append(spans["end_to_text"] - CLOUD_MS)
    return figures


async def main() -> None:
    """Print the table, and its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    rows, told = [["client", "end → text p50 / p95", "above the lane's 350 ms p50 / p95", "turns"]], {}
    for case in CASES:
        figures = await measured(case, commands(), repeat=arguments.repeat)
        shown = [f"{p50:.0f} / {p95:.0f}" for p50, p95 in (_of(figures[one]) for one in list(figures)[:2])]
        rows.append([case.name, *shown, str(len(figures["cloud"]))])
        told[case.name] = [round(one, 1) for one in _of(figures["above the lane's own time"])]
    print(table(rows))
    print(json.dumps(told))


def _of(values: Sequence[float]) -> tuple[float, float]:
    return float(np.median(values)), float(np.percentile(values, 95))


if __name__ == "__main__":
    asyncio.run(main())
