"""Download one file over HTTP: resumed after a cut and after a restart, and held to its length and digest."""

import hashlib
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # documented there, and missing from its __all__
    build_hf_headers,
    get_session,
    hf_raise_for_status,
)

from ..errors import ModelDownloadError
from .progress import FetchState, Progress, ReportProgress

_CHUNK_BYTES = 1 << 18
_REPORT_INTERVAL_S = 0.2
_TIMEOUT_S = 10.0
"""For connecting and for every read."""
_TRIES = 5
"""Tries in a row that bring no new byte before a download gives up."""
_WORTH_ANOTHER_TRY = {408, 425, 429, 500, 502, 503, 504}


class FetchCancelled(Exception):  # noqa: N818  # not a failure: somebody asked for it
    """The fetch was asked to stop; what it has stays for the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """One file of a repository at one commit, so its content never changes."""

    name: str
    url: str
    size: int
    sha256: str | None = None
    """Listed for files in large-file storage."""
    git_blob: str | None = None
    """Listed for all others: their SHA-1 as a Git blob."""


@dataclass(slots=True, kw_only=True)
class Meter:
    """Counts bytes towards reports, and stops the fetch when asked to."""

    name: str
    report: ReportProgress
    cancelled: threading.Event
    total: int = 0
    done: int = 0
    _reported_s: float = field(default=0.0, init=False)

    def add(self, count: int) -> None:
        """Count bytes that came or, below zero, were dropped. Raises FetchCancelled."""
        if self.cancelled.is_set():
            raise FetchCancelled(self.name)
        self.done += count
        if time.monotonic() - self._reported_s >= _REPORT_INTERVAL_S:
            self.state(FetchState.FETCHING)

    def wait(self, seconds: float) -> None:
        """Sleep, unless the fetch is cancelled. Raises FetchCancelled."""
        if self.cancelled.wait(seconds):
            raise FetchCancelled(self.name)

    def state(self, state: FetchState) -> None:
        """Report."""
        self._reported_s = time.monotonic()
        self.report(Progress(name=self.name, state=state, bytes_done=self.done, bytes_total=self.total))


def download(file: RemoteFile, path: Path, meter: Meter, *, retry_delay_s: float) -> None:
    """Bring `path` to the file's full length and check it; blocks. What `path` holds already is kept.

    Raises ModelDownloadError, the hub's HTTPError once trying again has not helped, OSError from the disk, and
    FetchCancelled.
    """
    path.touch()
    have = path.stat().st_size
    meter.add(have)
    tries = 0
    while have < file.size:
        try:
            _stream(file, path, meter)
        except HTTPError as error:
            if tries == _TRIES or not _worth_another_try(error):
                raise
        now = path.stat().st_size
        if now > have:
            tries = 0
        elif tries == _TRIES:
            raise ModelDownloadError(f"The hub sends nothing of '{file.name}'; try again later")
        if now < file.size:
            meter.wait(retry_delay_s * 2**tries)
            tries += 1
        have = now
    verify(file, path)


def _worth_another_try(error: HTTPError) -> bool:
    return not isinstance(error, HfHubHTTPError) or error.response.status_code in _WORTH_ANOTHER_TRY


def _stream(file: RemoteFile, path: Path, meter: Meter) -> None:
    """Append what is missing."""
    have = path.stat().st_size
    # A packed answer would make the byte positions of a Range mean something else.
    headers = build_hf_headers(library_name="edge-voice") | {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with (
        get_session().stream("GET", file.url, headers=headers, timeout=_TIMEOUT_S) as response,
        path.open("ab", buffering=0) as out,
    ):
        hf_raise_for_status(response)
        if have and response.status_code != 206:  # the server begins at the beginning all the same
            out.truncate(0)
            meter.add(-have)
            have = 0
        for chunk in response.iter_bytes(_CHUNK_BYTES):
            have += len(chunk)
            if have > file.size:
                raise ModelDownloadError(f"The hub sends more of '{file.name}' than its {file.size} bytes")
            out.write(chunk)
            meter.add(len(chunk))


def verify(file: RemoteFile, path: Path) -> None:
    """See a file onto the disk and check its length and digest; a wrong one is deleted, with ModelDownloadError."""
    with path.open("rb") as stored:
        os.fsync(stored.fileno())
        size = os.fstat(stored.fileno()).st_size
        whole = size == file.size
        if whole and file.sha256 is not None:
            whole = hashlib.file_digest(stored, "sha256").hexdigest() == file.sha256
        elif whole and file.git_blob is not None:
            digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
            digest.update(stored.read())
            whole = digest.hexdigest() == file.git_blob
    if not whole:
        path.unlink()
        raise ModelDownloadError(f"'{file.name}' did not arrive as it was listed; it is fetched anew at the next try")
