import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server.bundles import made
from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.digest import file_digest
from wyoming_server.bundles.state import Installed, State
from wyoming_server.errors import (
    BundleDamagedError,
    DiskError,
    NewerRecordsError,
    NoRepositoryError,
    RootRefusedError,
    UnknownBundleError,
    UpdateRunningError,
)
from wyoming_server.updates.folder import BundleFolder
from wyoming_server.updates.readying import read_or_set_aside, start
from wyoming_server.updates.running import crashed_run, end_run, mark_run
from wyoming_server.updates.transitions import activate

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)
ONE, TWO = "home-en@1.0.0", "home-en@1.1.0"


@pytest.fixture
def folder(tmp_path: Path) -> BundleFolder:
    return BundleFolder(tmp_path / "data" / "bundles")


def staged(folder: BundleFolder, label: str) -> Installed:
    """Lay a bundle where the updater does."""
    name, version = label.split("@")
    directory = made.hollow(folder.root / "staged", version, name=name)
    return Installed(kind=Kind.ASR, manifest_sha256=file_digest(directory / "bundle.json"), bytes=10_000)


def serving(folder: BundleFolder, *labels: str) -> State:
    """Install bundles and let one after the other serve."""
    state = State()
    for label in labels:
        state = activate(folder.install(label, staged(folder, label)), label, NOW)
        folder.write(state)
    return state


# The state


def test_a_hub_without_bundles_remembers_nothing_and_writes_nothing(folder: BundleFolder) -> None:
    assert (folder.read(), folder.trusted(), folder.canary(), folder.holder()) == (State(), None, None, None)
    assert start(folder, Kind.ASR, NOW).ready is None
    assert not folder.root.exists()


def test_what_was_written_is_read(folder: BundleFolder) -> None:
    state = serving(folder, ONE, TWO)
    assert folder.read() == state
    assert [one.name for one in folder.root.glob(".*")] == []


@pytest.mark.parametrize("content", [b"", b"{", b"null", b'{"schema": 1}', b"[" * 100_000])
def test_a_state_that_cannot_be_read_is_set_aside_and_the_hub_goes_on(folder: BundleFolder, content: bytes) -> None:
    serving(folder, ONE)
    (folder.root / "state.json").write_bytes(content)
    with pytest.raises(BundleDamagedError):
        folder.read()
    assert start(folder, Kind.ASR, NOW).ready is None
    assert (folder.root / "state.damaged.json").read_bytes() == content
    assert folder.read() == State()


def test_a_newer_servers_state_is_neither_read_nor_touched(folder: BundleFolder) -> None:
    serving(folder, ONE)
    newer = json.loads((folder.root / "state.json").read_bytes()) | {"schema": 9}
    (folder.root / "state.json").write_text(json.dumps(newer))
    assert read_or_set_aside(folder) == State()
    with pytest.raises(NewerRecordsError):
        folder.collect()
    assert json.loads((folder.root / "state.json").read_bytes()) == newer


def test_what_was_counted_of_a_candidate_comes_and_goes(folder: BundleFolder) -> None:
    folder.write_canary({"turns": 3})
    assert folder.canary() == {"turns": 3}
    folder.write_canary(None)
    folder.write_canary(None)
    assert folder.canary() is None


# Installing and verifying


def test_a_staged_bundle_is_moved_to_its_place_and_known(folder: BundleFolder) -> None:
    state = folder.install(ONE, installed := staged(folder, ONE))
    assert state.installed == {ONE: installed}
    assert folder.verify(ONE).label == ONE
    assert not folder.staged_folder(ONE).exists()


def test_a_staged_bundle_that_was_changed_meanwhile_is_not_installed(folder: BundleFolder) -> None:
    installed = staged(folder, ONE)
    made.damaged(folder.staged_folder(ONE))
    with pytest.raises(BundleDamagedError, match=r"another model\.bin"):
        folder.install(ONE, installed)
    assert not folder.folder_of(ONE).exists()
    assert folder.read() == State()


def test_what_a_cut_left_in_the_place_of_a_bundle_is_replaced(folder: BundleFolder) -> None:
    left = folder.folder_of(ONE)
    left.mkdir(parents=True)
    (left / "model.bin").write_text("half")
    folder.install(ONE, staged(folder, ONE))
    assert folder.verify(ONE).label == ONE


def test_a_bundle_that_is_installed_already_is_not_moved_again(folder: BundleFolder) -> None:
    installed = staged(folder, ONE)
    assert folder.install(ONE, installed) == folder.install(ONE, installed)


def flip_last(directory: Path) -> None:
    made.damaged(directory)


def shorten(directory: Path) -> None:
    with (directory / "model.bin").open("r+b") as file:
        file.truncate(9_999)


def remove(directory: Path) -> None:
    (directory / "tokenizer.json").unlink()


def add_a_file(directory: Path) -> None:
    (directory / "vocabulary.txt").write_text("lights\n")


def add_a_file_below(directory: Path) -> None:
    (directory / "deep").mkdir()
    (directory / "deep" / "x").write_text("")


def link(directory: Path) -> None:
    elsewhere = directory.parent / "elsewhere.bin"
    (directory / "model.bin").rename(elsewhere)
    (directory / "model.bin").symlink_to(elsewhere)


def link_folder(directory: Path) -> None:
    (directory / "golden").symlink_to(directory.parent)


def pipe(directory: Path) -> None:
    (directory / "model.bin").unlink()
    os.mkfifo(directory / "model.bin")


def rewrite_manifest(directory: Path) -> None:
    file = directory / "bundle.json"
    file.write_text(file.read_text().replace("10000", "10001"))


def remove_manifest(directory: Path) -> None:
    (directory / "bundle.json").unlink()


def huge_manifest(directory: Path) -> None:
    with (directory / "bundle.json").open("ab") as file:
        file.write(b" " * (1 << 20))


def remove_all(directory: Path) -> None:
    directory.rename(directory.with_name("gone"))


CHANGES = [flip_last, shorten, remove, add_a_file, add_a_file_below, link, link_folder, pipe, rewrite_manifest,
           remove_manifest, huge_manifest, remove_all]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_on_the_disk_is_noticed_and_the_bundle_before_serves(
    folder: BundleFolder, change: Callable[[Path], None]
) -> None:
    serving(folder, ONE, TWO)
    change(folder.folder_of(TWO))
    with pytest.raises(BundleDamagedError):
        folder.verify(TWO)
    found = start(folder, Kind.ASR, NOW)
    assert found.ready is not None
    assert (found.ready.label, found.ready.folder) == (ONE, folder.folder_of(ONE))
    assert [(label, error.code) for label, error in found.refused] == [(TWO, "bundle-damaged")]
    assert folder.read() == found.state
    assert TWO not in found.state.installed


def test_a_plain_model_serves_where_every_bundle_is_damaged(folder: BundleFolder) -> None:
    serving(folder, ONE, TWO)
    for label in (ONE, TWO):
        made.damaged(folder.folder_of(label))
    found = start(folder, Kind.ASR, NOW)
    assert (found.ready, [label for label, _ in found.refused]) == (None, [TWO, ONE])
    assert folder.read().of(Kind.ASR).active == ""


def test_a_damaged_bundle_can_be_installed_again(folder: BundleFolder) -> None:
    serving(folder, ONE, TWO)
    made.damaged(folder.folder_of(TWO))
    start(folder, Kind.ASR, NOW)
    state = folder.install(TWO, staged(folder, TWO))
    folder.write(activate(state, TWO, NOW))
    assert start(folder, Kind.ASR, NOW).ready is not None
    assert folder.verify(TWO).label == TWO


@pytest.mark.parametrize("label", ["", "home-en", "../x@1.0.0", "a/b@1.0.0", "x@..", ".x@1.0.0", "x@1.0.0\n", "x@1/0"])
def test_what_is_no_label_is_no_folder(folder: BundleFolder, label: str) -> None:
    for place in (folder.folder_of, folder.staged_folder):
        with pytest.raises(UnknownBundleError):
            place(label)


def test_what_is_not_installed_cannot_be_verified(folder: BundleFolder) -> None:
    with pytest.raises(UnknownBundleError):
        folder.verify(ONE)


# Clearing up


def test_only_what_may_be_needed_is_kept(folder: BundleFolder) -> None:
    serving(folder, "home-en@0.9.0", ONE, TWO)
    staged(folder, "home-en@1.2.0")
    (folder.root / "installed" / "unknown@1.0.0").mkdir()
    (folder.root / "installed" / ".leaving-x@1.0.0").mkdir()
    (folder.root / ".leaving-metadata").mkdir()
    state = folder.collect()
    assert set(state.installed) == {ONE, TWO}
    assert sorted(one.name for one in (folder.root / "installed").iterdir()) == [ONE, TWO]
    assert not (folder.root / "staged").exists()
    assert not list(folder.root.glob(".*"))
    assert start(folder, Kind.ASR, NOW).ready is not None


# The lock


def test_one_writes_at_a_time(folder: BundleFolder) -> None:
    with folder.lock() as lock:
        lock.tell({"pid": 7})
        assert folder.holder() == {"pid": 7}
        with pytest.raises(UpdateRunningError), folder.lock():
            pass
    assert folder.holder() is None
    with folder.lock():
        assert folder.holder() == {}


def test_a_lock_ends_with_the_process_that_holds_it(folder: BundleFolder) -> None:
    program = (
        "import sys, pathlib; from wyoming_server.updates.folder import BundleFolder\n"
        "with BundleFolder(pathlib.Path(sys.argv[1])).lock():\n"
        "    print('locked', flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", program, str(folder.root)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(UpdateRunningError), folder.lock():
            pass
        process.kill()
        process.wait()
    with folder.lock():
        pass


# Trust


def test_a_repository_is_trusted_until_it_is_not(folder: BundleFolder) -> None:
    with pytest.raises(NoRepositoryError, match="models trust"):
        folder.repository()
    folder.trust("http://127.0.0.1:1/models/", b"{}")
    assert (folder.repository().url, folder.repository().root) == ("http://127.0.0.1:1/models", b"{}")
    folder.distrust()
    folder.distrust()
    assert folder.trusted() is None


def test_another_root_forgets_what_the_one_before_has_said_and_the_same_one_does_not(folder: BundleFolder) -> None:
    folder.trust("http://127.0.0.1:1", b"one")
    folder.metadata.mkdir()
    folder.trust("http://127.0.0.1:2", b"one")
    assert folder.metadata.is_dir()
    folder.trust("http://127.0.0.1:2", b"two")
    assert not folder.metadata.exists()


def test_what_is_installed_goes_on_serving_without_trust(folder: BundleFolder) -> None:
    serving(folder, ONE)
    folder.trust("http://127.0.0.1:1", b"one")
    folder.distrust()
    assert start(folder, Kind.ASR, NOW).ready is not None


@pytest.mark.parametrize(
    "url", ["", "models", "ftp://host", "file:///models", "http://", "https://host/?x=1", "http://a b"]
)
def test_what_is_no_address_is_not_trusted(folder: BundleFolder, url: str) -> None:
    with pytest.raises(RootRefusedError, match="no address"):
        folder.trust(url, b"{}")


def test_an_address_with_a_password_is_not_trusted_nor_said_again(folder: BundleFolder) -> None:
    with pytest.raises(RootRefusedError) as refused:
        folder.trust("https://me:secret@example.org", b"{}")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["trust.json", "root.json"])
def test_half_a_trust_is_none(folder: BundleFolder, name: str) -> None:
    folder.trust("http://127.0.0.1:1", b"one")
    (folder.root / name).unlink()
    assert folder.trusted() is None


# Runs that crash


def test_a_run_that_does_not_say_that_it_ends_is_a_crash(folder: BundleFolder) -> None:
    assert crashed_run(folder) is None
    mark_run(folder, [TWO, ONE], NOW)
    run = crashed_run(folder)
    assert run is not None
    assert (run.labels, run.since) == ((ONE, TWO), NOW)
    end_run(folder)
    end_run(folder)
    assert crashed_run(folder) is None


def test_a_machine_that_went_dark_is_no_bundles_fault(folder: BundleFolder) -> None:
    mark_run(folder, [ONE], NOW, boot="before")
    assert crashed_run(folder, boot="after") is None
    assert crashed_run(folder, boot="before") is not None


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"labels": 1, "since": "x", "boot": ""}'])
def test_a_mark_that_cannot_be_read_blames_nobody(folder: BundleFolder, content: bytes) -> None:
    mark_run(folder, [ONE], NOW)
    (folder.root / "running.json").write_bytes(content)
    assert crashed_run(folder) is None


# The disk


def test_a_disk_that_takes_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "bundles").write_text("a file where the folder should be")
    folder = BundleFolder(tmp_path / "bundles")
    with pytest.raises(DiskError), folder.lock():
        pass
    with pytest.raises(DiskError):
        folder.write(State())
    with pytest.raises(DiskError):
        mark_run(folder, [], NOW)
