"""Keys as files."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from wyoming_server.errors import PublisherKeyError
from wyoming_server.publisher.keys import KeyFiles, key_in, name_of


def secret(_: Path) -> bytes:
    return b"open sesame"


def nobody(path: Path) -> bytes:
    raise AssertionError(f"asked for {path}")


def test_a_key_is_made_once_encrypted_and_for_its_owner_alone(tmp_path: Path) -> None:
    key = key_in(tmp_path / "keys", "stable", passphrase=secret)
    private = tmp_path / "keys" / "stable.pem"
    assert b"ENCRYPTED" in private.read_bytes()
    assert private.stat().st_mode & 0o777 == 0o600
    assert key_in(tmp_path / "keys", "stable", passphrase=nobody) == key
    assert (name_of(key), key.scheme) == ("stable", "ed25519")


def test_the_public_half_is_made_again_from_the_private(tmp_path: Path) -> None:
    key = key_in(tmp_path, "stable", passphrase=secret)
    (tmp_path / "stable.pub").unlink()
    assert key_in(tmp_path, "stable", passphrase=secret) == key


def test_the_public_half_alone_is_enough_to_be_named(tmp_path: Path) -> None:
    key = key_in(tmp_path, "root-1", passphrase=secret)
    (tmp_path / "root-1.pem").unlink()
    assert key_in(tmp_path, "root-1", passphrase=nobody) == key
    assert KeyFiles([tmp_path], passphrase=nobody).signers({key.keyid: key}) == ()


def test_only_the_key_that_is_to_sign_is_opened(tmp_path: Path) -> None:
    wanted = key_in(tmp_path, "b", passphrase=secret)
    key_in(tmp_path, "a", passphrase=secret)
    asked: list[str] = []

    def passphrase(path: Path) -> bytes:
        asked.append(path.name)
        return b"open sesame"

    keys = KeyFiles([tmp_path], passphrase=passphrase)
    for _ in range(2):
        (signer,) = keys.signers({wanted.keyid: wanted})
    assert (signer.public_key.keyid, asked) == (wanted.keyid, ["b.pem"])


@pytest.mark.parametrize("wrong", [b"guess", None])
def test_a_wrong_passphrase_is_said(tmp_path: Path, wrong: bytes | None) -> None:
    key = key_in(tmp_path, "stable", passphrase=secret)
    with pytest.raises(PublisherKeyError, match=r"stable\.pem' cannot be opened"):
        KeyFiles([tmp_path], passphrase=lambda _: wrong).signers({key.keyid: key})


def test_a_key_that_others_can_read_does_not_sign(tmp_path: Path) -> None:
    key = key_in(tmp_path, "stable", passphrase=lambda _: None)
    (tmp_path / "stable.pem").chmod(0o644)
    with pytest.raises(PublisherKeyError, match="`chmod 600` it"):
        KeyFiles([tmp_path], passphrase=nobody).signers({key.keyid: key})


def test_what_is_no_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(PublisherKeyError, match="neither a folder with keys nor"):
        KeyFiles([tmp_path / "missing"], passphrase=nobody)
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "rsa.pem").write_bytes(made.private_bytes(*form))
    (tmp_path / "rsa.pem").chmod(0o600)
    with pytest.raises(PublisherKeyError, match="is no Ed25519 key"):
        key_in(tmp_path, "rsa", passphrase=nobody)
    (tmp_path / "text.pub").write_text("hello")
    with pytest.raises(PublisherKeyError, match="is no public key"):
        key_in(tmp_path, "text", passphrase=nobody)


def test_halves_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    key = key_in(tmp_path, "a", passphrase=lambda _: None)
    key_in(tmp_path, "b", passphrase=lambda _: None)
    (tmp_path / "a.pub").rename(tmp_path / "b.pub")
    with pytest.raises(PublisherKeyError, match="are not of the same key"):
        KeyFiles([tmp_path / "b.pem"], passphrase=nobody).signers({key.keyid: key})
