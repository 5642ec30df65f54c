"""AES-256-GCM, and HMAC-SHA256.

Loads its library (3 MB, 20 ms), so it is itself loaded with the first key: by `data_keys.cipher`.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

_NONCE_BYTES = 12
"""Drawn at random: NIST SP 800-38D allows 2^32 of them under one key, and a day has a few thousand."""
_TAG_BYTES = 16


def sealed(key: bytes, content: bytes, bound_to: bytes, nonce: bytes) -> bytes:
    """Return what opens with this key (32 bytes) alone, and for the same place alone; the nonce, 12 bytes, is in it."""
    return nonce + AESGCM(key).encrypt(nonce, content, bound_to)


def unsealed(key: bytes, content: bytes, bound_to: bytes) -> bytes | None:
    """Return what was sealed; None for another key, for another place, and for what is damaged."""
    if len(content) < _NONCE_BYTES + _TAG_BYTES:
        return None
    try:
        return AESGCM(key).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], bound_to)
    except InvalidTag:
        return None


def keyed_hash(key: bytes, content: bytes) -> bytes:
    """Return 32 bytes that only who has the key can tell."""
    hashing = HMAC(key, SHA256())
    hashing.update(content)
    return hashing.finalize()
