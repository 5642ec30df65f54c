"""A hub in lives that are killed (`queue_hub`), and who asks it for requests."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from .lives import Lives
from .queue_hub import SOCKET

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 60.0


class Hub:
    """One hub, under one address for all its lives."""

    def __init__(self, folder: Path) -> None:
        """Have it live in a folder."""
        self.folder, self.log = folder, folder / "log"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self._lives: Lives

    @asynccontextmanager
    async def running(self, lane: str) -> AsyncIterator[aiohttp.ClientSession]:
        """Begin, with a lane (JSON); yields its owner's client."""
        argv = (f"{__package__}.queue_hub", str(self.folder), str(self.port), lane)
        self._lives = await Lives.of(sys.executable, "-m", *argv, log=self.log, cwd=ROOT)
        try:
            await self._lives.begin()
            await self.is_up()
            headers = {"Authorization": f"Bearer {self.token}"}
            async with aiohttp.ClientSession(f"http://127.0.0.1:{self.port}", headers=headers) as http:
                yield http
        finally:
            await self._lives.end()

    @property
    def token(self) -> str:
        """Its owner's token."""
        return (self.folder / "data" / "control-token").read_text("utf-8").strip()

    async def is_up(self) -> None:
        """Wait until it serves."""
        _, writer = await self._connected()
        writer.close()

    async def kill(self) -> int:
        """Kill it and begin its next life; return how many were killed."""
        killed = await self._lives.kill()
        (self.folder / SOCKET).unlink(missing_ok=True)
        await self._lives.begin()
        return int(killed)

    async def keep(self, number: int) -> str:
        """Ask for a request; return its id once it is promised, nothing where that was cut or refused."""
        with contextlib.suppress(OSError):
            reader, writer = await self._connected()
            try:
                writer.write(f"{number}\n".encode())
                answer = (await reader.readline()).decode()
                return answer.strip() if answer.endswith("\n") else ""
            finally:
                writer.close()
        return ""

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                with contextlib.suppress(OSError):
                    return await asyncio.open_unix_connection(self.folder / SOCKET)
                await asyncio.sleep(0.02)
