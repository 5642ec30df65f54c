"""What hubs report to a publisher: JSON lines, a file for each day on which reports came, nothing of who sent them."""

import datetime as dt
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..canary.cohort import LARGEST_BYTES, Report, fields_of, report_of
from ..errors import DiskError, ReportRefusedError

REPORTS_FOLDER = "reports"
"""Below a publisher's folder."""
LARGEST_DAY_BYTES = 256 << 20
"""What one day may take on the disk; a flood of reports ends there."""
_DAY_FILE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.jsonl")


class ReportBook:
    """The reports below a folder. Blocks; raises DiskError."""

    def __init__(self, folder: Path, *, known: Callable[[str], bool] = lambda _: True) -> None:
        """`known` tells whether a bundle of that label was ever published here."""
        self.folder = folder
        self._known = known

    def receive(self, body: bytes, *, now: dt.datetime) -> Report:
        """Check a report and write it down. Raises ReportRefusedError, which names what is wrong."""
        if len(body) > LARGEST_BYTES:
            raise ReportRefusedError(f"A report has at most {LARGEST_BYTES} bytes")
        today = now.astimezone(dt.UTC).date()
        report = report_of(_object(body), today=today)
        if not self._known(report.counters.label):
            raise ReportRefusedError("The report is of a bundle that was never published here")
        # What is understood and no more: a stranger leaves nothing else here.
        kept = fields_of(
            report.counters,
            day=report.day,
            region=report.region,
            hub_class=report.hub_class,
            server=report.server,
        )
        self._append(today, json.dumps(kept, separators=(",", ":")) + "\n")
        return report

    def batches(self) -> Iterator[Sequence[Report]]:
        """Yield the reports of each day on which any came, the oldest day first, as `cohort.judged` wants them.

        What a cut left of a line is passed over.
        """
        days = self.folder.iterdir() if self.folder.is_dir() else ()
        for file in sorted(one for one in days if _DAY_FILE.fullmatch(one.name)):
            yield tuple(_reports(file))

    def _append(self, day: dt.date, line: str) -> None:
        path = self.folder / f"{day.isoformat()}.jsonl"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
            try:
                size = os.fstat(descriptor).st_size
                if size + len(line) > LARGEST_DAY_BYTES:
                    raise ReportRefusedError("Too many reports came today; this one is not kept")
                cut = size and os.pread(descriptor, 1, size - 1) != b"\n"
                os.write(descriptor, ("\n" * cut + line).encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise DiskError(f"'{path}' cannot be written: {error.strerror or error}") from error


def _reports(file: Path) -> Iterator[Report]:
    received = dt.date.fromisoformat(file.stem)
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise DiskError(f"'{file}' cannot be read: {error.strerror or error}") from error
    for line in lines:
        try:
            yield report_of(_object(line), today=received)
        except ReportRefusedError:
            continue


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ReportRefusedError("The report is not JSON") from error
    if not isinstance(fields, dict):
        raise ReportRefusedError("The report is not a JSON object")
    return fields
