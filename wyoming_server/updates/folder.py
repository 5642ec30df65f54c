"""DATA/bundles: where bundles lie on this hub, and what is remembered of them; one rename changes what serves."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..bundles.bundle import Bundle
from ..bundles.state import Installed, State
from ..bundles.verify import verify_folder
from ..errors import (
    BundleDamagedError,
    DiskError,
    NoRepositoryError,
    RootRefusedError,
    UnknownBundleError,
    UpdateRunningError,
)
from ..whole_file import sync_folder, write_whole
from .state_file import fields_of, state_of
from .transitions import add, forget

SCHEMA = 1
_LOCK_TRIES = 5
"""Who looks at the holder's name holds the lock, too, for less than a millisecond."""
_LOCK_PAUSE_S = 0.01
_ADDRESS = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}@[0-9][0-9a-z.]{0,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The repository that the owner named."""

    url: str
    """Below it lie `metadata/` and `targets/`; without a slash at its end."""
    root: bytes
    """The root.json that was given by another way, and that all trust begins with."""


class Lock:
    """The right to write, held until its `with` ends."""

    def __init__(self, number: int) -> None:
        self._number = number

    def tell(self, fields: Mapping[str, Any]) -> None:
        """Let others read who holds it, such as where its control API listens; a full disk keeps it to itself."""
        content = json.dumps(dict(fields)).encode()
        with contextlib.suppress(OSError):
            os.ftruncate(self._number, 0)
            os.pwrite(self._number, content, 0)


@dataclass(frozen=True, slots=True)
class BundleFolder:
    """The bundles of one data folder. All of it blocks on the disk; only the holder of the lock may write."""

    root: Path
    """DATA/bundles; need not exist."""

    # Places

    def folder_of(self, label: str) -> Path:
        """Return where an installed bundle lies, or would. Raises UnknownBundleError for what is no label."""
        return self.root / "installed" / checked_label(label)

    def staged_folder(self, label: str) -> Path:
        """Return where a bundle lies that was fetched and verified, and not yet tried."""
        return self.root / "staged" / checked_label(label)

    @property
    def metadata(self) -> Path:
        """What the repository has said so far: the updater's own cache."""
        return self.root / "metadata"

    @property
    def parts(self) -> Path:
        """Archives on their way, each by its digest, so that a cut download is resumed."""
        return self.root / "parts"

    # The lock

    @contextlib.contextmanager
    def lock(self) -> Iterator[Lock]:
        """Hold the right to write. Raises UpdateRunningError when another process or task holds it."""
        with self._opened_lock() as number:
            if not _is_taken(number):
                raise UpdateRunningError(
                    "A server or another command is at work on these bundles; wait until it has ended"
                )
            lock = Lock(number)
            lock.tell({})
            yield lock

    def holder(self) -> dict[str, Any] | None:
        """Return what the holder of the lock has told of itself; None where nobody holds it."""
        if not (self.root / "lock").exists():
            return None
        with self._opened_lock() as number:
            try:
                fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                said = _json_object(self.root / "lock")
                return {} if said is None else said
        return None

    @contextlib.contextmanager
    def _opened_lock(self) -> Iterator[int]:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            number = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise DiskError(f"'{self.root}' cannot be written: {error.strerror or error}") from error
        try:
            yield number
        finally:
            os.close(number)

    # Trust

    def trusted(self) -> Trust | None:
        """Return the repository that the owner named; None where there is none."""
        said = _json_object(self.root / "trust.json")
        try:
            root = (self.root / "root.json").read_bytes()
        except OSError:
            return None
        if said is None or not isinstance(said.get("url"), str):
            return None
        return Trust(url=said["url"], root=root)

    def repository(self) -> Trust:
        """Return the repository that the owner named. Raises NoRepositoryError."""
        if found := self.trusted():
            return found
        raise NoRepositoryError(
            "No repository of bundles is trusted here, so nothing is updated; "
            "`edge-voice models trust URL --root FILE` names one"
        )

    def trust(self, url: str, root: bytes) -> None:
        """Remember a repository whose root was checked (`jobs.root_job`). Raises RootRefusedError, DiskError."""
        if not _ADDRESS.fullmatch(url):
            # Not shown: it may hold a name and a password, and what is said here reaches logs.
            raise RootRefusedError(
                "That is no address of a repository; write it as https://example.org/models, without a name or password"
            )
        before = self.trusted()
        if before is None or before.root != root:
            self.distrust()
        write_whole(self.root / "root.json", root)
        write_whole(self.root / "trust.json", json.dumps({"schema": SCHEMA, "url": url.rstrip("/")}).encode() + b"\n")

    def distrust(self) -> None:
        """Forget the repository and all that it has said; what is installed goes on serving. Raises DiskError."""
        with _disk_refusals(self.root):
            # First what makes it trusted: cut here, the rest is of no effect.
            for name in ("trust.json", "root.json", "looked.json"):
                (self.root / name).unlink(missing_ok=True)
            for name in ("metadata", "parts", "staged"):
                _erase(self.root / name)

    def trying(self) -> BundleFolder:
        """Return where a repository is looked at before it takes the place of the trusted one; `erase` it then."""
        return BundleFolder(self.root / ".trying")

    def erase(self) -> None:
        """Erase all of it."""
        shutil.rmtree(self.root, ignore_errors=True)

    # What is remembered

    def looked(self) -> dict[str, Any] | None:
        """Return what the last look at the repository has found; None where nothing readable is."""
        return _json_object(self.root / "looked.json")

    def write_looked(self, fields: Mapping[str, Any]) -> None:
        """Replace what the last look has found. Raises DiskError."""
        write_whole(self.root / "looked.json", json.dumps(dict(fields), ensure_ascii=False).encode())

    def read(self) -> State:
        """Return the state; an empty one where none was written yet.

        Raises BundleDamagedError for a file that cannot be read, NewerRecordsError for a newer server's.
        """
        try:
            content = (self.root / "state.json").read_bytes()
        except FileNotFoundError:
            return State()
        except OSError as error:
            raise BundleDamagedError(f"'{self.root / 'state.json'}' cannot be read: {error}") from error
        try:
            fields = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise BundleDamagedError(f"'{self.root / 'state.json'}' cannot be read: {error}") from error
        return state_of(fields)

    def write(self, state: State) -> None:
        """Replace the state by one rename: what it says of a bundle holds from here on. Raises DiskError."""
        write_whole(self.root / "state.json", json.dumps(fields_of(state), ensure_ascii=False, indent=1).encode())

    def set_aside(self) -> None:
        """Put a state that cannot be read out of the way, so that the hub goes on. Raises DiskError."""
        with _disk_refusals(self.root), contextlib.suppress(FileNotFoundError):
            (self.root / "state.json").rename(self.root / "state.damaged.json")

    def canary(self) -> dict[str, Any] | None:
        """Return what was counted of a candidate so far; None where nothing readable was."""
        return _json_object(self.root / "canary.json")

    def write_canary(self, fields: Mapping[str, Any] | None) -> None:
        """Replace what was counted; None erases it. Raises DiskError."""
        if fields is None:
            with _disk_refusals(self.root):
                (self.root / "canary.json").unlink(missing_ok=True)
        else:
            write_whole(self.root / "canary.json", json.dumps(dict(fields)).encode())

    # Bundles

    def verify(self, label: str) -> Bundle:
        """Return what an installed bundle says of itself, every byte of it held to what was signed.

        Blocks for as long as reading it takes. Raises UnknownBundleError where it is not installed, BundleDamagedError.
        """
        installed = self.read().installed.get(label)
        if installed is None:
            raise UnknownBundleError(f"The bundle {label} is not installed; `edge-voice models list` shows what is")
        return verify_folder(self.folder_of(label), installed.manifest_sha256)

    def install(self, label: str, installed: Installed) -> State:
        """Move a staged bundle that was tried to its place, and return the state, already written, that knows it.

        Its bytes are verified once more before. Raises BundleDamagedError, DiskError.
        """
        staged, target = self.staged_folder(label), self.folder_of(label)
        state = self.read()
        known = state.installed.get(label)
        if known != installed or not target.is_dir():
            verify_folder(staged, installed.manifest_sha256)
            with _disk_refusals(self.root):
                # Left by a cut between this move and the state's: nothing refers to it.
                _erase(target)
                target.parent.mkdir(parents=True, exist_ok=True)
                staged.rename(target)
                sync_folder(target.parent)
        state = add(state, label, installed)
        self.write(state)
        return state

    def collect(self) -> State:
        """Erase what no bundle needs that serves, may serve, or is returned to. Returns the state, written.

        Parts of downloads stay: whoever fetches erases those that are no longer offered. Raises DiskError.
        """
        state = self.read()
        kept = forget(state, state.installed)
        if kept != state:
            self.write(kept)  # first, so that no state ever names a folder that is half gone
        with _disk_refusals(self.root):
            for folder in _folders(self.root / "installed"):
                if folder.name not in kept.installed:
                    _erase(folder)
            _erase(self.root / "staged")
            for half_gone in self.root.glob(".leaving-*"):
                shutil.rmtree(half_gone)
        return kept


def _is_taken(number: int) -> bool:
    for _ in range(_LOCK_TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_LOCK_PAUSE_S)
    return False


def checked_label(label: str) -> str:
    """Return a label that is a folder's name and nothing else. Raises UnknownBundleError."""
    if not _LABEL.fullmatch(label):
        raise UnknownBundleError(f"'{label}' is no bundle; name it as home-en@1.2.0")
    return label


def _folders(parent: Path) -> list[Path]:
    return [one for one in parent.iterdir() if one.is_dir()] if parent.is_dir() else []


def _erase(path: Path) -> None:
    """Erase a folder, which has another name from the first moment on, so that half of it is never taken for it."""
    if not path.is_dir():
        return
    leaving = path.with_name(f".leaving-{path.name}")
    shutil.rmtree(leaving, ignore_errors=True)
    path.rename(leaving)
    shutil.rmtree(leaving)


def _json_object(path: Path) -> dict[str, Any] | None:
    try:
        said = json.loads(path.read_bytes())
    except OSError, ValueError, RecursionError:
        return None
    return said if isinstance(said, dict) else None


@contextlib.contextmanager
def _disk_refusals(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DiskError(f"'{where}' cannot be written: {error.strerror or error}") from error
