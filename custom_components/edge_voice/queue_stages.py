"""How far a request that waits has come in Home Assistant."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from .protocol_queue import WaitingRequest


class Stage(StrEnum):
    """As the hub is told how it ended, and as it lies on the disk until then."""

    STARTING = "starting"
    """The hub is being asked for it; nothing was done."""
    EXECUTING = "executing"
    """The conversation has it, or had it when everything was cut."""
    DONE = "done"
    FAILED = "failed"
    """The conversation refused it."""
    INTERRUPTED = "interrupted"
    """Nobody knows whether it was done."""


ENDED: Final = frozenset({Stage.DONE, Stage.FAILED, Stage.INTERRUPTED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """A request that the conversation has had."""

    request: WaitingRequest
    ended: Stage
    answer: str = field(default="", repr=False)
    """What the agent said."""
