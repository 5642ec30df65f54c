"""Where models lie on this machine, and whether a folder holds a whole one."""

import json
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from ..errors import ModelCorruptError, ModelMissingError, UnknownModelError
from .hub import REPOSITORIES, STARTER, folder_name, is_repository, repository_of

STARTER_DIRECTORY = Path(__file__).parent.parent / "models" / STARTER
_CURE = "delete that folder to have the model fetched again, or name another model"
_NEEDED = ("config.json", "model.bin", "tokenizer.json")
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
_SMALLEST_WEIGHTS_BYTES = 100_000
"""No Whisper comes near this; an error page or a Git LFS pointer saved as model.bin is far below it."""


def missing_file(present: Container[str]) -> str | None:
    """Return the name of a file that a model cannot do without and that is not among those present.

    tokenizer.json counts: without it, faster-whisper would quietly ask the network for another model's.
    """
    for name in _NEEDED:
        if name not in present:
            return name
    return None if any(name in present for name in _VOCABULARIES) else _VOCABULARIES[0]


def check_files(directory: Path) -> None:
    """Check that a folder holds every file of a model; blocks a few milliseconds.

    Raises ModelMissingError and ModelCorruptError, which name the file. Whether the weights are whole only loading
    them tells.
    """
    if not directory.is_dir():
        raise ModelMissingError(f"There is no model folder '{directory}'; name one that exists")
    if missing := missing_file({entry.name for entry in directory.iterdir() if entry.is_file()}):
        raise ModelMissingError(f"The model in '{directory}' has no {missing}; {_CURE}")
    _check_json(directory / "config.json")
    _check_ends(directory / "tokenizer.json")
    if (size := (directory / "model.bin").stat().st_size) < _SMALLEST_WEIGHTS_BYTES:
        raise ModelCorruptError(f"'{directory / 'model.bin'}' is only {size} bytes long; {_CURE}")


def _check_json(file: Path) -> None:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelCorruptError(f"'{file}' cannot be read ({error}); {_CURE}") from error
    if not isinstance(content, dict):
        raise ModelCorruptError(f"'{file}' holds no JSON object; {_CURE}")


def _check_ends(file: Path) -> None:
    """Check that a file begins and ends as a JSON object does, which a cut one does not.

    Parsing a whole vocabulary would hold the interpreter, and with it the event loop, for 20 ms; loading does it too.
    """
    try:
        content = file.read_bytes().strip()
    except OSError as error:
        raise ModelCorruptError(f"'{file}' cannot be read ({error}); {_CURE}") from error
    if not (content.startswith(b"{") and content.endswith(b"}")):
        raise ModelCorruptError(f"'{file}' holds no JSON object; {_CURE}")


@dataclass(frozen=True, slots=True)
class ModelStore:
    """The models of one data folder, one folder each."""

    root: Path
    """DATA/models; need not exist."""

    def directory(self, name: str) -> Path:
        """Return where a model lies, or would lie once fetched. Raises UnknownModelError."""
        if name == STARTER:
            return STARTER_DIRECTORY
        if name in REPOSITORIES:
            return self.root / name
        if name and (folder := Path(name).expanduser()).is_dir():
            return folder
        if _looks_like_a_path(name):
            raise UnknownModelError(f"There is no model folder '{name}'")
        if is_repository(name):
            return self.root / folder_name(name)
        if name in self.installed():
            return self.root / name
        repository_of(name)  # raises: no such name
        raise AssertionError(name)

    def resolve(self, name: str) -> Path:
        """Return the folder of an installed model, its files checked.

        Raises UnknownModelError, ModelMissingError and ModelCorruptError.
        """
        directory = self.directory(name)
        if not directory.is_dir():
            raise ModelMissingError(
                f"The model '{name}' is not installed; `edge-voice serve --model {name}` fetches it"
            )
        check_files(directory)
        return directory

    def find(self, name: str) -> Path | None:
        """Return the folder of a model, or None when it has yet to be fetched. Raises UnknownModelError."""
        directory = self.directory(name)
        return directory if directory.is_dir() else None

    def installed(self) -> tuple[str, ...]:
        """Return the names of the folders that hold models, sorted; staging folders do not count."""
        if not self.root.is_dir():
            return ()
        return tuple(
            sorted(entry.name for entry in self.root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        )


def _looks_like_a_path(name: str) -> bool:
    return name.startswith(("/", ".", "~")) or name.count("/") > 1 or "\\" in name
