"""What the server says to its log."""

import enum
import logging


class LogLevel(enum.StrEnum):
    """From which gravity on."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(enum.StrEnum):
    """For whom."""

    TEXT = "text"
    JSON = "json"


def set_up(level: LogLevel, form: LogFormat) -> None:  # noqa: ARG001  # JSON is to come
    """Send logs to standard error, so that standard output carries results only."""
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def set_level(level: LogLevel) -> None:
    """Say more or less from now on."""
    logging.getLogger().setLevel(level.upper())
