"""A phone with a field for an answer, for a satellite whose microphone cannot be used."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.components.notify.const import DOMAIN as NOTIFY_DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback, split_entity_id
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import slugify

from .answers import phrases
from .complaints import Complaints
from .entry_options import CONF_TEXT_PHONE
from .errands import Errands
from .exchanges import Place
from .typed_text import async_run_text, speech_of

EVENT_ACTION: Final = "mobile_app_notification_action"
"""On Home Assistant's bus, when somebody touches a button of a notification; `reply_text` holds what was typed."""
PHONES: Final = "mobile_app_"
"""What the services of Home Assistant's own app begin with; only they have a field for an answer."""
OPEN_SECONDS: Final = 600.0
"""What is typed later is no answer to that any more."""
_MOST_OPEN: Final = 16
_LONGEST: Final = 1000
"""Characters of an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """A notification that may be answered."""

    place: Place
    language: str
    at_s: float


class TextPhone:
    """Asks on the phone that the owner chose, and has the answers done; without such a phone it does nothing."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        errands: Errands,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Listen from `async_start` on."""
        self._hass, self._entry, self._errands, self._clock = hass, entry, errands, clock
        self._open: OrderedDict[str, _Asked] = OrderedDict()
        """By the action's id, which only that phone was told."""
        self._complaints = Complaints()

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Listen for answers; return what ends it."""
        return self._hass.bus.async_listen(EVENT_ACTION, self._take)

    @callback
    def ask(self, place: Place, language: str) -> None:
        """Ask for what was to be said at a place."""
        if not self._entry.options.get(CONF_TEXT_PHONE):
            return
        action = f"EDGE_VOICE_TEXT_{secrets.token_hex(8)}"
        self._open[action] = _Asked(place=place, language=language, at_s=self._clock())
        while len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)
        said = phrases(language)
        reply = {
            "action": action,
            "title": said.notify_reply,
            "behavior": "textInput",
            "textInputButtonTitle": said.notify_reply,
            # What is typed may unlock a door: not on a phone that is locked.
            "authenticationRequired": True,
        }
        text = said.notify_text.format(satellite=self._name(place))
        self._errands.start(self._notify(place, said.notify_title, text, [reply]), "edge_voice typed text")

    @callback
    def _take(self, event: Event[Any]) -> None:
        """Do what was typed, once."""
        asked = self._open.get(str(event.data.get("action")))
        text = str(event.data.get("reply_text") or "").strip()[:_LONGEST]
        if asked is None or not text:
            return
        del self._open[event.data["action"]]
        said = phrases(asked.language)
        if self._clock() - asked.at_s > OPEN_SECONDS:
            done = self._notify(asked.place, said.notify_title, said.expired, [])
        else:
            done = self._do(text, asked, event)
        self._errands.start(done, "edge_voice typed text")

    async def _do(self, text: str, asked: _Asked, event: Event[Any]) -> None:
        place = asked.place
        result = await async_run_text(
            self._hass,
            self._entry,
            text,
            language=asked.language,
            satellite_id=place.satellite_id,
            device_id=place.device_id,
            context=event.context,
        )
        if answer := speech_of(result):
            await self._notify(place, phrases(asked.language).notify_title, answer, [])

    async def _notify(self, place: Place, title: str, text: str, actions: list[dict[str, Any]]) -> None:
        """Show a notification in place of the last one about a satellite."""
        phone = str(self._entry.options.get(CONF_TEXT_PHONE))
        data = {"tag": f"edge_voice_{slugify(place.satellite_id or 'home')}", "actions": actions}
        try:
            await self._hass.services.async_call(
                NOTIFY_DOMAIN, phone, {"title": title, "message": text, "data": data}, blocking=True
            )
        except HomeAssistantError as error:
            self._complaints.about("phone", "The phone notify.%s was not told: %s", phone, type(error).__name__)

    def _name(self, place: Place) -> str:
        state = self._hass.states.get(place.satellite_id) if place.satellite_id else None
        if state is not None:
            return state.name
        return split_entity_id(place.satellite_id)[1] if place.satellite_id else self._entry.title


@callback
def phones(hass: HomeAssistant) -> list[str]:
    """Return the services of phones that can be asked, by name."""
    return sorted(one for one in hass.services.async_services_for_domain(NOTIFY_DOMAIN) if one.startswith(PHONES))
