"""Actions about the past: figures, ledger, months, lineage; and what an owner decides about drift and baselines."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import probatio as vol
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_admin_service
from homeassistant.util import dt as dt_util

from .client import EdgeVoiceClient
from .const import DOMAIN
from .entity import async_command
from .services import ATTR_LANGUAGE, ATTR_LIMIT, ATTR_SECONDS, OF_A_HUB, entry_of

ATTR_BEFORE: Final = "before"
ATTR_CONSENT: Final = "consent"
ATTR_DAYS: Final = "days"
ATTR_HOURS: Final = "hours"
ATTR_MONEY: Final = "money"
ATTR_MONTH: Final = "month"

_LIMIT: Final = vol.All(vol.Coerce(int), vol.Range(1, 500))
_HOUR_S: Final = 3600

_NOTHING_MORE = vol.Schema(OF_A_HUB)
_FIGURES = vol.Schema({**OF_A_HUB, vol.Optional(ATTR_DAYS, default=7): vol.All(vol.Coerce(int), vol.Range(1, 30))})
_HISTORY = vol.Schema({**OF_A_HUB, vol.Optional(ATTR_HOURS, default=24): vol.All(vol.Coerce(int), vol.Range(1, 9600))})
_INCIDENTS = vol.Schema({**OF_A_HUB, vol.Optional(ATTR_LIMIT, default=50): _LIMIT})
_LEDGER = vol.Schema(
    {
        **OF_A_HUB,
        vol.Optional(ATTR_LIMIT, default=50): _LIMIT,
        vol.Optional(ATTR_BEFORE): vol.All(vol.Coerce(int), vol.Range(min=1)),
    }
)
_SCORECARD = vol.Schema(
    {**OF_A_HUB, vol.Optional(ATTR_MONTH): vol.All(cv.string, vol.Match(r"^\d{4}-(0[1-9]|1[0-2])$"))}
)
_ACCEPT_DRIFT = vol.Schema({**OF_A_HUB, vol.Optional(ATTR_LANGUAGE): cv.string})
_START_BASELINE = vol.Schema(
    {
        **OF_A_HUB,
        vol.Required(ATTR_CONSENT): cv.boolean,
        vol.Optional(ATTR_DAYS, default=7): vol.All(vol.Coerce(int), vol.Range(1, 31)),
        vol.Optional(ATTR_SECONDS, default=_HOUR_S): vol.All(vol.Coerce(float), vol.Range(1, 24 * _HOUR_S)),
        vol.Optional(ATTR_MONEY, default=2): vol.All(vol.Coerce(float), vol.Range(0, 10_000)),
    }
)

type _Ask = Callable[[EdgeVoiceClient, dict[str, Any]], Awaitable[ServiceResponse]]
"""Asks a hub with an action's data."""

_READERS: Final[dict[str, tuple[vol.Schema, _Ask]]] = {
    "get_drift": (_NOTHING_MORE, lambda client, _: client.past.drift()),
    "get_figures": (_FIGURES, lambda client, data: client.past.figures(data[ATTR_DAYS])),
    "get_history": (_HISTORY, lambda client, data: client.past.history(data[ATTR_HOURS])),
    "get_incidents": (_INCIDENTS, lambda client, data: client.past.incidents(data[ATTR_LIMIT])),
    "get_kept": (_NOTHING_MORE, lambda client, _: client.past.kept()),
    "get_ledger": (_LEDGER, lambda client, data: client.ledger(data[ATTR_LIMIT], data.get(ATTR_BEFORE))),
    "get_lineage": (_NOTHING_MORE, lambda client, _: client.past.lineage()),
    "get_scorecard": (_SCORECARD, lambda client, data: client.past.scorecard(data.get(ATTR_MONTH))),
}
"""What anybody of the home may ask for: figures, and no word of what was said."""


@callback
def async_setup_past_services(hass: HomeAssistant) -> None:
    """Register the actions; only administrators decide what is good enough, and what leaves the home."""
    for name, (schema, ask) in _READERS.items():
        hass.services.async_register(DOMAIN, name, _reader(ask), schema, SupportsResponse.ONLY)
    optional = SupportsResponse.OPTIONAL
    async_register_admin_service(hass, DOMAIN, "accept_drift", _accept_drift, _ACCEPT_DRIFT, optional)
    async_register_admin_service(hass, DOMAIN, "start_baseline", _start_baseline, _START_BASELINE, optional)
    async_register_admin_service(hass, DOMAIN, "stop_baseline", _stop_baseline, _NOTHING_MORE, optional)


def _reader(ask: _Ask) -> Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]:
    async def read(call: ServiceCall) -> ServiceResponse:
        """Return what the hub tells."""
        return await async_command(ask(entry_of(call).runtime_data.client, call.data))

    return read


async def _accept_drift(call: ServiceCall) -> ServiceResponse:
    """Take what is as the measure of later turns."""
    client = entry_of(call).runtime_data.client
    return await async_command(client.past.accept_drift(call.data.get(ATTR_LANGUAGE)))


async def _start_baseline(call: ServiceCall) -> ServiceResponse:
    """Have services answer everything for a while; whoever calls this has agreed today."""
    if not call.data[ATTR_CONSENT]:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="baseline_not_agreed")
    limits = {key: call.data[key] for key in (ATTR_DAYS, ATTR_SECONDS, ATTR_MONEY)}
    client = entry_of(call).runtime_data.client
    return await async_command(client.past.begin_baseline(dt_util.now().date().isoformat(), **limits))


async def _stop_baseline(call: ServiceCall) -> ServiceResponse:
    """Answer as before again."""
    return await async_command(entry_of(call).runtime_data.client.past.end_baseline())
