"""A lane's HTTP connection: keep-alive, verified TLS, no redirects, no cookies, no proxy, answers of bounded length."""

import contextlib
import email.utils
import io
import json
import secrets
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from .. import __version__
from ..errors import (
    InvalidSettingsError,
    LaneBusyError,
    LaneCertificateError,
    LaneCredentialsError,
    LaneError,
    LaneFailedError,
    LaneForbiddenError,
    LaneMalformedError,
    LaneNotPrivateError,
    LaneRedirectedError,
    LaneRefusedError,
    LaneTimeoutError,
    LaneUnreachableError,
)
from ..pipeline.lanes import LaneSettings
from .cloud_lane import one_line
from .cloud_trust import Reach, reach_of

CONNECT_SECONDS = 5.0
"""DNS, TCP and TLS together; how long an answer may take is the caller's to decide."""
KEEP_ALIVE_SECONDS = 60.0
"""Longer than the longest utterance: what was warmed at the wake word still stands when it has been said."""
ANSWER_LIMIT_BYTES = 256 * 1024
"""A page of HTML or a flood is not read to its end; a transcript of 15 s with all its words takes some 20 kB."""
LONGEST_PATIENCE_SECONDS = 86_400.0
_SAID_CHARACTERS = 160
_JSON = "application/json"
EVENTS = "text/event-stream"
_NOT_PERMITTED = "the address is not permitted"


class _AddressError(OSError):
    """An address that this lane may not connect to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer; of the 2xx kind unless others were tolerated."""

    status: int
    kind: str
    """Its content type, in lower case, without parameters."""
    body: bytes
    whole: bool = True
    """False when the connection broke before its end."""
    retry_after: str = ""


class HttpService:
    """One provider's address. Calls may overlap; cancelling one leaves no connection half used."""

    def __init__(
        self, settings: LaneSettings, url: str, *, secret: str = "", wall_clock: Callable[[], float] = time.time
    ) -> None:
        """Connect to nothing yet. `secret` is what no error may quote. Raises InvalidSettingsError."""
        self.lane, self._secret, self._wall_clock = settings.name, secret, wall_clock
        self.host, self.encrypted = _checked(settings, url)
        self.url = url.rstrip("/")
        self._reach = reach_of(settings, self.host, encrypted=self.encrypted)
        self._tls = _tls(settings) if self.encrypted else True
        self._session: aiohttp.ClientSession | None = None

    async def warm(self, path: str = "/", headers: Mapping[str, str] | None = None, *, method: str = "HEAD") -> None:
        """Have a connection in the pool; whatever status comes back is fine. Raises LaneError."""
        with self._named():
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
        with self._named():
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
                    raise self._redirected(response)
                if response.ok:
                    self._check_kind(_kind(response))
                reply = await self._body(response)
                if not response.ok and response.status not in tolerated:
                    raise self.refusal(reply, names)
                return reply

    async def _body(self, response: aiohttp.ClientResponse) -> Reply:
        """Return the body, decompressed, up to the limit; leaving unread bytes behind drops the connection."""
        read, whole = bytearray(), True
        try:
            async for piece in response.content.iter_any():
                read += piece
                if len(read) > ANSWER_LIMIT_BYTES:
                    raise self.malformed("is too long")
        except aiohttp.ClientPayloadError:
            whole = False
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        return Reply(
            status=response.status, kind=_kind(response), body=self._inflated(coding, bytes(read)), whole=whole
        )

    def _inflated(self, coding: str, body: bytes) -> bytes:
        """Undo a compression that was not asked for; a bomb is inflated up to the limit only."""
        if coding in {"", "identity"} or not body:
            return body
        if coding not in {"gzip", "x-gzip", "deflate"}:
            raise self.malformed(f"is compressed as '{one_line(coding)[:20]}'")
        try:
            inflated = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, ANSWER_LIMIT_BYTES + 1)
        except zlib.error as error:
            raise self.malformed("is compressed and damaged") from error
        if len(inflated) > ANSWER_LIMIT_BYTES:
            raise self.malformed("is too long")
        return inflated

    def object_of(self, reply: Reply) -> dict[str, Any]:
        """Return a reply's JSON object. Raises LaneMalformedError, or LaneFailedError for a connection that broke."""
        if not reply.whole:
            raise LaneFailedError(
                f"Lane '{self.lane}': the connection broke in the middle of the answer", lane=self.lane
            )
        if reply.kind == EVENTS:
            raise self.malformed("is a stream of events")
        return self.parsed(reply.body)

    def _check_kind(self, kind: str) -> None:
        """Refuse a page that says by its type that it is no answer, before it is read."""
        if kind not in {_JSON, EVENTS} and not kind.endswith("+json"):
            raise self.malformed(f"is '{one_line(kind)[:60]}' instead of JSON" if kind else "has no content")

    def parsed(self, text: bytes | str) -> dict[str, Any]:
        """Return a JSON object. Raises LaneMalformedError."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self.malformed("is damaged JSON") from error
        if not isinstance(value, dict):
            raise self.malformed("is JSON of another form than documented")
        return value

    def text_of(self, value: object) -> str:
        """Return a field that must be a text. Raises LaneMalformedError."""
        if not isinstance(value, str):
            raise self.malformed("holds no text")
        return value

    def malformed(self, how: str) -> LaneMalformedError:
        """Return the error for an answer that is not the provider's protocol: "is too long"."""
        return LaneMalformedError(
            f"Lane '{self.lane}': the answer {how}; is its url {self.host} really of this provider?", lane=self.lane
        )

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                ssl=self._tls,
                limit=0,
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
            raise _AddressError(_NOT_PERMITTED)
        return socket.socket(family, kind, protocol)

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Turn the network's failures into errors that name the lane and the cure."""
        lane = f"Lane '{self.lane}'"
        try:
            yield
        except aiohttp.ClientConnectorCertificateError as error:
            reason = getattr(error.certificate_error, "verify_message", "") or "it does not belong to this host"
            raise LaneCertificateError(
                f"{lane}: the certificate of {self.host} is not to be trusted: {one_line(reason)}; "
                "for a certificate made at home, name its authority in ca_file",
                lane=self.lane,
            ) from error
        except aiohttp.ClientConnectorSSLError as error:
            raise LaneFailedError(
                f"{lane}: {self.host} does not speak TLS on this port; check its url", lane=self.lane
            ) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            if isinstance(getattr(error, "os_error", None), _AddressError):
                raise self._not_permitted() from error
            raise LaneUnreachableError(
                f"{lane}: {self.host} cannot be reached; check its url and the network", lane=self.lane
            ) from error
        except aiohttp.InvalidURL as error:
            raise LaneUnreachableError(f"{lane}: its url names no host that can be reached", lane=self.lane) from error
        except aiohttp.ClientResponseError:
            raise self.malformed("is not HTTP") from None  # the error holds the request, and so the key
        except (aiohttp.ClientConnectionError, ConnectionError) as error:
            raise LaneFailedError(
                f"{lane}: the connection to {self.host} broke; it is asked again later", lane=self.lane
            ) from error

    def _not_permitted(self) -> LaneError:
        if self._reach is Reach.LOOPBACK:
            return LaneNotPrivateError(
                f"Lane '{self.lane}': {self.host} leads to another machine, without encryption; use https://",
                lane=self.lane,
            )
        return LaneNotPrivateError(
            f"Lane '{self.lane}': {self.host} leads out of the home, and its trust is home; "
            "give it a private address, or set trust: cloud and consent to it",
            lane=self.lane,
        )

    def _redirected(self, response: aiohttp.ClientResponse) -> LaneRedirectedError:
        try:
            target = urlsplit(response.headers.get("Location", "")).hostname
        except ValueError:
            target = None
        where = one_line(target)[:100] if target else "another page"
        return LaneRedirectedError(
            f"Lane '{self.lane}' is sent on to {where}; speech follows no redirect: if that is right, make it the url",
            lane=self.lane,
        )

    def refusal(self, reply: Reply, names: Iterable[str] = ()) -> LaneError:
        """Return the error that stands for a reply's status; it quotes neither the key nor the home's `names`."""
        lane, status = f"Lane '{self.lane}'", reply.status
        known: dict[int, tuple[type[LaneError], str]] = {
            401: (LaneCredentialsError, "does not accept the key; set the right one as its key or in its key_file"),
            402: (LaneForbiddenError, "wants to be paid first; check the account's balance"),
            403: (LaneForbiddenError, "does not permit this to the key; check the account's rights, plan and region"),
            408: (LaneTimeoutError, "took too long; it is asked again later"),
            429: (LaneBusyError, "asks for patience; if it does so often, check the account's quota"),
            504: (LaneTimeoutError, "took too long; it is asked again later"),
        }
        kind, words = known.get(status) or (
            (LaneFailedError, "failed on its side; it is asked again later")
            if status >= 500
            else (LaneRefusedError, "refused the request; check its url, model and languages")
        )
        said = _explanation(reply, (self._secret, *names)) if kind is LaneRefusedError else ""
        quoted = f"; it says: {said}" if said else ""
        patience_s = patience(reply.retry_after, self._wall_clock()) if reply.retry_after else None
        return kind(f"{lane} {words} (status {status}{quoted})", lane=self.lane, retry_after_s=patience_s)

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()


def _kind(response: aiohttp.ClientResponse) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def patience(retry_after: str, now_s: float) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110, 10.2.3), or None; `now_s` is the wall clock."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:10]), LONGEST_PATIENCE_SECONDS)
    try:
        at_s = email.utils.parsedate_to_datetime(text).timestamp()
    except ValueError, OverflowError:
        return None
    return min(max(0.0, at_s - now_s), LONGEST_PATIENCE_SECONDS)


def multipart(fields: Iterable[tuple[str, str]], *, file: tuple[str, str, str, bytes]) -> tuple[str, bytes]:
    """Return a multipart body's content type and bytes (RFC 7578); the file is (field, name, type, content)."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode(errors="replace")
        for name, value in fields
    ]
    field, name, kind, content = file
    head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: {kind}'
    parts += [f"--{boundary}\r\n{head}\r\n\r\n".encode(), content, f"\r\n--{boundary}--\r\n".encode()]
    return f"multipart/form-data; boundary={boundary}", b"".join(parts)


def _explanation(reply: Reply, secrets_of_home: Iterable[str]) -> str:
    """Return the provider's own words about a refusal, in one short line; empty when they quote what they must not."""
    if not reply.kind.endswith("json"):
        return ""
    try:
        value = json.loads(reply.body)
    except ValueError, RecursionError:
        return ""
    for _ in range(3):  # {"error": {"message": …}}, {"detail": [{"msg": …}]} and their like
        if isinstance(value, list):
            value = value[0] if value else None
        if isinstance(value, dict):
            keys = ("message", "err_msg", "msg", "detail", "error", "Message", "title")
            value = next((value[key] for key in keys if value.get(key)), None)
    if not isinstance(value, str):
        return ""
    said = one_line(value)
    quoted = said.casefold()
    # Services quote keys in part ("sk-12…89"), and names in any case.
    guarded = [one[:6].casefold() for one in secrets_of_home if one]
    return "" if any(one in quoted for one in guarded) else said[:_SAID_CHARACTERS]


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
