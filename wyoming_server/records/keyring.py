"""Lanes' keys as they lie on the disk: encrypted, each bound to its lane's name.

The master key lies beside them, readable by the server's user alone: this keeps keys out of copies of the records, of
diagnostics and of a backup that leaves that one file out; it cannot keep them from whoever may read the data folder.
"""

import base64
import binascii
import os
import threading
from collections.abc import Callable
from pathlib import Path

from ..errors import DiskError, KeyUnreadableError
from . import private_file

FILE_NAME = "master-key"
"""In the data folder."""
_KEY_BYTES = 32
_NONCE_BYTES = 12
"""Drawn at random: NIST SP 800-38D allows 2^32 of them under one key, and a home seals a few dozen."""
_VERSION = "1:"
_ANY = "surrogatepass"
"""JSON can hold texts that UTF-8 cannot; they are no reason to fail."""
_BOUND_TO = b"edge-voice lane key\x00"


class Keyring:
    """Seals and opens keys. Every call blocks for a file of 32 bytes; the first loads the cipher (30 ms)."""

    def __init__(self, folder: Path, *, entropy: Callable[[int], bytes] = os.urandom) -> None:
        """Use the master key of a data folder, made there with the first key that is sealed."""
        self._path, self._entropy, self._lock = folder / FILE_NAME, entropy, threading.Lock()

    def seal(self, lane: str, secret: str) -> str:
        """Return a lane's key as a text that only this hub can open, and for that lane only. Raises DiskError."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # 3 MB; few hubs have keys

        nonce = self._entropy(_NONCE_BYTES)
        sealed = AESGCM(self._master_or_new()).encrypt(nonce, secret.encode(errors=_ANY), _bound_to(lane))
        return _VERSION + base64.b64encode(nonce + sealed).decode()

    def open(self, lane: str, sealed: str) -> str:
        """Return the key that was sealed for a lane. Raises KeyUnreadableError."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # as above
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        try:
            master = self._master()
            raw = base64.b64decode(sealed.removeprefix(_VERSION), validate=True)
            if master is None or not sealed.startswith(_VERSION):
                raise _unreadable(lane)
            return AESGCM(master).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bound_to(lane)).decode(errors=_ANY)
        except (DiskError, binascii.Error, InvalidTag, ValueError) as error:
            raise _unreadable(lane) from error

    def destroy(self) -> None:
        """Remove the master key: what was sealed stays sealed for ever. Raises DiskError."""
        with self._lock:
            private_file.remove(self._path)

    def _master(self) -> bytes | None:
        """Return the master key, read anew each time: a folder that was put back from a backup has another."""
        found = private_file.read(self._path)
        return found if found is not None and len(found) == _KEY_BYTES else None

    def _master_or_new(self) -> bytes:
        with self._lock:  # two lanes that are sealed at once must not make a key each
            found = self._master()
            if found is None:
                found = self._entropy(_KEY_BYTES)
                private_file.write(self._path, found)
            return found


def _bound_to(lane: str) -> bytes:
    """Return what a key is bound to: a row that was copied to another lane does not open there."""
    return _BOUND_TO + lane.encode(errors=_ANY)


def _unreadable(lane: str) -> KeyUnreadableError:
    return KeyUnreadableError(f"The key of '{lane}' cannot be read any more; enter it again", lane=lane)
