"""What was written down of an unsigned model when it came: where from, and every file's length and digest."""

import contextlib
import errno
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import DiskError
from .bundle import FileEntry
from .digest import file_digest

ORIGIN_FILE = "origin.json"
"""In an installed model's folder. Of a folder that is its owner's own, it lies in the store."""
SCHEMA = 1
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EIO}
"""What a file that is not there any more, or that the disk has lost, is answered with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a model came from, and what its files were then. Nobody has signed it."""

    name: str
    repository: str = ""
    """OWNER/NAME at the hub; empty for a folder that somebody made."""
    commit: str = ""
    """The revision; empty where none is known."""
    listed: bool = False
    """Whether the files were the hub's own for that commit when they were written down; otherwise they are what lay
    there, such as those of a model from before there were records."""
    files: tuple[FileEntry, ...] = ()

    @property
    def bytes(self) -> int:
        """What its files take."""
        return sum(one.length for one in self.files)


def entry_of(directory: Path, name: str) -> FileEntry:
    """Return a file's length and digest; blocks while it is read. Raises OSError."""
    file = directory / name
    return FileEntry(name=name, length=file.stat().st_size, sha256=file_digest(file))


def changed_files(directory: Path, files: Iterable[FileEntry]) -> tuple[str, ...]:
    """Return the names of files that are gone, cannot be read off the disk, or are not what they were.

    Blocks while they are read. Raises OSError for a file that may not be read, which says nothing about its content.
    """
    return tuple(one.name for one in files if not _is_as_it_was(directory, one))


def _is_as_it_was(directory: Path, entry: FileEntry) -> bool:
    try:
        if (directory / entry.name).stat().st_size != entry.length:
            return False
        return entry_of(directory, entry.name) == entry
    except OSError as error:
        if error.errno in _GONE:
            return False
        raise


def read_origin(file: Path) -> Origin | None:
    """Return what was written down; None where nothing was, or nothing that can be read."""
    try:
        said = json.loads(file.read_bytes())
        files = tuple(FileEntry(**one) for one in said.get("files", ()))
        return Origin(
            name=said["name"],
            repository=said.get("repository", ""),
            commit=said.get("commit", ""),
            listed=said.get("listed", False),
            files=files,
        )
    except OSError, ValueError, TypeError, KeyError, AttributeError:
        return None


def write_origin(file: Path, origin: Origin) -> None:
    """Write it down, whole or not at all. Raises DiskError."""
    content = json.dumps({"schema": SCHEMA, **asdict(origin)}, indent=1) + "\n"
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise DiskError(f"'{file}' cannot be written: {error.strerror}") from error
