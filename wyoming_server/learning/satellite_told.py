"""A satellite as the control API tells of it, and its settings as they are changed and kept."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import InvalidSettingsError
from ..pipeline.policy import MicrophoneClass, RoutingMode, SatelliteSettings
from .microphones import Evidence, MicrophoneState
from .satellites import SatelliteCounts
from .wake_advice import Suggestion

type Json = dict[str, Any]
"""A JSON object."""

CLIPPING = "microphone-clipping"
NOISY = "microphone-noisy"


def told(
    satellite: str,
    *,
    counts: SatelliteCounts,
    evidence: Evidence,
    settings: SatelliteSettings,
    answer_early: bool,
    suggestion: Suggestion | None,
    since: str | None = None,
) -> Json:
    """Return a satellite as docs/control-api.md describes it; `answer_early` is the home's, `since` its state's."""
    microphone_class = settings.microphone_class or counts.microphone_class or MicrophoneClass.FAR_FIELD
    return {
        "id": satellite,
        "microphone_class": str(microphone_class),
        "answer_early": answer_early if settings.answer_early is None else settings.answer_early,
        "wake_threshold": settings.wake_threshold,
        "routing_mode": settings.routing_mode and str(settings.routing_mode),
        "state": str(evidence.state),
        "reason": evidence.reason,
        "since": since,
        "ends": evidence.ends,
        "evidence": {
            "turns": evidence.turns,
            "wakes": counts.wakes,
            "false_wakes": counts.false_wakes,
            "snr_db": evidence.snr_db,
            "clipping": evidence.clipping,
            "clipped_turns": evidence.clipped_turns,
            "noisy_turns": evidence.noisy_turns,
            "cut_starts": counts.cut_starts,
        },
        "suggestion": suggestion and {"setting": suggestion.setting, "value": suggestion.value, "why": suggestion.why},
    }


def microphone_warning(satellite: str, evidence: Evidence) -> Json | None:
    """Return what is to be done about a satellite's microphone; None while it is good.

    It comes and goes with the microphone's state, which has hysteresis.
    """
    if evidence.state is MicrophoneState.GOOD:
        return None
    if evidence.clipped_turns >= evidence.noisy_turns:
        cure = "Lower its microphone's gain, or move it away from whoever speaks and from loudspeakers"
        return {"code": CLIPPING, "message": f"{satellite}: {evidence.reason}. {cure}", "subject": satellite}
    cure = "Move it nearer to whoever speaks, or away from what is loud"
    return {"code": NOISY, "message": f"{satellite}: {evidence.reason}. {cure}", "subject": satellite}


def changed(settings: SatelliteSettings, changes: Mapping[str, Any]) -> SatelliteSettings:
    """Return settings with some changed, as JSON has them; null returns to the home's. Raises InvalidSettingsError."""
    return replace(settings, **{name: _value(name, value) for name, value in changes.items()})


def kept(settings: SatelliteSettings) -> Json:
    """Return settings as they are kept: only what was set."""
    values = {
        "microphone_class": settings.microphone_class and str(settings.microphone_class),
        "answer_early": settings.answer_early,
        "wake_threshold": settings.wake_threshold,
        "routing_mode": settings.routing_mode and str(settings.routing_mode),
    }
    return {name: value for name, value in values.items() if value is not None}


def restored(value: object) -> SatelliteSettings:
    """Return settings as they were kept. Raises InvalidSettingsError."""
    if not isinstance(value, dict):
        raise InvalidSettingsError("A satellite's settings are no object; they are the home's")
    return changed(SatelliteSettings(), value)


def _value(name: str, value: object) -> Any:
    if value is None and name in _CHECKS:
        return None
    check = _CHECKS.get(name)
    if check is None:
        raise InvalidSettingsError(f"A satellite has no setting '{name:.40}'; it has {', '.join(_CHECKS)}")
    return check(value)


def _class(value: object) -> MicrophoneClass:
    if not isinstance(value, str) or value not in list(MicrophoneClass):
        raise InvalidSettingsError(f"microphone_class is one of {', '.join(MicrophoneClass)}")
    return MicrophoneClass(value)


def _mode(value: object) -> RoutingMode:
    if not isinstance(value, str) or value not in list(RoutingMode):
        raise InvalidSettingsError(f"routing_mode is one of {', '.join(RoutingMode)}, or null for the home's")
    return RoutingMode(value)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidSettingsError("answer_early is true or false")
    return value


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise InvalidSettingsError("wake_threshold is a number from 0 to 1, or null for the home's")
    return float(value)


_CHECKS = {"microphone_class": _class, "answer_early": _truth, "wake_threshold": _share, "routing_mode": _mode}
