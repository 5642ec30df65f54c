"""The signed bundle that serves after a start: the active one if it is whole and loads, otherwise the one before it."""

import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path

from ..bundles.bundle import Kind
from ..errors import EdgeVoiceError
from .opening import Opened
from .readying import start
from .transitions import lose


class InstalledBundles:
    """Those of one kind; satisfies `SignedSource`. All of it blocks, and is called from one thread at a time."""

    def __init__(self, opening: Opened, kind: Kind, wall: Callable[[], dt.datetime], writing: threading.Lock) -> None:
        """Look into a folder; what cannot serve is taken out of its state, unless another process writes there.

        `writing` is held meanwhile: each kind is looked for in a thread of its own, and the state is one.
        """
        self._opening, self._kind, self._wall, self._writing = opening, kind, wall, writing
        self._tried: list[str] = []
        self.label = ""
        """Of what was found last; empty for none."""
        self.refused: list[tuple[Kind, str, EdgeVoiceError]] = []
        """What could not serve, and why."""

    def find(self) -> Path | None:
        """Return the folder of the one that may serve, every byte of it verified; None for none. Raises DiskError."""
        if not self._opening.state.of(self._kind).active:
            return self._found("")
        if self._opening.lock is None:
            return self._found(self._read_only())
        with self._writing:
            found = start(self._opening.folder, self._kind, self._wall())
        self.refused += [(self._kind, *one) for one in found.refused]
        return self._found(found.ready.label if found.ready else "")

    def reject(self, error: EdgeVoiceError) -> None:
        """Hear that what was found last cannot be loaded: another is found next. Raises DiskError."""
        self.refused.append((self._kind, self.label, error))
        self._tried.append(self.label)
        if self._opening.lock is None:
            return
        folder = self._opening.folder
        with self._writing:
            folder.write(lose(folder.read(), self.label, error.code, str(error), self._wall()))

    def _read_only(self) -> str:
        """Return the first that is whole, where the state is another's to write."""
        of = self._opening.state.of(self._kind)
        for label in (of.active, of.previous):
            if not label or label in self._tried:
                continue
            try:
                self._opening.folder.verify(label)
            except EdgeVoiceError as error:
                self.refused.append((self._kind, label, error))
                self._tried.append(label)
            else:
                return label
        return ""

    def _found(self, label: str) -> Path | None:
        self.label = label
        return self._opening.folder.folder_of(label) if label else None
