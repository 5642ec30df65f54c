"""Actions with answers about models: look for new ones, install one, return to the one before."""

from typing import Final

import probatio as vol
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_admin_service

from .const import DOMAIN
from .entity import async_command
from .entity_bundle import ASR, KINDS
from .services import OF_A_HUB, entry_of

ATTR_LABEL: Final = "label"
ATTR_MODEL: Final = "model"

_OF_A_MODEL: Final = {**OF_A_HUB, vol.Optional(ATTR_MODEL, default=ASR): vol.In(KINDS)}
_CHECK = vol.Schema(OF_A_HUB)
_INSTALL = vol.Schema({**_OF_A_MODEL, vol.Optional(ATTR_LABEL): cv.string})
_ROLL_BACK = vol.Schema(_OF_A_MODEL)


@callback
def async_setup_bundle_services(hass: HomeAssistant) -> None:
    """Register the actions. As with Home Assistant's own updates, only administrators change what runs."""
    optional = SupportsResponse.OPTIONAL
    async_register_admin_service(hass, DOMAIN, "check_bundles", _check, _CHECK, optional)
    async_register_admin_service(hass, DOMAIN, "install_bundle", _install, _INSTALL, optional)
    async_register_admin_service(hass, DOMAIN, "roll_back_bundle", _roll_back, _ROLL_BACK, optional)


async def _check(call: ServiceCall) -> ServiceResponse:
    """Have the hub look at its repository now."""
    return await async_command(entry_of(call).runtime_data.client.check_bundles())


async def _install(call: ServiceCall) -> ServiceResponse:
    """Have the hub begin to install a bundle, the newest without a label."""
    client = entry_of(call).runtime_data.client
    return await async_command(client.install_bundle(call.data[ATTR_MODEL], call.data.get(ATTR_LABEL)))


async def _roll_back(call: ServiceCall) -> ServiceResponse:
    """Have the hub return to the bundle before."""
    return await async_command(entry_of(call).runtime_data.client.roll_back_bundle(call.data[ATTR_MODEL]))
