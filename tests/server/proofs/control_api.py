"""The control API held to its own description by schemathesis, on a real server: one line of JSON.

Long form: `python -m tests.server.proofs.control_api [--examples 150] [--seed 1]`. It fails when an answer does not fit
its description, when a request is refused that fits or taken that does not, when a method is answered that is not
there, when the server answers with an error of its own, and when OpenAI's own client does not get what it knows.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from ..home import Home, home, settings_for_tests
from ..peer import KITCHEN, connected, kitchen
from .sdks import bootstrapped

ROOT = Path(__file__).parents[3]
CONFIG = Path(__file__).with_suffix(".toml")
PHASES = ("examples", "coverage", "fuzzing", "stateful")
KITCHEN_FILE = ROOT / "wyoming_server/recordings/kitchen.wav"
SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What schemathesis found."""

    passed: bool
    requests: int
    operations: int
    output: str


async def held(
    url: str,
    token: str,
    *,
    examples: int,
    seed: int,
    phases: Sequence[str] = PHASES,
    only: str = "",
    turn_id: str = "",
) -> Verdict:
    """Ask a server every operation, or some paths, as described and otherwise; mostly about a turn that was."""
    argv = [
        "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{url}/api/v1/openapi.json",
        "--header", f"Authorization: Bearer {token}", "--seed", str(seed), "--max-examples", str(examples),
        "--phases", ",".join(phases), "--generation-database", "none", "--no-color",
        *(("--include-path-regex", only) if only else ()),
    ]  # fmt: skip
    asking = await asyncio.create_subprocess_exec(
        sys.executable, *argv, cwd=ROOT, env=os.environ | {"COLUMNS": "160", "EDGE_VOICE_TURN": turn_id},
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


@contextmanager
def controlled(folder: Path) -> Iterator[Home]:
    """Serve with a lane, so that every routing mode can be chosen."""
    lane = {"name": "In the file", "provider": "wyoming", "url": "tcp://127.0.0.1:9"}
    control, cloud = {"address": "127.0.0.1:0"}, {"lanes": [lane]}
    with home(settings_for_tests(folder, control=control, cloud=cloud)) as served:
        yield served


async def answered(served: Home, *, examples: int, seed: int) -> list[Verdict]:
    """Hold a server to its description: what is told of a turn first, because a purge forgets it."""
    url, token = control_of(served)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        await (await session.get(f"{url}/api/v1/status")).read()  # whoever has shown the token counts in turns
    async with connected(served.uri) as peer:
        turn_id = (await peer.turn(kitchen().pcm)).detail["turn_id"]
    told = await held(url, token, examples=examples, seed=seed, only="/turns", turn_id=turn_id)
    return [told, await held(url, token, examples=examples, seed=seed)]


def own_endpoint(served: Home) -> dict[str, Any]:
    """Ask by OpenAI's own client; return what it made of the answers."""
    url, token = control_of(served)
    asked = [bootstrapped("sdks"), "-m", "tests.sdks.own_endpoint", f"{url}/v1", token, KITCHEN_FILE, KITCHEN]
    finished = subprocess.run([str(one) for one in asked], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    told: dict[str, Any] = json.loads(finished.stdout)
    return told


def prove(examples: int, seed: int) -> tuple[dict[str, Any], list[Verdict]]:
    """Hold a fresh server to its description, and to OpenAI's own client; return the figures."""
    with tempfile.TemporaryDirectory() as folder, controlled(Path(folder)) as served:
        asked = own_endpoint(served)
        verdicts = asyncio.run(answered(served, examples=examples, seed=seed))
    requests = sum(one.requests for one in verdicts)
    figures = {"operations": verdicts[-1].operations, "requests": requests, "seed": seed}
    return figures | {"asked by OpenAI's client": asked}, verdicts


def main() -> int:
    """Print the figures; return 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    figures, verdicts = prove(arguments.examples, arguments.seed)
    for failed in (one for one in verdicts if not one.passed):
        print(failed.output, file=sys.stderr)
    print(json.dumps(figures))
    return int(bool(figures["asked by OpenAI's client"]["wrong"]) or not all(one.passed for one in verdicts))


if __name__ == "__main__":
    sys.exit(main())
