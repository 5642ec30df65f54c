"""Files that commands write for their owner."""

import contextlib
from pathlib import Path

from ..errors import DiskError


def write_whole(file: Path, text: str) -> None:
    """Write a text whole or not at all, its folder made if need be; blocks. Raises DiskError."""
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise DiskError(f"'{file}' cannot be written: {error.strerror or error}; name another place") from error
