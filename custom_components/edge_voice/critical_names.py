"""What matters of a home by its own name: locks, doors and alarms, and whatever opens them by its configuration."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from homeassistant.components.conversation import DOMAIN as CONVERSATION_DOMAIN
from homeassistant.components.homeassistant.exposed_entities import async_should_expose
from homeassistant.const import ATTR_DEVICE_CLASS, ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import intent
from homeassistant.helpers.entity_component import EntityComponent
from homeassistant.helpers.trigger import async_extract_entities

from .critical_actions import Actions, opens_something
from .sentence_templates import spoken_forms

ALWAYS: Final = frozenset({"lock", "alarm_control_panel", "valve"})
"""Domains whose every entity matters."""
ENTRIES: Final = frozenset({"door", "garage", "gate", "window"})
"""Classes of covers that people get in by."""
OF_PEOPLE: Final = frozenset(
    {"button", "input_boolean", "input_button", "input_select", "light", "scene", "script", "switch"}
)
"""Domains of what people switch by voice, so that an automation may follow it."""
_DEPTH: Final = 8
"""Scripts that call scripts are followed so far."""


@callback
def critical_names(hass: HomeAssistant, intents: Mapping[str, Iterable[str]]) -> list[str]:
    """Return names and aliases of what is exposed and matters, and whole sentences that do; `*` is any words.

    `intents` are the home's own, with the templates of their sentences.
    """
    entities = _critical_entities(hass)
    actions = Actions(hass=hass, matters=entities.__contains__)
    registry = er.async_get(hass)
    found = [
        name
        for state in hass.states.async_all()
        if state.entity_id in entities and async_should_expose(hass, CONVERSATION_DOMAIN, state.entity_id)
        for name in intent.async_get_entity_aliases(hass, registry.async_get(state.entity_id), state=state)
    ]
    for automation in _entities_of(hass, "automation"):
        if automation.entity_id in entities:
            found += [form for one in _sentences_of(_triggers_of(automation)) for form in spoken_forms(one)]
    for handler in intent.async_get(hass):
        if handler.intent_type in intents and actions.any_in(_sequence_of(getattr(handler, "config", None))):
            found += [form for one in intents[handler.intent_type] for form in spoken_forms(one)]
    return found


def _critical_entities(hass: HomeAssistant) -> set[str]:
    """Return what matters by what it is, and then, again and again, what uses that."""
    found = {state.entity_id for state in hass.states.async_all() if _matters_by_itself(state)}
    actions = Actions(hass=hass, matters=found.__contains__)
    groups = [state for state in hass.states.async_all() if _members_of(state)]
    domains = {state.domain for state in hass.states.async_all()}
    doers = [entity for domain in domains for entity in _entities_of(hass, domain) if _done_by(entity)]
    for _ in range(_DEPTH):
        before = len(found)
        found |= {state.entity_id for state in groups if not found.isdisjoint(_members_of(state))}
        for entity in doers:
            if entity.entity_id not in found and _uses(entity, actions):
                found.add(entity.entity_id)
                found |= _followed_by(entity)
        if len(found) == before:
            break
    return found


def _matters_by_itself(state: State) -> bool:
    return state.domain in ALWAYS or (state.domain == "cover" and state.attributes.get(ATTR_DEVICE_CLASS) in ENTRIES)


def _members_of(state: State) -> tuple[str, ...]:
    """Return what a group stands for; a scene only tells there what it changes."""
    members = state.attributes.get(ATTR_ENTITY_ID)
    return tuple(members) if state.domain != "scene" and isinstance(members, list | tuple) else ()


def _done_by(entity: Any) -> list[Any]:
    """Return what a script, an automation, a scene or a template's entity does; nothing for others."""
    # A template's scripts are its own, and nothing promises that they stay; without them its domain alone tells.
    scripts = getattr(entity, "_action_scripts", None)
    ran = [getattr(entity, "script", None), getattr(entity, "action_script", None)]
    ran += list(scripts.values()) if isinstance(scripts, Mapping) else []
    states = getattr(getattr(entity, "scene_config", None), "states", None)
    done = [getattr(one, "sequence", None) for one in ran] + ([states] if isinstance(states, Mapping) else [])
    return [one for one in done if one is not None]


def _uses(entity: Any, actions: Actions) -> bool:
    """Tell whether it does something that matters."""
    is_scene = hasattr(entity, "scene_config")
    return any(opens_something(one, actions.matters) if is_scene else actions.any_in(one) for one in _done_by(entity))


def _followed_by(entity: Any) -> set[str]:
    """Return what people switch by voice so that an automation runs."""
    watched = {one for trigger in _triggers_of(entity) for one in async_extract_entities(trigger)}
    return {one for one in watched if one.partition(".")[0] in OF_PEOPLE}


def _triggers_of(entity: Any) -> list[Any]:
    """Return an automation's triggers with its blueprint's inputs put in; nothing promises that they stay."""
    triggers = getattr(entity, "_trigger_config", None)
    return [one for one in triggers if isinstance(one, dict)] if isinstance(triggers, list) else []


def _sentences_of(triggers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for one in triggers:
        if CONVERSATION_DOMAIN in {one.get("platform"), one.get("trigger")}:
            said = one.get("command") or ()
            yield from (text for text in ([said] if isinstance(said, str) else said) if isinstance(text, str))


def _sequence_of(configured: Any) -> Any:
    """Return what an intent's script does; other handlers are code, and do not tell."""
    action = configured.get("action") if isinstance(configured, Mapping) else None
    return getattr(action, "sequence", action)


def _entities_of(hass: HomeAssistant, domain: str) -> list[Any]:
    component: object = hass.data.get(domain)
    return list(component.entities) if isinstance(component, EntityComponent) else []
