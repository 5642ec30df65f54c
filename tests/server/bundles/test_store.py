"""Where models lie, and whether a folder holds a whole one."""

import shutil
from pathlib import Path

import pytest

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
