"""A way to the token for those who can read the server's log and have no shell: a code of six digits."""

import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import PairingRefusedError, TooManyRequestsError
from .control_limits import Allowance, Rate

_LOGGER = logging.getLogger(__name__)
CODE_SECONDS = 600
TRIES = 5
"""Wrong codes that end the right one."""
STARTS = Rate(most=20, seconds_each=30.0)
"""Codes that are made; each is a line in the log."""
GUESSES = Rate(most=20, seconds_each=300.0)
"""Wrong codes in all, so that somebody who keeps guessing needs years: at 288 a day, one in 3500 a day."""
_CODES = 1_000_000
AGAIN = "start pairing again, and read the new code in the server's log"


@dataclass(slots=True, kw_only=True)
class _Code:
    digits: str
    ends_s: float
    tries: int = TRIES


class Pairing:
    """One live code at most."""

    def __init__(self, *, fingerprint: str | None, clock: Callable[[], float], draw: Callable[[int], int]) -> None:
        """Show this certificate with each code; `draw` returns a secret number below another."""
        self._fingerprint, self._clock, self._draw = fingerprint, clock, draw
        self._live: _Code | None = None
        self._starts = Allowance(STARTS, clock)
        self._guesses = Allowance(GUESSES, clock)

    def start(self) -> int:
        """Write a new code to the log; it ends the one before. Return its seconds. Raises TooManyRequestsError."""
        self._refuse_guessers()
        if not self._starts.spend():
            raise TooManyRequestsError(
                "pairing was started too often; wait half a minute", retry_after_s=self._starts.wait_s()
            )
        digits = f"{self._draw(_CODES):06}"
        self._live = _Code(digits=digits, ends_s=self._clock() + CODE_SECONDS)
        certificate = f"; certificate {with_colons(self._fingerprint)}" if self._fingerprint else ""
        # A warning, so that it is seen at every level that owners choose.
        _LOGGER.warning("Pairing code %s %s, for ten minutes%s", digits[:3], digits[3:], certificate)
        return CODE_SECONDS

    def redeem(self, shown: str) -> None:
        """Use the code up. Raises PairingRefusedError for a wrong or dead one, TooManyRequestsError for a guesser."""
        live = self._live
        if live is None or self._clock() >= live.ends_s:
            self._live = None
            raise PairingRefusedError(f"no pairing is under way; {AGAIN}")
        self._refuse_guessers()
        if hmac.compare_digest("".join(shown.split()).encode(errors="replace"), live.digits.encode()):
            self._live = None
            _LOGGER.info("paired")
            return
        self._guesses.spend()
        live.tries -= 1
        if not live.tries:
            self._live = None
            _LOGGER.warning("the pairing code has ended: %s wrong ones were tried", TRIES)
            raise PairingRefusedError(f"the code is wrong and has ended; {AGAIN}")
        raise PairingRefusedError("the code is wrong; look at the newest one in the server's log")

    def _refuse_guessers(self) -> None:
        if (wait_s := self._guesses.wait_s()) > 0:
            raise TooManyRequestsError(
                "too many wrong pairing codes; wait, or use what `edge-voice token` prints", retry_after_s=wait_s
            )


def with_colons(fingerprint: str) -> str:
    """Return a fingerprint as people compare it, AB:CD and so on."""
    return ":".join(fingerprint[at : at + 2] for at in range(0, len(fingerprint), 2)).upper()
