"""The home's names and country, told to the hub: it writes them better, and knows which models are for this home."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypedDict

from homeassistant.components.conversation import DOMAIN as CONVERSATION_DOMAIN
from homeassistant.components.conversation.agent_manager import get_agent_manager
from homeassistant.components.homeassistant.exposed_entities import async_listen_entity_updates, async_should_expose
from homeassistant.const import EVENT_CALL_SERVICE, EVENT_CORE_CONFIG_UPDATE, EVENT_STATE_CHANGED
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    area_registry as ar,
)
from homeassistant.helpers import (
    device_registry as dr,
)
from homeassistant.helpers import (
    entity_registry as er,
)
from homeassistant.helpers import (
    floor_registry as fr,
)
from homeassistant.helpers import (
    intent,
)
from homeassistant.helpers.debounce import Debouncer
from homeassistant.util.yaml import load_yaml_dict

from .client import EdgeVoiceClient
from .const import LOGGER
from .coordinator import EdgeVoiceCoordinator
from .critical_names import critical_names
from .errors import EdgeVoiceError

COOLDOWN_SECONDS: Final = 2.0
"""Changes come in bursts: a start-up, a renamed room with all its lights."""
MOST_OF_EACH: Final = 2000
"""As many as the hub takes."""
_LONGEST: Final = 100
"""Characters; nobody says more for one thing."""
_ENTITY_FIELDS: Final = frozenset({"aliases", "area_id", "device_id", "name", "original_name"})
_DEVICE_FIELDS: Final = frozenset({"area_id", "name", "name_by_user", "parent_device_id"})
_SLOT: Final = re.compile(r"\{[^}]*\}|<[^>]*>")
"""Parts of a sentence's template that stand for other words."""
_WORD: Final = re.compile(r"[^\W\d_]{3,}(?:['’\-][^\W\d_]+)*")


class Names(TypedDict):
    """What the hub is told."""

    names: list[str]
    areas: list[str]
    floors: list[str]
    terms: list[str]
    country: str | None
    """None while it is not known, and for a hub that has no use for it."""
    critical: list[str] | None
    """What matters as an unlocked door does; None for a hub of before."""


class Vocabulary:
    """Keeps the hub's idea of the home current."""

    def __init__(self, hass: HomeAssistant, coordinator: EdgeVoiceCoordinator) -> None:
        """Watch from `async_start` on."""
        self._hass, self._coordinator = hass, coordinator
        self._sentences: dict[str, Mapping[str, Any]] = {}
        """Custom sentences per source, as the agents' manager tells them."""
        self._told: Names | None = None
        self._debouncer = Debouncer[Any](
            hass, LOGGER, cooldown=COOLDOWN_SECONDS, immediate=False, function=self._async_tell_changes, background=True
        )

    @callback
    def async_start(self) -> list[CALLBACK_TYPE]:
        """Tell the hub after each connect and each change; return what ends that."""
        hass = self._hass
        listen = hass.bus.async_listen
        return [
            self._coordinator.async_connected_listener(self.async_tell),
            get_agent_manager(hass).subscribe_intents(self._take_sentences),
            async_listen_entity_updates(hass, CONVERSATION_DOMAIN, self._schedule),
            listen(ar.EVENT_AREA_REGISTRY_UPDATED, self._schedule),
            listen(fr.EVENT_FLOOR_REGISTRY_UPDATED, self._schedule),
            listen(er.EVENT_ENTITY_REGISTRY_UPDATED, self._schedule, event_filter=_changes(_ENTITY_FIELDS)),
            listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, self._schedule, event_filter=_changes(_DEVICE_FIELDS)),
            listen(EVENT_CORE_CONFIG_UPDATE, self._schedule),
            listen(EVENT_STATE_CHANGED, self._schedule, event_filter=_appears_or_goes),
            listen(EVENT_CALL_SERVICE, self._schedule, event_filter=_reloads_sentences),
            self._debouncer.async_shutdown,
        ]

    async def async_tell(self) -> None:
        """Tell the hub all names. Raises EdgeVoiceError."""
        names = await self.async_names()
        await _tell(self._coordinator.client, names)
        self._told = names

    async def async_names(self) -> Names:
        """Return what can be said in this home."""
        hass = self._hass
        return Names(
            names=_some(_entity_names(hass)),
            areas=_some(name for area in ar.async_get(hass).async_list_areas() for name in (area.name, *area.aliases)),
            floors=_some(
                name for floor in fr.async_get(hass).async_list_floors() for name in (floor.name, *floor.aliases)
            ),
            terms=_some(await self._async_terms()),
            country=hass.config.country if self._coordinator.data.bundles else None,
            critical=_some(critical_names(hass, await self._async_intents())) if self._coordinator.data.queue else None,
        )

    async def _async_tell_changes(self) -> None:
        """Tell the hub when there is something new; one that is away is told when it is back."""
        if not self._coordinator.connected or await self.async_names() == self._told:
            return
        try:
            await self.async_tell()
        except EdgeVoiceError as error:
            LOGGER.debug("The hub was not told the home's names: %s", error)

    async def _async_intents(self) -> dict[str, list[str]]:
        """Return custom intents with their sentences: of automations, of the configuration and of its files."""
        languages = {self._hass.config.language, *self._coordinator.data.model.languages}
        folder = Path(self._hass.config.path("custom_sentences"))
        files = await self._hass.async_add_executor_job(_files_in, folder, languages)
        found: dict[str, list[str]] = {}
        for source in (*self._sentences.values(), *files):
            for name, sentence in _sentences_of(source):
                found.setdefault(name, []).append(sentence)
        return found

    async def _async_terms(self) -> list[str]:
        """Return the words of custom sentences."""
        sentences = [one for each in (await self._async_intents()).values() for one in each]
        return [word for one in sentences for word in _WORD.findall(_SLOT.sub(" ", one))]

    @callback
    def _take_sentences(self, changed: Mapping[Any, Mapping[str, Any]]) -> None:
        self._sentences.update({str(source): told for source, told in changed.items()})
        self._schedule()

    @callback
    def _schedule(self, _: Event[Any] | None = None) -> None:
        self._debouncer.async_schedule_call()


async def _tell(client: EdgeVoiceClient, names: Names) -> None:
    await client.change_vocabulary(**names)


def _entity_names(hass: HomeAssistant) -> Iterable[str]:
    """Yield the names and aliases of what is exposed to the conversation."""
    registry = er.async_get(hass)
    for state in hass.states.async_all():
        if async_should_expose(hass, CONVERSATION_DOMAIN, state.entity_id):
            yield from intent.async_get_entity_aliases(hass, registry.async_get(state.entity_id), state=state)


def _some(texts: Iterable[str]) -> list[str]:
    """Return texts once each, as they are written first, and no more than the hub takes."""
    found: dict[str, str] = {}
    for text in texts:
        plain = " ".join(text.split())[:_LONGEST]
        if plain:
            found.setdefault(plain.casefold(), plain)
    return list(found.values())[:MOST_OF_EACH]


def _sentences_of(told: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield intents' templates; what has another shape is somebody's mistake, and not ours to report."""
    intents = told.get("intents")
    for name, one in intents.items() if isinstance(intents, Mapping) else ():
        data = one.get("data") if isinstance(one, Mapping) else None
        for block in data if isinstance(data, list) else ():
            sentences = block.get("sentences") if isinstance(block, Mapping) else None
            yield from ((str(name), sentence) for sentence in sentences or () if isinstance(sentence, str))


def _files_in(folder: Path, languages: set[str]) -> list[Mapping[str, Any]]:
    """Return what a home's own sentence files hold, in its languages."""
    wanted = {_base(one) for one in languages}
    if not folder.is_dir():
        return []
    found: list[Mapping[str, Any]] = []
    for path in sorted(one for part in folder.iterdir() if _base(part.name) in wanted for one in part.rglob("*.yaml")):
        try:
            found.append(load_yaml_dict(str(path)))
        except HomeAssistantError, OSError:
            LOGGER.debug("A file of custom sentences cannot be read")
    return found


def _base(language: str) -> str:
    return language.replace("_", "-").partition("-")[0].lower()


def _changes(fields: frozenset[str]) -> Any:
    """Return a filter for registry updates that change what something is called, or where it is."""

    @callback
    def changes(data: Mapping[str, Any]) -> bool:
        return data["action"] == "update" and not fields.isdisjoint(data.get("changes", ()))

    return changes


@callback
def _appears_or_goes(data: Mapping[str, Any]) -> bool:
    return not data["old_state"] or not data["new_state"]


@callback
def _reloads_sentences(data: Mapping[str, Any]) -> bool:
    return data.get("domain") == CONVERSATION_DOMAIN and data.get("service") == "reload"
