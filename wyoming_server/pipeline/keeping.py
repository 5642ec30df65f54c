"""Where a request goes that waits for a speech service."""

from typing import Protocol

from .policy import Caller
from .types import Interpretation, Kept


class RequestQueue(Protocol):
    """Keeps requests until a service has heard them."""

    async def keep(self, one: Interpretation, *, turn_id: str, caller: Caller, language: str | None) -> Kept:
        """Have a request on the disk, and return how it is found again.

        Raises QueueFullError, DiskError, RecordsKeyError: then it was not kept, and so it is when this is cancelled.
        """
