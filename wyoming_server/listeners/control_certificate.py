"""The server's own certificate: made on the first start, kept, and known to clients by its fingerprint."""

import datetime as dt
import hashlib
import importlib
import logging
import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..records import private_file

_LOGGER = logging.getLogger(__name__)
CERTIFICATE_FILE, KEY_FILE = "control-certificate.pem", "control-key.pem"
"""In the data folder."""
_EXPIRES = re.compile(r"Expires: (\S+)\n")
"""Stands before the certificate, where PEM allows any text: what reads certificates takes 15 MB."""
_BEGIN = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate in use."""

    fingerprint: str
    """SHA-256 of it, as 64 hex digits."""
    context: ssl.SSLContext


def certificate_of(data_dir: Path, names: Iterable[str], now: dt.datetime) -> Certificate:
    """Return the kept certificate, made anew if it is missing, damaged or expired; blocks. Raises DiskError."""
    kept = _kept(data_dir, now)
    if isinstance(kept, Certificate):
        return kept
    if kept:
        _LOGGER.warning("%s, so a new one was made: clients have to pair again", kept)
    made = _maker().made(names, now)
    # The key first: a crash in between leaves two that do not belong together, which the next start notices.
    private_file.write(data_dir / KEY_FILE, made.key)
    expires = f"Expires: {made.expires.isoformat()}\n"
    private_file.write(data_dir / CERTIFICATE_FILE, expires.encode() + made.certificate)
    return _loaded(data_dir)


def _kept(data_dir: Path, now: dt.datetime) -> Certificate | str:
    """Return the kept certificate, or what is wrong with it; empty for a first start. Raises DiskError."""
    pem, key = (private_file.read(data_dir / name) for name in (CERTIFICATE_FILE, KEY_FILE))
    if pem is None and key is None:
        return ""
    try:
        if now >= _expiry(pem or b""):
            return "the certificate has expired"
        return _loaded(data_dir)
    except (ValueError, TypeError, OSError) as error:  # OSError: OpenSSL's own, where the two do not belong together
        return f"the certificate or its key is damaged ({type(error).__name__})"


def _expiry(pem: bytes) -> dt.datetime:
    """Return when a certificate expires, also one that its owner has put there. Raises ValueError."""
    written = _EXPIRES.match(pem.decode(errors="replace"))
    expires: dt.datetime = dt.datetime.fromisoformat(written[1]) if written else _maker().expiry(pem)
    return expires


def _loaded(data_dir: Path) -> Certificate:
    """Return what the files hold. Raises ValueError and OSError for what is none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # The empty password keeps OpenSSL from asking at the terminal for that of a key that somebody has locked.
    context.load_cert_chain(data_dir / CERTIFICATE_FILE, data_dir / KEY_FILE, password="")
    _, begin, first = (data_dir / CERTIFICATE_FILE).read_text("utf-8").partition(_BEGIN)
    body, end, _ = first.partition("-----END CERTIFICATE-----")
    der = ssl.PEM_cert_to_DER_cert(f"{begin}{body}{end}\n")
    return Certificate(fingerprint=hashlib.sha256(der).hexdigest(), context=context)


def _maker() -> Any:
    return importlib.import_module(".control_certificate_made", __package__)
