"""Ours against wyoming-faster-whisper, in both of its modes; script/bench-peers makes its environment and runs this.

python -m tests.server.benchmarks.peers [--peers-python .venv-peers/bin/python] [BENCH ARGUMENTS …]
"""

import argparse
import asyncio
from pathlib import Path

from tests.server.benchmarks.peer_server import ENVIRONMENT, faster_whisper
from tests.server.benchmarks.recordings import commands
from wyoming_server.commands import bench
from wyoming_server.commands.figures import Side
from wyoming_server.commands.local import demo_home, in_a_process
from wyoming_server.commands.recording import with_known_text
from wyoming_server.settings import Settings

MODES = (
    ("the peer's defaults; the client says audio-stop after 0.7 s", (), "both", 0.7),
    ("the peer with --vad-endpointing 0.7; the client sends on until it is answered",
     ("--vad-endpointing", "0.7"), "on", None),
)  # fmt: skip
"""What it shows, the peer's arguments, our early answers, the client's silence."""


async def main() -> None:
    """Run both modes and print bench's tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers-python", type=Path, default=ENVIRONMENT, help="of the peers' environment")
    bench.add_arguments(parser)
    arguments = parser.parse_args()
    recordings = [with_known_text(path) for path in arguments.files] or commands()
    for shows, extra, early, silence in MODES:
        arguments.client_silence = silence
        async with faster_whisper(arguments.peers_python, extra) as peer, in_a_process(demo_home(Settings())) as ours:
            sides = bench.our_sides(ours.uri, ours.pid, early)
            sides.append(Side(name="faster-whisper 3.8.1", uri=peer.uri, is_peer=True, pid=peer.pid))
            turns, summary = await bench.compare(sides, recordings, arguments)
        print(f"\n# {shows}\n", flush=True)
        bench.report(turns, summary, arguments)


if __name__ == "__main__":
    asyncio.run(main())
