"""Whether an Edge Voice server answers at an address, and if not, what does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.const import CONF_HOST, CONF_PORT, CONF_TOKEN
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .client import EdgeVoiceClient, is_loopback
from .const import CONF_FINGERPRINT, CONF_WYOMING_PORT
from .errors import CannotConnectError, EdgeVoiceError, NotEdgeVoiceError, RefusedError, SlowServerError
from .protocol import Health
from .wyoming_client import WyomingTarget, speaks_wyoming

_ORIGIN_REFUSED: Final = "origin-refused"


class WyomingServerError(NotEdgeVoiceError):
    """A Wyoming server answers: another one, or ours at its port for speech."""

    key = "wyoming_server"


class NameRefusedError(NotEdgeVoiceError):
    """The server is asked by a name that it does not know as its own, as a web page that poses as it would ask."""

    key = "name_refused"


class NoWyomingPortError(EdgeVoiceError):
    """The server has no port for speech."""

    key = "no_wyoming_port"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A server that has answered, and how it is reached."""

    host: str
    port: int
    fingerprint: str | None
    """Of the certificate that it showed; None for plain HTTP on this machine."""
    health: Health
    wyoming_port: int

    @property
    def data(self) -> dict[str, Any]:
        """What a config entry keeps of it."""
        return {
            CONF_HOST: self.host,
            CONF_PORT: self.port,
            CONF_FINGERPRINT: self.fingerprint,
            CONF_WYOMING_PORT: self.wyoming_port,
        }

    def client(self, hass: HomeAssistant, token: str | None = None) -> EdgeVoiceClient:
        """Return a client that trusts the certificate that was seen, and no other."""
        return client_for(hass, {**self.data, CONF_TOKEN: token})


async def async_find(hass: HomeAssistant, host: str, port: int) -> Found:
    """Look who answers at an address. Raises EdgeVoiceError."""
    try:
        fingerprint, health = await _async_look(hass, host, port)
    except RefusedError as error:
        if error.code == _ORIGIN_REFUSED:
            raise NameRefusedError(host=host, port=str(port)) from error
        raise
    except (CannotConnectError, NotEdgeVoiceError, SlowServerError) as error:
        if await speaks_wyoming(WyomingTarget(host=host, port=port)):
            raise WyomingServerError(host=host, port=str(port)) from error
        raise
    if health.wyoming_port is None:
        raise NoWyomingPortError(host=host, port=str(port))
    return Found(host=host, port=port, fingerprint=fingerprint, health=health, wyoming_port=health.wyoming_port)


async def async_check_token(hass: HomeAssistant, data: Mapping[str, Any]) -> None:
    """Check that an entry's data opens the server. Raises EdgeVoiceError."""
    await client_for(hass, data).status()


@callback
def client_for(hass: HomeAssistant, data: Mapping[str, Any]) -> EdgeVoiceClient:
    """Return a client for what an entry keeps of a server."""
    return EdgeVoiceClient(
        async_get_clientsession(hass),
        host=data[CONF_HOST],
        port=data[CONF_PORT],
        token=data[CONF_TOKEN],
        fingerprint=data.get(CONF_FINGERPRINT),
    )


async def _async_look(hass: HomeAssistant, host: str, port: int) -> tuple[str | None, Health]:
    """Return the certificate and what the server says of itself, over plain HTTP only on this machine."""
    place = {CONF_HOST: host, CONF_PORT: port, CONF_TOKEN: None}
    plain = client_for(hass, place)
    if is_loopback(host):
        try:
            return None, await plain.health()
        except CannotConnectError, NotEdgeVoiceError:
            # It may listen to the whole network, and then it speaks TLS here, too.
            if (fingerprint := await plain.seen_fingerprint()) is None:
                raise
    elif (fingerprint := await plain.seen_fingerprint()) is None:
        raise NotEdgeVoiceError(host=host, port=str(port))
    return fingerprint, await client_for(hass, {**place, CONF_FINGERPRINT: fingerprint}).health()
