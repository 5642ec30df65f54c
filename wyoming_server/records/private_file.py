"""Small files that only the server's own user may read: there whole, or not at all.

What a file held is overwritten when it goes: a name that is deleted leaves the bytes on the disk. Flash may keep a copy
all the same; whoever fears that encrypts the disk.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import DiskError
from ..whole_file import part_of, write_whole

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
    with _overwritten(path):
        write_whole(path, content, mode=MODE)


def remove(path: Path) -> None:
    """Remove a file, if it is there, and what a killed write left of it. Blocks. Raises DiskError."""
    for one in (path, part_of(path)):
        try:
            with _overwritten(one):
                one.unlink(missing_ok=True)
        except OSError as error:
            raise DiskError(f"'{one}' cannot be removed: {error.strerror or error}") from error


@contextmanager
def _overwritten(path: Path) -> Iterator[None]:
    """Overwrite what a file held, once no name leads to it any more."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        yield
        return
    try:
        yield
        with suppress(OSError):  # it is done as well as it can be
            if os.fstat(descriptor).st_nlink == 0:
                os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
                os.fsync(descriptor)
    finally:
        os.close(descriptor)
