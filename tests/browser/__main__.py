"""Walks an owner's way through a real Home Assistant: `python -m tests.browser`, in the server's environment."""

import os
import subprocess
import sys

from tests.browser.page_server import ROOT


def main() -> int:
    """Run the walk there; return its exit status."""
    python = ROOT / ".venv-home-assistant/bin/python"
    if not python.exists():
        print("script/bootstrap home-assistant makes the environment that the walk needs", file=sys.stderr)
        return 1
    environment = {"EDGE_VOICE_PYTHON": sys.executable, **os.environ}
    return subprocess.run(
        [python, "-m", "tests.browser.walk", *sys.argv[1:]], cwd=ROOT, env=environment, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
