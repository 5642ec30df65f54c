"""Which hubs tell of their past: older ones do not, and have no entities for it."""

from typing import Final

from .protocol import Status

OF_TURNS: Final = ("turns", "transcripts", "recordings", "corrections")
"""What is kept of single turns, as `purge` names it."""
BAD_KEYS: Final = frozenset({"missing", "wrong"})
"""States of the records' key in which what was sealed cannot be read."""


def keeps_records(status: Status) -> bool:
    """Whether the hub keeps records of its turns, and with them drift, scorecards and baselines."""
    return status.records is not None


def tells_load(status: Status) -> bool:
    """Whether the hub says when it strains."""
    return status.resources.saturated is not None
