"""What was said, and what became of it, as lines of the logbook."""

from collections.abc import Callable

from homeassistant.components.logbook import LOGBOOK_ENTRY_ENTITY_ID, LOGBOOK_ENTRY_MESSAGE, LOGBOOK_ENTRY_NAME
from homeassistant.core import Event, HomeAssistant, callback

from .const import DOMAIN, EVENT_TRANSCRIPT
from .entity import satellite_name

_ROUTES = {"edge": "heard by the hub", "cloud": "heard with the cloud", "client": "heard with the cloud"}


@callback
def async_describe_events(
    hass: HomeAssistant, async_describe_event: Callable[[str, str, Callable[[Event], dict[str, str]]], None]
) -> None:
    """Describe the event that carries a turn's text, which is there only while the owner keeps transcripts."""

    @callback
    def describe(event: Event) -> dict[str, str]:
        said, satellite, route = (event.data.get(key) for key in ("text", "satellite", "route"))
        line = f"“{said}”" if said else "nothing understandable"
        if route in _ROUTES:
            line += f", {_ROUTES[route]}"
        described = {
            LOGBOOK_ENTRY_NAME: satellite_name(hass, satellite) if satellite else "Edge Voice",
            LOGBOOK_ENTRY_MESSAGE: line,
        }
        if satellite and satellite.startswith("assist_satellite."):
            described[LOGBOOK_ENTRY_ENTITY_ID] = satellite
        return described

    async_describe_event(DOMAIN, EVENT_TRANSCRIPT, describe)
