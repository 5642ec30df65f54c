"""Tells the network where the server is, by zeroconf. Loads that only where there is somebody to tell."""

import asyncio
import contextlib
import functools
import importlib
import ipaddress
import logging
import socket
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from .control_door import ControlDoor
from .control_settings import ControlSettings, is_any, is_loopback

_LOGGER = logging.getLogger(__name__)
SERVICE_TYPE = "_edge-voice._tcp.local."
LOOK_SECONDS = 10.0
"""How often it is asked what is true now: the languages of a new model, an address from DHCP."""
GOODBYE_SECONDS = 3.0
INNER_NETWORKS = ("br-", "cni", "docker", "flannel", "hassio", "podman", "veth", "virbr")
"""Interfaces of containers and virtual machines: their addresses mean nothing to anybody outside."""
_LABEL_BYTES = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What is told."""

    id: str
    name: str
    """What people see; another number follows it where the network has one of that name."""
    port: int
    """Where an answer can be had: the control API's, or Wyoming's while that is the only one to be reached."""
    hosts: tuple[str, ...]
    """What is listened on."""
    properties: Mapping[str, str] = field(default_factory=dict)


def announcement_of(
    settings: ControlSettings,
    health: Mapping[str, Any],
    *,
    uris: Sequence[str],
    door: ControlDoor | None,
    machine: str,
) -> Announcement | None:
    """Return what to tell; None where it is off, or where nobody outside this machine could come.

    `uris` are Wyoming's addresses as bound, `machine` is this machine's name.
    """
    wyoming = {host: port for host, port in map(_reachable, uris) if host}
    control = "off" if door is None else "loopback" if door.is_loopback else "lan"
    if not settings.announce or not (wyoming or control == "lan"):
        return None
    hosts = (door.host,) if door is not None and control == "lan" else tuple(wyoming)
    port = door.port if door is not None and control == "lan" else next(iter(wyoming.values()))
    properties = {
        "id": health["id"],
        "version": health["version"],
        "api": str(health["api"]["version"]),
        "languages": _fitting(health["languages"]),
        "control": control,
        "tls": "1" if door is not None and door.fingerprint else "0",
        **({"control_port": str(door.port)} if door is not None else {}),
        **({"wyoming_port": str(next(iter(wyoming.values())))} if wyoming else {}),
    }
    # Many machines are called `homeassistant`, and who asks whether a name is free does not always hear the answer:
    # beside Avahi, which holds the same port.
    name = _label(f"{health['name']} ({machine.partition('.')[0][:32] or 'hub'} {health['id'][:4]})")
    return Announcement(id=health["id"], name=name, port=port, hosts=hosts, properties=properties)


def _reachable(uri: str) -> tuple[str, int]:
    """Return host and port of a TCP address that others can reach; an empty host for every other."""
    parts = urlsplit(uri)
    if parts.scheme != "tcp" or not parts.hostname or is_loopback(parts.hostname):
        return "", 0
    return parts.hostname, parts.port or 0


def _fitting(languages: Sequence[str]) -> str:
    """Return languages in the 255 bytes that a property may have; a model of 99 languages has too many to name."""
    told = ",".join(languages)
    return told if len(told) < 240 else told[:240].rpartition(",")[0]


def _label(name: str) -> str:
    """Return a name in the 63 bytes that zeroconf allows, without its separator."""
    return name.replace(".", " ").encode()[:_LABEL_BYTES].decode(errors="ignore")


def addresses_of(hosts: Sequence[str]) -> tuple[str, ...]:
    """Return the addresses at which others reach what listens on hosts, the way to the internet first; blocks."""
    psutil = importlib.import_module("psutil")
    up = {name for name, state in psutil.net_if_stats().items() if state.isup and not name.startswith(INNER_NETWORKS)}
    found = [
        ipaddress.ip_address(one.address.partition("%")[0])
        for name, all_of in psutil.net_if_addrs().items()
        for one in all_of
        if name in up and one.family in {socket.AF_INET, socket.AF_INET6}
    ]
    made: list[str] = []
    for host in hosts:
        if is_any(host):
            version = ipaddress.ip_address(host).version
            here = (one for one in found if one.version == version and not one.is_loopback)
            # Link-local IPv6 needs an interface's name, which no two machines share.
            made += [str(one) for one in here if version == 4 or not one.is_link_local]
        else:
            made += _resolved(host)
    outward = {_outward(socket.AF_INET, "192.0.2.1"), _outward(socket.AF_INET6, "2001:db8::1")}
    return tuple(sorted(dict.fromkeys(made), key=lambda one: one not in outward))


def _resolved(host: str) -> list[str]:
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except OSError, UnicodeError:
        return []


def _outward(family: socket.AddressFamily, example: str) -> str:
    """Return this machine's address on the way to an address of documentation; nothing is sent."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect((example, 9))
        return str(probe.getsockname()[0])
    return ""


class Voice(Protocol):
    """What speaks to the network."""

    async def say(self, announcement: Announcement, addresses: Sequence[str]) -> None:
        """Announce, or change what was announced. Raises OSError and what its library raises."""

    async def aclose(self) -> None:
        """Say goodbye."""


@asynccontextmanager
async def announced(
    facts: Callable[[], Announcement | None],
    *,
    voice: Callable[[], Voice] | None = None,
    look_seconds: float = LOOK_SECONDS,
) -> AsyncGenerator[None]:
    """Tell the network what is true, again whenever it changes, until the block ends; no failure of it comes out."""
    if facts() is None:  # nothing that is asked for here changes while the server runs
        yield
        return
    telling = asyncio.create_task(_tell(facts, voice, look_seconds), name="zeroconf")
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


async def _tell(
    facts: Callable[[], Announcement | None], voice: Callable[[], Voice] | None, look_seconds: float
) -> None:
    make = voice or (await asyncio.to_thread(importlib.import_module, ".zeroconf_voice", __package__)).ZeroconfVoice
    teller = _Teller(make)
    try:
        while True:
            await teller.look(facts())
            await asyncio.sleep(look_seconds)
    finally:
        await teller.aclose()


class _Teller:
    """Keeps what the network was told and what is true the same."""

    def __init__(self, make: Callable[[], Voice]) -> None:
        self._make = make
        self._voice: Voice | None = None
        self._told: tuple[Announcement, tuple[str, ...]] | None = None
        self._complained = False

    async def look(self, announcement: Announcement | None) -> None:
        """Tell what is new; a failure is logged once, and all is tried again at the next look."""
        try:
            await self._look(announcement)
        except Exception as error:  # noqa: BLE001  # whatever the network or its library does, speech is answered
            _LOGGER.log(
                logging.DEBUG if self._complained else logging.WARNING,
                "the server cannot be announced by zeroconf (%s); it is tried again",
                type(error).__name__,
            )
            self._complained = True
            await self.aclose()

    async def _look(self, announcement: Announcement | None) -> None:
        hosts = announcement.hosts if announcement else ()
        addresses = await asyncio.to_thread(functools.partial(addresses_of, hosts)) if hosts else ()
        true = (announcement, addresses) if announcement and addresses else None
        if true == self._told:
            return
        if true is None or (self._told is not None and self._told[1] != addresses):
            await self.aclose()  # sockets belong to addresses
        if true is not None:
            self._voice = self._voice or self._make()
            await self._voice.say(*true)
            _LOGGER.log(logging.DEBUG if self._told else logging.INFO, "announced by zeroconf as %s", true[0].name)
            self._complained = False
        self._told = true

    async def aclose(self) -> None:
        """Say goodbye, if anything was said."""
        voice, self._voice, self._told = self._voice, None, None
        if voice is None:
            return
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                await voice.aclose()
        except Exception as error:  # noqa: BLE001  # a network that has gone hears no goodbye
            _LOGGER.debug("no goodbye by zeroconf (%s)", type(error).__name__)
