"""Where models lie, and whether a folder holds a whole one."""

import shutil
from pathlib import Path

import pytest

from wyoming_server.bundles.origin import ORIGIN_FILE, Origin, write_origin
from wyoming_server.bundles.store import STARTER_DIRECTORY, ModelStore, check_files
from wyoming_server.errors import ModelCorruptError, ModelMissingError, UnknownModelError


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """A store in which base is installed and small is half fetched."""
    root = tmp_path / "models"
    shutil.copytree(STARTER_DIRECTORY, root / "base")
    shutil.copytree(STARTER_DIRECTORY, root / ".staging" / "small@1")
    return ModelStore(root)


def test_the_starter_is_always_there(tmp_path: Path) -> None:
    assert ModelStore(tmp_path / "nothing").resolve("starter") == STARTER_DIRECTORY


def test_an_installed_model_a_folder_and_a_repository_are_found(store: ModelStore, tmp_path: Path) -> None:
    assert store.resolve("base") == store.root / "base"
    assert store.resolve(str(STARTER_DIRECTORY)) == STARTER_DIRECTORY
    shutil.copytree(STARTER_DIRECTORY, store.root / "someone--hers")
    assert store.resolve("someone/hers") == store.root / "someone--hers"


def test_a_size_means_the_model_even_where_a_folder_has_that_name(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "base").mkdir()
    monkeypatch.chdir(tmp_path)
    assert store.directory("base") == store.root / "base"


def test_only_whole_models_count_as_installed(store: ModelStore) -> None:
    assert store.installed() == ("base",)
    assert store.find("small") is None
    with pytest.raises(ModelMissingError, match="small"):
        store.resolve("small")


@pytest.mark.parametrize("name", ["bse", "./nowhere", "/nowhere", "~/nowhere", "a/b/c", "", ".staging", ".."])
def test_an_unknown_name_is_refused(store: ModelStore, name: str) -> None:
    with pytest.raises((UnknownModelError, ModelMissingError)):
        store.resolve(name)


def test_the_refusal_of_a_name_lists_what_is_allowed(store: ModelStore) -> None:
    with pytest.raises(UnknownModelError, match=r"starter, .*base.*large-v3.*owner/name.*folder"):
        store.resolve("bse")


@pytest.mark.parametrize("file", ["config.json", "model.bin", "tokenizer.json", "vocabulary.json"])
def test_a_missing_file_is_named(store: ModelStore, file: str) -> None:
    (store.root / "base" / file).unlink()
    with pytest.raises(ModelMissingError, match=file):
        store.resolve("base")


@pytest.mark.parametrize("file", ["config.json", "model.bin", "tokenizer.json"])
@pytest.mark.parametrize("content", [b"", b"version https://git-lfs", b"[1]", b"\xff"])
def test_a_truncated_file_is_named(store: ModelStore, file: str, content: bytes) -> None:
    (store.root / "base" / file).write_bytes(content)
    with pytest.raises(ModelCorruptError, match=file):
        check_files(store.root / "base")


def test_the_models_that_are_here_are_told_with_where_they_are_from(store: ModelStore) -> None:
    write_origin(store.root / "base" / ORIGIN_FILE, Origin(name="base", repository="owner/base", commit="abc"))
    shutil.copytree(STARTER_DIRECTORY, store.root / "mine")
    store.record(store.root / "mine")
    starter, base, mine = store.models()
    assert (starter.name, starter.directory, starter.recorded) == ("starter", STARTER_DIRECTORY, False)
    assert (base.repository, base.commit, base.recorded) == ("owner/base", "abc", False)
    assert (mine.name, mine.repository, mine.recorded) == ("mine", "", True)
    assert mine.bytes > (STARTER_DIRECTORY / "model.bin").stat().st_size


def test_a_model_is_verified_against_what_was_written_down(store: ModelStore) -> None:
    assert store.verify("starter") is None
    shutil.copytree(STARTER_DIRECTORY, store.root / "mine")
    assert store.verify("mine") is None
    origin = store.record(store.root / "mine")
    assert store.verify("mine") == origin == store.recorded(store.root / "mine")
    (store.root / "mine" / "model.bin").write_bytes(b"another")
    with pytest.raises(ModelCorruptError, match=r"model\.bin changed"):
        store.verify("mine")


def test_a_fetched_model_that_changed_is_not_there_for_commands_that_measure(store: ModelStore) -> None:
    write_origin(store.root / "base" / ORIGIN_FILE, Origin(name="base", repository="owner/base", commit="abc"))
    store.record(store.root / "base")
    assert store.resolve("base") == store.root / "base"
    (store.root / "base" / "vocabulary.json").write_text("[]")
    with pytest.raises(ModelCorruptError, match=r"vocabulary\.json changed"):
        store.resolve("base")


def test_a_record_that_cannot_be_read_is_none(store: ModelStore) -> None:
    for content in ("", "[]", "{}", '{"name": "base", "files": [{"name": 1}]}', '{"name": "base", "files": 1}'):
        (store.root / "base" / ORIGIN_FILE).write_text(content)
        assert store.recorded(store.root / "base") is None
    assert store.models()[1].name == "base"


def test_what_was_written_down_of_a_folder_of_its_owners_is_not_put_into_it(store: ModelStore, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(STARTER_DIRECTORY, own)
    before = {file.name for file in own.iterdir()}
    names = {one.name for one in store.record(own).files}
    assert {file.name for file in own.iterdir()} == before
    assert {"model.bin", "bundle.json", "scorecard.json"} <= names
    assert store.installed() == ("base",)
