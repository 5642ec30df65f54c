"""What a bug report needs, without who, where and what was said."""

import hashlib
from dataclasses import asdict
from typing import Any, Final

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.const import CONF_HOST, CONF_TOKEN
from homeassistant.core import HomeAssistant

from .const import CONF_FINGERPRINT
from .protocol_past import Ledger
from .types import EdgeVoiceConfigEntry

_SECRET: Final = {CONF_HOST, CONF_TOKEN, CONF_FINGERPRINT, "entry_id", "key", "key_ends", "unique_id", "url"}
_SAID: Final = {"text", "why", "reason", "mode_reason", "mode_ends", "ends", "message", "note"}
"""Sentences: most hold figures only, but some name what was said or where."""
_SATELLITES: Final = ("satellite", "satellite_id", "subject")
_DIGITS: Final = 8


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: EdgeVoiceConfigEntry) -> dict[str, Any]:
    """Return an entry's diagnostics. A satellite is the same word everywhere in them, and in no others."""
    data = entry.runtime_data
    coordinator = data.coordinator
    report = {
        "entry": {
            "data": dict(entry.data),
            "options": dict(entry.options),
            "lanes": [dict(one.data) for one in entry.subentries.values()],
        },
        "connected": coordinator.connected,
        "last_error": type(coordinator.last_exception).__name__ if coordinator.last_exception else None,
        "health": asdict(data.health),
        "status": asdict(coordinator.data),
        "recent_turns": [asdict(turn) for turn in coordinator.recent_turns],
        "ledger": _sums(data.ledger.known),
    }
    hidden: dict[str, Any] = async_redact_data(_without_names(report, salt=entry.entry_id), _SECRET | _SAID)
    hidden["health"]["id"] = hidden["status"]["server"]["id"] = REDACTED
    if bundles := hidden["status"]["bundles"]:
        bundles["region"] = REDACTED
    return hidden


def _sums(ledger: Ledger | None) -> dict[str, Any] | None:
    """Return how much went where; single uploads would tell when somebody spoke."""
    if ledger is None:
        return None
    return {key: [asdict(one) for one in getattr(ledger, key)] for key in ("today", "this_month")}


def _without_names(value: Any, *, salt: str) -> Any:
    """Return a copy in which satellites' names are words that cannot be read back."""
    if isinstance(value, dict):
        return {key: _hidden(key, one, salt) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_names(one, salt=salt) for one in value]
    return value


def _hidden(key: str, value: Any, salt: str) -> Any:
    if key == "satellites" and isinstance(value, list | tuple):
        return [_without_names(_with_word(one, salt), salt=salt) for one in value]
    if key in _SATELLITES and isinstance(value, str) and value:
        return _word(value, salt)
    return _without_names(value, salt=salt)


def _with_word(satellite: Any, salt: str) -> Any:
    """Return a satellite of a list, which is a name alone in a lane's data."""
    if isinstance(satellite, dict):
        return satellite | {"id": _word(satellite["id"], salt)}
    return _word(satellite, salt)


def _word(name: str, salt: str) -> str:
    return f"satellite {hashlib.sha256(f'{salt} {name}'.encode()).hexdigest()[:_DIGITS]}"
