"""What was said in requests that wait, under seal: each part bound to its request and its day."""

import dataclasses
import json
import os
import sqlite3
from dataclasses import dataclass, field
from datetime import date

from ..errors import RecordsKeyError
from .data_keys import FILE_NAME, NONCE_BYTES, QUEUED, DataKeys, Entropy, cipher
from .pseudonyms import SATELLITE, Pseudonyms
from .queued_rows import SealedParts

_ANY = "surrogatepass"
"""Texts can come from JSON, which can hold what UTF-8 cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was said, and by whom."""

    heard: str = field(default="", repr=False)
    """The hub's text."""
    text: str = field(default="", repr=False)
    """A service's, or its owner's: the one to be done."""
    language: str = ""
    satellite: str = ""
    session: str = ""
    device: str = ""
    turn_id: str = ""


class QueuedSeals:
    """Seals in jobs of the store, and opens in queries."""

    def __init__(self, keys: DataKeys, *, entropy: Entropy = os.urandom) -> None:
        self._keys, self._entropy, self._names = keys, entropy, Pseudonyms(keys)

    def sealed(
        self, request_id: str, day: date, said: Said, sound: bytes, connection: sqlite3.Connection
    ) -> SealedParts:
        """Return what may be written down. For jobs. Raises RecordsKeyError where there is no key to be had."""
        key = self._keys.of(QUEUED, day, connection)
        if key is None:
            raise RecordsKeyError(f"nothing can be kept under seal: {self._keys.failure}")
        content = json.dumps(dataclasses.asdict(said)).encode(errors=_ANY)
        return SealedParts(
            day=day,
            satellite=self._names.at(day, connection)(SATELLITE, said.satellite),
            content=self._closed(key, content, "content", request_id, day),
            sound=self._closed(key, sound, "sound", request_id, day) if sound else b"",
        )

    def said(self, request_id: str, parts: SealedParts | None, connection: sqlite3.Connection) -> Said | None:
        """Return what was said; None where nothing opens it any more."""
        content = self._opened(parts, "content", request_id, connection)
        return None if content is None else Said(**json.loads(content.decode(errors=_ANY)))

    def sound(self, request_id: str, parts: SealedParts | None, connection: sqlite3.Connection) -> bytes | None:
        """Return its sound: mono PCM at 16 kHz of 16 bits; None where there is none that opens."""
        return self._opened(parts, "sound", request_id, connection)

    def _closed(self, key: bytes, content: bytes, part: str, request_id: str, day: date) -> bytes:
        return cipher().sealed(key, content, _bound_to(part, request_id, day), self._entropy(NONCE_BYTES))

    def _opened(
        self, parts: SealedParts | None, part: str, request_id: str, connection: sqlite3.Connection
    ) -> bytes | None:
        content = b"" if parts is None else parts.content if part == "content" else parts.sound
        if parts is None or not content:
            return None
        keys = self._keys.every(QUEUED, parts.day, connection)
        bound_to = _bound_to(part, request_id, parts.day)
        tried = (cipher().unsealed(key, content, bound_to) for key in keys)
        return next((one for one in tried if one is not None), None)


UNREADABLE = (
    f"What was said cannot be read any more: the key file '{FILE_NAME}' in the data folder is gone, or another one."
    " Repeat it with its text, or drop it"
)


def _bound_to(part: str, request_id: str, day: date) -> bytes:
    return f"edge-voice queued\0{part}\0{request_id}\0{day}".encode()
