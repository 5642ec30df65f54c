"""What went wrong with a lane over HTTP, as one of its errors: it names the lane and the cure, and quotes no secret."""

import contextlib
import email.utils
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from ..errors import (
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
from .cloud_lane import one_line
from .cloud_trust import Reach

LONGEST_PATIENCE_SECONDS = 86_400.0
_SAID_CHARACTERS = 160


class ForbiddenAddressError(OSError):
    """An address that a lane may not connect to. Never leaves this package: it becomes a LaneNotPrivateError."""

    def __init__(self) -> None:
        """Say the same for all addresses: aiohttp keeps an error's class only when all that failed agree."""
        super().__init__("the address is not permitted")


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


class Refusals:
    """The errors of one lane."""

    def __init__(self, lane: str, host: str, reach: Reach, *, secret: str, wall_clock: Callable[[], float]) -> None:
        """Speak for a lane; `secret` is what is never quoted."""
        self.lane, self.host = lane, host
        self._reach, self._secret, self._wall_clock = reach, secret, wall_clock

    def malformed(self, how: str) -> LaneMalformedError:
        """Return the error for an answer that is not the provider's protocol: "is too long"."""
        return LaneMalformedError(
            f"Lane '{self.lane}': the answer {how}; is its url {self.host} really of this provider?", lane=self.lane
        )

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Turn the network's failures into errors that name the lane and the cure."""
        lane = f"Lane '{self.lane}'"
        try:
            yield
        except aiohttp.ClientConnectorCertificateError as error:
            reason = getattr(error.certificate_error, "verify_message", "") or "it does not belong to this host"
            raise LaneCertificateError(
                f"{lane}: the certificate of {self.host} is not to be trusted: {one_line(reason)}; "
                "for a certificate made at home, ca_file must hold the authority that signed it",
                lane=self.lane,
            ) from error
        except aiohttp.ClientConnectorSSLError as error:
            raise LaneFailedError(
                f"{lane}: {self.host} does not speak TLS on this port; check its url", lane=self.lane
            ) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            if isinstance(getattr(error, "os_error", None), ForbiddenAddressError):
                raise self._not_permitted() from error
            raise LaneUnreachableError(
                f"{lane}: {self.host} cannot be reached; check its url and the network", lane=self.lane
            ) from error
        # These two hold the address, and in it what was asked with it: the home's names.
        except aiohttp.InvalidURL:
            raise LaneUnreachableError(f"{lane}: its url names no host that can be reached", lane=self.lane) from None
        except aiohttp.ClientResponseError:
            raise self.malformed("is not HTTP") from None
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
            f"Lane '{self.lane}': {self.host} leads out of the home; give it a private address, "
            "or, for a service elsewhere, an https:// url and trust: cloud",
            lane=self.lane,
        )

    def redirected(self, location: str) -> LaneRedirectedError:
        """Return the error for a redirect, with the host that it leads to."""
        try:
            target = urlsplit(location).hostname
        except ValueError:
            target = None
        where = one_line(target)[:100] if target else "another page"
        return LaneRedirectedError(
            f"Lane '{self.lane}' is sent on to {where}; speech follows no redirect: if that is right, make it the url",
            lane=self.lane,
        )

    def of_status(self, reply: Reply, names: Iterable[str] = ()) -> LaneError:
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
