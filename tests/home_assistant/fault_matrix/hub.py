"""The real server as a home runs it: restarted when it ends by itself, on a disk, a clock and a resolver of its own."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from tests.home_assistant.server_process import HOME, ROOT, STARTER, ServerProcess, our_python

from .waiting import until

REPOSITORY = "edge/house"
"""The model that the home has: the starter's weights under another name, fetched from a hub of models."""
HEALTH = "/health"
STARTS_SECONDS = 40.0
AGAIN_SECONDS = 0.3
"""After which a service manager starts it again."""
_STOPS_SECONDS = 10.0
_FETCH = """
import pathlib, sys, threading
from wyoming_server.bundles.hub_model import HubModel
from wyoming_server.bundles.store import ModelStore
store = ModelStore(pathlib.Path(sys.argv[2]))
HubModel(name=sys.argv[1], store=store).fetch(lambda _: None, threading.Event())
"""
_WITH_RESOLVER = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
_WITHOUT_STARTER = f'mount -t tmpfs none "{STARTER}" && {_WITH_RESOLVER}'


class Hub:
    """A server in a process of its own, and its service manager."""

    def __init__(self, folder: Path, environment: dict[str, str], resolver: str) -> None:
        """Prepare; `resolver` is the address of its name server, empty for the machine's."""
        self.data = folder / "data"
        self._folder, self._resolver = folder, resolver
        self._environment = os.environ | {"PYTHONPATH": str(ROOT)} | HOME | environment
        self.settings: dict[str, Any] = {}
        """What its next start reads."""
        self.port = self.control_port = 0
        self.server: ServerProcess | None = None
        self.starts = self.ended_by_itself = 0
        self.logs: list[Path] = []
        self.lacks_starter = False
        """Whether its next start finds the packaged model gone, too."""
        self._wanted = False
        self._signalled = 0

    @property
    def model(self) -> Path:
        """Where its model lies."""
        return self.data / "models" / REPOSITORY.replace("/", "--")

    @property
    def pid(self) -> int:
        """Its process."""
        assert self.server is not None
        return self.server.process.pid

    @property
    def runs(self) -> bool:
        """Whether there is one."""
        return self.server is not None and self.server.process.poll() is None

    def said(self) -> str:
        """Return all that it ever logged."""
        return "\n".join(log.read_text("utf-8", errors="replace") for log in self.logs)

    async def fetch_model(self) -> None:
        """Have its model lie in its data folder, as a server leaves it there."""
        command = [our_python(), "-c", _FETCH, REPOSITORY, self.model.parent]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=self._environment)
        assert await process.wait() == 0

    def start(self) -> None:
        """Start it; it listens soon."""
        self._wanted = True
        self.starts += 1
        log = self._folder.parent / f"{self._folder.name}-server-{self.starts}.log"
        self.logs.append(log)
        config = self._folder.parent / f"{self._folder.name}-settings.yaml"
        config.write_text(json.dumps(self.settings), "utf-8")
        command: list[str | Path] = [our_python(), "-m", "wyoming_server", "serve", "--config", config]
        command += ["--uri", f"tcp://127.0.0.1:{self.port}", "--http", f"127.0.0.1:{self.control_port}"]
        command += ["--data-dir", self.data]
        if self._resolver:
            names = self._folder.parent / f"{self._folder.name}-resolv.conf"
            names.write_text(f"nameserver {self._resolver}\n", "utf-8")
            before = _WITHOUT_STARTER if self.lacks_starter else _WITH_RESOLVER
            command = ["unshare", "--mount", "sh", "-c", before, names, *command]
        with log.open("wb") as sink:
            process = subprocess.Popen(
                command, env=self._environment, cwd=self._folder.parent, stdin=subprocess.DEVNULL, stdout=sink,
                stderr=sink,
            )  # fmt: skip
        self.server = ServerProcess(process=process, port=self.port, log=log, data=self.data)

    async def listens(self) -> None:
        """Wait until it answers; it then keeps its ports. Raises TimeoutError."""

        async def listens() -> bool:
            return self._found_ports() and bool(await self.get(HEALTH))

        await self._in_time(listens)

    async def again(self) -> None:
        """Wait until its service manager has started it again, and a model serves. Raises TimeoutError."""

        async def is_again() -> bool:
            return self._signalled < self.starts and self._found_ports() and await self._health() != "starting"

        await self._in_time(is_again)

    async def serves(self, model: str) -> None:
        """Wait until that model answers. Raises TimeoutError."""

        async def serves() -> bool:
            return self._found_ports() and (await self.get(HEALTH))["model"] == model

        await self._in_time(serves)

    async def _in_time(self, holds: Callable[[], Awaitable[bool]]) -> None:
        if not await until(holds, STARTS_SECONDS, every=0.05):
            raise TimeoutError(self.said()[-2000:])

    async def _health(self) -> str:
        return str((await self.get(HEALTH))["status"])

    def _found_ports(self) -> bool:
        assert self.server is not None
        said = self.server.said()
        wyoming = re.search(r"listening on tcp://127\.0\.0\.1:(\d+)", said)
        control = re.search(r"control API at https?://127\.0\.0\.1:(\d+)", said)
        if wyoming and control:
            self.port, self.control_port = int(wyoming[1]), int(control[1])
            self.server.port = self.port
        return bool(wyoming and control)

    async def keep_running(self) -> None:
        """Start it again whenever it has ended by itself, for ever."""
        while True:
            if self._wanted and not self.runs:
                await asyncio.sleep(AGAIN_SECONDS)
                if self._wanted and not self.runs:
                    self.ended_by_itself += 1
                    self.start()
            await asyncio.sleep(0.02)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._signalled = self.starts
        assert self.server is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    async def stop(self) -> None:
        """End it as a service manager does, and leave it so."""
        self._wanted = False
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        assert self.server is not None
        try:
            await asyncio.to_thread(self.server.process.wait, _STOPS_SECONDS)
        except subprocess.TimeoutExpired:
            self.server.process.kill()
            await asyncio.to_thread(self.server.process.wait)

    async def restart(self) -> None:
        """End it and start it again, as an update of the system does."""
        await self.stop()
        self.start()
        await self.listens()

    async def start_anew(self) -> None:
        """End it and start it with no crash on its record: what cells before have left says nothing of this one."""
        await self.stop()
        shutil.rmtree(self.data / "crashes", ignore_errors=True)
        self.start()
        await self.serves("house")

    async def get(self, path: str) -> Any:
        """Ask its control API."""
        return await self._ask("GET", path, None)

    async def delete(self, path: str) -> Any:
        """Have its control API drop something."""
        return await self._ask("DELETE", path, None)

    async def put(self, path: str, said: dict[str, Any]) -> Any:
        """Tell its control API."""
        return await self._ask("PUT", path, said)

    async def _ask(self, method: str, path: str, said: dict[str, Any] | None) -> Any:
        assert self.server is not None
        try:
            headers = {"Authorization": f"Bearer {self.server.token}"}
        except OSError:
            headers = {}
        timeout = aiohttp.ClientTimeout(total=5.0)
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{self.control_port}", headers=headers, timeout=timeout) as http,
            http.request(method, path, json=said) as reply,
        ):
            if path != HEALTH:  # whose status tells of a hub that cannot serve
                reply.raise_for_status()
            return await reply.json()
