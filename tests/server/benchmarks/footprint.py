"""Resident memory and cold start of a server process: `python -m tests.server.benchmarks.footprint `.

Cold start is from the process's start, model on disk: to the first answered `describe`, and to the first transcript,
of a recording that was sent at once. Memory is read after the packaged recordings were spoken to it once.
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info

from wyoming_server.commands.recording import PACKAGED, listed_recordings
from wyoming_server.commands.transcribe import heard

RUNS = 5


def main() -> None:
    """Print the figures."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    starts, texts, memories = zip(*(_run() for _ in range(RUNS)), strict=True)
    print(
        json.dumps(
            {
                "described_after_median_s": round(statistics.median(starts), 2),
                "described_after_max_s": round(max(starts), 2),
                "first_text_after_median_s": round(statistics.median(texts), 2),
                "first_text_after_max_s": round(max(texts), 2),
                "resident_median_mb": round(statistics.median(memories), 1),
                "resident_max_mb": round(max(memories), 1),
                "runs": RUNS,
            }
        )
    )


def _run() -> tuple[float, float, float]:
    """Return seconds to the first answer and to the first text, and MB after the packaged recordings."""
    port = _free_port()
    started = time.monotonic()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "wyoming_server", "serve", "--uri", f"tcp://127.0.0.1:{port}",
            "--model", "starter", "--log-level", "error",
        ],
        cwd=Path(__file__).resolve().parents[3],
    )  # fmt: skip
    try:
        asyncio.run(_described(port))
        described = time.monotonic() - started
        recordings = [one for one in listed_recordings(PACKAGED) if one.text and one.kind != "wake"]
        asyncio.run(heard(f"tcp://127.0.0.1:{port}", recordings[0], "en"))
        first_text = time.monotonic() - started
        for recording in recordings:
            asyncio.run(heard(f"tcp://127.0.0.1:{port}", recording, "en"))
        return described, first_text, psutil.Process(process.pid).memory_info().rss / 1e6
    finally:
        process.terminate()
        process.wait(10)


async def _described(port: int) -> None:
    """Ask until there is an answer."""
    for _ in range(3000):
        try:
            async with AsyncTcpClient("127.0.0.1", port) as client:
                await client.write_event(Describe().event())
                event = await client.read_event()
                if event is not None and Info.is_type(event.type):
                    return
        except OSError:
            await asyncio.sleep(0.01)
    raise TimeoutError("the server did not answer in time")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
