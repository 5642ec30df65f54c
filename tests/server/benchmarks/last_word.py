"""Last voiced sample → text over complete commands with early answers on, by span; beside a peer if there is one.

python -m tests.server.benchmarks.last_word [--repeat 1] [--rendered 60] [--peers-python .venv-peers/bin/python]
"""

import argparse
import asyncio
import contextlib
import tempfile
from pathlib import Path

from tests.server.benchmarks.peer_server import ENVIRONMENT, faster_whisper
from tests.server.benchmarks.recordings import commands, rendered_commands
from wyoming_server.commands import bench
from wyoming_server.commands.client import Manner
from wyoming_server.commands.figures import Side, figures, shown
from wyoming_server.commands.local import demo_home, in_a_process
from wyoming_server.commands.report import Figure, table
from wyoming_server.settings import Settings


async def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--rendered", type=int, default=0, metavar="N", help="this many more, by espeak-ng and flite")
    parser.add_argument("--peers-python", type=Path, default=ENVIRONMENT)
    arguments = parser.parse_args()
    async with contextlib.AsyncExitStack() as stack:
        ours = await stack.enter_async_context(in_a_process(demo_home(Settings())))
        sides = bench.our_sides(ours.uri, ours.pid, "on")
        if arguments.peers_python.exists():
            peer = await stack.enter_async_context(faster_whisper(arguments.peers_python, ("--vad-endpointing", "0.7")))
            sides.append(Side(name="faster-whisper 3.8.1", uri=peer.uri, is_peer=True, pid=peer.pid))
        recordings = commands()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        recordings += await asyncio.to_thread(rendered_commands, arguments.rendered, folder)
        for side in sides:
            await bench.warm(side, recordings[0])
        manner = Manner(until_answered=True)
        turns = await bench.measured(sides, recordings, manner, repeat=arguments.repeat, concurrency=1)
    print(shown(figures(turns, sides)), "\n")
    own = [turn for turn in turns if turn.side == sides[0].name]
    spans = sorted({name for turn in own for name in turn.spans_ms})
    rows = [
        [name, str(Figure.of(turn.spans_ms[name] / 1000 for turn in own if name in turn.spans_ms))] for name in spans
    ]
    print(table([["span, ms", "p50 / p95"], *rows]), "\n")
    by_file = [[one.path.name, one.text or "", str(_of_file(own, one.path.name))] for one in recordings]
    print(table([["recording", "says", "last word → text p50 / p95"], *by_file]))


def _of_file(turns: list[bench.Timed], file: str) -> Figure | None:
    """Return one recording's figure."""
    times = [turn.last_word_to_text_ms for turn in turns if turn.file == file]
    return Figure.of(None if ms is None else ms / 1000 for ms in times)


if __name__ == "__main__":
    asyncio.run(main())
