"""Ours against wyoming-faster-whisper through a real Home Assistant: its last line is one JSON object.

python -m tests.server.benchmarks.pipeline [--integration] [--repeat 4] [--kinds clean noisy]

Home Assistant and both servers run in environments of their own; this one only starts the program that measures. The
peer takes part when script/bench-peers has made its environment.
"""

import sys

from tests.server.benchmarks.at_home import run
from tests.server.benchmarks.peer_server import ENVIRONMENT


def main() -> int:
    """Measure; return the program's exit status."""
    peer = ("--peer", str(ENVIRONMENT)) if ENVIRONMENT.exists() else ()
    if not peer:
        print("script/bench-peers has not made the peer's environment: ours alone", file=sys.stderr)
    return run("tests.home_assistant.benchmark_pipeline", "--json", *sys.argv[1:], *peer)


if __name__ == "__main__":
    sys.exit(main())
