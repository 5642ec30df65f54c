"""Browsers that were let in: each has shown the token once and holds a random cookie since."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .control_access import Access

SESSION_SECONDS = 30 * 24 * 3600
MOST_SESSIONS = 64
"""Browsers that are remembered; one more forgets the one that was quiet longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    token: str
    """With which it began."""
    ends_s: float


class Sessions:
    """Held in memory alone: a restart asks for the token again, and a copy of the data folder opens nothing."""

    def __init__(self, access: Access, clock: Callable[[], float]) -> None:
        """Know nobody yet; whoever comes shows the token of `access`."""
        self._access, self._clock = access, clock
        self._open: OrderedDict[str, _Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def begin(self) -> str:
        """Return a new session's secret, for whoever has just shown the token."""
        secret = secrets.token_urlsafe(32)
        self._open[secret] = _Session(token=self._access.token, ends_s=self._clock() + SESSION_SECONDS)
        if len(self._open) > MOST_SESSIONS:
            self._open.popitem(last=False)
        return secret

    async def admits(self, secret: str) -> bool:
        """Tell whether a session goes on, as the token's file is at this moment."""
        await self._access.refresh()
        known = self._open.get(secret)
        if known is None:
            return False
        if not self._goes_on(known):
            del self._open[secret]
            return False
        self._open.move_to_end(secret)
        return True

    def end(self, secret: str) -> None:
        """Forget a session."""
        self._open.pop(secret, None)

    def overdue(self) -> Sequence[str]:
        """Forget the sessions that have ended by themselves, and return them."""
        ended = [secret for secret, known in self._open.items() if not self._goes_on(known)]
        for secret in ended:
            del self._open[secret]
        return ended

    def _goes_on(self, known: _Session) -> bool:
        return bool(known.token) and known.token == self._access.token and self._clock() < known.ends_s
