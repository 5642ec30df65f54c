"""The names that models go by."""

import subprocess
import sys

import pytest

from wyoming_server.bundles.hub import (
    FILE_PATTERNS,
    REPOSITORIES,
    WHISPER_LANGUAGES,
    folder_name,
    languages_of,
    repository_of,
)
from wyoming_server.errors import UnknownModelError


def test_the_names_are_faster_whispers_own() -> None:
    from faster_whisper.utils import _MODELS

    assert dict(REPOSITORIES) == _MODELS


def test_the_files_are_the_ones_that_faster_whisper_fetches() -> None:
    import inspect

    from faster_whisper.utils import download_model

    source = inspect.getsource(download_model)
    assert all(f'"{pattern}"' in source for pattern in FILE_PATTERNS)


def test_a_server_whose_model_is_installed_loads_no_client_of_the_hub() -> None:
    program = (
        "import sys, threading; from pathlib import Path\n"
        "from wyoming_server.bundles.hub_model import HubModel; from wyoming_server.bundles.store import ModelStore\n"
        "import wyoming_server.bundles.supply, wyoming_server.bundles.tuned\n"
        "HubModel(name='starter', store=ModelStore(Path('x'))).fetch(print, threading.Event())\n"
        "print({'ctranslate2', 'faster_whisper', 'httpx2', 'huggingface_hub'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("name", "repository", "folder"),
    [
        ("base", "Systran/faster-whisper-base", "base"),
        ("distil-large-v3.5", "distil-whisper/distil-large-v3.5-ct2", "distil-large-v3.5"),
        ("someone/hers-v1.0", "someone/hers-v1.0", "someone--hers-v1.0"),
    ],
)
def test_a_name_stands_for_a_repository_and_a_folder(name: str, repository: str, folder: str) -> None:
    assert (repository_of(name), folder_name(name)) == (repository, folder)


@pytest.mark.parametrize("name", ["", "Base", "a/b/c", "/a", "a/", "../a", "a/..", ".a/b", "a--b/c", "a b/c", "a/b\n"])
def test_anything_else_is_unknown(name: str) -> None:
    with pytest.raises(UnknownModelError, match="allowed are"):
        folder_name(name)


def test_the_languages_are_faster_whispers_own() -> None:
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    assert set(WHISPER_LANGUAGES) == set(_LANGUAGE_CODES)


@pytest.mark.parametrize(
    ("name", "count"),
    [("starter", 1), ("base.en", 1), ("distil-large-v3", 1), ("base", 99), ("turbo", 100), ("someone/hers", 0)],
)
def test_what_a_model_will_know_is_said_before_it_is_here(name: str, count: int) -> None:
    assert len(languages_of(name)) == count
