"""A server's right to its bundles: the lock, and what a crash of the last run teaches, before anything is loaded."""

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from ..errors import DiskError, EdgeVoiceError
from .bundle import Kind
from .folder import BundleFolder, Lock
from .readying import read_or_set_aside
from .running import crashed_run, end_run, mark_run
from .state import Stage, State
from .transitions import crashed, keeps_crashing, roll_back

_LOGGER = logging.getLogger(__name__)
YOUNG = dt.timedelta(days=7)
"""A bundle that served for longer without a crash is not to blame for one."""
CRASHED = "crashed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The bundles of a server that has just begun."""

    folder: BundleFolder
    state: State
    """On the disk already."""
    lock: Lock | None
    """None: another process is at work on the bundles, or the disk refuses; what serves is loaded all the same."""
    refusal: EdgeVoiceError | None = None
    """Why there is no lock."""
    left: tuple[Kind, ...] = ()
    """Kinds whose bundle was left just now, because the server kept crashing with it."""


@contextmanager
def opened(folder: BundleFolder, wall: Callable[[], dt.datetime]) -> Iterator[Opened]:
    """Hold the lock until the block ends, and say there that the run has ended as it should. Blocks; raises nothing."""
    with ExitStack() as stack:
        try:
            lock = stack.enter_context(folder.lock())
            opening = _begun(folder, lock, wall())
        except EdgeVoiceError as error:
            _LOGGER.warning("%s: %s", error.code, error)
            yield Opened(folder=folder, state=_read(folder), lock=None, refusal=error)
            return
        try:
            yield opening
        finally:  # also after an error: what Python can still say is no crash of a model
            with suppress(DiskError):  # at worst the next start takes this end for a crash
                end_run(folder)


def loaded_labels(state: State) -> set[str]:
    """Return the bundles that are loaded in the server itself: one that is only shadowed has a process of its own."""
    kinds = state.kinds.values()
    serving = {one.candidate.label for one in kinds if one.candidate and one.candidate.stage is not Stage.SHADOW}
    return ({one.active for one in kinds} | serving) - {""}


def _begun(folder: BundleFolder, lock: Lock, now: dt.datetime) -> Opened:
    state = before = read_or_set_aside(folder)
    left: list[Kind] = []
    if run := crashed_run(folder):
        state = crashed(state, _blamed(state, frozenset(run.labels), now), now)
        for kind in Kind:
            label = _newest(state, kind)
            if label and keeps_crashing(state, label, now):
                message = f"The server crashed twice within ten minutes while {label} was loaded."
                state = roll_back(state, kind, CRASHED, message, now)
                left.append(kind)
    if state != before:
        folder.write(state)
    mark_run(folder, loaded_labels(state), now)
    return Opened(folder=folder, state=state, lock=lock, left=tuple(left))


def _blamed(state: State, labels: frozenset[str], now: dt.datetime) -> set[str]:
    """Return which of the bundles that were loaded may have caused a crash: those on trial, else those that are new."""
    kinds = state.kinds.values()
    tried = {one.candidate.label for one in kinds if one.candidate} & labels
    new = {one.active for one in kinds if one.active_since and now - one.active_since < YOUNG} & labels
    return tried or new


def _newest(state: State, kind: Kind) -> str:
    of = state.of(kind)
    return of.candidate.label if of.candidate else of.active


def _read(folder: BundleFolder) -> State:
    try:
        return folder.read()
    except EdgeVoiceError:
        return State()
