"""Which plain models took the server down with them: a mark while one is loaded or decodes, counted at the next start.

Signed bundles are watched over in `updates.opening`, which leaves them for the one before. The mark tells a crash of a
model from an end that somebody wished for: a process that was killed while no model was at work is nobody's fault, and
neither is a lost supply, for the machine has started anew since.
"""

import datetime as dt
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import DiskError
from ..whole_file import write_whole
from .crashes import MOST_CRASHES, look_of

_LOGGER = logging.getLogger(__name__)
_SCHEMA = 1
_IDLE, _LOADING, _DECODING = b"-", b"L", b"D"
_MOST_KEPT = 8
REMEMBERED = dt.timedelta(days=1)
"""An older crash says nothing, and neither does one of tomorrow: then the clock has leapt."""
FIRST_PAUSE_SECONDS = 900.0
"""How long a model that crashed twice is left alone; doubled with each crash more."""
LONGEST_PAUSE_SECONDS = 21_600.0


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Crashed:
    """What is known of a model in one folder."""

    files: str = ""
    """What its files looked like; others, and it is another model."""
    at: tuple[dt.datetime, ...] = ()


class CrashBook:
    """Counts crashes of plain models. A disk that refuses costs the count only. All of it may block for a moment."""

    def __init__(self, folder: Path | None, wall: Callable[[], dt.datetime] = _utc_now, *, boot: str = "") -> None:
        """Use a folder of its own; without one, such as for a server beside the home's own, nothing is kept.

        `boot` tells this start of the machine from others.
        """
        self._folder, self._wall, self._boot = folder, wall, boot
        self._lock = threading.RLock()
        """Held while the mark is written: its descriptor may be another file's once it is closed."""
        self._descriptor: int | None = None
        self._decodes = 0
        self._known: dict[str, _Crashed] = {}

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Count what the run before this one has left, and say at the end that this one ends as it should."""
        self._known = self._read()
        if crashed := self._left_over():
            _LOGGER.error("model-crashed: the server ended while the model in '%s' was at work", crashed)
            self.crashed(Path(crashed))
        self.rest()
        try:
            yield
        finally:
            self.rest()

    def crashes(self, model: Path) -> int:
        """Return how often a model has crashed of late."""
        return len(self._recent(model))

    def pause_seconds(self, model: Path) -> float:
        """Return how long a model that crashed is to be left alone yet."""
        at = self._recent(model)
        if len(at) < MOST_CRASHES:
            return 0.0
        whole_s = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (len(at) - MOST_CRASHES))
        return max(0.0, whole_s - abs((self._wall() - at[-1]).total_seconds()))

    def crashed(self, model: Path) -> None:
        """Count a crash."""
        known = self._of(model)
        self._keep(model, replace(known, at=(*known.at, self._wall())[-_MOST_KEPT:]))

    def forgive(self, model: Path) -> None:
        """Forget a model's crashes."""
        if self._known.pop(str(model), None) is not None:
            self._write()

    def rest(self) -> None:
        """Have no crash count from now on: what serves is watched elsewhere, or the server ends as it should."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
            if self._folder is not None:
                with suppress(OSError):
                    (self._folder / "at_work").unlink(missing_ok=True)

    def forgive_others(self, *models: Path) -> None:
        """Forget the crashes of all but these: who chooses another model, and the first one again, means it."""
        kept = {str(model) for model in models}
        if others := self._known.keys() - kept:
            for other in others:
                del self._known[other]
            self._write()

    @contextmanager
    def loading(self, model: Path) -> Iterator[None]:
        """Have a crash until the block ends count as this model's; after that, one while anything decodes."""
        self._mark(model)
        try:
            yield
        finally:
            with self._lock:  # the model before this one may be at a decode
                self._say(_DECODING if self._decodes else _IDLE)

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Have a crash until the block ends count as that of the model which was loaded last; from any thread."""
        with self._lock:
            self._decodes += 1
            self._say(_DECODING)
        try:
            yield
        finally:
            with self._lock:
                self._decodes -= 1
                if not self._decodes:
                    self._say(_IDLE)

    # The mark: its first byte says what is at work, so that a decode costs one small write and no wait for the disk.

    def _mark(self, model: Path) -> None:
        if self._folder is None:
            return
        said = json.dumps({"schema": _SCHEMA, "model": str(model), "boot": self._boot}).encode()
        with self._lock:
            self.rest()
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._descriptor = os.open(self._folder / "at_work", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
                os.write(self._descriptor, _LOADING + said)
            except OSError as error:
                _LOGGER.warning("'%s' cannot be written: %s; no crash of the model will be seen", self._folder, error)

    def _say(self, state: bytes) -> None:
        with self._lock:
            if self._descriptor is not None:
                with suppress(OSError):
                    os.pwrite(self._descriptor, state, 0)

    def _left_over(self) -> str:
        """Return the model that was at work when the run before this one ended; empty for none."""
        if self._folder is None:
            return ""
        try:
            content = (self._folder / "at_work").read_bytes()
            said = json.loads(content[1:])
            model, boot = str(said["model"]), said["boot"]
        except OSError, ValueError, KeyError, TypeError, RecursionError:
            return ""
        return model if content[:1] in {_LOADING, _DECODING} and boot == self._boot else ""

    # The count.

    def _of(self, model: Path) -> _Crashed:
        """Return what is known of a model, as long as its files are what they were."""
        files = look_of(model)
        known = self._known.get(str(model))
        return known if known is not None and known.files == files else _Crashed(files=files)

    def _recent(self, model: Path) -> tuple[dt.datetime, ...]:
        if str(model) not in self._known:
            return ()
        now = self._wall()
        return tuple(at for at in self._of(model).at if abs(now - at) <= REMEMBERED)

    def _keep(self, model: Path, crashed: _Crashed) -> None:
        self._known[str(model)] = crashed
        self._write()

    def _write(self) -> None:
        if self._folder is None:
            return
        models = {
            name: {"files": one.files, "at": [at.isoformat() for at in one.at]} for name, one in self._known.items()
        }
        try:
            write_whole(self._folder / "crashed.json", json.dumps({"schema": _SCHEMA, "models": models}).encode())
        except DiskError as error:
            _LOGGER.warning("%s", error)

    def _read(self) -> dict[str, _Crashed]:
        if self._folder is None:
            return {}
        try:
            said = json.loads((self._folder / "crashed.json").read_bytes())
            return {
                str(name): _Crashed(files=str(one["files"]), at=tuple(map(dt.datetime.fromisoformat, one["at"])))
                for name, one in said["models"].items()
            }
        except OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError:
            return {}
