"""Who may steer the server: one token, in a file that another process may replace at any time."""

import asyncio
import hmac
import logging
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from ..errors import DiskError
from ..logs import conceal
from ..records import private_file

_LOGGER = logging.getLogger(__name__)
TOKEN_FILE = "control-token"  # noqa: S105  # the file's name, not what is in it
"""In the data folder."""
SHORTEST_TOKEN = 16
_TOKEN = re.compile(rb"[\x21-\x7e]{%d,512}" % SHORTEST_TOKEN)
"""What an owner may have written there by hand, too."""
_GONE = f"'{TOKEN_FILE}' holds none: nobody is let in until `edge-voice token` has made one"

type _Stamp = tuple[int, int, int] | None


def rotated_token(data_dir: Path) -> str:
    """Make a new token; whoever shows the old one is refused from now on. Raises DiskError."""
    token = secrets.token_urlsafe(32)
    conceal(token)
    private_file.write(data_dir / TOKEN_FILE, f"{token}\n".encode())
    return token


def token_of(data_dir: Path) -> str:
    """Return the token, made if there is none that can be used. Raises DiskError."""
    content = private_file.read(data_dir / TOKEN_FILE)
    token = _usable(content)
    if token is None and content is not None:
        _LOGGER.warning("'%s' holds no token; a new one was made, and clients have to pair again", TOKEN_FILE)
    return token if token is not None else rotated_token(data_dir)


def _usable(content: bytes | None) -> str | None:
    bare = (content or b"").strip()
    if not _TOKEN.fullmatch(bare):
        return None
    token = bare.decode()
    conceal(token)
    return token


class Access:
    """The token that counts now."""

    def __init__(self, file: Path, token: str, on_change: Callable[[], None]) -> None:
        """Begin with a token; `opened` reads the file."""
        self._file, self._token, self._on_change = file, token, on_change
        self._stamp: _Stamp = None
        self._reading = asyncio.Lock()

    @classmethod
    async def opened(cls, data_dir: Path, on_change: Callable[[], None]) -> Access:
        """Read the token, or make it; `on_change` hears of each that ends. Raises DiskError."""
        access = cls(data_dir / TOKEN_FILE, await asyncio.to_thread(token_of, data_dir), on_change)
        await access.refresh()
        return access

    @property
    def token(self) -> str:
        """The token; empty while its file is gone or damaged, when nobody is let in."""
        return self._token

    async def admits(self, shown: str) -> bool:
        """Tell whether this is the token, as the file has it at this moment."""
        await self.refresh()
        return bool(self._token) and hmac.compare_digest(shown.encode(errors="replace"), self._token.encode())

    async def refresh(self) -> None:
        """Look whether the file was replaced."""
        async with self._reading:
            stamp = await asyncio.to_thread(_stamp, self._file)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            token = await asyncio.to_thread(self._read)
            if token == self._token:
                return
            self._token = token
            _LOGGER.warning("the old token has ended; %s", "there is a new one" if token else _GONE)
            self._on_change()

    def _read(self) -> str:
        try:
            return _usable(private_file.read(self._file)) or ""
        except DiskError as error:
            _LOGGER.warning("%s", error)
            return ""


def _stamp(file: Path) -> _Stamp:
    """Return what differs when a file was replaced or written; None without one."""
    try:
        seen = file.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_mtime_ns, seen.st_size
