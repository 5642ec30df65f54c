"""The action that installs the blueprints that come with the integration."""

from dataclasses import asdict
from pathlib import Path
from typing import Final

import probatio as vol
from homeassistant.const import SERVICE_RELOAD
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.service import async_register_admin_service

from .blueprint_files import Installed, install
from .const import DOMAIN

_NO_FIELDS: Final = vol.Schema({})


@callback
def async_setup_blueprint_services(hass: HomeAssistant) -> None:
    """Register the action: it needs no hub."""
    optional = SupportsResponse.OPTIONAL
    async_register_admin_service(hass, DOMAIN, "install_blueprints", _install, _NO_FIELDS, optional)


async def async_install_blueprints(hass: HomeAssistant) -> Installed:
    """Copy the blueprints, and have automations take up those that are new. Raises HomeAssistantError."""
    try:
        done = await hass.async_add_executor_job(install, Path(hass.config.path("blueprints")))
    except OSError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="blueprints_unwritable",
            translation_placeholders={"reason": error.strerror or type(error).__name__},
        ) from error
    for domain in {name.partition("/")[0] for name in (*done.installed, *done.updated)}:
        if hass.services.has_service(domain, SERVICE_RELOAD):
            await hass.services.async_call(domain, SERVICE_RELOAD, blocking=True)
    return done


async def _install(call: ServiceCall) -> ServiceResponse:
    """Install them and tell what became of each."""
    return asdict(await async_install_blueprints(call.hass))
