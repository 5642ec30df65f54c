"""Where the control API listens, and how it is found. Cheap to import: a server without it loads nothing more."""

import ipaddress
from dataclasses import dataclass, field

from ..pipeline.checked import Checked, ranged

OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSettings(Checked):
    """The control API: what Home Assistant and the status page talk to."""

    address: str = "127.0.0.1:10380"
    """HOST:PORT, or off. Beyond loopback it speaks TLS with a certificate of its own, which clients pin."""
    announce: bool = True
    """Whether zeroconf tells Home Assistant where the server is; never when all of it listens on loopback alone."""
    hosts: tuple[str, ...] = ()
    """Further names by which clients call this server, such as a reverse proxy's."""
    keep_transcripts: bool = False
    """Whether turns that are told of carry their texts."""
    supervisor_token: str = field(default="", repr=False)
    """Of Home Assistant's Supervisor, which tells Home Assistant of an add-on; the add-on's start fills it in."""
    ingress_port: int = ranged(8099, at_least=0, at_most=65_535)
    """Where the Supervisor asks for Home Assistant's panel, in plain HTTP as it does; 0 for nowhere."""

    @property
    def listens(self) -> bool:
        """Whether there is a control API at all."""
        return self.address != OFF


def parts_of(address: str) -> tuple[str, int]:
    """Return host and port of HOST:PORT, an IPv6 address without its brackets. Raises ValueError."""
    host, _, port = address.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not bare or (":" in bare) != host.startswith("[") or not port.isascii() or not port.isdecimal():
        raise ValueError(f"control.address is {address!r}: allowed is HOST:PORT, such as 0.0.0.0:10380, or off")
    if int(port) > 65_535:
        raise ValueError(f"control.address is {address!r}: a port is 65535 at most")
    return bare, int(port)


def check_address(address: str) -> None:
    """Raise ValueError for what is neither HOST:PORT nor off."""
    if address != OFF:
        parts_of(address)


def is_loopback(host: str) -> bool:
    """Tell whether only programs of this machine can reach what listens on a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"  # any other name may mean any address


def is_any(host: str) -> bool:
    """Tell whether a host means every address of this machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def written(host: str, port: int) -> str:
    """Return host and port as they stand in an address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
