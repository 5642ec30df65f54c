"""What every request passes before anything of it is read: where it comes from, and whom it means.

Who it is, `control_visitors` asks.
"""

import ipaddress
import json
import logging
import socket
import traceback
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ..errors import AddressRefusedError, EdgeVoiceError, OriginRefusedError, TokenRefusedError
from ..pipeline.policy import HOME_NETWORKS, Network
from .control_errors import INTERNAL, code_of, status_of, told
from .control_limits import whole_seconds
from .control_visitors import VISITORS, Visitors, address_of

_LOGGER = logging.getLogger(__name__)
RECORDINGS = frozenset({"/api/v1/transcribe", "/v1/audio/transcriptions"})
BODY_BYTES, RECORDING_BYTES = 1 << 20, 32 << 20
HOST_SUFFIXES = ("", ".local", ".lan", ".internal", ".home.arpa")
"""What routers and zeroconf put behind this machine's name, and nobody on the internet can own."""
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "Edge Voice",
    "X-Content-Type-Options": "nosniff",
}


async def security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Tell browsers to make nothing of an answer but what it is; a page of ours may say more."""
    headers = response.headers
    headers["Server"] = SECURITY_HEADERS["Server"]
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    # Home Assistant shows its panels within a page of its own.
    ancestors, options = ("'self'", "SAMEORIGIN") if request.app[VISITORS].is_ingress(request) else ("'none'", "DENY")
    headers["Content-Security-Policy"] += f"; frame-ancestors {ancestors}"
    headers["X-Frame-Options"] = options


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every refusal as JSON."""
    try:
        return await handler(request)
    except EdgeVoiceError as error:
        return _refused(error)
    except web.HTTPException as error:
        return _refused_by_http(error)
    except web.RequestPayloadError:
        return _answer(400, code_of(400), "the body ended early or is not what its headers say; send it again")
    except ConnectionError:
        raise  # the client has gone
    except Exception as error:  # noqa: BLE001  # the last door: one request fails, the server goes on
        # Names and lines only: an exception's text may quote what was said or a secret.
        where = ", ".join(
            f"{one.filename.rpartition('/')[2]}:{one.lineno}" for one in traceback.extract_tb(error.__traceback__)[-4:]
        )
        _LOGGER.error("a request failed with %s (%s)", type(error).__name__, where)  # noqa: TRY400  # see above
        return _answer(500, INTERNAL, "the server failed; its log says where. Please report it")


def _refused(error: EdgeVoiceError) -> web.Response:
    status = status_of(error)
    headers = {}
    retry_after_s = getattr(error, "retry_after_s", None)
    if status in {429, 503} and retry_after_s is not None:
        headers["Retry-After"] = str(whole_seconds(retry_after_s))
    if isinstance(error, TokenRefusedError):
        headers["WWW-Authenticate"] = "Bearer"
    if status == 500:
        _LOGGER.error("a request failed with %s", error.code)
    return _answer(status, error.code, str(error) or error.code, headers)


def _refused_by_http(error: web.HTTPException) -> web.StreamResponse:
    if error.status < 400:
        return error
    headers = {name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers}
    return _answer(error.status, code_of(error.status), _SENTENCES.get(error.status) or error.reason, headers)


_SENTENCES = {
    404: "nothing is here; GET /api/v1/openapi.json lists what is",
    405: "this method is not for this path; the header Allow lists those that are",
    413: f"the body is too large: at most {BODY_BYTES >> 20} MiB, a recording {RECORDING_BYTES >> 20} MiB",
}


def _answer(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    body = json.dumps(told(code, message), ensure_ascii=False)
    return web.Response(status=status, text=body, content_type="application/json", headers=headers)


class Guards:
    """Lets in whom the contract lets in."""

    def __init__(
        self,
        *,
        visitors: Visitors,
        allow: Sequence[str],
        hosts: Iterable[str],
    ) -> None:
        """Let in the home's networks and those of `allow`; `hosts` are further names of this server."""
        self._visitors = visitors
        self._networks: tuple[Network, ...] = (*HOME_NETWORKS, *(ipaddress.ip_network(one) for one in allow))
        self._hosts = names_of_this_machine() | {_plain(one) for one in hosts}

    def middlewares(self) -> list[Middleware]:
        """Return what to put before the routes, the first outermost."""
        return [refusals, self.place, self._visitors.middleware, size]

    @web.middleware
    async def place(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse peers from outside, other names for this server, and other sites' pages."""
        address = address_of(request)
        if not address or not self._is_near(address):
            raise AddressRefusedError(
                f"{address} is outside the home's networks; start the server with --allow {address} to let it in"
            )
        named = request.headers.getall("Host", [])
        # By ingress, the browser's own name for Home Assistant comes along.
        by_ingress = self._visitors.is_ingress(request)
        if len(named) != 1 or not (by_ingress or self._is_here(named[0], request)):
            raise OriginRefusedError(
                "the name in the address is none of this server's; use its IP address, or add it to control.hosts"
            )
        origins = request.headers.getall("Origin", [])
        allowed = {named[0].lower(), *(request.headers.getall("X-Forwarded-Host", []) if by_ingress else ())}
        # Schemes may differ: a proxy that speaks TLS passes the page's own name on.
        if any(one.lower().partition("://")[2] not in allowed for one in origins):
            raise OriginRefusedError(
                "pages of other sites may not ask this server; open its own page, or use a program"
            )
        return await handler(request)

    def _is_near(self, address: str) -> bool:
        host = ipaddress.ip_address(address)
        return any(host in one for one in self._networks)

    def _is_here(self, named: str, request: web.Request) -> bool:
        """Tell whether a Host header means this server, so that no site's name can be pointed at it (DNS rebinding)."""
        host = _plain(named)
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return host in self._hosts
        # In a container the server does not know by which address the home reaches it: any of the home's will do.
        own = request.transport.get_extra_info("sockname") if request.transport else None
        return self._is_near(str(address)) or host in self._hosts or bool(own and str(address) == own[0])


def names_of_this_machine() -> frozenset[str]:
    """Return what this machine calls itself, in lower case."""
    name = socket.gethostname().lower().rstrip(".")
    short = name.partition(".")[0]
    return frozenset({"localhost", name, *(f"{short}{suffix}" for suffix in HOST_SUFFIXES)} - {""})


def _plain(named: str) -> str:
    """Return a host without its port, its brackets and a trailing dot; empty for what is none."""
    try:
        parts = urlsplit(f"//{named}")
    except ValueError:
        return ""
    if "@" in named or parts.path or parts.query or parts.fragment:
        return ""
    return (parts.hostname or "").rstrip(".")


@web.middleware
async def size(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a body that is too large: at once when it says so, else when it becomes so."""
    most = RECORDING_BYTES if request.path in RECORDINGS else BODY_BYTES
    if (request.content_length or 0) > most:
        raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=request.content_length or 0)
    return await handler(request.clone(client_max_size=most))
