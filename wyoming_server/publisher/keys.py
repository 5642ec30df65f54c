"""A publisher's keys: Ed25519, each a PEM file, with its public half beside it; none ever lies in a repository.

Imports tuf's key library: the server's process never imports this.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.signer import CryptoSigner, Key, Signer, SSlibKey

from ..errors import DiskError, PublisherKeyError
from ..whole_file import write_whole

NAME_FIELD = "x-edge-voice-name"
"""What people call a key; carried beside the public half in the metadata."""

type Passphrase = Callable[[Path], bytes | None]
"""A key's file → what opens it; None for none."""


class Keyring(Protocol):
    """The private keys that are at hand."""

    def signers(self, keys: Mapping[str, Key]) -> Sequence[Signer]:
        """Return a signer for each of these public keys whose private half is here. Raises PublisherKeyError."""


def name_of(key: Key) -> str:
    """Return what people call a key: its name, else the beginning of its id."""
    return str(key.unrecognized_fields.get(NAME_FIELD) or key.keyid[:8])


def public_key(public: Ed25519PublicKey, name: str) -> SSlibKey:
    """Return a key's public half as metadata carries it."""
    key = SSlibKey.from_crypto(public)
    key.unrecognized_fields[NAME_FIELD] = name
    return key


def key_in(folder: Path, name: str, *, passphrase: Passphrase) -> SSlibKey:
    """Return the public half of the key `name` in a folder; made, and written with its private half, where none is.

    Blocks. Raises PublisherKeyError and DiskError.
    """
    public = folder / f"{name}.pub"
    private = folder / f"{name}.pem"
    if public.exists():
        return _read_public(public)
    if private.exists():
        key = _read_private(private, passphrase).public_key()
    else:
        made = Ed25519PrivateKey.generate()
        secret = passphrase(private)
        how = serialization.BestAvailableEncryption(secret) if secret else serialization.NoEncryption()
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
        write_whole(private, made.private_bytes(*form, how), mode=0o600)
        key = made.public_key()
    form_of_public = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    write_whole(public, key.public_bytes(*form_of_public))
    return public_key(key, name)


class KeyFiles:
    """The keys in some folders and files; a key is only opened when it is to sign."""

    def __init__(self, places: Iterable[Path], *, passphrase: Passphrase) -> None:
        """Look for keys. Raises PublisherKeyError for a place that is not there."""
        self._files = tuple(file for place in places for file in _key_files(place))
        self._passphrase = passphrase
        self._opened: dict[Path, Ed25519PrivateKey] = {}

    def signers(self, keys: Mapping[str, Key]) -> Sequence[Signer]:
        """Return a signer for each of these public keys whose private half is here; asks for passphrases."""
        found: dict[str, Signer] = {}
        for file in self._files:
            key = keys.get(self._of(file).keyid)
            if isinstance(key, SSlibKey) and key.keyid not in found:
                found[key.keyid] = _signer(file, self._open(file), key)
        return tuple(found.values())

    def every(self) -> Sequence[CryptoSigner]:
        """Return a signer for every key that is here; asks for passphrases."""
        return tuple(_signer(file, self._open(file), self._of(file)) for file in self._files)

    def _of(self, file: Path) -> SSlibKey:
        """Return a key's public half, from the file beside it where there is one: that needs no passphrase."""
        public = file.with_suffix(".pub")
        return _read_public(public) if public.exists() else public_key(self._open(file).public_key(), file.stem)

    def _open(self, file: Path) -> Ed25519PrivateKey:
        if file not in self._opened:
            self._opened[file] = _read_private(file, self._passphrase)
        return self._opened[file]


def _signer(file: Path, private: Ed25519PrivateKey, key: SSlibKey) -> CryptoSigner:
    if SSlibKey.from_crypto(private.public_key()).keyid != key.keyid:
        raise PublisherKeyError(f"'{file}' and the .pub file beside it are not of the same key; delete the .pub file")
    return CryptoSigner(private, key)


def _key_files(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from sorted(place.glob("*.pem"))
    elif place.suffix == ".pem" and place.exists():
        yield place
    else:
        raise PublisherKeyError(f"'{place}' is neither a folder with keys nor a key's .pem file; look where they are")


def _read_public(file: Path) -> SSlibKey:
    try:
        key = serialization.load_pem_public_key(file.read_bytes())
    except OSError as error:
        raise DiskError(f"'{file}' cannot be read: {error.strerror or error}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PublisherKeyError(f"'{file}' is no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise PublisherKeyError(f"'{file}' is no Ed25519 key; only those are used here")
    return public_key(key, file.stem)


def _read_private(file: Path, passphrase: Passphrase) -> Ed25519PrivateKey:
    try:
        content = file.read_bytes()
        if file.stat().st_mode & 0o077:
            raise PublisherKeyError(f"'{file}' may be read by others; `chmod 600` it, and think of making a new key")
    except OSError as error:
        raise DiskError(f"'{file}' cannot be read: {error.strerror or error}") from error
    secret = passphrase(file) if b"ENCRYPTED" in content else None
    try:
        key = serialization.load_pem_private_key(content, secret)
    except (TypeError, ValueError) as error:
        cure = "the passphrase is wrong, or the file is damaged" if secret else "it is encrypted, or damaged"
        raise PublisherKeyError(f"'{file}' cannot be opened: {cure}") from error
    except UnsupportedAlgorithm as error:
        raise PublisherKeyError(f"'{file}' is no Ed25519 key; only those are used here") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise PublisherKeyError(f"'{file}' is no Ed25519 key; only those are used here")
    return key
