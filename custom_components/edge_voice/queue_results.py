"""Tells people what became of what they said while no speech service could be reached, as the owner chose."""

from collections.abc import Sequence
from typing import Any, Final

from homeassistant.components import persistent_notification
from homeassistant.components.assist_satellite import DOMAIN as SATELLITE_DOMAIN
from homeassistant.components.assist_satellite import AssistSatelliteEntityFeature
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_ENTITY_ID, ATTR_SUPPORTED_FEATURES, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError

from .const import DOMAIN, LOGGER
from .entry_options import CONF_QUEUE_RESULTS, RESULTS_ANNOUNCE, RESULTS_NOTIFY, RESULTS_OFF
from .errands import Errands
from .queue_stages import Finished, Stage
from .queue_words import message_of, queue_words

MOST_SPOKEN: Final = 3
"""Answers in one announcement; of the others, how many there are."""
_MOST_SHOWN: Final = 50


class Reporter:
    """Gathers what is done in one go, and tells it at the end."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], errands: Errands) -> None:
        """Tell nothing yet."""
        self._hass, self._entry, self._errands = hass, entry, errands
        self._finished: list[Finished] = []

    @callback
    def add(self, finished: Finished) -> None:
        """Take one that has ended."""
        self._finished.append(finished)

    @callback
    def flush(self) -> None:
        """Tell of all of them."""
        finished, self._finished = self._finished, []
        how = self._entry.options.get(CONF_QUEUE_RESULTS, RESULTS_NOTIFY)
        if not finished or how == RESULTS_OFF:
            return
        if how == RESULTS_ANNOUNCE:
            self._errands.start(self._announce(finished), f"{DOMAIN} queue results")
        else:
            self._notify(finished)

    async def _announce(self, finished: Sequence[Finished]) -> None:
        """Say it where it was asked for; what cannot be said there is shown."""
        unsaid: list[Finished] = []
        for satellite in dict.fromkeys(one.request.satellite for one in finished):
            theirs = [one for one in finished if one.request.satellite == satellite]
            if satellite is None or not await self._say(satellite, theirs):
                unsaid += theirs
        if unsaid:
            self._notify(unsaid)

    async def _say(self, satellite: str, finished: Sequence[Finished]) -> bool:
        """Have a satellite say it; return whether it could."""
        state = self._hass.states.get(satellite)
        if state is None or state.state == STATE_UNAVAILABLE:
            return False
        if not state.attributes.get(ATTR_SUPPORTED_FEATURES, 0) & AssistSatelliteEntityFeature.ANNOUNCE:
            return False
        data = {ATTR_ENTITY_ID: satellite, "message": spoken(finished)}
        try:
            await self._hass.services.async_call(SATELLITE_DOMAIN, "announce", data, blocking=True)
        except HomeAssistantError as error:
            LOGGER.debug("%s could not say what was done: %s", satellite, type(error).__name__)
            return False
        return True

    @callback
    def _notify(self, finished: Sequence[Finished]) -> None:
        words = queue_words(self._hass.config.language)
        lines = [shown(one) for one in finished[:_MOST_SHOWN]]
        if len(finished) > _MOST_SHOWN:
            lines.append(words.more.format(count=len(finished) - _MOST_SHOWN))
        persistent_notification.async_create(
            self._hass,
            "\n".join(f"- {line}" for line in lines),
            title=words.title,
            notification_id=f"{DOMAIN}_{self._entry.entry_id}_{finished[0].request.id}",
        )


def shown(finished: Finished) -> str:
    """Return one end as a line below a title that says that the hub is back."""
    words = queue_words(finished.request.language)
    if finished.ended is not Stage.DONE:
        return words.needs_you
    return finished.answer.strip() or finished.request.text or words.silent


def spoken(finished: Sequence[Finished]) -> str:
    """Return all ends at one satellite as it says them, in the language that was spoken to it."""
    language = finished[0].request.language
    words = queue_words(language)
    answers = [one.answer.strip() for one in finished if one.ended is Stage.DONE and one.answer.strip()]
    said = []
    if any(one.ended is Stage.DONE for one in finished):
        said.append(message_of(language, " ".join(map(_sentence, answers[:MOST_SPOKEN])), is_done=True))
    if len(answers) > MOST_SPOKEN:
        said.append(words.more.format(count=len(answers) - MOST_SPOKEN))
    if any(one.ended is not Stage.DONE for one in finished):
        said.append(words.needs_you)
    return " ".join(said)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "。", "！", "？")) else f"{text}."
