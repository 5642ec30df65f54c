"""What opens a publisher's keys."""

import getpass
import os
import stat
import sys
from pathlib import Path

from ..errors import PublisherKeyError

_LONGEST_PASSPHRASE = 4096


class Passphrases:
    """What opens the keys: of a file, or asked for once for each key."""

    def __init__(self, file: Path | None, *, plain: frozenset[str] = frozenset()) -> None:
        """Keys named in `plain` are made without one."""
        self._file = file
        self._plain = plain
        self._said: dict[Path, bytes] = {}

    def __call__(self, key: Path) -> bytes | None:
        """Return what opens a key. Raises PublisherKeyError."""
        if key.stem in self._plain and not key.exists():
            return None
        if self._file is not None:
            return self._of_file(self._file)
        if key not in self._said:
            self._said[key] = _asked(key)
        return self._said[key]

    @staticmethod
    def _of_file(file: Path) -> bytes:
        try:
            with file.open("rb") as source:
                mode = os.fstat(source.fileno()).st_mode
                if stat.S_ISREG(mode) and mode & 0o077:
                    raise PublisherKeyError(f"The passphrase file '{file}' may be read by others; `chmod 600` it")
                said = source.read(_LONGEST_PASSPHRASE).rstrip(b"\r\n")
        except OSError as error:
            raise PublisherKeyError(
                f"The passphrase file '{file}' cannot be read: {error.strerror or error}"
            ) from error
        if not said:
            raise PublisherKeyError(f"The passphrase file '{file}' is empty")
        return said


def _asked(key: Path) -> bytes:
    """Ask for a key's passphrase, and once more when it is to be made."""
    if not sys.stdin.isatty():
        raise PublisherKeyError(f"'{key}' needs a passphrase, and nobody is there to ask; use --passphrase-file")
    said = getpass.getpass(f"Passphrase of {key}: ")
    if not said:
        raise PublisherKeyError("An empty passphrase protects nothing; --unencrypted says that it is meant so")
    if not key.exists() and getpass.getpass("Once more: ") != said:
        raise PublisherKeyError("The two passphrases differ; this key was not made")
    return said.encode()
