"""Small files that are there whole, or as they were before."""

import os
from contextlib import suppress
from pathlib import Path

from .errors import DiskError


def part_of(path: Path) -> Path:
    """Return where a file is written before it takes its name; a killed process may leave that."""
    return path.with_name(f".{path.name}.part")


def write_whole(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace a file in one step; it is on the disk itself when this returns. Blocks. Raises DiskError."""
    part = part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode), "wb") as file:
            os.fchmod(file.fileno(), mode)  # a part that a killed process left has the mode that it had
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise DiskError(f"'{path}' cannot be written: {error.strerror or error}") from error


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a lost supply, too. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
