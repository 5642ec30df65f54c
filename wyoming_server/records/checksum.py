"""What stored JSON is checked by."""

import zlib


def checksum(text: str) -> str:
    """Return eight hex digits. Enough to find damage by: hashlib would have 2 MB of OpenSSL loaded for this alone."""
    return f"{zlib.crc32(text.encode(errors='replace')):08x}"
