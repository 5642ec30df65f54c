"""Actions about requests that wait: look at them, have services asked now, repeat one, drop one."""

from dataclasses import asdict
from typing import Any, Final

import probatio as vol
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv

from .const import DOMAIN
from .entity import async_command
from .protocol_queue import WaitingRequest, WaitingRequests
from .queue_events import request_attributes
from .services import ATTR_TEXT, OF_A_HUB, entry_of

ATTR_REQUEST_ID: Final = "request_id"
_MOST_LETTERS: Final = 1_000
"""What the server takes."""
_OF_THE_HUB = vol.Schema(OF_A_HUB)
_DROP = vol.Schema({**OF_A_HUB, vol.Required(ATTR_REQUEST_ID): cv.string})
_REPEAT = vol.Schema(
    {
        **OF_A_HUB,
        vol.Required(ATTR_REQUEST_ID): cv.string,
        vol.Optional(ATTR_TEXT): vol.All(cv.string, vol.Length(1, _MOST_LETTERS)),
    }
)


@callback
def async_setup_queue_services(hass: HomeAssistant) -> None:
    """Register the actions; what was said at home may be looked at by whoever is at home there."""
    only, optional = SupportsResponse.ONLY, SupportsResponse.OPTIONAL
    hass.services.async_register(DOMAIN, "get_requests", _get_requests, _OF_THE_HUB, only)
    hass.services.async_register(DOMAIN, "flush_requests", _flush_requests, _OF_THE_HUB, optional)
    hass.services.async_register(DOMAIN, "repeat_request", _repeat_request, _REPEAT, optional)
    hass.services.async_register(DOMAIN, "drop_request", _drop_request, _DROP, optional)


async def _get_requests(call: ServiceCall) -> ServiceResponse:
    """Return every request with what was said, the oldest first, and what may wait for how long."""
    return _listed(await async_command(entry_of(call).runtime_data.client.queue.all()))


async def _flush_requests(call: ServiceCall) -> ServiceResponse:
    """Have the services asked now, however long they were to be left alone."""
    return _listed(await async_command(entry_of(call).runtime_data.client.queue.flush()))


async def _repeat_request(call: ServiceCall) -> ServiceResponse:
    """Have a request done that was not, or may not have been, with a better text where one is given."""
    queue = entry_of(call).runtime_data.client.queue
    return _told(await async_command(queue.repeat(call.data[ATTR_REQUEST_ID], call.data.get(ATTR_TEXT))))


async def _drop_request(call: ServiceCall) -> ServiceResponse:
    """Let a request go."""
    queue = entry_of(call).runtime_data.client.queue
    return {"dropped": await async_command(queue.drop(call.data[ATTR_REQUEST_ID]))}


def _listed(waiting: WaitingRequests) -> dict[str, Any]:
    return asdict(waiting) | {"hours": dict(waiting.hours), "requests": [_told(one) for one in waiting.requests]}


def _told(request: WaitingRequest) -> dict[str, Any]:
    return request_attributes(request) | {"heard": request.heard, "text": request.text}
