"""Fetching a model from a hub, over real sockets."""

import hashlib
import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.bundles.local_hub import COMMIT, LocalHub
from wyoming_server.bundles.download import FetchCancelled
from wyoming_server.bundles.hub_model import HubModel
from wyoming_server.bundles.install import STAGING_FOLDER
from wyoming_server.bundles.origin import ORIGIN_FILE, read_origin
from wyoming_server.bundles.progress import FetchState, Progress
from wyoming_server.bundles.store import ModelStore
from wyoming_server.errors import DiskError, ModelDownloadError, UnknownModelError

WEIGHTS = bytes(range(256)) * (3 << 12)  # 3 MiB
FILES = {
    "config.json": b"{}",
    "model.bin": WEIGHTS,
    "tokenizer.json": b'{"model": {}}',
    "vocabulary.txt": b"a\nb\n",
    "README.md": b"# not needed",
    "pytorch_model.bin": b"not needed either",
}
FETCHED = {"config.json", "model.bin", "tokenizer.json", "vocabulary.txt", "origin.json"}


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with LocalHub(repositories={"Systran/faster-whisper-base": dict(FILES), "someone/hers": dict(FILES)}) as hub:
        yield hub


def model(hub: LocalHub, root: Path, name: str = "base") -> HubModel:
    return HubModel(name=name, store=ModelStore(root / "models"), endpoint=hub.endpoint, retry_delay_s=0.01)


def fetch(chosen: HubModel, report: list[Progress] | None = None) -> Path:
    return chosen.fetch((report if report is not None else []).append, threading.Event())


def staged(root: Path) -> list[Path]:
    return [file for file in (root / "models" / STAGING_FOLDER).rglob("*") if file.is_file()]


def test_a_model_arrives_whole_with_what_faster_whisper_needs_and_nothing_else(hub: LocalHub, tmp_path: Path) -> None:
    directory = fetch(model(hub, tmp_path))
    assert directory == tmp_path / "models" / "base"
    assert {file.name for file in directory.iterdir()} == FETCHED
    assert (directory / "model.bin").read_bytes() == WEIGHTS
    assert json.loads((directory / "origin.json").read_text())["commit"] == COMMIT
    assert staged(tmp_path) == []


def test_a_repository_id_is_fetched_like_a_size(hub: LocalHub, tmp_path: Path) -> None:
    chosen = model(hub, tmp_path, "someone/hers")
    assert fetch(chosen) == tmp_path / "models" / "someone--hers" == chosen.find()


def test_progress_goes_from_nothing_to_all_and_never_back(hub: LocalHub, tmp_path: Path) -> None:
    report: list[Progress] = []
    fetch(model(hub, tmp_path), report)
    assert [report[0].state, report[-1].state] == [FetchState.LISTING, FetchState.DONE]
    fractions = [progress.fraction for progress in report]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert report[-1].bytes_done == report[-1].bytes_total == sum(len(FILES[name]) for name in FETCHED & FILES.keys())


def test_a_cut_connection_is_resumed_where_it_broke(hub: LocalHub, tmp_path: Path) -> None:
    hub.cut_after_bytes = [1_000_000, 500_000]
    directory = fetch(model(hub, tmp_path))
    first, *resumed = hub.ranges("model.bin")
    assert first is None
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in resumed if asked]
    assert len(starts) == 2
    assert 0 < starts[0] < starts[1] <= 1_500_000
    assert (directory / "model.bin").read_bytes() == WEIGHTS


def test_a_new_process_goes_on_from_what_an_earlier_one_fetched(hub: LocalHub, tmp_path: Path) -> None:
    cancelled = threading.Event()

    def cancel_midway(progress: Progress) -> None:
        if progress.state is FetchState.FETCHING:
            cancelled.set()

    with pytest.raises(FetchCancelled):
        model(hub, tmp_path).fetch(cancel_midway, cancelled)
    part = tmp_path / "models" / STAGING_FOLDER / f"base@{COMMIT}" / "model.bin"
    part.write_bytes(WEIGHTS[:2_000_000])
    hub.asked.clear()
    fetch(model(hub, tmp_path))
    assert hub.ranges("model.bin") == ["bytes=2000000-"]


def test_an_installed_model_never_asks_the_hub(hub: LocalHub, tmp_path: Path) -> None:
    fetch(model(hub, tmp_path))
    hub.asked.clear()
    assert fetch(model(hub, tmp_path)) == tmp_path / "models" / "base"
    assert hub.asked == []


def test_a_hub_that_ignores_ranges_is_started_over(hub: LocalHub, tmp_path: Path) -> None:
    hub.cut_after_bytes, hub.ignores_range = [1_000_000], True
    report: list[Progress] = []
    directory = fetch(model(hub, tmp_path), report)
    assert (directory / "model.bin").read_bytes() == WEIGHTS
    assert report[-1].bytes_done == report[-1].bytes_total


def test_a_connection_that_keeps_breaking_gives_up_and_keeps_its_part(hub: LocalHub, tmp_path: Path) -> None:
    hub.cut_after_bytes = [1_000_000, *[0] * 50]
    with pytest.raises(ModelDownloadError, match="internet"):
        fetch(model(hub, tmp_path))
    assert sum(file.stat().st_size for file in staged(tmp_path)) > 500_000
    assert model(hub, tmp_path).find() is None


@pytest.mark.parametrize("size", [len(WEIGHTS) + 1000, len(WEIGHTS) - 1000])
def test_a_length_that_is_not_the_listed_one_is_refused(hub: LocalHub, tmp_path: Path, size: int) -> None:
    hub.listed_sizes["model.bin"] = size
    with pytest.raises(ModelDownloadError):
        fetch(model(hub, tmp_path))
    assert model(hub, tmp_path).find() is None


@pytest.mark.parametrize("file", ["model.bin", "config.json"])
def test_content_that_is_not_the_listed_one_is_thrown_away(hub: LocalHub, tmp_path: Path, file: str) -> None:
    hub.served[file] = bytes(len(FILES[file]))
    with pytest.raises(ModelDownloadError, match=file):
        fetch(model(hub, tmp_path))
    assert file not in {path.name for path in staged(tmp_path)}
    hub.served.clear()
    assert (fetch(model(hub, tmp_path)) / file).read_bytes() == FILES[file]


def test_parts_of_an_older_commit_are_dropped(hub: LocalHub, tmp_path: Path) -> None:
    old = tmp_path / "models" / STAGING_FOLDER / "base@old"
    old.mkdir(parents=True)
    (old / "model.bin").write_bytes(b"old")
    assert (fetch(model(hub, tmp_path)) / "model.bin").read_bytes() == WEIGHTS
    assert staged(tmp_path) == []


@pytest.mark.parametrize("name", ["huge", "small.fr", "", "../base", "a/b/c", "owner/..", "own--er/x"])
def test_a_name_that_means_nothing_is_unknown_and_the_hub_is_not_asked(
    hub: LocalHub, tmp_path: Path, name: str
) -> None:
    with pytest.raises(UnknownModelError):
        fetch(model(hub, tmp_path, name))
    assert hub.asked == []


def test_a_repository_that_is_not_there_is_unknown(hub: LocalHub, tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="nobody/nothing"):
        fetch(model(hub, tmp_path, "nobody/nothing"))


@pytest.mark.parametrize("lacking", ["model.bin", "tokenizer.json", "vocabulary.txt"])
def test_a_repository_without_a_whole_model_is_refused_before_anything_is_fetched(
    hub: LocalHub, tmp_path: Path, lacking: str
) -> None:
    del hub.repositories["someone/hers"][lacking]
    with pytest.raises(UnknownModelError, match="is missing"):
        fetch(model(hub, tmp_path, "someone/hers"))
    assert not any("resolve" in asked.path for asked in hub.asked)


def test_without_a_network_the_sentence_names_the_cure(tmp_path: Path) -> None:
    with LocalHub(repositories={}) as gone:
        chosen = model(gone, tmp_path)
    with pytest.raises(ModelDownloadError, match=r"connect this machine .* folder"):
        fetch(chosen)


def test_a_model_larger_than_the_disk_is_refused_before_anything_is_fetched(hub: LocalHub, tmp_path: Path) -> None:
    hub.listed_sizes["model.bin"] = 1 << 50
    with pytest.raises(DiskError, match="smaller model"):
        fetch(model(hub, tmp_path))
    assert not any("resolve" in asked.path for asked in hub.asked)


def test_a_disk_that_fills_up_midway_is_given_back(hub: LocalHub, tmp_path: Path) -> None:
    """The limit on a file's size makes the kernel refuse a write in the middle, as a full disk does."""
    program = (
        "import resource, sys, threading; from pathlib import Path\n"
        "from wyoming_server.bundles.hub_model import HubModel; from wyoming_server.bundles.store import ModelStore\n"
        "from wyoming_server.errors import DiskError\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, {resource.getrlimit(resource.RLIMIT_FSIZE)[1]}))\n"
        "try: HubModel(name='base', store=ModelStore(Path(sys.argv[1])), endpoint=sys.argv[2])"
        ".fetch(lambda progress: None, threading.Event())\n"
        "except DiskError as error: print(error.code, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "models"), hub.endpoint],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.stdout.startswith("disk-full")
    assert "make room" in done.stdout
    assert staged(tmp_path) == []
    assert len(hub.ranges("model.bin")) == 1  # a full disk is not asked again and again


@pytest.fixture
def installed(hub: LocalHub, tmp_path: Path) -> Path:
    """A model that was fetched, in `tmp_path`, and a hub that nobody asked since."""
    directory = fetch(model(hub, tmp_path))
    hub.asked.clear()
    return directory


def test_where_a_model_is_from_and_what_its_files_are_is_written_down_when_it_comes(installed: Path) -> None:
    origin = read_origin(installed / ORIGIN_FILE)
    assert origin is not None
    assert (origin.name, origin.repository, origin.commit) == ("base", "Systran/faster-whisper-base", COMMIT)
    assert {one.name: one.sha256 for one in origin.files} == {
        name: hashlib.sha256(FILES[name]).hexdigest() for name in FETCHED & FILES.keys()
    }
    assert origin.listed


@pytest.mark.parametrize("file", ["model.bin", "config.json", "vocabulary.txt"])
@pytest.mark.parametrize("damage", ["a bit", "cut", "gone"])
def test_a_model_that_changed_on_the_disk_is_fetched_again_and_only_what_changed(
    hub: LocalHub, tmp_path: Path, installed: Path, caplog: pytest.LogCaptureFixture, file: str, damage: str
) -> None:
    spoil(installed / file, damage)
    chosen = model(hub, tmp_path)
    assert chosen.find() is None
    assert f"model-corrupt: In '{installed}', {file} changed" in caplog.text
    assert fetch(chosen) == installed == chosen.find()
    assert (installed / file).read_bytes() == FILES[file]
    assert {asked.path.rpartition("/")[2] for asked in hub.asked if "/resolve/" in asked.path} == {file}


def spoil(file: Path, damage: str) -> None:
    content = file.read_bytes()
    match damage:
        case "a bit":
            file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        case "cut":
            file.write_bytes(content[:-1])
        case "gone":
            file.unlink()


def test_a_damaged_model_stays_where_it_is_while_the_hub_is_away(
    hub: LocalHub, tmp_path: Path, installed: Path
) -> None:
    (installed / "model.bin").write_bytes(bytes(len(WEIGHTS)))
    with LocalHub(repositories={}) as gone:
        away = model(gone, tmp_path)
    with pytest.raises(ModelDownloadError, match=r"model.bin changed since it was installed\. .*internet"):
        fetch(away)
    assert {file.name for file in installed.iterdir()} == FETCHED
    assert (fetch(model(hub, tmp_path)) / "model.bin").read_bytes() == WEIGHTS


def test_what_its_owner_put_into_a_fetched_model_is_neither_damage_nor_lost(
    hub: LocalHub, tmp_path: Path, installed: Path
) -> None:
    (installed / "bundle.json").write_text("{}")
    chosen = model(hub, tmp_path)
    assert chosen.find() == installed
    (installed / "model.bin").unlink()
    fetch(chosen)
    assert (installed / "bundle.json").read_text() == "{}"


def test_a_damaged_model_comes_again_as_it_was_although_the_hub_has_a_newer_one(
    hub: LocalHub, tmp_path: Path, installed: Path
) -> None:
    hub.commit, hub.older = "f" * 40, {COMMIT: dict(FILES)}
    hub.repositories["Systran/faster-whisper-base"]["model.bin"] = b"newer" * 400_000
    (installed / "model.bin").unlink()
    fetch(model(hub, tmp_path))
    assert (installed / "model.bin").read_bytes() == WEIGHTS


def test_the_newest_is_taken_where_the_hub_has_the_old_commit_no_more(
    hub: LocalHub, tmp_path: Path, installed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub.commit = "f" * 40
    hub.repositories["Systran/faster-whisper-base"]["config.json"] = b'{"newer": 1}'
    (installed / "model.bin").unlink()
    fetch(model(hub, tmp_path))
    assert (installed / "config.json").read_bytes() == b'{"newer": 1}'
    assert "no commit" in caplog.text


@pytest.mark.parametrize("file", ["model.bin", "config.json"])
def test_another_content_under_the_same_commit_is_refused(
    hub: LocalHub, tmp_path: Path, installed: Path, file: str
) -> None:
    hub.repositories["Systran/faster-whisper-base"][file] = bytes(len(FILES[file]))
    (installed / file).unlink()
    with pytest.raises(ModelDownloadError, match=file):
        fetch(model(hub, tmp_path))
    with pytest.raises(ModelDownloadError):
        fetch(model(hub, tmp_path))
    assert model(hub, tmp_path).find() is None


def test_a_model_from_before_there_were_records_is_written_down_at_its_first_start(
    hub: LocalHub, tmp_path: Path, installed: Path
) -> None:
    (installed / ORIGIN_FILE).write_text(json.dumps({"name": "base", "repository": "r/b", "commit": COMMIT}))
    assert model(hub, tmp_path).find() == installed
    origin = ModelStore(tmp_path / "models").recorded(installed)
    assert origin is not None
    assert (origin.repository, origin.commit, origin.listed) == ("r/b", COMMIT, False)
    assert {one.name for one in origin.files} == FETCHED & FILES.keys()


def test_a_model_from_before_there_were_records_that_lacks_a_file_is_fetched_again(
    hub: LocalHub, tmp_path: Path, installed: Path
) -> None:
    (installed / ORIGIN_FILE).write_text(json.dumps({"name": "base", "repository": "r/b", "commit": COMMIT}))
    (installed / "tokenizer.json").unlink()
    assert model(hub, tmp_path).find() is None
    fetch(model(hub, tmp_path))
    assert model(hub, tmp_path).find() == installed


def test_a_change_to_a_folder_that_is_its_owners_own_is_said_once_and_not_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = tmp_path / "mine"
    own.mkdir()
    for name in FETCHED & FILES.keys():
        (own / name).write_bytes(FILES[name])
    before = {file.name for file in own.iterdir()}
    chosen = HubModel(name=str(own), store=ModelStore(tmp_path / "data" / "models"))
    assert chosen.find() == own
    assert "changed" not in caplog.text
    (own / "model.bin").write_bytes(b"another")
    assert chosen.find() == own
    assert "model.bin changed since the last start" in caplog.text
    caplog.clear()
    assert chosen.find() == own
    assert not caplog.text
    assert {file.name for file in own.iterdir()} == before


def test_a_data_folder_that_cannot_be_written_to_costs_the_record_and_not_the_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = tmp_path / "mine"
    own.mkdir()
    (tmp_path / "data").write_text("no folder")
    assert HubModel(name=str(own), store=ModelStore(tmp_path / "data" / "models")).find() == own
    assert "will not be seen" in caplog.text
