"""How far a model's download is, for people at a terminal and for the server's status."""

import enum
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

from ..pipeline.checked import Checked, ranged


class FetchState(enum.StrEnum):
    """What a download is doing."""

    MEASURING = "measuring"
    """Not yet fetching: which model suits this machine is being found out."""
    LISTING = "listing"
    FETCHING = "fetching"
    VERIFYING = "verifying"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Checked):
    """How far one model's download is."""

    name: str
    state: FetchState
    bytes_done: int = ranged(0, at_least=0)
    """Resumed bytes included."""
    bytes_total: int = ranged(0, at_least=0)
    """0 until the repository has been listed."""

    @property
    def fraction(self) -> float:
        """From 0 to 1."""
        if self.state is FetchState.DONE:
            return 1.0
        return min(1.0, self.bytes_done / self.bytes_total) if self.bytes_total else 0.0


type ReportProgress = Callable[[Progress], None]
"""Called from the thread that fetches, at most a few times a second and once per state."""


class TerminalProgress:
    """A progress bar on standard error while that is a terminal; silent otherwise. Pass it as a ReportProgress."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None

    def __call__(self, progress: Progress) -> None:
        """Show it."""
        if self._bar is None:
            hidden = not sys.stderr.isatty()
            self._bar = tqdm(desc=progress.name, unit="B", unit_scale=True, file=sys.stderr, disable=hidden)
        if not self._bar.disable:
            self._bar.total = progress.bytes_total or None
            self._bar.set_postfix_str(progress.state.value, refresh=False)
            self._bar.update(progress.bytes_done - self._bar.n)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
