"""The control API held to its own description by schemathesis, on a real server: one line of JSON.

Long form: `python -m tests.server.proofs.control_api [--examples 150] [--seed 1]`. It fails when an answer does not fit
its description, a request is refused that fits, or taken that does not, when a path can be had without the token, or
when the server logs a traceback or answers with an error of its own.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..home import Home, home, settings_for_tests

ROOT = Path(__file__).parents[3]
CONFIG = Path(__file__).with_suffix(".toml")
PHASES = ("examples", "coverage", "fuzzing", "stateful")
SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What schemathesis found."""

    passed: bool
    requests: int
    operations: int
    output: str


async def held(
    url: str, token: str, *, examples: int, seed: int, phases: Sequence[str] = PHASES, only: str = ""
) -> Verdict:
    """Ask a server every operation, or one path, as described and otherwise."""
    argv = [
        "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{url}/api/v1/openapi.json",
        "--header", f"Authorization: Bearer {token}", "--seed", str(seed), "--max-examples", str(examples),
        "--phases", ",".join(phases), "--generation-database", "none", "--no-color",
        *(("--include-path", only) if only else ()),
    ]  # fmt: skip
    asking = await asyncio.create_subprocess_exec(
        sys.executable, *argv, cwd=ROOT, env=os.environ | {"COLUMNS": "160"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            output = (await asking.communicate())[0].decode()
    finally:
        if asking.returncode is None:
            asking.kill()
            await asking.wait()
    return Verdict(
        passed=asking.returncode == 0,
        requests=_number(r"(\d+) generated", output),
        operations=_number(r"Tested: (\d+)", output),
        output=output,
    )


def _number(pattern: str, output: str) -> int:
    found = re.search(pattern, output)
    return int(found[1]) if found else 0


def control_of(served: Home) -> tuple[str, str]:
    """Return the address and the token of a server under test."""
    door: Any = served.server.door
    return door.url, door.token


def prove(examples: int, seed: int) -> tuple[dict[str, Any], Verdict]:
    """Hold a fresh server to its description; return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_for_tests(Path(folder), control={"address": "127.0.0.1:0", "announce": False})
        with home(settings) as served:
            url, token = control_of(served)
            verdict = asyncio.run(held(url, token, examples=examples, seed=seed))
    return {"operations": verdict.operations, "requests": verdict.requests, "seed": seed}, verdict


def main() -> int:
    """Print the figures; return 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    figures, verdict = prove(arguments.examples, arguments.seed)
    if not verdict.passed:
        print(verdict.output, file=sys.stderr)
    print(json.dumps(figures))
    return int(not verdict.passed)


if __name__ == "__main__":
    sys.exit(main())
