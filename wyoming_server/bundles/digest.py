"""SHA-256 of bytes and files. Its library, 2 MB of OpenSSL, is loaded by the first digest and not before."""

from pathlib import Path


def digest_of(content: bytes) -> bytes:
    """Return the digest of what is in memory."""
    import hashlib  # noqa: PLC0415  # see above

    return hashlib.sha256(content).digest()


def file_digest(file: Path) -> str:
    """Return a file's digest as 64 hexadecimal digits; blocks while it is read. Raises OSError."""
    import hashlib  # noqa: PLC0415  # see above

    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
