"""Where a lane's speech may go, and the key that it shows there."""

import enum
import ipaddress
from collections.abc import Iterable
from pathlib import Path

from ..errors import InvalidSettingsError
from ..logs import conceal
from ..pipeline.lanes import LaneSettings
from ..pipeline.policy import HOME_NETWORKS, Trust


class Reach(enum.Enum):
    """Which addresses a lane may connect to."""

    ANYWHERE = "anywhere"
    HOME = "an address of the home"
    LOOPBACK = "this machine"

    def permits(self, address: str) -> bool:
        """Tell whether a resolved address lies within it."""
        found = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        match self:
            case Reach.ANYWHERE:
                return True
            case Reach.HOME:
                return any(found in network for network in HOME_NETWORKS)
            case Reach.LOOPBACK:
                return found.is_loopback

    def filtered(self, addresses: Iterable[str]) -> list[str]:
        """Return the addresses that it permits."""
        return [one for one in addresses if self.permits(one)]


def reach_of(settings: LaneSettings, host: str, *, encrypted: bool) -> Reach:
    """Return where a lane may connect. Raises InvalidSettingsError for speech that would travel in the open."""
    if settings.trust_class is Trust.HUB:
        return Reach.LOOPBACK
    if settings.trust_class is Trust.HOME:
        return Reach.HOME
    if encrypted:
        return Reach.ANYWHERE
    if is_loopback(host):
        return Reach.LOOPBACK
    if settings.provider == "home_assistant":
        # It is asked over the home's network, mostly without TLS; what leaves the home from there is its affair, and
        # the owner's consent is asked for all the same.
        return Reach.HOME
    raise InvalidSettingsError(
        f"Lane '{settings.name}': speech and keys for {host} would travel in the open; use an https:// address, "
        "or trust: home for a server of your own on the home's network"
    )


def is_loopback(host: str) -> bool:
    """Tell whether a host names this machine by itself, whatever a resolver says."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


def read_key(settings: LaneSettings) -> str:
    """Return a lane's key, stripped; empty when it has none. Reads `key_file`: call it before anything is served.

    Raises InvalidSettingsError, which names the file and never the key.
    """
    conceal(settings.key)
    if settings.key.strip() or not settings.key_file:
        return settings.key.strip()
    try:
        key = Path(settings.key_file).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InvalidSettingsError(
            f"Lane '{settings.name}': the key file '{settings.key_file}' cannot be read: {reason}"
        ) from None  # a decoding error quotes the bytes
    conceal(key)
    if not key:
        raise InvalidSettingsError(f"Lane '{settings.name}': the key file '{settings.key_file}' is empty")
    return key


def header_key(settings: LaneSettings) -> str:
    """Return a key that can stand in a header. Raises InvalidSettingsError."""
    key = read_key(settings)
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise InvalidSettingsError(
            f"Lane '{settings.name}': the key holds a space, a line break or a letter that no key has; copy it again"
        )
    return key
