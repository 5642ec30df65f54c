"""How far a download is."""

import fcntl
import io
import os
import pty
import struct
import termios

import pytest

from wyoming_server.bundles.progress import FetchState, Progress, TerminalProgress

STEPS = (
    Progress(name="base", state=FetchState.LISTING),
    Progress(name="base", state=FetchState.FETCHING, bytes_done=50_000_000, bytes_total=100_000_000),
    Progress(name="base", state=FetchState.DONE, bytes_done=100_000_000, bytes_total=100_000_000),
)


def test_the_fraction_goes_from_nothing_to_all() -> None:
    assert [step.fraction for step in STEPS] == [0.0, 0.5, 1.0]


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with open(theirs, "w", encoding="utf-8") as terminal:  # noqa: PTH123  # it is a descriptor
        monkeypatch.setattr("sys.stderr", terminal)
        with TerminalProgress() as show:
            for step in STEPS:
                show(step)
        shown = os.read(ours, 65_536).decode()
        while "done" not in shown:  # it comes in pieces
            shown += os.read(ours, 65_536).decode()
    os.close(ours)
    assert "base" in shown
    assert "100%" in shown
    assert "done" in shown


def test_a_log_file_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr("sys.stderr", log)
    with TerminalProgress() as show:
        for step in STEPS:
            show(step)
    assert log.getvalue() == ""


@pytest.mark.parametrize("done", [-1, float("nan")])
def test_progress_is_checked_at_birth(done: int) -> None:
    with pytest.raises(ValueError, match="bytes_done"):
        Progress(name="base", state=FetchState.FETCHING, bytes_done=done)
