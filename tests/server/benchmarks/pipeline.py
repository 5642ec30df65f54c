"""Ours against wyoming-faster-whisper through a real Home Assistant: its last line is one JSON object.

python -m tests.server.benchmarks.pipeline [--repeat 4] [--kinds clean noisy]

Home Assistant and both servers run in environments of their own; this one only starts the program that measures. The
peer takes part when script/bench-peers has made its environment.
"""

import subprocess
import sys
from pathlib import Path

from tests.server.benchmarks.peer_server import ENVIRONMENT

ROOT = Path(__file__).parents[3]


def main() -> int:
    """Measure; return the program's exit status."""
    made = subprocess.run(
        ["script/bootstrap", "home-assistant"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    command = [made.stdout.strip(), "-m", "tests.home_assistant.benchmark_pipeline", "--json", *sys.argv[1:]]
    if ENVIRONMENT.exists():
        command += ["--peer", str(ENVIRONMENT)]
    else:
        print("script/bench-peers has not made the peer's environment: ours alone", file=sys.stderr)
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
