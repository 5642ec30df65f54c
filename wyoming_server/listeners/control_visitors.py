"""Who asks: a program with the token, a browser with its cookie, or Home Assistant's ingress for a user of its own."""

import ipaddress
import logging
from collections.abc import Callable
from urllib.parse import unquote

from aiohttp import web
from aiohttp.typedefs import Handler

from ..errors import OriginRefusedError, TokenInUrlError, TokenRefusedError, TooManyRequestsError
from .control_access import SHORTEST_TOKEN, Access
from .control_limits import PerPeer, Rate
from .control_sessions import Sessions

_LOGGER = logging.getLogger(__name__)
OPEN_PATHS = frozenset({"/", "/health", "/session", "/api/v1/pair/start", "/api/v1/pair"})
"""What anybody of the home may ask: what is behind the page's own doors asks for more."""
PAGE = "/page/"
"""What the status page is made of: nothing of the home."""
WRONG_TOKENS = Rate(most=20, seconds_each=3.0)
"""From one address; a client with an old token asks again and again, and its owner's log should stay readable."""
SUPERVISOR = "172.30.32.2"
"""Home Assistant's Supervisor, in every installation that has one."""
REMOTE_USER = "X-Remote-User-Id"
"""The Supervisor takes it out of what a browser sends, and puts in whom it has checked."""
TOKEN_NAMES = frozenset({"token", "access_token", "auth", "authorization", "api_key", "apikey", "key", "bearer"})
SAFE_METHODS = frozenset({"GET", "HEAD"})
_IN_URL = "a token in an address is refused: it stays in logs and histories. Send it as Authorization: Bearer …"
_MISSING = "the token is missing or wrong (Authorization: Bearer …): pair, or take what `edge-voice token` prints"


def address_of(request: web.BaseRequest) -> str:
    """Return the peer's IP address, IPv4 in its own form, as Wyoming's port names the same peer."""
    try:
        host = ipaddress.ip_address((request.remote or "").partition("%")[0])
    except ValueError:
        return ""  # it has gone again
    mapped = host.ipv4_mapped if isinstance(host, ipaddress.IPv6Address) else None
    return str(mapped or host)


class Visitors:
    """Tells whoever may ask from all others."""

    def __init__(
        self,
        *,
        access: Access,
        sessions: Sessions,
        admit: Callable[[str], None],
        cookie: str,
        supervisor: str,
        clock: Callable[[], float],
    ) -> None:
        """Let in who shows the token, and tell `admit` where that was; `supervisor` is its address, empty for none."""
        self._access, self._sessions, self._admit = access, sessions, admit
        self.cookie, self.supervisor = cookie, supervisor
        self._wrong = PerPeer(WRONG_TOKENS, clock)
        self.panel_users: frozenset[str] = frozenset()
        """Users of Home Assistant who need no token by ingress: any user can begin such a session, and the Supervisor
        says who asks, not whether that is an administrator. Home Assistant does, by the API."""

    def is_ingress(self, request: web.Request) -> bool:
        """Tell whether the Supervisor asks for a user whom it has checked."""
        return bool(self.supervisor and "X-Ingress-Path" in request.headers and address_of(request) == self.supervisor)

    def opens_by_ingress(self, request: web.Request) -> bool:
        """Tell whether it asks for one who may come in so."""
        return self.is_ingress(request) and request.headers.get(REMOTE_USER, "") in self.panel_users

    def owner_of(self, request: web.Request) -> str:
        """Return the session, or the user of Home Assistant, by whom a request was let in; empty for none."""
        if "Authorization" in request.headers:
            return ""
        if self.opens_by_ingress(request):
            return by_ingress(request.headers[REMOTE_USER])
        return request.cookies.get(self.cookie, "")

    async def by_cookie(self, request: web.Request) -> str:
        """Return the session that a browser's cookie opens; empty without one."""
        secret = request.cookies.get(self.cookie, "")
        return secret if secret and await self._sessions.admits(secret) else ""

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in, or refuse. Raises TokenRefusedError, TokenInUrlError, OriginRefusedError, TooManyRequestsError."""
        if any(name.lower() in TOKEN_NAMES for name in request.query):
            raise TokenInUrlError(_IN_URL)
        if await self._is_let_in(request):
            self._refuse_token_in(request, is_guess=False)
        else:
            is_open = request.path in OPEN_PATHS or request.path.startswith(PAGE)
            self._refuse_token_in(request, is_guess=True)
            if not is_open:
                raise TokenRefusedError(_MISSING)
        return await handler(request)

    async def _is_let_in(self, request: web.Request) -> bool:
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and await self._access.admits(shown.strip()):
            self._refuse_token_in(request, is_guess=False)
            self._admit(address_of(request))
            return True
        # Neither of these admits its address to Wyoming: a browser asks no lanes, and the Supervisor asks for many.
        if not shown and self.opens_by_ingress(request):
            return True
        if not shown and await self.by_cookie(request):
            _refuse_other_pages(request)
            return True
        if shown and request.path not in OPEN_PATHS:
            self.count_wrong_token(request)
        return False

    async def shows_token(self, request: web.Request, shown: str) -> bool:
        """Tell whether a text is the token. Raises TooManyRequestsError for a guesser."""
        if await self._access.admits(shown.strip()):
            return True
        self.count_wrong_token(request)
        return False

    def count_wrong_token(self, request: web.Request) -> None:
        """Slow down an address that guesses. Raises TooManyRequestsError."""
        address = address_of(request)
        self._spend(address)
        _LOGGER.warning("a wrong token from %s was refused", address)

    def _spend(self, address: str) -> None:
        wrong = self._wrong.of(address)
        if not wrong.spend():
            raise TooManyRequestsError("too many wrong tokens from this address; wait", retry_after_s=wrong.wait_s())

    def _refuse_token_in(self, request: web.Request, *, is_guess: bool) -> None:
        """Refuse an address that holds the token; that a stranger's does not is an answer, too, so it counts."""
        told = unquote(request.raw_path)
        if is_guess:
            if all(len(part) < SHORTEST_TOKEN for part in told.replace("=", "/").replace("&", "/").split("/")):
                return
            self._spend(address_of(request))
        token = self._access.token
        if token and token in told:
            raise TokenInUrlError(f"{_IN_URL}; and make a new one with `edge-voice token --rotate`")


def by_ingress(user: str) -> str:
    """Return what stands for a user of Home Assistant where sessions do; no session has a space in it."""
    return f"user {user}"


def _refuse_other_pages(request: web.Request) -> None:
    """Refuse what another page makes a browser ask with its cookie. Raises OriginRefusedError."""
    # A page of another port counts as the same site, so SameSite lets its requests carry the cookie. Its Origin, where
    # one is sent, was compared with Host before.
    site = request.headers.get("Sec-Fetch-Site", "")
    from_here = "Origin" in request.headers or site == "same-origin"
    changes = request.method not in SAFE_METHODS or "Upgrade" in request.headers
    if (changes and not from_here) or site not in {"", "none", "same-origin"}:
        raise OriginRefusedError("only the server's own page may ask this with its cookie; programs send the token")


VISITORS = web.AppKey("VISITORS", Visitors)
"""Where the application keeps them."""
