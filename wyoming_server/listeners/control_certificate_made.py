"""Makes a certificate, and reads one that somebody else has made."""

import datetime as dt
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

YEARS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A certificate that signs itself."""

    certificate: bytes
    """As PEM."""
    key: bytes = field(repr=False)
    """Likewise, unencrypted."""
    expires: dt.datetime


def made(names: Iterable[str], now: dt.datetime) -> Made:
    """Return a certificate for host names and addresses; those that are neither are left out."""
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
    return Made(
        certificate=certificate.public_bytes(serialization.Encoding.PEM),
        key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        expires=certificate.not_valid_after_utc,
    )


def expiry(pem: bytes) -> dt.datetime:
    """Return when a certificate expires. Raises ValueError."""
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc


def _general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    general: list[x509.GeneralName] = []
    for name in dict.fromkeys(names):
        try:
            general.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            if name.isascii() and name:
                general.append(x509.DNSName(name))
    return general
