"""Runs clients of other environments against a stand-in of this one."""

import asyncio
import json
from pathlib import Path
from typing import Any

from wyoming_server.commands.recording import PACKAGED

from .azure import Azure
from .server import StandIn, stand_in

ROOT = Path(__file__).resolve().parents[3]
SDKS = ROOT / ".venv-sdks" / "bin" / "python"
"""Made by `script/bootstrap sdks`."""
HOME_ASSISTANT = ROOT / ".venv-home-assistant" / "bin" / "python"
"""Made by `script/bootstrap home-assistant`."""
PATIENCE_SECONDS = 120.0


def given(cloud: StandIn) -> dict[str, Any]:
    """Return what a client needs to know."""
    return {
        "origin": cloud.origin,
        "urls": {name: cloud.url(name) for name in cloud.services},
        "keys": {name: cloud.key(name) for name in cloud.services} | {"azure_token": Azure.token},
        "wav": str(PACKAGED / "kitchen.wav"),
        "text": cloud.hearing.default,
    }


async def run_clients(python: Path, module: str, *families: str) -> tuple[list[dict[str, Any]], StandIn]:
    """Run a module of clients; return what each of them came to, and the stand-in with all that it recorded."""
    async with stand_in() as cloud:
        cloud.hearing.default = "Turn on the kitchen light."
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)
        process = await asyncio.create_subprocess_exec(str(python), "-m", module, *families, cwd=ROOT, **pipes)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                output, errors = await process.communicate(json.dumps(given(cloud)).encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    lines = [json.loads(line) for line in output.decode().splitlines()]
    assert lines, errors.decode()[-2000:]
    assert (process.returncode == 0) == all(line["ok"] for line in lines), errors.decode()[-2000:]
    return lines, cloud
