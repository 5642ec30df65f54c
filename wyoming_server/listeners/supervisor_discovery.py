"""Tells Home Assistant's Supervisor, as an add-on does, where the server is and with which token."""

import asyncio
import importlib
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ..logs import conceal
from .control_door import ControlDoor

_LOGGER = logging.getLogger(__name__)
SUPERVISOR = "http://supervisor"
SERVICE = "edge_voice"
"""The integration's domain, which the add-on's own configuration must list under `discovery`."""
LOOK_SECONDS = 5.0
"""How soon a new token is told."""
LONGEST_WAIT_SECONDS = 60.0
ANSWER_SECONDS = 10.0
GOODBYE_SECONDS = 3.0

type Config = dict[str, Any]


def supervisor_config(health: Mapping[str, Any], door: ControlDoor | None, *, host: str) -> Config | None:
    """Return what the integration needs to connect; None while there is nothing that it could reach.

    `host` is the add-on's name in the Supervisor's network.
    """
    if door is None or door.is_loopback or not door.token:
        return None
    return {
        "host": host,
        "port": door.port,
        "token": door.token,
        "fingerprint": door.fingerprint,
        "wyoming_port": health["wyoming_port"],
        "id": health["id"],
    }


@asynccontextmanager
async def supervised(
    token: str, config: Callable[[], Config | None], *, url: str = SUPERVISOR, look_seconds: float = LOOK_SECONDS
) -> AsyncGenerator[None]:
    """Keep the Supervisor told until the block ends; without its token (SUPERVISOR_TOKEN) there is none to tell."""
    if not token:
        yield
        return
    conceal(token)
    telling = asyncio.create_task(_tell(token, config, url, look_seconds), name="supervisor")
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


async def _tell(token: str, config: Callable[[], Config | None], url: str, look_seconds: float) -> None:
    aiohttp = await asyncio.to_thread(importlib.import_module, "aiohttp")
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(url, headers=headers, timeout=timeout) as session:
        message = _Message(session, (aiohttp.ClientError, OSError, TimeoutError, ValueError, LookupError, TypeError))
        try:
            wait_s = look_seconds
            while True:
                told = await message.look(config())
                wait_s = look_seconds if told else min(2 * wait_s, max(look_seconds, LONGEST_WAIT_SECONDS))
                await asyncio.sleep(wait_s)
        finally:
            await message.withdraw()


class _Message:
    """The one that the Supervisor keeps."""

    def __init__(self, session: Any, failures: tuple[type[Exception], ...]) -> None:
        self._session, self._failures = session, failures
        self._config: Config | None = None
        self._uuid = ""
        self._complained = False

    async def look(self, config: Config | None) -> bool:
        """Tell what is new; False when that failed."""
        if config is None or config == self._config:
            return True
        try:
            await self._post(config)
        except self._failures as error:
            reason = getattr(error, "status", None) or type(error).__name__
            if not self._complained:
                _LOGGER.warning("the Supervisor did not take the server's address (%s); it is tried again", reason)
            self._complained = True
            return False
        self._config, self._complained = config, False
        _LOGGER.info("the Supervisor was told the server's address")
        return True

    async def _post(self, config: Config) -> None:
        message = {"service": SERVICE, "config": config}
        async with self._session.post("/discovery", json=message, raise_for_status=True) as answer:
            self._uuid = str((await answer.json())["data"]["uuid"])

    async def withdraw(self) -> None:
        """Take it back, so that nobody is led to a server that has gone."""
        if not self._uuid:
            return
        try:
            async with (
                asyncio.timeout(GOODBYE_SECONDS),
                self._session.delete(f"/discovery/{self._uuid}", raise_for_status=True),
            ):
                pass
        except self._failures as error:
            _LOGGER.debug("the Supervisor did not hear the goodbye (%s)", type(error).__name__)
