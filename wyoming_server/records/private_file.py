"""Small files that only the server's own user may read: there whole, or not at all."""

import os
from pathlib import Path

from ..errors import DiskError

MODE = 0o600


def read(path: Path) -> bytes | None:
    """Return what a file holds; None where there is none. Blocks. Raises DiskError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DiskError(f"'{path}' cannot be read: {error.strerror or error}") from error


def write(path: Path, content: bytes) -> None:
    """Replace a file in one step; it is on the disk itself when this returns. Blocks. Raises DiskError."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, MODE), "wb") as file:
            os.fchmod(file.fileno(), MODE)  # a part that a killed process left has the mode that it had
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise DiskError(f"'{path}' cannot be written: {error.strerror or error}") from error


def remove(path: Path) -> None:
    """Remove a file, if it is there. Blocks. Raises DiskError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DiskError(f"'{path}' cannot be removed: {error.strerror or error}") from error


def _sync_folder(folder: Path) -> None:
    """Have the file's name survive a lost supply, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
