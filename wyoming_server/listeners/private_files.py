"""Files that only their owner may read: the token, the certificate's key."""

import contextlib
import logging
import os
import secrets
from pathlib import Path

from ..errors import DiskError

_LOGGER = logging.getLogger(__name__)
MODE = 0o600


def write_private(file: Path, content: bytes) -> None:
    """Replace a file in one step; nobody else can read it at any moment. Raises DiskError."""
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise DiskError(
            f"'{file}' cannot be written: {error.strerror}; make room, or give this user the folder"
        ) from error


def read_private(file: Path, most: int) -> bytes | None:
    """Return what a file holds, `most` bytes of it, and close it to others; None without one. Raises DiskError."""
    try:
        with file.open("rb") as stream:
            if os.fstat(stream.fileno()).st_mode & 0o077:
                _LOGGER.warning("'%s' could be read by others; its mode is 0600 now", file.name)
                file.chmod(MODE)
            return stream.read(most)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DiskError(
            f"'{file}' cannot be read: {error.strerror}; give it to the user who runs the server"
        ) from error
