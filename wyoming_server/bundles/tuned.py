"""The model that fits this machine: found out once, remembered, then fetched like any other."""

import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..errors import DiskError
from .choice import Choice
from .hub_model import HubModel
from .progress import FetchState, Progress, ReportProgress
from .store import ModelStore

CHOICE_FILE = "choice.json"
"""In the data folder."""

type Decide = Callable[[Callable[[float], None], threading.Event], Choice]
"""Measures this machine and chooses; blocks, reports its progress from 0 to 1, and ends soon after a cancel."""


def read_choice(file: Path) -> Choice | None:
    """Return the remembered choice; None when there is none that can be read."""
    try:
        return Choice(**json.loads(file.read_bytes()))
    except OSError, ValueError, TypeError:
        return None


def write_choice(file: Path, choice: Choice) -> None:
    """Remember a choice. Raises DiskError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(asdict(choice)) + "\n", encoding="utf-8")
        part.replace(file)
    except OSError as error:
        raise DiskError(f"'{file}' cannot be written: {error.strerror}") from error


@dataclass(slots=True, kw_only=True)
class TunedModel:
    """A model source for owners who named none: measures this machine the first time."""

    store: ModelStore
    choice_file: Path
    decide: Decide
    endpoint: str | None = None

    @property
    def choice(self) -> Choice | None:
        """What was chosen; None before the first measurement."""
        return read_choice(self.choice_file)

    @property
    def name(self) -> str:
        """The chosen model; empty before the first measurement."""
        choice = self.choice
        return choice.model if choice else ""

    def find(self) -> Path | None:
        """Return the chosen model's folder if it is installed."""
        choice = self.choice
        return self._model(choice).find() if choice else None

    def fetch(self, report: ReportProgress, cancelled: threading.Event) -> Path:
        """Choose if that has not been done, then fetch; blocks. Raises what HubModel.fetch does."""
        choice = self.choice
        if choice is None:
            choice = self._decided(report, cancelled)
        return self._model(choice).fetch(report, cancelled)

    def _decided(self, report: ReportProgress, cancelled: threading.Event) -> Choice:
        measuring = Progress(name="", state=FetchState.MEASURING, bytes_total=100)
        report(measuring)
        choice = self.decide(
            lambda share: report(replace(measuring, bytes_done=min(99, round(100 * share)))), cancelled
        )
        if not cancelled.is_set():  # half a measurement is no ground for a choice that stays
            write_choice(self.choice_file, choice)
        return choice

    def _model(self, choice: Choice) -> HubModel:
        return HubModel(name=choice.model, store=self.store, endpoint=self.endpoint)
