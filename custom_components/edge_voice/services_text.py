"""The action that does typed text, where a microphone cannot be used or nobody wants to speak."""

from typing import Final

import probatio as vol
from homeassistant.components.assist_satellite import DOMAIN as SATELLITE_DOMAIN
from homeassistant.components.assist_satellite.const import AssistSatelliteEntityFeature
from homeassistant.const import ATTR_ENTITY_ID, ATTR_SUPPORTED_FEATURES
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv

from .const import DOMAIN
from .services import ATTR_LANGUAGE, ATTR_SATELLITE, ATTR_TEXT, OF_A_HUB, entry_of
from .typed_text import async_run_text, speech_of

ATTR_ANNOUNCE: Final = "announce"
LONGEST: Final = 1000
"""Characters."""

_RUN_TEXT = vol.Schema(
    {
        **OF_A_HUB,
        vol.Required(ATTR_TEXT): vol.All(cv.string, str.strip, vol.Length(min=1, max=LONGEST)),
        vol.Optional(ATTR_SATELLITE): cv.entity_id,
        vol.Optional(ATTR_LANGUAGE): cv.string,
        vol.Optional(ATTR_ANNOUNCE, default=False): cv.boolean,
    }
)


@callback
def async_setup_text_services(hass: HomeAssistant) -> None:
    """Register the action."""
    hass.services.async_register(DOMAIN, "run_text", _run_text, _RUN_TEXT, SupportsResponse.OPTIONAL)


async def _run_text(call: ServiceCall) -> ServiceResponse:
    """Have a text done as if it had been said; return what is answered, and speak it where that is wanted."""
    satellite, speaks = call.data.get(ATTR_SATELLITE), call.data[ATTR_ANNOUNCE]
    _check(call.hass, satellite, speaks=speaks)
    result = await async_run_text(
        call.hass,
        entry_of(call),
        call.data[ATTR_TEXT],
        language=call.data.get(ATTR_LANGUAGE),
        satellite_id=satellite,
        context=call.context,
    )
    speech = speech_of(result)
    if speaks and speech:
        await call.hass.services.async_call(
            SATELLITE_DOMAIN, "announce", {ATTR_ENTITY_ID: satellite, "message": speech}, context=call.context
        )
    response = result.response
    return {
        "speech": speech,
        "response_type": response.response_type.value,
        "error": response.error_code.value if response.error_code else None,
        "conversation_id": result.conversation_id,
    }


def _check(hass: HomeAssistant, satellite: str | None, *, speaks: bool) -> None:
    """Raise ServiceValidationError for a satellite that there is not, or that cannot speak."""
    state = hass.states.get(satellite) if satellite else None
    if satellite is not None and (state is None or state.domain != SATELLITE_DOMAIN):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="unknown_satellite",
            translation_placeholders={ATTR_SATELLITE: satellite},
        )
    features = state.attributes.get(ATTR_SUPPORTED_FEATURES, 0) if state else 0
    if speaks and not features & AssistSatelliteEntityFeature.ANNOUNCE:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="announce_needs_satellite")
