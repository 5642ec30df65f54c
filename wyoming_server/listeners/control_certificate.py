"""The server's own certificate: made on the first start, kept, and known to clients by its fingerprint."""

import datetime as dt
import hashlib
import ipaddress
import logging
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..records import private_file

_LOGGER = logging.getLogger(__name__)
CERTIFICATE_FILE, KEY_FILE = "control-certificate.pem", "control-key.pem"
"""In the data folder."""
YEARS = 10


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
    _make(data_dir, names, now)
    return _loaded(data_dir)


def _kept(data_dir: Path, now: dt.datetime) -> Certificate | str:
    """Return the kept certificate, or what is wrong with it; empty for a first start."""
    pem, key = (private_file.read(data_dir / name) for name in (CERTIFICATE_FILE, KEY_FILE))
    if pem is None and key is None:
        return ""
    try:
        certificate = x509.load_pem_x509_certificate(pem or b"")
        if now >= certificate.not_valid_after_utc:
            return "the certificate has expired"
        return _loaded(data_dir)
    except (ValueError, OSError) as error:  # OSError: OpenSSL's own, where the two do not belong together
        return f"the certificate or its key is damaged ({type(error).__name__})"


def _loaded(data_dir: Path) -> Certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # The empty password keeps OpenSSL from asking at the terminal for that of a key that somebody has locked.
    context.load_cert_chain(data_dir / CERTIFICATE_FILE, data_dir / KEY_FILE, password="")
    pem = (data_dir / CERTIFICATE_FILE).read_text("ascii")
    return Certificate(fingerprint=hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest(), context=context)


def _make(data_dir: Path, names: Iterable[str], now: dt.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Edge Voice")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))  # clients whose clock is behind
        .not_valid_after(now + dt.timedelta(days=365 * YEARS))
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    # The key first: a crash in between leaves two that do not belong together, which the next start notices.
    private_file.write(
        data_dir / KEY_FILE,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    private_file.write(data_dir / CERTIFICATE_FILE, certificate.public_bytes(serialization.Encoding.PEM))


def _general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    made: list[x509.GeneralName] = []
    for name in dict.fromkeys(names):
        try:
            made.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            if name.isascii() and name:
                made.append(x509.DNSName(name))
    return made
