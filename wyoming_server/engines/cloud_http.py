"""A lane's HTTP connection: keep-alive, verified TLS, no redirects, no cookies, no proxy, answers of bounded length."""

import io
import json
import secrets
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from .. import __version__
from ..errors import InvalidSettingsError, LaneFailedError
from ..pipeline.lanes import LaneSettings
from .cloud_lane import one_line
from .cloud_refusals import ForbiddenAddressError, Refusals, Reply
from .cloud_trust import reach_of

CONNECT_SECONDS = 5.0
"""DNS, TCP and TLS together; how long an answer may take is the caller's to decide."""
KEEP_ALIVE_SECONDS = 45.0
"""Longer than any utterance, so that what was warmed at the wake word still stands; less than services' usual 60."""
ANSWER_LIMIT_BYTES = 256 * 1024
"""A page of HTML or a flood is not read to its end; a transcript of 15 s with all its words takes some 20 kB."""
_JSON = "application/json"
EVENTS = "text/event-stream"


class HttpService:
    """One provider's address. Calls may overlap; cancelling one leaves no connection half used."""

    def __init__(
        self, settings: LaneSettings, url: str, *, secret: str = "", wall_clock: Callable[[], float] = time.time
    ) -> None:
        """Connect to nothing yet. `secret` is what no error may quote. Raises InvalidSettingsError."""
        host, encrypted = _checked(settings, url)
        self.lane, self.url = settings.name, url.rstrip("/")
        self._reach = reach_of(settings, host, encrypted=encrypted)
        self._tls = _tls(settings) if encrypted else True
        self.refusals = Refusals(self.lane, host, self._reach, secret=secret, wall_clock=wall_clock)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def warm(self, path: str = "/", headers: Mapping[str, str] | None = None, *, method: str = "HEAD") -> None:
        """Have a connection in the pool; whatever status comes back is fine. Raises LaneError."""
        with self.refusals.named():
            parts = urlsplit(self.url)
            address = f"{parts.scheme}://{parts.netloc}{path}"
            async with self._open().request(method, address, headers=headers, allow_redirects=False) as response:
                await self._body(response)

    async def get(self, path: str, *, headers: Mapping[str, str]) -> Reply:
        """Return what lies at a path. Raises LaneError."""
        return await self._ask("GET", path, headers)

    async def post(
        self,
        path: str,
        body: bytes,
        *,
        headers: Mapping[str, str],
        query: Iterable[tuple[str, str]] = (),
        names: Iterable[str] = (),
        tolerated: Container[int] = (),
    ) -> Reply:
        """Return the answer to a body. Raises LaneError for every status beyond 299 that is not tolerated.

        `names` are the home's, which no error may quote.
        """
        return await self._ask("POST", path, headers, query=query, body=body, names=names, tolerated=tolerated)

    async def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        query: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        names: Iterable[str] = (),
        tolerated: Container[int] = (),
    ) -> Reply:
        with self.refusals.named():
            asked = self._open().request(
                method,
                self.url + path,
                params=list(query),
                # As a file, it is sent in pieces: a long recording in one would hold the event loop.
                data=io.BytesIO(body) if body else None,
                headers={"Accept": _JSON, **headers},
                allow_redirects=False,
            )
            async with asked as response:
                if 300 <= response.status < 400:
                    raise self.refusals.redirected(response.headers.get("Location", ""))
                if response.ok:
                    self._check_kind(_kind(response))
                reply = await self._body(response)
                if not response.ok and response.status not in tolerated:
                    raise self.refusals.of_status(reply, names)
                return reply

    async def _body(self, response: aiohttp.ClientResponse) -> Reply:
        """Return the body, decompressed, up to the limit; leaving unread bytes behind drops the connection."""
        read, whole = bytearray(), True
        try:
            async for piece in response.content.iter_any():
                read += piece
                if len(read) > ANSWER_LIMIT_BYTES:
                    raise self.refusals.malformed("is too long")
        except aiohttp.ClientPayloadError:
            whole = False
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        return Reply(
            status=response.status,
            kind=_kind(response),
            body=self._inflated(coding, bytes(read)),
            whole=whole,
            retry_after=response.headers.get("Retry-After", ""),
        )

    def _inflated(self, coding: str, body: bytes) -> bytes:
        """Undo a compression that was not asked for; a bomb is inflated up to the limit only."""
        if coding in {"", "identity"} or not body:
            return body
        if coding not in {"gzip", "x-gzip", "deflate"}:
            raise self.refusals.malformed(f"is compressed as '{one_line(coding)[:20]}'")
        try:
            inflated = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, ANSWER_LIMIT_BYTES + 1)
        except zlib.error as error:
            raise self.refusals.malformed("is compressed and damaged") from error
        if len(inflated) > ANSWER_LIMIT_BYTES:
            raise self.refusals.malformed("is too long")
        return inflated

    def object_of(self, reply: Reply) -> dict[str, Any]:
        """Return a reply's JSON object. Raises LaneMalformedError, or LaneFailedError for a connection that broke."""
        if not reply.whole:
            raise LaneFailedError(
                f"Lane '{self.lane}': the connection broke in the middle of the answer", lane=self.lane
            )
        if reply.kind == EVENTS:
            raise self.refusals.malformed("is a stream of events")
        return self.parsed(reply.body)

    def _check_kind(self, kind: str) -> None:
        """Refuse a page that says by its type that it is no answer, before it is read."""
        if kind not in {_JSON, EVENTS} and not kind.endswith("+json"):
            raise self.refusals.malformed(f"is '{one_line(kind)[:60]}' instead of JSON" if kind else "has no content")

    def parsed(self, text: bytes | str) -> dict[str, Any]:
        """Return a JSON object. Raises LaneMalformedError."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self.refusals.malformed("is damaged JSON") from error
        if not isinstance(value, dict):
            raise self.refusals.malformed("is JSON of another form than documented")
        return value

    def text_of(self, value: object) -> str:
        """Return a field that must be a text. Raises LaneMalformedError."""
        if not isinstance(value, str):
            raise self.refusals.malformed("holds no text")
        return value

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise LaneFailedError(f"Lane '{self.lane}' was closed; its settings have changed", lane=self.lane)
        if self._session is None:
            connector = aiohttp.TCPConnector(
                ssl=self._tls,
                limit=0,
                resolver=aiohttp.ThreadedResolver(),  # the system's, which knows the home's own names
                keepalive_timeout=KEEP_ALIVE_SECONDS,
                use_dns_cache=False,  # its look-ups are tasks that outlive a cancellation
                socket_factory=self._socket,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS),
                headers={"User-Agent": f"edge-voice/{__version__}", "Accept-Encoding": "identity"},
                auto_decompress=False,
                trust_env=False,
                read_bufsize=64 * 1024,
            )
        return self._session

    def _socket(self, address: tuple[Any, ...]) -> socket.socket:
        """Return a socket for one resolved address, for every connect anew: a name may lead elsewhere by then."""
        family, kind, protocol, _, where = address
        if not self._reach.permits(where[0]):
            raise ForbiddenAddressError
        return socket.socket(family, kind, protocol)

    async def aclose(self) -> None:
        """Close every connection; what is under way fails."""
        self._closed = True
        if self._session is not None:
            await self._session.close()


def _kind(response: aiohttp.ClientResponse) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def multipart(
    fields: Iterable[tuple[str, str]], *, file: tuple[str, str, str, bytes], document: tuple[str, str] | None = None
) -> tuple[str, bytes]:
    """Return a multipart body's content type and bytes (RFC 7578).

    The file is (field, name, type, content) and comes last; a document is a field that holds JSON.
    """
    boundary = secrets.token_hex(16)
    named = [(f'name="{name}"', value) for name, value in fields]
    if document:
        named.append((f'name="{document[0]}"\r\nContent-Type: {_JSON}', document[1]))
    parts = [
        f"--{boundary}\r\nContent-Disposition: form-data; {name}\r\n\r\n{value}\r\n".encode(errors="replace")
        for name, value in named
    ]
    field, name, kind, content = file
    head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: {kind}'
    parts += [f"--{boundary}\r\n{head}\r\n\r\n".encode(), content, f"\r\n--{boundary}--\r\n".encode()]
    return f"multipart/form-data; boundary={boundary}", b"".join(parts)


def _checked(settings: LaneSettings, url: str) -> tuple[str, bool]:
    """Return an address's host, and whether it is encrypted. Raises InvalidSettingsError."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"} or not url.isprintable() or " " in url:
        raise InvalidSettingsError(f"Lane '{settings.name}' needs a url such as https://speech.example")
    if parts.username is not None or parts.query or parts.fragment:
        raise InvalidSettingsError(
            f"Lane '{settings.name}': the url must hold no key, password, ? or #; the key belongs in key or key_file"
        )
    return host, parts.scheme == "https"


def _tls(settings: LaneSettings) -> ssl.SSLContext:
    """Return what verifies certificates; there is no way not to. Raises InvalidSettingsError for the `ca_file`."""
    context = ssl.create_default_context()
    if settings.ca_file:
        try:
            context.load_verify_locations(cafile=settings.ca_file)
        except (OSError, ValueError) as error:  # an ssl.SSLError is an OSError
            raise InvalidSettingsError(
                f"Lane '{settings.name}': the ca_file '{settings.ca_file}' cannot be read as PEM certificates"
            ) from error
    return context
