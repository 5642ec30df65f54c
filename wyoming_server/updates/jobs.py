"""The parent's side of the updater's process: a job goes in, progress comes out, then a result or a refusal.

The updater is another process because verifying signatures costs 42 MB and what it reads is hostile until proved
otherwise. It ends when its stdin does, so it never outlives who asked.
"""

import asyncio
import contextlib
import datetime as dt
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import errors
from ..bundles.bundle import Kind
from ..bundles.offer import Offer, offer_of
from ..bundles.state import Installed
from ..errors import EdgeVoiceError, EndlessDataError
from ..logs import form_now
from ..pipeline.checked import Checked, ranged

_LOGGER = logging.getLogger(__name__)
_MODULE = "wyoming_server.updates.updating"
_WORKING_FOLDER = Path(__file__).parent.parent.parent
"""`-m` finds the package from here, whether it is installed or not."""
_LONGEST_LINE = 32 << 20
"""Bytes; a result lists every offer of a channel with its notes."""
_PATIENCE_S = 5.0
"""For a process that was told to end."""
_STARTING_S = 60.0
"""Of the updater, on a hub that is busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(Checked):
    """How much a repository may ask of this hub."""

    largest_bytes: int = ranged(4096 << 20, at_least=1)
    """Of an archive, and of a bundle on the disk."""
    timeout_s: float = ranged(20.0, at_least=0.01)
    """For connecting, and for every read."""
    slowest_bytes_per_s: float = ranged(500.0, at_least=0.0)
    """Slower than that for `patience_s` is endless."""
    patience_s: float = ranged(60.0, at_least=0.01)
    retry_delay_s: float = ranged(1.0, at_least=0.0)
    """After a cut connection; doubled at each try that brings nothing."""
    tries: int = ranged(5, at_least=1)
    """In a row that bring nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a repository offers in a channel."""

    offers: tuple[Offer, ...]
    """The newest first."""
    unusable: Mapping[str, str]
    """Path of a target → why this server cannot read what is signed of it; others are offered all the same."""
    checked_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A bundle that lies in `staged/`, verified."""

    label: str
    installed: Installed
    """What `BundleFolder.install` is given."""


def check_job(folder: Path, channel: str, limits: Limits) -> dict[str, Any]:
    """Return the job that looks at the trusted repository; its result is read by `found_in`."""
    return {"action": "check", "folder": str(folder.resolve()), "channel": channel, "limits": asdict(limits)}


def fetch_job(folder: Path, channel: str, path: str, limits: Limits) -> dict[str, Any]:
    """Return the job that fetches, verifies and stages a target; its result is read by `fetched_in`."""
    return check_job(folder, channel, limits) | {"action": "fetch", "path": path}


def root_job(root: bytes) -> dict[str, Any]:
    """Return the job that says whether bytes are a repository's root: {"version", "expires"}, or `root-refused`."""
    return {"action": "root", "root": root.decode("utf-8", "replace")}


def found_in(result: Mapping[str, Any]) -> Found:
    """Return what a check has found."""
    offers: list[Offer] = []
    unusable: dict[str, str] = {}
    for one in result["offers"]:
        try:
            offers.append(offer_of(one["channel"], one["path"], one["length"], one["sha256"], one["custom"]))
        except errors.MalformedMetadataError as error:
            unusable[one["path"]] = str(error)
    return Found(offers=tuple(offers), unusable=unusable, checked_at=dt.datetime.fromisoformat(result["checked_at"]))


def fetched_in(result: Mapping[str, Any]) -> Fetched:
    """Return what a fetch has staged."""
    installed = Installed(kind=Kind(result["kind"]), manifest_sha256=result["manifest_sha256"], bytes=result["bytes"])
    return Fetched(label=result["label"], installed=installed)


async def run_job(
    job: Mapping[str, Any], on_progress: Callable[[dict[str, Any]], None] = lambda _: None
) -> dict[str, Any]:
    """Run a job in a process of its own and return its result; cancelling ends the process.

    `on_progress` is told {"state": checking|downloading|unpacking|verifying, "done": bytes, "total": bytes}. Raises
    the EdgeVoiceError of the refusal's code.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", _MODULE),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=_WORKING_FOLDER,
        limit=_LONGEST_LINE,
    )
    assert process.stdin is not None  # noqa: S101  # both are pipes
    assert process.stdout is not None  # noqa: S101
    try:
        with contextlib.suppress(ConnectionError):  # what it could not take, its end explains
            process.stdin.write(json.dumps({**job, "log_format": form_now().value}).encode() + b"\n")
            await process.stdin.drain()
        # Four times its own patience: then its limits have failed to see what holds it up.
        headway_s = _STARTING_S + 4 * Limits(**job.get("limits", {})).patience_s
        async with asyncio.timeout(headway_s) as timeout:
            loop = asyncio.get_running_loop()
            async for line in _lines(process.stdout):
                timeout.reschedule(loop.time() + headway_s)
                said = json.loads(line)
                if "progress" in said:
                    on_progress(said["progress"])
                elif "refusal" in said:
                    raise refusal_of(said["refusal"]["code"], said["refusal"]["message"])
                else:
                    return dict(said["result"])
        raise EdgeVoiceError(f"The updater ended with status {await process.wait()} and without a word; see the log")
    except TimeoutError as error:
        raise EndlessDataError(
            f"The updater has made no headway for {headway_s:.0f} s and is ended; look after the connection, or tell "
            "who runs the repository"
        ) from error
    finally:
        await _end(process)


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield lines. Raises MalformedMetadataError for one that is longer than what is honestly signed."""
    try:
        async for line in stream:
            yield line
    except ValueError as error:
        raise errors.MalformedMetadataError(
            "The repository says more of its bundles than this hub reads; tell who publishes it"
        ) from error


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None  # noqa: S101  # a pipe
    process.stdin.close()
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await process.wait()
    except TimeoutError:
        _LOGGER.warning("The updater does not end by itself and is killed")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def refusal_of(code: str, message: str) -> EdgeVoiceError:
    """Return the error that another process has named by its code."""
    return _CLASSES.get(code, EdgeVoiceError)(message)


def _below(kind: type[EdgeVoiceError]) -> dict[str, type[EdgeVoiceError]]:
    found = {kind.code: kind} if "code" in vars(kind) else {}
    for one in kind.__subclasses__():
        found |= _below(one)
    return found


_CLASSES = _below(EdgeVoiceError)
