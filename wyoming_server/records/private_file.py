"""Small files that only the server's own user may read: there whole, or not at all."""

import logging
import os
from pathlib import Path

from ..errors import DiskError
from ..whole_file import write_whole

_LOGGER = logging.getLogger(__name__)
MODE = 0o600
LARGEST_BYTES = 1 << 16


def read(path: Path) -> bytes | None:
    """Return what a file holds (its first 64 KiB), and close it to others; None where there is none.

    Blocks. Raises DiskError.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:  # as a backup that was put back may leave it
                _LOGGER.warning("'%s' could be read by others; its mode is 0600 now", path.name)
                path.chmod(MODE)
            return file.read(LARGEST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DiskError(f"'{path}' cannot be read: {error.strerror or error}") from error


def write(path: Path, content: bytes) -> None:
    """Replace a file in one step; it is on the disk itself when this returns. Blocks. Raises DiskError."""
    write_whole(path, content, mode=MODE)


def remove(path: Path) -> None:
    """Remove a file, if it is there. Blocks. Raises DiskError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DiskError(f"'{path}' cannot be removed: {error.strerror or error}") from error
