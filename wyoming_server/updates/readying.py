"""What may serve after a start: the active bundle if it is whole, otherwise the one before it, otherwise none."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from ..bundles.bundle import Bundle, Kind
from ..bundles.state import State
from ..errors import BundleDamagedError, EdgeVoiceError, NewerRecordsError
from .folder import BundleFolder
from .transitions import lose


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A bundle that was verified just now."""

    label: str
    folder: Path
    bundle: Bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a start found of one kind."""

    ready: Ready | None
    """None: a plain model serves."""
    state: State
    """Without what was damaged; on the disk already."""
    refused: tuple[tuple[str, EdgeVoiceError], ...] = ()
    """Labels that were left, and why."""


def start(folder: BundleFolder, kind: Kind, now: dt.datetime) -> Start:
    """Return the bundle of a kind that may serve; blocks for as long as reading it takes.

    One that is damaged is left for the one before it, and the state says so. Raises DiskError.
    """
    state = read_or_set_aside(folder)
    refused: list[tuple[str, EdgeVoiceError]] = []
    while label := state.of(kind).active:
        try:
            return Start(
                ready=Ready(label=label, folder=folder.folder_of(label), bundle=folder.verify(label)),
                state=state,
                refused=tuple(refused),
            )
        except EdgeVoiceError as error:
            refused.append((label, error))
            state = lose(state, label, error.code, str(error), now)
            folder.write(state)
    return Start(ready=None, state=state, refused=tuple(refused))


def read_or_set_aside(folder: BundleFolder) -> State:
    """Return the state; an unreadable one is set aside, a newer server's left alone, and none is known of then."""
    try:
        return folder.read()
    except NewerRecordsError:
        return State()
    except BundleDamagedError:
        folder.set_aside()
        return State()
