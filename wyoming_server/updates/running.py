"""Which bundles serve in this run of the server: a mark that a clean end removes, so that one left over is a crash."""

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import DiskError
from ..whole_file import write_whole
from .folder import BundleFolder

_SCHEMA = 1
_BOOT_FILE = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A run of the server."""

    labels: tuple[str, ...]
    """Bundles that were loaded in it."""
    since: dt.datetime
    boot: str = ""
    """Of the machine; a run of another one ended with the power, which no bundle is to blame for."""


def boot_id() -> str:
    """Return what tells this start of the machine from others; empty where it does not say."""
    try:
        return _BOOT_FILE.read_text().strip()
    except OSError:
        return ""


def mark_run(folder: BundleFolder, labels: Iterable[str], now: dt.datetime, *, boot: str | None = None) -> None:
    """Write down what is loaded from now on, before it is. Raises DiskError."""
    said = {
        "schema": _SCHEMA,
        "labels": sorted(set(labels)),
        "since": now.isoformat(),
        "boot": boot_id() if boot is None else boot,
    }
    write_whole(folder.root / "running.json", json.dumps(said).encode())


def end_run(folder: BundleFolder) -> None:
    """Remove the mark: this run ends as it should. Raises DiskError."""
    try:
        (folder.root / "running.json").unlink(missing_ok=True)
    except OSError as error:
        raise DiskError(f"'{folder.root}' cannot be written: {error.strerror or error}") from error


def crashed_run(folder: BundleFolder, *, boot: str | None = None) -> Running | None:
    """Return the run before this one if it ended without saying so while the machine went on; None otherwise."""
    try:
        said = json.loads((folder.root / "running.json").read_bytes())
        run = Running(
            labels=tuple(map(str, said["labels"])), since=dt.datetime.fromisoformat(said["since"]), boot=said["boot"]
        )
    except OSError, ValueError, KeyError, TypeError, RecursionError:
        return None
    return run if run.boot == (boot_id() if boot is None else boot) else None
