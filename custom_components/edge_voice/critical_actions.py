"""Which actions open, unlock or disarm something: read off the configuration of what would do them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant, callback, split_entity_id
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids
from homeassistant.helpers.template import Template

OPENING: Final = frozenset(
    {
        *("lock.unlock", "lock.open", "alarm_control_panel.alarm_disarm"),
        *("valve.open_valve", "valve.toggle", "valve.set_valve_position"),
    }
)
"""Actions that matter whatever they are for."""
OPENING_COVERS: Final = frozenset({"cover.open_cover", "cover.toggle", "cover.set_cover_position"})
"""They matter for doors, not for blinds."""
CLOSING: Final = (
    "lock.lock",
    "cover.close",
    "cover.stop",
    "alarm_control_panel.alarm_arm",
    "valve.close",
    "valve.stop",
)
"""What actions begin with that leave a home safer, or as it was."""
OPEN_STATES: Final = frozenset({"unlocked", "unlocking", "open", "opening", "disarmed"})
"""Of a lock, a door or an alarm, as scenes have them."""
_OPENING_TYPES: Final = frozenset({"unlock", "open", "disarm", "set_position", "toggle"})
"""Of a device's actions."""
_OPENING_WORDS: Final = ("unlock", "open", "disarm", "toggle")
"""In a template that makes an action's name."""

type Matters = Callable[[str], bool]
"""Tells of an entity's id whether using it matters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Actions:
    """A home's, as far as entities are known to matter already."""

    hass: HomeAssistant
    matters: Matters

    def any_in(self, configured: Any) -> bool:
        """Tell whether a configuration does something that matters, in whatever branch of it."""
        return any(self._opens(one) for one in _parts(configured))

    def _opens(self, step: Mapping[Any, Any]) -> bool:
        """Tell it of one step alone."""
        if isinstance(scene := step.get("scene"), str):
            return self.matters(scene)
        if "device_id" in step and "type" in step and "domain" in step:
            return self._device_opens(step)
        action = step.get("action") or step.get("service")
        if isinstance(action, Template):
            return any(word in action.template for word in _OPENING_WORDS)
        return isinstance(action, str) and self._action_opens(action, step)

    def _device_opens(self, step: Mapping[Any, Any]) -> bool:
        entity = step.get(ATTR_ENTITY_ID)
        known = er.async_get(self.hass).async_get(entity) if isinstance(entity, str) else None
        return step["type"] in _OPENING_TYPES and (known is None or self.matters(known.entity_id))

    def _action_opens(self, action: str, step: Mapping[Any, Any]) -> bool:
        if action in OPENING or self.matters(action):  # a script's own action bears its name
            return True
        data = {**_mapping(step.get("data")), **_mapping(step.get("data_template"))}
        if action == "scene.apply":
            return opens_something(_mapping(data.get("entities")), self.matters)
        if action.startswith(CLOSING) or (action == "cover.set_cover_position" and data.get("position") == 0):
            return False
        targets = self._targets({**_mapping(step.get("target")), **data, **_own_target(step)})
        if targets is None:
            return action in OPENING_COVERS
        return any(self.matters(one) for one in targets)

    def _targets(self, named: Mapping[Any, Any]) -> set[str] | None:
        """Return the entities that are meant; None where only running it tells."""
        if any(isinstance(one, Template) for value in named.values() for one in _several(value)):
            return None
        selected = async_extract_referenced_entity_ids(self.hass, TargetSelection(dict(named)), expand_group=True)
        return selected.referenced | selected.indirectly_referenced


@callback
def opens_something(states: Mapping[Any, Any], matters: Matters) -> bool:
    """Tell whether a scene's states leave something open that matters, or use what matters."""
    for entity_id, state in states.items():
        value = state.get("state") if isinstance(state, Mapping) else getattr(state, "state", state)
        if not matters(entity_id):
            continue
        if (
            split_entity_id(entity_id)[0] not in {"lock", "cover", "alarm_control_panel", "valve"}
            or value in OPEN_STATES
        ):
            return True
    return False


def _parts(configured: Any) -> Iterator[Mapping[Any, Any]]:
    """Yield every mapping in a configuration, the outer ones first."""
    if isinstance(configured, Mapping):
        yield configured
        for one in configured.values():
            yield from _parts(one)
    elif isinstance(configured, list | tuple):
        for one in configured:
            yield from _parts(one)


def _own_target(step: Mapping[Any, Any]) -> dict[str, Any]:
    return {ATTR_ENTITY_ID: step[ATTR_ENTITY_ID]} if ATTR_ENTITY_ID in step else {}


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
