"""What a server is made of, as far as its owner sees or steers it."""

import datetime as dt
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..bundles.store import PlainModel
from ..bundles.supply import SupplyStatus
from ..engines.decode_queue import DecodeQueue
from ..pipeline.grammar import Vocabulary
from ..records.choices import Choices
from ..routing import Brain
from ..settings import Settings
from ..updates.update import Updates
from .arms import Arms
from .lane_book import LaneBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts, and the clocks."""

    server_id: str
    settings: Settings
    """As the settings file, the environment and the flags say."""
    data: Path
    """The data folder."""
    brain: Brain
    edge: DecodeQueue
    supply_status: Callable[[], SupplyStatus]
    crashes: Callable[[], int]
    """How often the chosen model, or the one that serves, has crashed or failed on end."""
    warm: Callable[[str, Vocabulary], Coroutine[Any, Any, None]]
    """(language, names) → has the grammar ready."""
    choices: Choices
    lane_book: LaneBook
    updates: Updates
    arms: Arms
    plain_models: Callable[[], Sequence[PlainModel]]
    """Models without a signature that are on the disk; blocks."""
    clock: Callable[[], float]
    """Monotonic seconds."""
    wall: Callable[[], dt.datetime]
    """With its zone."""
