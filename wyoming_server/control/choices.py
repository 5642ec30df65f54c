"""The owner's choices at runtime, as changes to the settings: one key, one setting, one range."""

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import InvalidSettingsError
from ..pipeline.lanes import LaneSettings
from ..pipeline.policy import RoutingMode
from ..settings import Settings, check_settings

POLICY: Mapping[str, tuple[str, str]] = {
    "routing_mode": ("routing", "mode"),
    "cloud_allowed": ("cloud", "allowed"),
    "audits": ("threshold", "audits"),
    "keep_transcripts": ("control", "keep_transcripts"),
    "keep_recordings": ("records", "keep_recordings"),
    "log_level": ("server", "log_level"),
    "error_target": ("threshold", "target_error"),
    "cloud_seconds_per_day": ("ledger", "cloud_seconds_per_day"),
    "audit_seconds_per_day": ("ledger", "audit_seconds_per_day"),
    "hedge_seconds_per_day": ("ledger", "hedge_seconds_per_day"),
    "cloud_money_per_month": ("ledger", "cloud_money_per_month"),
    "hedge": ("hedge", "hedge"),
    "wake_threshold": ("wake", "threshold"),
    "answer_early": ("asr", "early_answers"),
    "confirm_critical": ("routing", "confirm_critical"),
    "refuse_unconfirmed": ("routing", "refuse_unconfirmed"),
    "defer": ("routing", "defer"),
    "list_hours": ("queue", "list_hours"),
    "note_hours": ("queue", "note_hours"),
    "reminder_hours": ("queue", "reminder_hours"),
    "ask_text": ("routing", "ask_text"),
    "release_channel": ("bundles", "channel"),
    "automatic_updates": ("bundles", "automatic"),
    "cohort_reports": ("bundles", "reports"),
}
"""Key of the control API → section and key of the settings."""


def policy_of(settings: Settings) -> dict[str, Any]:
    """Return every choice as JSON."""
    return {key: getattr(getattr(settings, section), name) for key, (section, name) in POLICY.items()}


def with_policy(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Return settings with some choices made. Raises InvalidSettingsError, which names the key and its range."""
    unknown = [key for key in changes if key not in POLICY]
    if unknown:
        raise InvalidSettingsError(f"There is no choice '{unknown[0]}'; known are {', '.join(POLICY)}")
    for key, value in changes.items():
        section, name = POLICY[key]
        before = getattr(settings, section)
        made = _typed(key, getattr(before, name), value)
        try:
            settings = replace(settings, **{section: replace(before, **{name: made})})
        except ValueError as error:
            raise InvalidSettingsError(f"{key} is {value!r}: {error}") from error
    return _coherent(settings)


def _coherent(settings: Settings) -> Settings:
    """Return the settings when their parts go together. Raises InvalidSettingsError.

    A hedge that nothing may come of rests: who switches to the hub alone for an evening need not switch it off first.
    """
    rests = settings.routing.mode is RoutingMode.EDGE or not settings.cloud.lanes
    check_settings(replace(settings, hedge=replace(settings.hedge, hedge=False)) if rests else settings)
    return settings


def _typed(key: str, before: object, value: object) -> object:
    """Return a value of the kind that it takes the place of. Raises InvalidSettingsError."""
    if isinstance(before, enum.StrEnum):
        kind = type(before)
        if value not in set(kind):
            raise InvalidSettingsError(f"{key} is {value!r}: allowed is {', '.join(kind)}")
        return kind(str(value))
    if isinstance(before, bool) and isinstance(value, bool):
        return value
    if isinstance(before, float) and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    allowed = "true or false" if isinstance(before, bool) else "a number"
    raise InvalidSettingsError(f"{key} is {value!r}: allowed is {allowed}")


LANE_KEYS = tuple(one.name for one in dataclasses.fields(LaneSettings) if one.name not in {"key_file", "ca_file"})
"""Keys of a lane that come by the control API: those that name files stay with whoever has a shell."""


def with_lanes(settings: Settings, lanes: Sequence[LaneSettings]) -> Settings:
    """Return settings with further lanes behind those of the settings file. Raises InvalidSettingsError."""
    return _coherent(replace(settings, cloud=replace(settings.cloud, lanes=(*settings.cloud.lanes, *lanes))))


def lane_of(fields: Mapping[str, Any]) -> LaneSettings:
    """Return a lane from JSON. Raises InvalidSettingsError, which names the key."""
    unknown = [key for key in fields if key not in LANE_KEYS]
    if unknown:
        raise InvalidSettingsError(f"A lane has no '{unknown[0]}'; known are {', '.join(LANE_KEYS)}")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    try:
        return LaneSettings(**values)
    except (TypeError, ValueError) as error:
        raise InvalidSettingsError(f"The lane {fields.get('name', '')!r} is wrong: {error}") from error


def lane_fields(lane: LaneSettings) -> dict[str, Any]:
    """Return a lane as JSON, without its key and without what has its default."""
    found = {}
    for one in dataclasses.fields(LaneSettings):
        value = getattr(lane, one.name)
        if one.name in LANE_KEYS and one.name != "key" and (value != one.default or one.name in {"name", "provider"}):
            found[one.name] = list(value) if isinstance(value, tuple) else value
    return found
