"""How fast `describe` is answered: idle, while eight people speak, and while the server loads its model.

python -m tests.server.benchmarks.describe [--seconds 10]
"""

import argparse
import asyncio
import dataclasses
import socket
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.server.benchmarks.recordings import commands
from wyoming_server.commands.client import Manner, connected
from wyoming_server.commands.local import demo_home, in_a_process
from wyoming_server.commands.report import table
from wyoming_server.engines.synthetic_whisper import write_synthetic_whisper
from wyoming_server.errors import ServerUnreachableError
from wyoming_server.serve import running
from wyoming_server.settings import Settings

_EVERY_SECONDS = 0.02


async def asked(uri: str, until: asyncio.Event) -> list[float]:
    """Ask over and over on a connection of its own each time; return the seconds that each answer took."""
    times = []
    while not until.is_set():
        start = time.monotonic()
        try:
            async with connected(uri) as connection:
                await connection.describe(seconds=30.0)
            times.append(time.monotonic() - start)
        except ServerUnreachableError:
            pass  # the port is not open yet
        await asyncio.sleep(_EVERY_SECONDS)
    return times


async def under_turns(uri: str, turns: int, seconds: float) -> list[float]:
    """Ask while so many people speak at once, over and over."""
    ended, until = asyncio.Event(), time.monotonic() + seconds

    async def speak(offset: int) -> None:
        recordings = commands()
        while time.monotonic() < until:
            async with connected(uri) as connection:
                recording = recordings[offset % len(recordings)]
                await connection.transcribe(recording, Manner(client_silence_seconds=0.7), language="en")
            offset += 1

    async with asyncio.TaskGroup() as group:
        asking = group.create_task(asked(uri, ended))
        async with asyncio.TaskGroup() as speakers:
            for number in range(turns):
                speakers.create_task(speak(number))
        ended.set()
    return asking.result()


async def idle(uri: str, seconds: float) -> list[float]:
    """Ask while nothing else happens."""
    ended = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, ended.set)
    return await asked(uri, ended)


async def while_loading(folder: Path) -> list[float]:
    """Ask from the first moment until a base-size model serves; client and server share a loop, which is harder."""
    await asyncio.to_thread(write_synthetic_whisper, folder, "base")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        uri = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    settings = demo_home(Settings())
    server = dataclasses.replace(settings.server, uris=(uri,))
    asr = dataclasses.replace(settings.asr, model=str(folder))
    settings = dataclasses.replace(settings, server=server, asr=asr)
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(asked(uri, ended))
        async with running(settings) as serving:
            await serving.ready()
            await asyncio.sleep(0.2)
            ended.set()
            await asyncio.wait([asking])
    return asking.result()


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    seconds = parser.parse_args().seconds
    async with in_a_process(demo_home(Settings())) as server:
        measured = {
            "idle": await idle(server.uri, seconds / 2),
            "under 8 turns": await under_turns(server.uri, 8, seconds),
        }
    with tempfile.TemporaryDirectory() as folder:
        measured["during a base-size load"] = await while_loading(Path(folder))
    rows = [
        [name, str(len(times)), *(f"{1000 * value:.1f}" for value in np.percentile(times, (50, 95, 99))),
         f"{1000 * max(times):.1f}"]
        for name, times in measured.items()
    ]  # fmt: skip
    print(table([["describe → info, ms", "asked", "p50", "p95", "p99", "max"], *rows]))


if __name__ == "__main__":
    asyncio.run(main())
