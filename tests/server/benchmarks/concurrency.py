"""Eight turns at once: when the last one has its text, ours with and without early answers, and the peer.

python -m tests.server.benchmarks.concurrency [--turns 8] [--repeat 3] [--peers-python .venv-peers/bin/python]
"""

import argparse
import asyncio
import contextlib
from pathlib import Path

from tests.server.benchmarks.peer_server import ENVIRONMENT, faster_whisper
from tests.server.benchmarks.recordings import commands
from wyoming_server.commands import bench
from wyoming_server.commands.client import Manner
from wyoming_server.commands.figures import Side, figures, shown
from wyoming_server.commands.local import demo_home, in_a_process
from wyoming_server.settings import Settings


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peers-python", type=Path, default=ENVIRONMENT)
    arguments = parser.parse_args()
    recordings = commands()
    async with contextlib.AsyncExitStack() as stack:
        ours = await stack.enter_async_context(in_a_process(demo_home(Settings())))
        sides = bench.our_sides(ours.uri, ours.pid, "both")
        if arguments.peers_python.exists():
            peer = await stack.enter_async_context(faster_whisper(arguments.peers_python))
            sides.append(Side(name="faster-whisper 3.8.1", uri=peer.uri, is_peer=True, pid=peer.pid))
        for side in sides:
            await bench.warm(side, recordings[0])
        manner = Manner(client_silence_seconds=0.7)
        turns = await bench.measured(sides, recordings, manner, repeat=arguments.repeat, concurrency=arguments.turns)
        print(shown(figures(turns, sides, {side.name: bench.resident_mb(side.pid) for side in sides})))


if __name__ == "__main__":
    asyncio.run(main())
