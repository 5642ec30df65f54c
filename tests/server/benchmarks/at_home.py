"""Run a module in Home Assistant's environment: `python -m tests.server.benchmarks.at_home MODULE [ARGUMENTS …]`."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def run(module: str, *arguments: str) -> int:
    """Return the module's exit status; the servers that it starts have this environment's python."""
    made = subprocess.run(
        ["script/bootstrap", "home-assistant"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    command = [made.stdout.strip(), "-m", module, *arguments]
    environ = {"EDGE_VOICE_PYTHON": sys.executable, **os.environ}
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
