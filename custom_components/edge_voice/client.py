"""The hub's control API over HTTP and WebSocket. Whatever goes wrong is raised as one of errors.py."""

import asyncio
import contextlib
import ipaddress
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from yarl import URL

from .client_past import PastClient
from .client_queue import QueueClient
from .decoding import decode
from .errors import (
    CannotConnectError,
    CertificateChangedError,
    EdgeVoiceError,
    MalformedAnswerError,
    NotEdgeVoiceError,
    RefusedError,
    SlowServerError,
    TokenRefusedError,
)
from .protocol import Event, Health, Hello, Json, Policy, Satellite, Status, Turn, check_version, parse_event
from .wyoming_client import WyomingTarget, speaks_wyoming

CONNECT_SECONDS: Final = 5.0
REQUEST_SECONDS: Final = 10.0
LONG_REQUEST_SECONDS: Final = 40.0
"""For what waits for a model, a speech service or a repository."""
HELLO_SECONDS: Final = 10.0
SILENCE_SECONDS: Final = 45.0
"""The hub pings every 20 s. One that is silent for so long is gone, though the connection has not noticed."""
MOST_ANSWER_BYTES: Final = 8 * 1024 * 1024
_API: Final = "/api/v1"
_BUNDLES: Final = f"{_API}/bundles"
_NO_FINGERPRINT: Final = bytes(32)
_TRANSLATIONS: Final[tuple[tuple[type[Exception], type[EdgeVoiceError]], ...]] = (
    (aiohttp.ServerFingerprintMismatch, CertificateChangedError),
    (aiohttp.ConnectionTimeoutError, CannotConnectError),
    (TimeoutError, SlowServerError),
    (aiohttp.ClientSSLError, NotEdgeVoiceError),  # plain HTTP, or Wyoming, where TLS is spoken
    (aiohttp.ClientResponseError, NotEdgeVoiceError),  # no HTTP at all
    (aiohttp.InvalidURL, NotEdgeVoiceError),
    (aiohttp.ClientError, CannotConnectError),
    (OSError, CannotConnectError),
    (Exception, MalformedAnswerError),
)
"""The one mapping of what the libraries raise; the first that fits holds."""


class EdgeVoiceClient:
    """One hub. With a fingerprint it speaks TLS to that certificate only; without, plain HTTP to this machine."""

    def __init__(
        self, session: aiohttp.ClientSession, *, host: str, port: int, token: str | None, fingerprint: str | None
    ) -> None:
        self._session = session
        self._host = host
        self._port = port
        self._token = token
        self._tls: aiohttp.Fingerprint | bool = True
        if fingerprint is not None:
            self._tls = aiohttp.Fingerprint(bytes.fromhex(fingerprint))
        self._scheme = "https" if fingerprint is not None or not is_loopback(host) else "http"
        self.past = PastClient(self._request, long_seconds=LONG_REQUEST_SECONDS)
        self.queue = QueueClient(self._request, long_seconds=LONG_REQUEST_SECONDS)
        """What it tells of earlier turns."""

    # Open to all.

    async def health(self) -> Health:
        """Return what the hub tells everybody. Raises ServerTooOldError, ServerTooNewError, NotEdgeVoiceError.

        A hub that does not know itself by this name raises RefusedError.
        """
        try:
            answer = await self._request("GET", "/health", open_to_all=True, even_if=(503,))
            health = decode(Health, answer, "health")
        except MalformedAnswerError as error:
            raise NotEdgeVoiceError(str(error), **self._place) from error
        except (CannotConnectError, SlowServerError) as error:
            if await speaks_wyoming(WyomingTarget(host=self._host, port=self._port)):
                raise NotEdgeVoiceError("a Wyoming port", **self._place) from error
            raise
        check_version(health.api_version, health.api_min_version, health.version)
        return health

    async def seen_fingerprint(self) -> str | None:
        """Return the SHA-256 of the certificate that the hub shows, None when it speaks plain HTTP. Trusts nobody."""
        url = URL.build(scheme="https", host=self._host, port=self._port, path="/health")
        try:
            async with self._session.get(url, ssl=aiohttp.Fingerprint(_NO_FINGERPRINT), timeout=_timeout()):
                raise NotEdgeVoiceError(**self._place)  # no certificate has that fingerprint
        except aiohttp.ServerFingerprintMismatch as mismatch:
            return mismatch.got.hex()
        except aiohttp.ClientSSLError:
            return None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise self._translated(error) from error

    async def start_pairing(self) -> Json:
        """Have the hub write a code to its log; return `expires_in_seconds` and `fingerprint`."""
        return await self._request("POST", f"{_API}/pair/start", {}, open_to_all=True)

    async def pair(self, code: str) -> str:
        """Return the token for a code. Raises RefusedError `pairing-refused`."""
        answer = await self._request("POST", f"{_API}/pair", {"code": code}, open_to_all=True)
        token = answer.get("token")
        if not isinstance(token, str):
            raise MalformedAnswerError("the pairing has no token")
        return token

    # What the owner sees and steers.

    async def status(self) -> Status:
        """Return everything."""
        return decode(Status, await self._request("GET", f"{_API}/status"), "status")

    async def change_policy(self, **changes: object) -> Policy:
        """Change some of the owner's choices and return all."""
        return decode(Policy, await self._request("PUT", f"{_API}/policy", changes), "policy")

    async def reset_policy(self) -> Policy:
        """Return to the choices of the hub's settings file."""
        return decode(Policy, await self._request("DELETE", f"{_API}/policy"), "policy")

    async def lanes(self) -> Json:
        """Return `lanes` and `providers`."""
        return await self._request("GET", f"{_API}/lanes")

    async def change_lanes(self, lanes: Sequence[Mapping[str, Any]]) -> Json:
        """Replace the ordered list; return what `lanes` does."""
        return await self._request("PUT", f"{_API}/lanes", {"lanes": list(lanes)})

    async def test_lane(self, lane: Mapping[str, Any]) -> Json:
        """Send a packaged recording to a lane; return `text`, `took_ms` and `matches`. Raises RefusedError."""
        return await self._request("POST", f"{_API}/lanes/test", lane, seconds=LONG_REQUEST_SECONDS)

    # Bundles. Each of these returns what the status has of them, with all `offers` and `installed`.

    async def trust_repository(self, url: str, root: Mapping[str, Any]) -> Json:
        """Let bundles come from a repository whose root.json this is. Raises RefusedError, `root-refused` for one."""
        told = {"url": url, "root": root}
        return await self._request("PUT", f"{_BUNDLES}/repository", told, seconds=LONG_REQUEST_SECONDS)

    async def distrust_repository(self) -> Json:
        """Let bundles come from nowhere; what is installed goes on serving."""
        return await self._request("DELETE", f"{_BUNDLES}/repository")

    async def check_bundles(self) -> Json:
        """Have the hub look at its repository now. Raises RefusedError with the code of what is not believed."""
        return await self._request("POST", f"{_BUNDLES}/check", {}, seconds=LONG_REQUEST_SECONDS)

    async def install_bundle(self, kind: str, label: str | None = None) -> Json:
        """Begin to install a bundle, the newest that is offered without a label. Raises RefusedError."""
        told = {"kind": kind} if label is None else {"kind": kind, "label": label}
        return await self._request("POST", f"{_BUNDLES}/install", told, seconds=LONG_REQUEST_SECONDS)

    async def roll_back_bundle(self, kind: str) -> Json:
        """Return to the bundle before. Raises RefusedError, `nothing-to-roll-back` for one."""
        return await self._request("POST", f"{_BUNDLES}/rollback", {"kind": kind}, seconds=LONG_REQUEST_SECONDS)

    # What Home Assistant tells.

    async def change_vocabulary(
        self,
        *,
        names: Sequence[str],
        areas: Sequence[str],
        floors: Sequence[str],
        terms: Sequence[str],
        country: str | None = None,
        critical: Sequence[str] | None = None,
    ) -> Json:
        """Tell the home's names, and its country by its ISO 3166 code; return how many of each were taken.

        `critical` names those that matter, and whole sentences that do; None for a hub that does not know of it.
        """
        told: Json = {"names": list(names), "areas": list(areas), "floors": list(floors), "terms": list(terms)}
        if country is not None:
            told["country"] = country
        if critical is not None:
            told["critical"] = list(critical)
        return await self._request("PUT", f"{_API}/vocabulary", told)

    async def open_panel(self, users: Sequence[str]) -> None:
        """Tell which users may come in by an add-on's panel. Raises RefusedError where a hub of before knows none."""
        await self._request("PUT", f"{_API}/panel", {"users": list(users)})

    async def turns(self, limit: int = 50) -> tuple[Turn, ...]:
        """Return the last turns, the newest first."""
        answer = await self._request("GET", f"{_API}/turns", query={"limit": str(limit)})
        return tuple(decode(Turn, one, "turn") for one in _list(answer, "turns"))

    async def tell_outcome(self, turn_id: str, result: str, intent: str | None = None) -> bool:
        """Tell what the conversation made of a text; return whether it counted."""
        told = {"result": result} if intent is None else {"result": result, "intent": intent}
        return _counted(await self._request("POST", f"{_turn(turn_id)}/outcome", told))

    async def tell_correction(self, turn_id: str, text: str) -> Json:
        """Tell what was really said; return `counted` and `was_right`."""
        return await self._request("POST", f"{_turn(turn_id)}/correction", {"text": text})

    async def begin_upload(self, turn_id: str, lane: str, seconds: float) -> int:
        """Have the ledger's row written before a client lane is asked. Raises RefusedError, `cap-reached` for one."""
        answer = await self._request("POST", f"{_turn(turn_id)}/escalation", {"lane": lane, "seconds": seconds})
        upload = answer.get("upload")
        if type(upload) is not int:
            raise MalformedAnswerError("the escalation has no upload")
        return upload

    async def end_upload(
        self, turn_id: str, upload: int, *, ending: str, took_ms: float, text: str | None = None
    ) -> bool:
        """Tell how a client lane's answer ended; return whether it counted."""
        told: Json = {"ending": ending, "took_ms": took_ms}
        if text is not None:
            told["text"] = text
        return _counted(await self._request("PUT", f"{_turn(turn_id)}/escalation/{upload}", told))

    # Satellites, ledger, recordings.

    async def change_satellite(self, satellite_id: str, **changes: object) -> Satellite:
        """Change some of a satellite's settings and return it."""
        return decode(Satellite, await self._request("PUT", _satellite(satellite_id), changes), "satellite")

    async def forget_satellite(self, satellite_id: str) -> None:
        """Forget a satellite's settings and evidence."""
        await self._request("DELETE", _satellite(satellite_id))

    async def ledger(self, limit: int = 100, before: int | None = None) -> Json:
        """Return `rows`, the newest first, those before a number; and the sums of `today` and `this_month`."""
        query = {"limit": str(limit)} if before is None else {"limit": str(limit), "before": str(before)}
        return await self._request("GET", f"{_API}/ledger", query=query)

    async def write_ledger(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Write down uploads made while the hub was away; return how many."""
        answer = await self._request("POST", f"{_API}/ledger", {"rows": list(rows)})
        written = answer.get("written")
        return written if type(written) is int else 0

    async def transcribe(self, wav: bytes, language: str | None = None, lane: str = "auto") -> Json:
        """Return a recording's turn with its `text`."""
        query = {"lane": lane} if language is None else {"lane": lane, "language": language}
        return await self._request("POST", f"{_API}/transcribe", wav, query=query, seconds=LONG_REQUEST_SECONDS)

    async def purge(self, what: Sequence[str], satellite: str | None = None) -> Json:
        """Erase, of one satellite or altogether; return how many rows of each were, and are left."""
        told: Json = {"what": list(what)} if satellite is None else {"what": list(what), "satellite": satellite}
        return await self._request("POST", f"{_API}/purge", told, seconds=LONG_REQUEST_SECONDS)

    async def events(self) -> AsyncGenerator[Event]:
        """Yield hello, a status, and what happens from then on. Ends when the hub closes; raises when it breaks."""
        try:
            async with self._session.ws_connect(
                self._url(f"{_API}/events"),
                headers=self._login,
                ssl=self._tls,
                max_msg_size=MOST_ANSWER_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_receive=SILENCE_SECONDS, ws_close=1.0),
            ) as socket:
                async with asyncio.timeout(HELLO_SECONDS):
                    hello = await _next_event(socket)
                if not isinstance(hello, Hello):
                    raise MalformedAnswerError("the hub did not say hello first")
                check_version(hello.version, hello.min_version, hello.server_version)
                yield hello
                while True:
                    if (event := await _next_event(socket)) is not None:
                        yield event
        except _ClosedError:
            return
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise self._translated(error) from error

    # How.

    @property
    def _place(self) -> dict[str, str]:
        return {"host": self._host, "port": str(self._port)}

    @property
    def _login(self) -> dict[str, str]:
        return {} if self._token is None else {"Authorization": f"Bearer {self._token}"}

    def _url(self, path: str) -> URL:
        return URL.build(scheme=self._scheme, host=self._host, port=self._port).join(URL(path, encoded=True))

    async def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        query: Mapping[str, str] | None = None,
        seconds: float | None = None,
        open_to_all: bool = False,
        even_if: Sequence[int] = (),
    ) -> Json:
        """Return the JSON object that answers. What is open to all is asked without the token: it may be a stranger."""
        headers = {} if open_to_all else self._login
        if isinstance(body, bytes):
            headers["Content-Type"] = "audio/wav"
        try:
            async with self._session.request(
                method,
                self._url(path),
                params=query,
                data=body if isinstance(body, bytes) else None,
                json=body if not isinstance(body, bytes) else None,
                headers=headers,
                ssl=self._tls,
                allow_redirects=False,
                timeout=_timeout(seconds),
            ) as response:
                return await self._answer(response, even_if)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise self._translated(error) from error

    async def _answer(self, response: aiohttp.ClientResponse, even_if: Sequence[int]) -> Json:
        """Return the body of a success. Raises RefusedError with what the hub says otherwise."""
        body = await _body(response)
        if response.status == 204 and not body:
            return {}
        with contextlib.suppress(ValueError, RecursionError):
            answer = json.loads(body)
            if isinstance(answer, dict):
                if response.status < 300 or (response.status in even_if and "code" not in answer):
                    return answer
                if isinstance(code := answer.get("code"), str):
                    raise self._refusal(code, str(answer.get("message", "")), response.status)
        if response.status >= 500:
            raise CannotConnectError(f"status {response.status}", **self._place)  # of a proxy whose hub is away
        if response.status < 300:
            raise MalformedAnswerError("the answer is no JSON object")
        raise NotEdgeVoiceError(f"status {response.status}", **self._place)

    def _refusal(self, code: str, message: str, status: int) -> EdgeVoiceError:
        if code == "token-refused":
            return TokenRefusedError(message, **self._place)
        return RefusedError(code, message, status)

    def _translated(self, error: Exception) -> EdgeVoiceError:
        """Return one of our errors for whatever aiohttp, the sockets or JSON have raised."""
        if isinstance(error, aiohttp.WSServerHandshakeError):
            return self._refused_handshake(error.status)
        kind = next(ours for theirs, ours in _TRANSLATIONS if isinstance(error, theirs))
        return kind(type(error).__name__, **self._place)

    def _refused_handshake(self, status: int) -> EdgeVoiceError:
        """Return what a refused WebSocket means; its answer's body is out of reach."""
        said = f"status {status}"
        if status == 403:
            return RefusedError("address-refused", "the hub does not let this address in", status)
        if status == 401:
            return TokenRefusedError(said, **self._place)
        if status == 429 or status >= 500:
            return CannotConnectError(said, **self._place)
        return NotEdgeVoiceError(said, **self._place)


class _ClosedError(Exception):
    """The hub has closed the events."""


async def _next_event(socket: aiohttp.ClientWebSocketResponse) -> Event | None:
    """Return the next event, None for one that is not known here."""
    message = await socket.receive()
    if message.type is aiohttp.WSMsgType.TEXT:
        try:
            return parse_event(json.loads(message.data))
        except (ValueError, RecursionError) as error:
            raise MalformedAnswerError("an event is no JSON") from error
    if message.type is aiohttp.WSMsgType.ERROR:
        raise MalformedAnswerError("a frame is broken") from message.data
    if message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED}:
        raise _ClosedError
    raise MalformedAnswerError("an event is not text")


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Return a body of bounded size."""
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > MOST_ANSWER_BYTES:
            raise MalformedAnswerError("the answer does not end")
    return bytes(body)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _timeout(seconds: float | None = None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds or REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)


def _turn(turn_id: str) -> str:
    return f"{_API}/turns/{quote(turn_id, safe='')}"


def _satellite(satellite_id: str) -> str:
    return f"{_API}/satellites/{quote(satellite_id, safe='')}"


def _counted(answer: Json) -> bool:
    return answer.get("counted") is True


def _list(answer: Json, key: str) -> list[Any]:
    found = answer.get(key)
    if not isinstance(found, list):
        raise MalformedAnswerError(f"the answer has no {key}")
    return found
