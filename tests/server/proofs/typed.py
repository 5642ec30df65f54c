"""A shell that somebody types into, in a clone of what is committed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ...documentation import ROOT

_UNTIL_STOPPED = "Ctrl-C ends it"
"""A command that says so is ended by Ctrl-C."""
_SURVIVES = "trap : INT"
"""Ctrl-C ends the command, and not the shell: as where people type."""
_SECONDS = 900.0


def clone_into(folder: Path) -> Path:
    """Clone what is committed, as from elsewhere; return where it lies."""
    clone = folder / "edge-voice"
    subprocess.run(["git", "clone", "--quiet", "--no-local", ROOT, clone], check=True)
    return clone


def typed(text: str, clone: Path, environ: Mapping[str, str], hear: Callable[[str], None] = lambda _: None) -> int:
    """Type commands, hear each line as it comes, and return the exit status; what runs until Ctrl-C gets that."""
    with subprocess.Popen(
        ["sh", "-eu", "-c", f"{_SURVIVES}\n{text}"], cwd=clone, env=environ, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in _lines_of(process):
            print(line, end="", file=sys.stderr, flush=True)
            hear(line)
            if _UNTIL_STOPPED in line:
                os.killpg(process.pid, signal.SIGINT)
    return process.returncode


def _lines_of(process: subprocess.Popen[str]) -> Iterator[str]:
    """Give lines until the end; what takes too long is killed."""
    deadline_s = time.monotonic() + _SECONDS
    assert process.stdout is not None
    try:
        for line in process.stdout:
            yield line
            if time.monotonic() > deadline_s:
                break
    finally:
        if time.monotonic() > deadline_s:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
