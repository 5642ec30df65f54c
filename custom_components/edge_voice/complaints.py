"""One line in the log for each kind of failure, however often it happens."""

import time
from typing import Final

from .const import LOGGER

EVERY_SECONDS: Final = 300.0
"""A satellite that fails all day leaves twelve lines an hour of each kind, and no more."""


class Complaints:
    """Which kinds were logged, and when."""

    def __init__(self) -> None:
        """Begin with none."""
        self._logged: dict[str, float] = {}

    def about(self, kind: str, message: str, *arguments: object) -> None:
        """Warn, unless the same kind was warned of a moment ago; then it is told to those who debug."""
        now = time.monotonic()
        if now - self._logged.get(kind, -EVERY_SECONDS) < EVERY_SECONDS:
            LOGGER.debug(message, *arguments)
            return
        self._logged[kind] = now
        LOGGER.warning(message, *arguments)
