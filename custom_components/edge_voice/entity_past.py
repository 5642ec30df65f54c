"""Which hubs tell of their past: older ones do not, and have no entities for it."""

from .protocol import Status


def keeps_records(status: Status) -> bool:
    """Whether the hub keeps records of its turns, and with them drift, scorecards and baselines."""
    return status.records is not None


def tells_load(status: Status) -> bool:
    """Whether the hub says when it strains."""
    return status.resources.saturated is not None
