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

WHISPER_LANGUAGES: tuple[str, ...] = tuple(
    (  # noqa: SIM905  # as a list, the formatter gives each its own line
        "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu "
        "hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt "
        "ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh yue"
    ).split()
)
"""The codes that Whisper knows; the last one from large-v3 on."""

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


def languages_of(name: str) -> tuple[str, ...]:
    """Return the languages that a model will know once it is here; () where only loading it tells.

    Home Assistant fixes its entities at setup, so they are announced before the model has been fetched.
    """
    if name == STARTER or name.endswith(".en") or name.startswith("distil-"):
        return ("en",)
    if name not in REPOSITORIES:
        return ()
    return WHISPER_LANGUAGES if "large-v3" in REPOSITORIES[name] else WHISPER_LANGUAGES[:-1]
