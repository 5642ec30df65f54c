"""What the end of a run says about the models that were loaded in it."""

import datetime as dt
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.state import Installed, State
from wyoming_server.errors import DiskError, PortBusyError, UpdateRunningError
from wyoming_server.updates.folder import BundleFolder
from wyoming_server.updates.opening import Opened, opened
from wyoming_server.updates.running import crashed_run, mark_run
from wyoming_server.updates.transitions import activate, add

LABEL = "home-en@1.0.0"
ONE = Installed(kind=Kind.ASR, manifest_sha256="0" * 64, bytes=1)
NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)


def test_a_run_that_ends_with_a_refusal_is_no_crash(tmp_path: Path) -> None:
    folder = BundleFolder(tmp_path / "bundles")

    folder.write(activate(add(State(), LABEL, ONE), LABEL, NOW))

    def run() -> None:
        with opened(folder, lambda: NOW):
            assert crashed_run(folder) is not None
            raise PortBusyError("The port is busy")

    with pytest.raises(PortBusyError):
        run()
    assert crashed_run(folder) is None


def test_a_command_loads_nothing_so_it_neither_crashes_nor_learns_of_crashes(tmp_path: Path) -> None:
    folder = BundleFolder(tmp_path / "bundles")
    mark_run(folder, ["home-en@1.0.0"], NOW)
    with opened(folder, lambda: NOW, loads=False) as opening:
        assert opening.lock is not None
    assert crashed_run(folder) is not None


def test_a_run_without_bundles_leaves_no_mark_to_be_taken_for_a_crash(tmp_path: Path) -> None:
    folder = BundleFolder(tmp_path / "bundles")
    with opened(folder, lambda: NOW):
        assert crashed_run(folder) is None


def test_a_server_that_began_during_a_command_takes_the_lock_once_it_is_free(tmp_path: Path) -> None:
    folder = BundleFolder(tmp_path / "bundles")
    with ExitStack() as command, opened_while_locked(folder, command) as opening:
        assert opening.lock is None
        assert opening.refusal is not None
        opening.tell({"control": "http://127.0.0.1:1"})
        assert not opening.take()
        command.close()
        assert opening.take()
        assert (opening.refusal, folder.holder()) == (None, {"control": "http://127.0.0.1:1"})
    assert folder.holder() is None


def opened_while_locked(folder: BundleFolder, command: ExitStack) -> AbstractContextManager[Opened]:
    command.enter_context(folder.lock())
    return opened(folder, lambda: NOW)


def test_a_disk_that_takes_nothing_is_a_reason_and_no_end(tmp_path: Path) -> None:
    (tmp_path / "bundles").write_bytes(b"")
    with opened(BundleFolder(tmp_path / "bundles"), lambda: NOW) as opening:
        assert isinstance(opening.refusal, DiskError)
        assert opening.state.kinds == {}


def test_who_borrows_the_bundles_writes_nothing_and_is_in_nobodys_way(tmp_path: Path) -> None:
    folder = BundleFolder(tmp_path / "bundles")
    folder.write(activate(add(State(), LABEL, ONE), LABEL, NOW))
    with opened(folder, lambda: NOW, borrows=True) as guest, opened(folder, lambda: NOW) as home:
        assert guest.state == home.state
        assert home.lock is not None
        assert not guest.take()
        assert isinstance(guest.refusal, UpdateRunningError)
    with opened(folder, lambda: NOW, borrows=True) as guest:
        assert not guest.take()
        assert crashed_run(folder) is None
