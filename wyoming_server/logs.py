"""What the server says to its log: sentences and events of its own, never a text, a secret or who said something.

Three doors, each by construction: our own modules log values that the register of data declares (a test reads them off
the source); of libraries come patterns and numbers alone; exceptions are told by type and place, since their messages
quote what they met. What is registered as a secret is masked last of all.
"""

import datetime as dt
import enum
import json
import linecache
import logging
import math
import re
import sys
import threading
import traceback
import types
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_PACKAGE = __name__.partition(".")[0]
_BLANK = "…"
_MASK = "***"
_SHORTEST, _SHORTEST_PART = 8, 20
"""Characters of a secret, and of a line of one; to mask shorter ones would garble the log and say what they are."""
_MOST_SECRETS = 1000
_MOST_FRAMES, _MOST_CAUSES = 6, 4
_WORD = re.compile(r'[^\s="]+')
_PYTHON_WARNING = re.compile(r"(?P<file>[^\n]*?):(?P<line>\d+): (?P<category>\w+)(: |\n|$)")


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


def set_up(level: LogLevel, form: LogFormat) -> None:
    """Send logs to standard error, so that standard output carries results only; a further call takes its place."""
    root = logging.getLogger()
    for one in [known for known in root.handlers if isinstance(known, _ToStandardError)]:
        root.removeHandler(one)
    root.addHandler(_ToStandardError(form))
    set_level(level)
    logging.captureWarnings(capture=True)
    if sys.unraisablehook is sys.__unraisablehook__:  # else somebody listens already, such as a test
        sys.unraisablehook = _tell_unraisable
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _tell_thread


def tell_crashes() -> None:
    """Tell the exception that ends this process as any other: by type and place, where Python would quote it."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _tell_crash


def set_level(level: LogLevel) -> None:
    """Say more or less from now on. Libraries speak from WARNING on, whatever the level."""
    logging.getLogger().setLevel(level.upper())


def form_now() -> LogFormat:
    """Return the form that was set up, for processes of our own that write beside this one."""
    found = (one.form for one in logging.getLogger().handlers if isinstance(one, _ToStandardError))
    return next(found, LogFormat.TEXT)


def conceal(*secrets: str) -> None:
    """Mask these wherever they would appear from now on. Parts of a secret of several lines count by themselves."""
    for secret in secrets:
        if len(secret.strip()) >= _SHORTEST:
            _SECRETS[secret.strip()] = None
        _SECRETS.update(dict.fromkeys(one for one in re.split(r"\s+|\\n", secret) if len(one) >= _SHORTEST_PART))
    with _CHANGING:
        while len(_SECRETS) > _MOST_SECRETS:
            _SECRETS.pop(next(iter(_SECRETS)), None)


_SECRETS: dict[str, None] = {}
_CHANGING = threading.Lock()


def _masked(text: str) -> str:
    for secret in tuple(_SECRETS):
        if secret in text:
            text = text.replace(secret, _MASK)
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """One line, cleaned."""

    at: dt.datetime
    level: str
    logger: str
    event: str
    fields: Mapping[str, Any]
    failures: tuple[tuple[str, tuple[str, ...]], ...]
    """Exceptions, each with its cause after it: type, and the places that it passed, the deepest last."""


def _said(record: logging.LogRecord) -> _Said:
    is_ours = record.name.partition(".")[0] in {_PACKAGE, "__main__"}
    fields: Mapping[str, Any] = getattr(record, "fields", None) or {}
    error = record.exc_info[1] if record.exc_info else None
    return _Said(
        at=dt.datetime.fromtimestamp(record.created, dt.UTC).astimezone(),
        level=record.levelname.lower(),
        logger=record.name,
        event=_masked(record.getMessage() if is_ours else _of_library(record)),
        fields={name: _value(value) for name, value in fields.items()} if is_ours else {},
        failures=tuple(_failures(error)),
    )


def _value(value: object) -> object:
    """Return what JSON can say."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int) else _masked(str(value))


def _of_library(record: logging.LogRecord) -> str:
    """Return the pattern of a library's message with its numbers; what else it holds is not ours to show."""
    if record.name == "py.warnings":
        return _of_python(record.getMessage())
    if record.args:
        told: str = str(record.msg) % _blanked(record.args)
        return told
    first = str(record.msg).partition("\n")[0]
    place = f"{record.filename}:{record.lineno}"
    if record.name == "asyncio":  # its first line is its own; what follows describes tasks and their results
        return first
    # Put together before it was logged, it may hold anything; a constant stands in the source as it is.
    return first if first and first in linecache.getline(record.pathname, record.lineno) else f"a message of {place}"


def _of_python(message: str) -> str:
    found = _PYTHON_WARNING.match(message)
    if found is None:
        return "a warning of Python's"
    return f"{found['category']} of {found['file'].rpartition('/')[2]}:{found['line']}"


def _blanked(args: object) -> Any:
    if isinstance(args, Mapping):
        return {key: _number(value) for key, value in args.items()}
    return tuple(_number(one) for one in args) if isinstance(args, tuple) else (_number(args),)


def _number(value: object) -> object:
    return value if isinstance(value, int | float) or value is None else _BLANK


def _failures(error: BaseException | None) -> list[tuple[str, tuple[str, ...]]]:
    """Return an exception and its causes by type and place. Their messages may quote what was said, or a key."""
    found: list[tuple[str, tuple[str, ...]]] = []
    while error is not None and len(found) < _MOST_CAUSES:
        frames = traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
        places = tuple(f"{one.filename.rpartition('/')[2]}:{one.lineno}" for one in frames)
        found.append((type(error).__name__, places))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


class _Text(logging.Formatter):
    """For people."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        said = _said(record)
        at = f"{said.at:%Y-%m-%d %H:%M:%S},{said.at.microsecond // 1000:03}"
        fields = "".join(f" {name}={_plain(value)}" for name, value in said.fields.items())
        failures = "; from ".join(f"{name} ({', '.join(places)})" for name, places in said.failures)
        line = f"{at} {said.level.upper()} {said.logger}: {said.event}{fields}{f': {failures}' if failures else ''}"
        # One line each, and nothing that steers a terminal, whoever the words are from.
        return "".join(one if one.isprintable() else " " for one in line)


def _plain(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "-" if value is None else "yes" if value else "no"
    text = str(value)
    # A word that holds what parts fields would pass for fields of its own.
    return text if text.isprintable() and _WORD.fullmatch(text) else json.dumps(text, ensure_ascii=False)


class _Json(logging.Formatter):
    """For programs: one object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        said = _said(record)
        told: dict[str, Any] = {
            "at": said.at.isoformat(timespec="milliseconds"),
            "level": said.level,
            "logger": said.logger,
            "event": said.event,
            "fields": said.fields,
        }
        if said.failures:
            told["failures"] = [{"type": name, "places": places} for name, places in said.failures]
        line = json.dumps(told, ensure_ascii=False)
        # JSON lets stand what ends a line for some readers, and what steers a terminal or turns its text around.
        return line if line.isprintable() else "".join(one if one.isprintable() else _escaped(one) for one in line)


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1]


class _ToStandardError(logging.Handler):
    """Writes to whatever standard error is at the moment."""

    def __init__(self, form: LogFormat) -> None:
        super().__init__()
        self.form = form
        self.setFormatter(_Json() if form is LogFormat.JSON else _Text())

    def filter(self, record: logging.LogRecord) -> bool | logging.LogRecord:
        """Leave out what libraries say below WARNING: they are debugged by themselves."""
        is_ours = record.name.partition(".")[0] in {_PACKAGE, "__main__"}
        return super().filter(record) if is_ours or record.levelno >= logging.WARNING else False

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; whatever happens, no turn fails for it, and what the line was to hold is not shown."""
        is_written = False
        with suppress(Exception):
            _write(self.format(record))
            is_written = True
        if not is_written:
            with suppress(Exception):
                _write(f"a log line of {record.filename}:{record.lineno} could not be written")


def _write(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _tell_unraisable(seen: sys.UnraisableHookArgs) -> None:
    logging.getLogger(_PACKAGE).error("an error in a place that cannot fail", exc_info=seen.exc_value)


def _tell_thread(seen: threading.ExceptHookArgs) -> None:
    logging.getLogger(_PACKAGE).error("a thread has ended", exc_info=seen.exc_value)


def _tell_crash(kind: type[BaseException], error: BaseException, places: types.TracebackType | None) -> None:
    logging.getLogger(_PACKAGE).critical("the server has ended by a fault", exc_info=(kind, error, places))
