"""A server's right to its bundles: the lock, and what a crash of the last run teaches, before anything is loaded."""

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from ..bundles.bundle import Kind
from ..bundles.state import Stage, State
from ..errors import DiskError, EdgeVoiceError, UpdateRunningError
from .folder import BundleFolder, Lock
from .readying import read_or_set_aside
from .running import crashed_run, end_run, mark_run
from .transitions import crashed, keeps_crashing, roll_back

_LOGGER = logging.getLogger(__name__)
YOUNG = dt.timedelta(days=7)
"""A bundle that served for longer without a crash is not to blame for one."""
CRASHED = "crashed"


class Opened:
    """The bundles of a server that has just begun, or of a command."""

    def __init__(self, folder: BundleFolder, stack: ExitStack, *, loads: bool = True, borrows: bool = False) -> None:
        """Hold nothing yet; the lock is held until the stack ends. Who `borrows` never asks for it."""
        self.folder = folder
        self._stack, self._borrows = stack, borrows
        self.loads = loads
        """Whether this process loads what serves, so that its end says something of it."""
        self._told: Mapping[str, Any] = {}
        self.state = State()
        """On the disk already."""
        self.lock: Lock | None = None
        """None: another process is at work on the bundles, or the disk refuses; what serves is loaded all the same."""
        self.refusal: EdgeVoiceError | None = None
        """Why there is no lock."""
        self.left: tuple[Kind, ...] = ()
        """Kinds whose bundle was left just now, because the server kept crashing with it."""

    def take(self) -> bool:
        """Take the lock, if it is free by now, and tell whether it is held; blocks on the disk."""
        if self._borrows:
            self.refusal = UpdateRunningError("A server that only measures moves no bundles; ask the home's own server")
        elif self.lock is None:
            try:
                self.lock = self._stack.enter_context(self.folder.lock())
                self.lock.tell(self._told)
                self.refusal = None
            except EdgeVoiceError as error:
                self.refusal = error
        return self.lock is not None

    def tell(self, fields: Mapping[str, Any]) -> None:
        """Let commands read how to reach the server that holds the lock."""
        self._told = fields
        if self.lock is not None:
            self.lock.tell(fields)


@contextmanager
def opened(
    folder: BundleFolder, wall: Callable[[], dt.datetime], *, loads: bool = True, borrows: bool = False
) -> Iterator[Opened]:
    """Hold the lock until the block ends, and say there that the run has ended as it should. Blocks; raises nothing.

    A command, which `loads` no model, neither crashes with one nor knows whether the last server did. One that
    `borrows` loads what serves, beside the home's own server, and writes nothing.
    """
    with ExitStack() as stack:
        opening = Opened(folder, stack, loads=loads, borrows=borrows)
        if not opening.take() and not borrows:
            _LOGGER.warning("%s", opening.refusal)
        opening.state = _read(folder)
        if loads and opening.lock is not None:
            # Also after an error: what Python can still say is no crash of a model.
            stack.callback(_end, folder)
            try:
                _begin(opening, wall())
            except EdgeVoiceError as error:
                _LOGGER.warning("%s: %s", error.code, error)
        yield opening


def loaded_labels(state: State) -> set[str]:
    """Return the bundles that are loaded in the server itself: one that is only shadowed has a process of its own."""
    kinds = state.kinds.values()
    serving = {one.candidate.label for one in kinds if one.candidate and one.candidate.stage is not Stage.SHADOW}
    return ({one.active for one in kinds} | serving) - {""}


def _begin(opening: Opened, now: dt.datetime) -> None:
    """Leave what the server keeps crashing with, and mark what is about to be loaded. Raises DiskError."""
    folder = opening.folder
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
    opening.state, opening.left = state, tuple(left)
    if labels := loaded_labels(state):
        mark_run(folder, labels, now)
    else:
        end_run(folder)


def _end(folder: BundleFolder) -> None:
    with suppress(DiskError):  # at worst the next start takes this end for a crash
        end_run(folder)


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
