"""The speech service in the cloud, which runs in a process of the server's environment."""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from typing import Any

from tests.home_assistant.server_process import ROOT, our_python

from .resolver import NAME


class Service:
    """A stand-in that is told how to fail."""

    def __init__(self, process: asyncio.subprocess.Process, said: dict[str, Any]) -> None:
        """Take a process that has said how to reach it."""
        self._process, self._said = process, said
        self._uploads = asyncio.Condition()
        self.uploads = 0
        self._told = asyncio.Event()

    def lane(self, *, by_name: bool) -> dict[str, Any]:
        """Return a lane's settings that lead to it, by its name or by its address."""
        host = NAME if by_name else "127.0.0.1"
        url = f"https://{host}:{self._said['port']}{self._said['path']}"
        return {**self._said["lane"], "url": url, "price_per_minute": 0.001}

    async def fails(self, fault: str | None) -> None:
        """Let it fail so, None: not at all; it is so when this returns."""
        await self._tell({"fault": fault})

    async def takes(self, seconds: float) -> None:
        """Let each honest answer take so long."""
        await self._tell({"delay": seconds})

    async def drop(self) -> None:
        """End the connections that there are."""
        await self._tell({"drop": True})

    def signal(self, number: int) -> None:
        """Stop its process where it is, or let it go on."""
        self._process.send_signal(number)

    async def _tell(self, told: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._told.clear()
        self._process.stdin.write(json.dumps(told).encode() + b"\n")
        await self._process.stdin.drain()
        await self._told.wait()

    async def next_upload(self, after: int) -> None:
        """Wait until more speech than that has come."""
        async with self._uploads:
            await self._uploads.wait_for(lambda: self.uploads > after)

    async def listen(self) -> None:
        """Hear what it tells, until it ends."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if "told" in said:
                self._told.set()
            else:
                async with self._uploads:
                    self.uploads = said["upload"]
                    self._uploads.notify_all()


@contextlib.asynccontextmanager
async def service() -> AsyncIterator[Service]:
    """Run one until the end."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        our_python(), "-m", "tests.server.cloud.cloud_process", cwd=ROOT, stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        one = Service(process, json.loads(await process.stdout.readline()))
        listening = asyncio.create_task(one.listen())
        yield one
        listening.cancel()
    finally:
        process.stdin.close()
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        await process.wait()
