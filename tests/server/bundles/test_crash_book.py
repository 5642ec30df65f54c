"""What took the server down: a mark that outlives a process which is killed, on a real disk."""

import datetime as dt
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wyoming_server.bundles.crash_book import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, CrashBook

AT = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)
KILLED = """
import os, sys, signal
from pathlib import Path
from wyoming_server.bundles.crash_book import CrashBook
book = CrashBook(Path(sys.argv[1]), boot="a boot")
model, end, doing = Path(sys.argv[2]), getattr(signal, sys.argv[3]), sys.argv[4]
with book.opened():
    with book.loading(model):
        if doing == "loading":
            os.kill(os.getpid(), end)
    with book.decoding():
        with book.decoding():
            pass
        if doing == "decoding":
            os.kill(os.getpid(), end)
    if doing == "idle":
        os.kill(os.getpid(), end)
    if doing == "watched elsewhere":
        book.rest()
        with book.decoding():
            os.kill(os.getpid(), end)
"""


class Disk:
    """A folder of crashes, a model, and a clock on the wall."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.model, self.now = folder / "crashes", folder / "base", AT
        self.model.mkdir()
        (self.model / "model.bin").write_bytes(b"weights")

    def started(self, boot: str = "a boot") -> CrashBook:
        """Return the count as the next start of the server takes it up."""
        book = CrashBook(self.folder, lambda: self.now, boot=boot)
        with book.opened():
            return book

    def crash(self, times: int) -> CrashBook:
        book = self.started()
        for _ in range(times):
            book.crashed(self.model)
        return book


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


@pytest.mark.parametrize(
    ("end", "doing", "counts"),
    [
        ("SIGSEGV", "loading", 1),
        ("SIGILL", "decoding", 1),
        ("SIGKILL", "decoding", 1),
        ("SIGKILL", "idle", 0),
        ("SIGKILL", "watched elsewhere", 0),
        ("SIGTERM", "nothing more", 0),
    ],
)
def test_a_process_that_dies_while_a_model_is_at_work_counts_against_it(
    end: str, doing: str, counts: int, disk: Disk
) -> None:
    command = [sys.executable, "-c", KILLED, str(disk.folder), str(disk.model), end, doing]
    ended = subprocess.run(command, check=False, cwd=Path(__file__).parents[3]).returncode
    assert ended == (0 if doing == "nothing more" else -getattr(signal, end))
    assert disk.started().crashes(disk.model) == counts


@pytest.mark.parametrize(("state", "counts"), [(b"L", 1), (b"D", 1), (b"-", 0), (b"", 0), (b"{", 0)])
def test_a_mark_that_was_left_counts_once_by_what_it_says(state: bytes, counts: int, disk: Disk) -> None:
    book = CrashBook(disk.folder, boot="a boot")
    with book.loading(disk.model):
        mark = (disk.folder / "at_work").read_bytes()
    book.rest()
    (disk.folder / "at_work").write_bytes(state + mark[1:])
    assert disk.started().crashes(disk.model) == counts
    assert disk.started().crashes(disk.model) == counts


def test_after_two_crashes_a_model_is_left_alone_for_a_while_that_grows(disk: Disk) -> None:
    assert disk.crash(1).pause_seconds(disk.model) == 0.0
    assert disk.crash(1).pause_seconds(disk.model) == FIRST_PAUSE_SECONDS
    assert disk.crash(1).pause_seconds(disk.model) == 2 * FIRST_PAUSE_SECONDS
    book = disk.crash(20)
    assert book.pause_seconds(disk.model) == LONGEST_PAUSE_SECONDS
    disk.now += dt.timedelta(seconds=LONGEST_PAUSE_SECONDS - 60)
    assert book.pause_seconds(disk.model) == 60.0
    book.forgive(disk.model)
    assert disk.started().crashes(disk.model) == 0


@pytest.mark.parametrize("leap", [dt.timedelta(days=365), -dt.timedelta(days=365)])
def test_a_clock_that_leaps_leaves_no_model_alone_for_a_year(leap: dt.timedelta, disk: Disk) -> None:
    disk.crash(3)
    disk.now += leap
    assert disk.started().pause_seconds(disk.model) == 0.0


def test_other_files_are_another_model(disk: Disk) -> None:
    book = disk.crash(2)
    (disk.model / "model.bin").write_bytes(b"other weights")
    assert book.crashes(disk.model) == 0
    assert disk.crash(1).crashes(disk.model) == 1


@pytest.mark.parametrize("content", [b"", b"[]", b'{"models": 7}', b'{"models": {"base": {}}}', b"\xff"])
def test_a_count_that_cannot_be_read_is_begun_anew(content: bytes, disk: Disk) -> None:
    disk.crash(2)
    (disk.folder / "crashed.json").write_bytes(content)
    assert disk.started().crashes(disk.model) == 0


def test_a_disk_that_refuses_costs_the_count_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    book = CrashBook(tmp_path / "file" / "crashes", boot="a boot")
    with book.opened(), book.loading(tmp_path), book.decoding():
        book.crashed(tmp_path)
    assert book.crashes(tmp_path) == 1
    nowhere = CrashBook(None)
    with nowhere.opened(), nowhere.loading(tmp_path), nowhere.decoding():
        nowhere.crashed(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_lost_supply_is_no_crash(disk: Disk) -> None:
    book = CrashBook(disk.folder, boot="a boot")
    with book.loading(disk.model):
        mark = (disk.folder / "at_work").read_bytes()
    (disk.folder / "at_work").write_bytes(mark)
    assert disk.started("another boot").crashes(disk.model) == 0
