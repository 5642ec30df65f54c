"""The servers in use today, started as their own users start them, on loopback."""

import asyncio
import contextlib
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wyoming_server.commands.client import connected
from wyoming_server.errors import ServerUnreachableError

STARTER = Path(__file__).parents[3] / "wyoming_server/models/starter"
ENVIRONMENT = Path(__file__).parents[3] / ".venv-peers/bin/python"
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A running peer."""

    uri: str
    pid: int


@contextlib.asynccontextmanager
async def faster_whisper(python: Path, extra: Sequence[str] = ()) -> AsyncIterator[Peer]:
    """Run wyoming-faster-whisper with the starter model until the end."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        uri = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as folder:
        given = ["--model", str(STARTER), "--language", "en", "--uri", uri, "--data-dir", folder, *extra]
        process = await asyncio.create_subprocess_exec(
            python, "-m", "wyoming_faster_whisper", *given, stdout=sys.stderr, stderr=asyncio.subprocess.PIPE
        )
        log = asyncio.create_task(process.stderr.read())
        try:
            await _listening(uri, process)
            yield Peer(uri=uri, pid=process.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            said = (await log).decode(errors="replace")
            if process.returncode not in {0, -15}:
                print(said, file=sys.stderr)


async def _listening(uri: str, process: asyncio.subprocess.Process) -> None:
    """Wait until the server answers; raises ServerUnreachableError when it ends or takes too long."""
    async with asyncio.timeout(_START_SECONDS):
        while process.returncode is None:
            with contextlib.suppress(ServerUnreachableError):
                async with connected(uri) as connection:
                    await connection.describe()
                return
            await asyncio.sleep(0.1)
    raise ServerUnreachableError(f"the peer ended with status {process.returncode}")
