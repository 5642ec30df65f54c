"""The names that a model can be asked for by, and the repositories they stand for."""

import re
from collections.abc import Mapping

from ..errors import UnknownModelError

STARTER = "starter"
"""The model that comes with the server."""

REPOSITORIES: Mapping[str, str] = {
    "tiny.en": "Systran/faster-whisper-tiny.en",
    "tiny": "Systran/faster-whisper-tiny",
    "base.en": "Systran/faster-whisper-base.en",
    "base": "Systran/faster-whisper-base",
    "small.en": "Systran/faster-whisper-small.en",
    "small": "Systran/faster-whisper-small",
    "medium.en": "Systran/faster-whisper-medium.en",
    "medium": "Systran/faster-whisper-medium",
    "large-v1": "Systran/faster-whisper-large-v1",
    "large-v2": "Systran/faster-whisper-large-v2",
    "large-v3": "Systran/faster-whisper-large-v3",
    "large": "Systran/faster-whisper-large-v3",
    "distil-large-v2": "Systran/faster-distil-whisper-large-v2",
    "distil-medium.en": "Systran/faster-distil-whisper-medium.en",
    "distil-small.en": "Systran/faster-distil-whisper-small.en",
    "distil-large-v3": "Systran/faster-distil-whisper-large-v3",
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
}
"""faster-whisper's own table (faster_whisper.utils), kept here because importing it loads the native libraries."""

FILE_PATTERNS = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")
"""What faster-whisper fetches of a repository."""

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
_REPOSITORY = re.compile(f"{_PART}/{_PART}")


def is_repository(name: str) -> bool:
    """Return whether a name has the form `owner/name`."""
    return _REPOSITORY.fullmatch(name) is not None and ".." not in name and "--" not in name


def repository_of(name: str) -> str:
    """Return the repository that a model's name stands for. Raises UnknownModelError, which lists what is allowed."""
    if name in REPOSITORIES:
        return REPOSITORIES[name]
    if is_repository(name):
        return name
    raise UnknownModelError(
        f"There is no model '{name}'; allowed are {STARTER}, {', '.join(REPOSITORIES)}, "
        "a repository as owner/name, or a folder that holds a model"
    )


def folder_name(name: str) -> str:
    """Return the name of the folder that a fetched model lies in. Raises UnknownModelError."""
    repository_of(name)
    return name.replace("/", "--")
