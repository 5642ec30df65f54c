"""What is known of a language's drift as JSON, and back: nothing in it names a satellite or a turn."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import voluptuous as vol

from ..errors import SnapshotError
from .drift import MODELS, LanguageDrift, Raised
from .drift_alarm import ALARM, SETTLED_AT, Alarm, Recovery
from .drift_detectors import EFFECTS
from .drift_figures import INDEX, figure
from .drift_reference import REFERENCE, SEEN, read_reference, read_seen
from .drift_settings import DriftSettings
from .snapshot import Snapshot, name, number, parts, read, several, whole

_VERSION = 1
MOST_MODELS = 2 * MODELS


def snapshot_of(drift: LanguageDrift) -> Snapshot:
    """Return all that outlives a restart."""
    return {
        "version": _VERSION,
        "language": drift.language,
        "steps": drift.steps,
        "heard": dict(sorted(drift.heard.items(), key=lambda one: -one[1])[:MOST_MODELS]),
        "references": {key: asdict(one) for key, one in drift.references.items()},
        "gathering": [
            [model, {key: list(seen) for key, seen in figures.items()}] for model, figures in drift.gathering.items()
        ],
        "detectors": {key: {part: list(getattr(one, part)) for part in _PARTS} for key, one in drift.detectors.items()},
        "raised": {
            key: {"alarm": one.alarm.for_store(), "now": one.now, "evidence": one.recovery.evidence}
            for key, one in drift.raised.items()
        },
    }


def restored(snapshot: object, settings: DriftSettings) -> LanguageDrift:
    """Take up a snapshot exactly. Raises SnapshotError."""
    fields = read(_FIELDS, snapshot, of="the drift", version=_VERSION)
    known = fields["references"].keys()
    if not fields["raised"].keys() <= known or fields["detectors"].keys() != known:
        raise SnapshotError("The snapshot of the drift holds evidence without its reference; it is learned anew")
    drift = LanguageDrift(fields["language"], settings)
    drift.steps, drift.heard = fields["steps"], fields["heard"]
    for key, one in fields["references"].items():
        drift.references[key] = read_reference(one)
        drift.bet(key)
    for model, figures in fields["gathering"]:
        drift.gathering[model] = {key: read_seen(rows) for key, rows in figures.items()}
    for key, evidence in fields["detectors"].items():
        for part, values in evidence.items():
            setattr(drift.detectors[key], part, values)
    for key, one in fields["raised"].items():
        alarm, now = Alarm.from_store(one["alarm"]), one["now"]
        recovery = Recovery(drift.references[key], now, one["evidence"])
        drift.raised[key] = Raised(alarm=alarm, now=now, recovery=recovery)
    return drift


def _bets(value: Any) -> list[float]:
    checked = several(number(at_least=0.0), at_most=len(EFFECTS))(value)
    if len(checked) != len(EFFECTS):
        raise vol.Invalid(f"must be {len(EFFECTS)} numbers")
    return checked


def _model(value: Any) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(value, list) or len(value) != 2:
        raise vol.Invalid("must be [model, figures]")
    checked: Mapping[str, Any] = _GATHERED(value[1])
    return name(value[0]), checked


def _known(value: object) -> str:
    if value not in INDEX:
        raise vol.Invalid("is no figure")
    return figure(name(value)).name


_PARTS = ("evidence", "climb", "since", "turns", "total")
_GATHERED = vol.Schema({_known: SEEN})
_RAISED = parts(
    {
        "alarm": ALARM,
        "now": number(at_least=0.0, at_most=1.0),
        "evidence": number(at_least=0.0, at_most=SETTLED_AT),
    }
)
_FIELDS = {
    "language": name,
    "steps": whole(),
    "heard": vol.All(vol.Schema({name: whole()}), vol.Length(max=MOST_MODELS)),
    "references": vol.Schema({_known: REFERENCE}),
    "gathering": vol.All([_model], vol.Length(max=MODELS)),
    "detectors": vol.Schema({_known: parts(dict.fromkeys(_PARTS, _bets))}),
    "raised": vol.Schema({_known: _RAISED}),
}
