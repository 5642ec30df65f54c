"""A throwaway certificate authority, and certificates that are right or wrong in one way each."""

import datetime as dt
import functools
import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = dt.timedelta(days=1)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def context(self, folder: Path, name: str) -> ssl.SSLContext:
        """Return a server's TLS context; the files that OpenSSL insists on go to a folder."""
        path = folder / f"{name}.pem"
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(self.pem + key)
        path.chmod(0o600)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _certificate(
    name: str, issuer: Signed | None, *, days: tuple[int, int] = (-1, 2), hosts: tuple[str, ...] = ()
) -> Signed:
    """Make a certificate that is valid from so many days from now until so many; hosts make it a server's."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    signer = issuer.key if issuer else key
    names = [_general_name(host) for host in hosts]
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer.certificate.subject if issuer else _name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(_usage(authority=not hosts), critical=True)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return Signed(certificate=builder.sign(signer, hashes.SHA256()), key=key)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, authority: bool) -> x509.KeyUsage:
    off = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    signing = {"digital_signature": not authority, "key_cert_sign": authority, "crl_sign": authority}
    return x509.KeyUsage(**off, **signing, decipher_only=False)


@functools.cache
def authority() -> Signed:
    """Return the authority that the tests trust."""
    return _certificate("Stand-in authority", None)


HERE = ("127.0.0.1", "localhost", "speech.test")
"""Where it is; the last one is a name for resolvers that a test has of its own."""
CERTIFICATES: dict[str, Callable[[], Signed]] = {
    "right": functools.cache(lambda: _certificate("Stand-in", authority(), hosts=HERE)),
    "certificate-expired": functools.cache(lambda: _certificate("Old", authority(), days=(-9, -2), hosts=HERE)),
    "certificate-not-yet-valid": functools.cache(lambda: _certificate("New", authority(), days=(2, 9), hosts=HERE)),
    "certificate-self-signed": functools.cache(lambda: _certificate("Myself", None, hosts=HERE)),
    "certificate-unknown-authority": functools.cache(
        lambda: _certificate("Other", _certificate("Somebody", None), hosts=HERE)
    ),
    "certificate-wrong-host": functools.cache(lambda: _certificate("Wrong", authority(), hosts=("speech.example",))),
}
"""What a listener shows. Made once in a process."""


def authority_file(folder: Path) -> Path:
    """Write the authority's certificate to a folder."""
    path = folder / "authority.pem"
    path.write_bytes(authority().pem)
    return path
