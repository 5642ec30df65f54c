"""Opens the control API; loads what it is made of only for those who have it on."""

import asyncio
import importlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..errors import DiskError
from .control_settings import ControlSettings, is_any, is_loopback, written
from .control_surface import Surface

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlDoor:
    """A control API that listens."""

    host: str
    """As the settings say it."""
    port: int
    """As bound."""
    fingerprint: str | None
    """SHA-256 of its certificate, as 64 hex digits; None for plain HTTP."""
    show_token: Callable[[], str]

    @property
    def token(self) -> str:
        """The token that counts now."""
        return self.show_token()

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of this machine can reach it."""
        return is_loopback(self.host)

    @property
    def url(self) -> str:
        """Its address."""
        return self._at(self.host)

    @property
    def local_url(self) -> str:
        """Its address for programs of this machine."""
        return self._at("127.0.0.1" if is_any(self.host) else self.host)

    def _at(self, host: str) -> str:
        return f"{'https' if self.fingerprint else 'http'}://{written(host, self.port)}"


@asynccontextmanager
async def open_control(
    settings: ControlSettings,
    surface: Surface,
    *,
    data_dir: Path,
    allow: Sequence[str],
    clock: Callable[[], float],
    wall: Callable[[], datetime],
) -> AsyncGenerator[ControlDoor | None]:
    """Serve the control API until the block ends; None where it is off.

    None, too, on a disk that holds no token and takes none: the home's voice goes on without what only steers it.
    Raises PortBusyError, InvalidSettingsError.
    """
    if not settings.listens:
        yield None
        return
    # 23 MB and 0.3 s, in a thread: turns are answered meanwhile.
    port = await asyncio.to_thread(importlib.import_module, ".control_port", __package__)
    opened = port.control_port(settings, surface, data_dir=data_dir, allow=allow, clock=clock, wall=wall)
    async with AsyncExitStack() as stack:
        door: ControlDoor | None = None
        try:
            door = await stack.enter_async_context(opened)
        except DiskError as error:
            _LOGGER.error("the control API stays closed: %s", error)  # noqa: TRY400  # the sentence says it all
        yield door
