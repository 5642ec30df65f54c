"""One process after another, each killed: a program that has imported all it needs forks a new life at every line.

Imports are most of a start; what follows them is what a kill is to hit. Both halves use it,
so it needs the standard library alone.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path


def fork_at_every_line(live: Callable[[], None]) -> None:
    """Run a life in a child for each line of standard input, print its pid, and end with that input."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them: the kernel buries them
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            sys.stdin.close()
            status = 1
            try:
                live()
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        print(pid, flush=True)


class Lives:
    """One such program, and its present life."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = 0
        self.begun = 0

    @classmethod
    async def of(cls, *argv: str, log: Path, cwd: Path) -> Lives:
        """Start the program; what its lives say on standard error goes to a log."""
        with log.open("ab") as sink:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=sink, cwd=cwd
            )
        return cls(process)

    async def begin(self) -> None:
        """Begin a life."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        self.pid = int(await self._process.stdout.readline())
        self.begun += 1

    async def kill(self) -> bool:
        """End it with SIGKILL, and wait until it is gone; tell whether it was still alive."""
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        while True:
            if not self.is_alive():
                return True
            await asyncio.sleep(0.002)

    def is_alive(self) -> bool:
        """Tell whether it lives."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    async def end(self) -> None:
        """End the program with its life."""
        if self.pid:
            await self.kill()
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
