"""How the state of bundles changes. Each function takes a state and returns the next one; whoever calls writes it down.

A state on the disk is replaced by one rename, so what a function does here happens wholly or not at all.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from packaging.version import Version

from ..bundles.bundle import Kind
from ..bundles.state import Candidate, Crash, Denial, Installed, KindState, Rollback, Stage, State
from ..errors import DeniedError, NothingToRollBackError, UnknownBundleError

MOST_CRASHES = 20
"""Remembered; older ones are forgotten."""
CRASH_WINDOW = dt.timedelta(minutes=10)
CRASHES_ALLOWED = 1
"""Within the window; a bundle that was there at one more is left."""


def add(state: State, label: str, installed: Installed) -> State:
    """Return the state with one more bundle that may become candidate or active."""
    return replace(state, installed={**state.installed, label: installed})


def forget(state: State, labels: Iterable[str]) -> State:
    """Return the state without bundles whose folders are about to go. Those that are used stay."""
    gone = set(labels) - state.used
    return replace(state, installed={one: what for one, what in state.installed.items() if one not in gone})


def begin(state: State, label: str, now: dt.datetime, stage: Stage = Stage.SHADOW) -> State:
    """Return the state with an installed bundle as its kind's candidate; what serves stays.

    Raises UnknownBundleError for one that is not installed, DeniedError for one that failed here.
    """
    kind = _may_serve(state, label).kind
    return _with(state, kind, candidate=Candidate(label=label, stage=stage, since=now))


def advance(state: State, kind: Kind, stage: Stage, now: dt.datetime) -> State:
    """Return the state with the candidate one stage on; with WATCH it becomes active.

    Raises UnknownBundleError where there is no candidate.
    """
    candidate = state.of(kind).candidate
    if candidate is None:
        raise UnknownBundleError(f"No bundle of kind '{kind}' is on its way to serve; install one first")
    if stage is Stage.WATCH and candidate.stage is not Stage.WATCH:
        state = activate(state, candidate.label, now)
    return _with(state, kind, candidate=replace(candidate, stage=stage, since=now))


def settle(state: State, kind: Kind) -> State:
    """Return the state in which the active bundle is watched no longer."""
    return _with(state, kind, candidate=None)


def activate(state: State, label: str, now: dt.datetime) -> State:
    """Return the state in which an installed bundle serves at once, and what served is what a roll-back returns to.

    Raises UnknownBundleError and DeniedError as `begin` does.
    """
    kind = _may_serve(state, label).kind
    was = state.of(kind)
    if was.active != label:
        state = _with(state, kind, active=label, active_since=now, previous=was.active)
    name, version = label.rsplit("@", 1)
    highest = max(version, state.highest.get(name, version), key=Version)
    return replace(_with(state, kind, candidate=None), highest={**state.highest, name: highest})


def roll_back(
    state: State,
    kind: Kind,
    code: str,
    message: str,
    now: dt.datetime,
    *,
    evidence: Iterable[Mapping[str, Any]] = (),
    to: str | None = None,
    deny: bool = True,
) -> State:
    """Return the state without the newest bundle of a kind, which is not tried again.

    A candidate that is not active yet is dropped, and what serves stays. Otherwise the active one is left for `to`, an
    installed label, or for the one before it; where there is none, the plain model serves. Raises
    NothingToRollBackError where no bundle serves or is about to, UnknownBundleError for a `to` that is not installed.
    """
    was = state.of(kind)
    early = was.candidate is not None and was.candidate.stage is not Stage.WATCH and to is None
    leaving = was.candidate.label if was.candidate and early else was.active
    if not leaving:
        raise NothingToRollBackError(f"No bundle of kind '{kind}' serves here; there is nothing to go back from")
    if early:
        state, target = _with(state, kind, candidate=None), was.active
    else:
        if to:
            _may_serve(state, to)
        fallback = was.previous if was.previous in state.installed and was.previous not in state.denied else ""
        target = fallback if to is None else to
        # What is left is no place to return to; nor is the target, which serves now.
        previous = "" if was.previous == target else was.previous
        since = now if target else None
        state = replace_kind(state, kind, KindState(active=target, active_since=since, previous=previous))
    rows = tuple(evidence)
    rollback = Rollback(label=leaving, to=target, code=code, at=now, message=message, evidence=rows)
    state = replace(state, last_rollback={**state.last_rollback, kind: rollback})
    return refuse(state, leaving, code, message, now, evidence=rows) if deny else state


def refuse(
    state: State, label: str, code: str, message: str, now: dt.datetime, *, evidence: Iterable[Mapping[str, Any]] = ()
) -> State:
    """Return the state that remembers not to try a version again."""
    denial = Denial(code=code, at=now, message=message, evidence=tuple(evidence))
    return replace(state, denied={**state.denied, label: denial})


def forgive(state: State, label: str) -> State:
    """Return the state in which a version may be tried again."""
    return replace(state, denied={one: why for one, why in state.denied.items() if one != label})


def lose(state: State, label: str, code: str, message: str, now: dt.datetime) -> State:
    """Return the state without a bundle that is damaged on the disk; it may be fetched again.

    Where it served, the one before it serves, or the plain model.
    """
    for kind, was in state.kinds.items():
        if was.candidate and was.candidate.label == label:
            state = _with(state, kind, candidate=None)
        if was.active == label:
            to = was.previous if was.previous in state.installed and was.previous not in state.denied else ""
            state = roll_back(state, kind, code, message, now, to=to, deny=False)
        elif was.previous == label:
            state = _with(state, kind, previous="")
    return forget(state, [label])


def crashed(state: State, labels: Iterable[str], at: dt.datetime) -> State:
    """Return the state that remembers which bundles were serving when the server ended without saying so."""
    crashes = (*state.crashes, *(Crash(label=one, at=at) for one in labels))
    return replace(state, crashes=crashes[-MOST_CRASHES:])


def keeps_crashing(state: State, label: str, now: dt.datetime) -> bool:
    """Whether a bundle was there at too many crashes of late."""
    late = [one for one in state.crashes if one.label == label and abs(now - one.at) <= CRASH_WINDOW]
    return len(late) > CRASHES_ALLOWED


def replace_kind(state: State, kind: Kind, what: KindState) -> State:
    """Return the state with another one of a kind."""
    return replace(state, kinds={**state.kinds, kind: what})


def _with(state: State, kind: Kind, **fields: Any) -> State:
    return replace_kind(state, kind, replace(state.of(kind), **fields))


def _may_serve(state: State, label: str) -> Installed:
    if label not in state.installed:
        raise UnknownBundleError(f"The bundle {label} is not installed; `edge-voice models list` shows what is")
    if denial := state.denied.get(label):
        raise DeniedError(
            f"The bundle {label} failed here before ({denial.code}) and is not tried again by itself; "
            f"`edge-voice models install {label} --again` does"
        )
    return state.installed[label]
