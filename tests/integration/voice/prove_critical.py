"""The simulated turns about doors, many of them: `python -m tests.integration.voice.prove_critical [--turns 10000]`.

Runs tests/integration/voice/test_integration_critical_turns.py with as many turns, and prints its figures.
"""

import argparse
import os
import re
import subprocess
import sys

TESTS = "tests/integration/voice/test_integration_critical_turns.py"


def main() -> int:
    """Run it; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=10_000)
    environ = os.environ | {"EDGE_VOICE_TURNS": str(parser.parse_args().turns)}
    command = [sys.executable, "-m", "pytest", "-qs", "--log-level=ERROR", "--timeout=0", TESTS]
    ran = subprocess.run(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
    )
    figures = re.search(r"^\{\n.*?^\}$", ran.stdout, re.MULTILINE | re.DOTALL)
    print(figures[0] if figures else ran.stdout[-4000:])
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main())
