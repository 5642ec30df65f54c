"""What a server loads: a hub without lanes must not pay for those who have some."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SERVE = """
import asyncio, json, sys
from pathlib import Path
from tests.server.home import settings_for_tests
from wyoming_server.serve import running

async def main(folder, lanes):
    async with running(settings_for_tests(Path(folder), cloud={"lanes": lanes})) as server:
        await server.ready()
    print(json.dumps(sorted(sys.modules)))

asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
"""
DEAR = {"aiohttp", "cryptography", "_hashlib", "tuf", "securesystemslib", "httpx2"}
"""From 23 MB and 0.3 s each; `_hashlib` is 2 MB of OpenSSL for a digest."""
LANE = {"name": "lan", "provider": "openai", "url": "http://127.0.0.1:9", "trust": "home"}


def loaded(folder: Path, lanes: list[dict[str, str]]) -> set[str]:
    """Return the names of all that a server has loaded by the time it serves, in a process of its own."""
    argv = [sys.executable, "-c", SERVE, str(folder), json.dumps(lanes)]
    told = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(told.stdout.splitlines()[-1]))


@pytest.mark.parametrize(("lanes", "seen"), [([], set()), ([LANE], {"aiohttp", "_hashlib"})])
def test_only_a_server_with_lanes_loads_what_lanes_need(
    tmp_path: Path, lanes: list[dict[str, str]], seen: set[str]
) -> None:
    assert loaded(tmp_path, lanes) & DEAR == seen
