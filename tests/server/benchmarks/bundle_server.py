"""A server in a process of its own whose models a benchmark moves: signed ones, made from the starter."""

import asyncio
import contextlib
import datetime as dt
import multiprocessing
from collections.abc import AsyncIterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.server.bundles import made
from tests.server.bundles.installed_hub import chooses_starter, installed
from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.state import Stage
from wyoming_server.canary.canary import Canary
from wyoming_server.commands.local import DEMO_AREAS, DEMO_NAMES
from wyoming_server.serve import RunningServer, running
from wyoming_server.settings import Raw, read_settings

OLD, NEW = "home-en@1.0.0", "home-en@1.1.0"
MEMORY_MB = 2000
_START_SECONDS = 60.0
_NOW = dt.datetime(2026, 11, 22, 10, tzinfo=dt.UTC)


class _Share(Canary):
    """A canary whose share the benchmark sets, and that never judges."""

    wanted = 0.0

    @property
    def share(self) -> float:
        """Return what was wanted."""
        return self.wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleServer:
    """The parent's side."""

    uri: str
    pid: int
    pipe: Connection

    async def ask(self, what: str, *arguments: Any) -> Any:
        """Have the server do something, and return what came of it."""
        return await asyncio.to_thread(self._ask, what, arguments)

    def _ask(self, what: str, arguments: tuple[Any, ...]) -> Any:
        self.pipe.send((what, arguments))
        answer = self.pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


@contextlib.asynccontextmanager
async def bundle_server(folder: Path) -> AsyncIterator[BundleServer]:
    """Run a server that answers with home-en@1.0.0; 1.1.0, just as good, lies in `folder`."""
    data = folder / "data"
    chooses_starter(data)
    installed(data, made.good(folder), active=True)
    made.good(folder, "1.1.0")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_served, args=(folder, theirs), name="server")
    process.start()
    theirs.close()
    try:
        if not await asyncio.to_thread(ours.poll, _START_SECONDS):
            raise TimeoutError("the server does not start")
        yield BundleServer(uri=ours.recv(), pid=process.pid or 0, pipe=ours)
    finally:
        ours.close()
        await asyncio.to_thread(process.join, 20.0)
        if process.is_alive():
            process.kill()


def _served(folder: Path, pipe: Connection) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(folder, pipe))


async def _serve(folder: Path, pipe: Connection) -> None:
    raw: Raw = {
        "server": {"uris": ["tcp://127.0.0.1:0"], "data_dir": str(folder / "data"), "log_level": "error"},
        "asr": {"language": "en"},
        "home": {"names": list(DEMO_NAMES), "areas": list(DEMO_AREAS)},
        "control": {"address": "off", "announce": False},
    }
    async with running(read_settings(None, raw, environ={})) as server:
        await server.ready()
        pipe.send(server.uris[0])
        hand = _Hand(server, folder)
        while True:
            try:
                what, arguments = await asyncio.to_thread(pipe.recv)
            except EOFError, OSError:
                return
            (answer,) = await asyncio.gather(getattr(hand, what)(*arguments), return_exceptions=True)
            pipe.send(RuntimeError(repr(answer)) if isinstance(answer, BaseException) else answer)


class _Hand:
    """What a benchmark may ask for."""

    def __init__(self, server: RunningServer, folder: Path) -> None:
        self._server, self._arms, self._folder = server, server.arms, folder
        self._canary = _Share(server.updates.settings)

    async def serving(self) -> str:
        return self._arms.serving(Kind.ASR)

    async def shadow(self) -> None:
        self._begin(Stage.SHADOW)
        await self._arms.shadow(NEW, self._folder / NEW, self._canary, 1.0, memory_mb=MEMORY_MB)

    async def share(self, share: float) -> None:
        """Have so many turns go to the candidate, and wait until it is at none."""
        self._canary.wanted = share
        await self.drained()

    async def drained(self) -> None:
        for _ in range(1000):
            if not self._arms.is_shadowing:
                return
            await asyncio.sleep(0.01)

    async def shadowed(self) -> int:
        return self._arms.shadowed

    async def serve(self, share: float) -> None:
        self._begin(Stage.SERVING)
        self._canary.wanted = share
        await self._arms.serve(NEW, self._folder / NEW, self._canary, share)

    async def activate(self, label: str) -> None:
        await self._arms.activate(Kind.ASR, label, self._folder / label)

    async def rest(self) -> None:
        await self._arms.rest(Kind.ASR)

    async def trust(self, url: str, root: bytes) -> None:
        await self._server.updates.trust(url, root)

    async def install(self, label: str) -> str:
        """Install a bundle as an owner would, wait until it decodes unheard, and return how it is."""
        await self._server.updates.install(Kind.ASR, label)
        await self._server.updates.settled()
        candidate = self._server.updates.state.of(Kind.ASR).candidate
        return candidate.stage.value if candidate else f"refused: {self._server.control.status()['warnings']}"

    def _begin(self, stage: Stage) -> None:
        self._canary.end("again", _NOW)
        self._canary.begin(NEW, _NOW, incumbent=OLD, stage=stage)
