"""Servers under test: one in this process on a thread of its own, and one in a process of its own."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self

import psutil

from wyoming_server.records.store import FILE_NAME
from wyoming_server.serve import RunningServer, running
from wyoming_server.settings import Raw, Settings, read_settings

START_SECONDS = 60.0


def settings_for_tests(folder: Path, **sections: dict[str, Any]) -> Settings:
    """Return settings of a server on a free port of 127.0.0.1 with the starter model."""
    raw: Raw = {
        "server": {"uris": ["tcp://127.0.0.1:0"], "data_dir": str(folder / "data")},
        "asr": {"model": "starter"},
        "control": {"address": "off", "announce": False},
    }
    for section, values in sections.items():
        raw.setdefault(section, {}).update(values)
    return read_settings(None, raw, environ={})


class Home:
    """A server on an event loop and a thread of its own, so that a test can neither block nor be blocked by it."""

    def __init__(self, opened: Callable[[], AbstractAsyncContextManager[list[str]]]) -> None:
        """Run what `opened` opens; it gives the server's URIs."""
        self._opened = opened
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="server under test", daemon=True)
        self.uris: list[str] = []
        self.server: RunningServer | None = None
        """The server itself, to be read only: it lives on another thread."""

    @property
    def uri(self) -> str:
        """Its first address."""
        return self.uris[0]

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(START_SECONDS), "the server does not start"
        if self._failure:
            raise self._failure
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop it and wait for its end; a second time does nothing."""
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_SECONDS)
        assert not self._thread.is_alive(), "the server does not stop"

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        try:
            async with self._opened() as uris:
                self.uris = uris
                self._ready.set()
                await self._stop.wait()
        except BaseException as failure:
            self._failure = failure
            self._ready.set()
            raise

    def tasks(self) -> set[str]:
        """Return the names of the server's tasks, other than the one that runs it."""

        async def names() -> set[str]:
            here = asyncio.current_task()
            return {task.get_name() for task in asyncio.all_tasks() if task is not here}

        return asyncio.run_coroutine_threadsafe(names(), self._loop).result(START_SECONDS)

    async def within[T](self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what something returns that is done on the server's own loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), self._loop))

    async def rests(self, tasks: set[str], fds: int) -> None:
        """Wait until nothing is left of the connections that were."""
        left, open_fds = set[str](), 0
        for _ in range(600):
            left, open_fds = self.tasks() - tasks, descriptors()
            if not left and open_fds <= fds:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"tasks {left} and {open_fds - fds} descriptors are left behind")


def descriptors() -> int:
    """Return how many are open in this process, but those of the records: SQLite keeps one for each reader at a time.

    It must: closing a second descriptor of a file drops the locks that the process holds on it.
    """
    process = psutil.Process()
    return process.num_fds() - sum(FILE_NAME in one.path for one in process.open_files())


@contextmanager
def home(settings: Settings) -> Iterator[Home]:
    """Serve with everything real."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[list[str]]:
        async with running(settings) as server:
            await server.ready()
            served.server = server
            yield list(server.uris)

    served = Home(opened)
    with served:
        yield served


class ServerProcess:
    """`edge-voice serve` in a process of its own."""

    def __init__(
        self,
        folder: Path,
        *flags: str,
        environ: dict[str, str] | None = None,
        command: Sequence[str] = (sys.executable, "-m", "wyoming_server"),
        **pipes: Any,
    ) -> None:
        """Start it, by `command` where something is to watch it."""
        self._log = folder / f"server-{os.urandom(4).hex()}.log"
        self._output = self._log.open("wb")
        argv = [*command, "serve", "--model", "starter"]
        self.process = subprocess.Popen(
            [*argv, "--data-dir", str(folder / "data"), *([] if "--http" in flags else ["--http", "off"]), *flags],
            stderr=self._output,
            env=os.environ | (environ or {}),
            **pipes,
        )

    @property
    def log(self) -> str:
        """What it wrote to standard error."""
        return self._log.read_text("utf-8", "backslashreplace")

    async def uri(self, count: int = 1) -> list[str]:
        """Wait until it listens and a model serves; return its addresses."""
        for _ in range(round(START_SECONDS / 0.02)):
            log = self.log
            found: list[str] = re.findall(r"listening on (\S+)", log)
            if len(found) >= count and re.search(r"Model \S+ is ready", log):
                return found
            assert self.process.poll() is None, self.log
            await asyncio.sleep(0.02)
        raise AssertionError(f"the server does not listen: {self.log}")

    async def ended(self) -> int:
        """Wait for its end; return its status."""
        status = await asyncio.to_thread(self.process.wait, START_SECONDS)
        self._output.close()
        return status

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; return its status."""
        self.process.send_signal(number)
        return await self.ended()

    def kill(self) -> None:
        """End it for good."""
        self.process.kill()
        self.process.wait()
        self._output.close()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
