"""The fields of `state.json` → a State, and back."""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from ..bundles.bundle import Kind
from ..bundles.state import Candidate, Crash, Denial, Installed, KindState, Rollback, Stage, State
from ..errors import BundleDamagedError, NewerRecordsError

SCHEMA = 1


def fields_of(state: State) -> dict[str, Any]:
    """Return what is written down of a state."""
    said: dict[str, Any] = _plain(dataclasses.asdict(state))
    return {"schema": SCHEMA, **said}


def state_of(fields: Any) -> State:
    """Return the state that was written down.

    Raises BundleDamagedError for what no server of this version has written, NewerRecordsError for a newer one's.
    """
    if isinstance(fields, dict) and isinstance(fields.get("schema"), int) and fields["schema"] > SCHEMA:
        raise NewerRecordsError("The state of the bundles was written by a newer server; update this one")
    try:
        said = _STATE(fields)
    except vol.MultipleInvalid as error:
        raise BundleDamagedError(f"The state of the bundles cannot be read: {error}") from error
    return State(
        kinds={Kind(kind): _kind_of(one) for kind, one in said["kinds"].items()},
        highest=said["highest"],
        installed={label: Installed(**one | {"kind": Kind(one["kind"])}) for label, one in said["installed"].items()},
        denied={label: Denial(**_told(one)) for label, one in said["denied"].items()},
        last_rollback={Kind(kind): Rollback(**_told(one)) for kind, one in said["last_rollback"].items()},
        crashes=tuple(Crash(**one) for one in said["crashes"]),
    )


def _kind_of(said: Mapping[str, Any]) -> KindState:
    candidate = said["candidate"]
    if candidate is not None:
        candidate = Candidate(**candidate | {"stage": Stage(candidate["stage"])})
    return KindState(**{**said, "candidate": candidate})


def _told(said: Mapping[str, Any]) -> dict[str, Any]:
    return {**said, "evidence": tuple(said["evidence"])}


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _moment(value: object) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(str(value))
    except ValueError as error:
        raise vol.Invalid("must be a moment") from error
    if moment.tzinfo is None:
        raise vol.Invalid("must be a moment with its zone")
    return moment


def _required(**fields: Any) -> vol.Schema:
    return vol.Schema({vol.Required(key): value for key, value in fields.items()}, extra=vol.REMOVE_EXTRA)


def _mapping(key: Any, value: Any) -> vol.Schema:
    return vol.Schema({key: value}, extra=vol.PREVENT_EXTRA)


_LABEL = vol.Match(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}@[0-9][0-9a-z.]{0,40}\Z")
_LABEL_OR_NONE = vol.Any("", _LABEL)
_DIGEST = vol.Match(r"^[0-9a-f]{64}\Z")
_KIND = vol.In(list(Kind))
_CANDIDATE = _required(label=_LABEL, stage=vol.In(list(Stage)), since=_moment)
_KIND_STATE = _required(
    active=_LABEL_OR_NONE, active_since=vol.Maybe(_moment), previous=_LABEL_OR_NONE, candidate=vol.Maybe(_CANDIDATE)
)
_TOLD = {"code": str, "at": _moment, "message": str, "evidence": [dict]}
_STATE = _required(
    kinds=_mapping(_KIND, _KIND_STATE),
    highest=_mapping(str, str),
    installed=_mapping(_LABEL, _required(kind=_KIND, manifest_sha256=_DIGEST, bytes=int)),
    denied=_mapping(_LABEL, _required(**_TOLD)),
    last_rollback=_mapping(_KIND, _required(label=_LABEL, to=_LABEL_OR_NONE, **_TOLD)),
    crashes=[_required(label=_LABEL, at=_moment)],
)
