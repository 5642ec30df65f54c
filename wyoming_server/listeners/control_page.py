"""The status page: one HTML file and the modules it is made of, which hold nothing of the home."""

import asyncio
import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from aiohttp import web

from .control_visitors import PAGE

FOLDER: Final = Path(__file__).parents[1] / "page"
INDEX = "index.html"
SUFFIXES = frozenset({".html", ".css", ".js", ".svg", ".txt"})
_LEAST_PACKED = 512
"""Shorter files are sent as they are."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'"
)
"""Nothing inline, nothing of another host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file as browsers get it."""

    kind: str
    body: bytes
    packed: bytes | None
    """The same in gzip, where that is worth it."""
    tag: str


def page_routes() -> list[web.RouteDef]:
    """Return the page's routes."""
    return [web.get("/", _answer), web.get(PAGE + "{name:.+}", _answer)]


async def _answer(request: web.Request) -> web.Response:
    asset = (await asyncio.to_thread(assets)).get(request.match_info.get("name", INDEX))
    if asset is None:
        raise web.HTTPNotFound
    headers = {
        # Asked anew each time, and sent only when it is another: an update of the server is seen at once.
        "Cache-Control": "no-cache",
        "Content-Security-Policy": POLICY,
        "Content-Type": asset.kind,
        "ETag": asset.tag,
        "Vary": "Accept-Encoding",
    }
    if any(one.value in asset.tag for one in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    if asset.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=asset.packed, headers=headers | {"Content-Encoding": "gzip"})
    return web.Response(body=asset.body, headers=headers)


@cache
def assets() -> Mapping[str, Asset]:
    """Read the page's files, each by its path; what is not among them is not there."""
    files = (file for file in sorted(FOLDER.rglob("*")) if file.suffix in SUFFIXES and file.is_file())
    return {file.relative_to(FOLDER).as_posix(): _read(file) for file in files}


def _read(file: Path) -> Asset:
    body = file.read_bytes()
    kind = mimetypes.types_map.get(file.suffix, "text/plain")
    return Asset(
        kind=f"{kind}; charset=utf-8",
        body=body,
        packed=gzip.compress(body, 6, mtime=0) if len(body) >= _LEAST_PACKED else None,
        tag=f'"{hashlib.sha256(body).hexdigest()[:16]}"',
    )
