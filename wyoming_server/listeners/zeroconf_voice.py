"""Announces by zeroconf."""

from collections.abc import Sequence

from zeroconf import InterfaceChoice, IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from .discovery import SERVICE_TYPE, Announcement


class ZeroconfVoice:
    """One service on the network."""

    def __init__(self, interfaces: Sequence[str] | InterfaceChoice = InterfaceChoice.All) -> None:
        """Open nothing yet."""
        self._interfaces = interfaces
        self._zeroconf: AsyncZeroconf | None = None
        self._info: AsyncServiceInfo | None = None

    async def say(self, announcement: Announcement, addresses: Sequence[str]) -> None:
        """Announce, or change what was announced. Raises OSError, zeroconf.Error."""
        if self._zeroconf is None:
            has_v6 = any(":" in one for one in addresses)
            version = IPVersion.All if has_v6 and self._interfaces is InterfaceChoice.All else IPVersion.V4Only
            self._zeroconf = AsyncZeroconf(interfaces=self._interfaces, ip_version=version)
        if self._info is None:
            self._info = _info(announcement, addresses, f"{announcement.name}.{SERVICE_TYPE}")
            # The name that is taken already gets a number behind it, and is then the info's.
            broadcast = await self._zeroconf.async_register_service(self._info, allow_name_change=True)
        else:
            self._info = _info(announcement, addresses, self._info.name)
            broadcast = await self._zeroconf.async_update_service(self._info)
        await broadcast

    async def aclose(self) -> None:
        """Say goodbye and close."""
        if self._zeroconf is not None:
            await self._zeroconf.async_close()
            self._zeroconf = self._info = None


def _info(announcement: Announcement, addresses: Sequence[str], name: str) -> AsyncServiceInfo:
    return AsyncServiceInfo(
        SERVICE_TYPE,
        name,
        port=announcement.port,
        properties=dict(announcement.properties),
        # A host name of our own: the goodbye for this machine's would make others forget its other services.
        server=f"edge-voice-{announcement.id[:12]}.local.",
        parsed_addresses=list(addresses),
    )
