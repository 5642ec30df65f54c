"""The updater's process: `python -m wyoming_server.updates.updating` does one job of `jobs` and ends.

One line of JSON comes in; lines of JSON go out, of which the last is the result or the refusal. When stdin ends, so
does the process, whatever it is doing: what it leaves on the disk is either whole or resumed.
"""

import datetime as dt
import fcntl
import json
import logging
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import DiskError, EdgeVoiceError, UpdateRunningError
from ..logs import LogFormat, LogLevel, set_up
from .fetch_archive import fetch
from .fetch_signed import SignedRepository, check_root
from .folder import BundleFolder
from .jobs import Limits
from .web import Web

_LOGGER = logging.getLogger(__name__)
_NICENESS = 10
_MOST_MEMORY_BYTES = 1 << 30
"""Of hostile metadata; an honest check takes 60 MB."""
_REPORT_INTERVAL_S = 0.2
_PREDECESSOR_S = 10.0
"""Another updater, whose parent was killed, ends within this time."""


class Voice:
    """Says JSON to the parent, progress at most every 0.2 s unless the state changes."""

    def __init__(self, say: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._state = ""
        self._said_s = 0.0

    def progress(self, state: str, done: int, total: int) -> None:
        """Say how far it is."""
        if state != self._state or self._clock() - self._said_s >= _REPORT_INTERVAL_S or done == total:
            self._state, self._said_s = state, self._clock()
            self.say("progress", {"state": state, "done": done, "total": total})

    def say(self, what: str, fields: Mapping[str, Any]) -> None:
        """Say one line."""
        self._say(json.dumps({what: dict(fields)}) + "\n")


def run(job: Mapping[str, Any], voice: Voice) -> dict[str, Any]:
    """Return a job's result; blocks. Raises EdgeVoiceError."""
    if job["action"] == "root":
        return check_root(job["root"].encode())
    folder, limits = BundleFolder(Path(job["folder"])), Limits(**job["limits"])
    with _alone(folder.root):
        web, now = Web(limits), dt.datetime.now(dt.UTC)
        files = iter(range(1, sys.maxsize))
        repository = SignedRepository(folder, web, now=now, on_file=lambda: voice.progress("checking", next(files), 0))
        voice.progress("checking", 0, 0)
        repository.refresh()
        targets = repository.targets(job["channel"])
        repository.keep()
        if job["action"] == "check":
            return {"offers": [one.fields() for one in targets], "checked_at": now.isoformat()}
        offer = repository.target(job["channel"], job["path"]).offer()
        others = {one.sha256: one.path for one in targets if one.path != offer.path}
        url = repository.url_of(offer.path, offer.sha256)
        bundle = fetch(folder, web, url, offer, others, limits, voice.progress)
        return {
            "label": bundle.label,
            "kind": bundle.kind.value,
            "manifest_sha256": offer.manifest_sha256,
            "bytes": offer.unpacked_bytes,
        }


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Wait for an updater that a killed server has left behind. Raises UpdateRunningError."""
    deadline = time.monotonic() + _PREDECESSOR_S
    with (root / "updating").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise UpdateRunningError("Another update is under way here; wait until it has ended") from error
                time.sleep(0.05)
        yield


def main() -> int:
    """Do the job on stdin; return 0 once its result or refusal is said."""
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY_BYTES, _MOST_MEMORY_BYTES))
    job = json.loads(_job_line())
    set_up(LogLevel.WARNING, LogFormat(job.get("log_format", LogFormat.TEXT)))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    voice = Voice(lambda line: print(line, end="", flush=True))  # noqa: T201  # stdout is how it talks
    try:
        voice.say("result", run(job, voice))
    except EdgeVoiceError as error:
        voice.say("refusal", {"code": error.code, "message": str(error)})
    except OSError as error:
        refusal = f"'{job.get('folder')}' cannot be written: {error.strerror or error}; make room, or mend its rights"
        voice.say("refusal", {"code": DiskError.code, "message": refusal})
    except Exception as error:
        _LOGGER.exception("The job %s failed", job.get("action"))
        voice.say("refusal", {"code": EdgeVoiceError.code, "message": f"The updater failed: {error!r}; see the log"})
    return 0


def _job_line() -> bytes:
    """Return the first line of stdin, read past Python's buffer: a thread that waits in that could not be ended."""
    line = b""
    while not line.endswith(b"\n") and (more := os.read(0, 1 << 16)):
        line += more
    return line


def _end_with_parent() -> None:
    while os.read(0, 1 << 16):
        pass
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main())
