"""How often something may be asked, in memory that stays small whoever asks."""

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_PEERS = 1024
"""Addresses that are remembered; a flood from more forgets the one that was quiet longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many at once, and one more each so many seconds."""

    most: int
    seconds_each: float


class Allowance:
    """What is left of a rate."""

    def __init__(self, rate: Rate, clock: Callable[[], float]) -> None:
        """Begin full."""
        self._rate, self._clock = rate, clock
        self._left, self._at = float(rate.most), clock()

    def wait_s(self) -> float:
        """Return how long until one may be spent; 0 for now."""
        now = self._clock()
        self._left = min(self._rate.most, self._left + (now - self._at) / self._rate.seconds_each)
        self._at = now
        return max(0.0, (1.0 - self._left) * self._rate.seconds_each)

    def spend(self) -> bool:
        """Take one; False when there is none."""
        if self.wait_s() > 0:
            return False
        self._left -= 1.0
        return True


class PerPeer:
    """An allowance for each address."""

    def __init__(self, rate: Rate, clock: Callable[[], float]) -> None:
        """Know nobody yet."""
        self._rate, self._clock = rate, clock
        self._peers: OrderedDict[str, Allowance] = OrderedDict()

    def __len__(self) -> int:
        return len(self._peers)

    def of(self, address: str) -> Allowance:
        """Return an address's allowance; a home's IPv6 network counts as one, since a device there has many."""
        name = _network(address)
        if (known := self._peers.get(name)) is None:
            known = self._peers[name] = Allowance(self._rate, self._clock)
        self._peers.move_to_end(name)
        if len(self._peers) > MOST_PEERS:
            self._peers.popitem(last=False)
        return known


def _network(address: str) -> str:
    try:
        host = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(host) if host.version == 4 else str(ipaddress.ip_network((int(host), 64), strict=False))


def whole_seconds(seconds: float) -> int:
    """Return seconds as `Retry-After` writes them: whole, and never too few."""
    return max(1, math.ceil(seconds))
