"""Where unsigned models lie on this machine, whether a folder holds a whole one, and whether it is still the same."""

import fnmatch
import json
import os
from collections.abc import Container
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import ModelCorruptError, ModelMissingError, UnknownModelError
from .digest import digest_of
from .hub import FILE_PATTERNS, REPOSITORIES, STARTER, folder_name, is_repository, repository_of
from .manifest import MANIFEST_FILE
from .origin import ORIGIN_FILE, Origin, changed_files, entry_of, read_origin, write_origin
from .scorecards import SCORECARD_FILE

STARTER_DIRECTORY = Path(__file__).parent.parent / "models" / STARTER
_CURE = "delete that folder to have the model fetched again, or name another model"
_NEEDED = ("config.json", "model.bin", "tokenizer.json")
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
_RECORDS_FOLDER = ".recorded"
"""Below the models' folder: what was written down of folders that are their owner's own."""
_OF_AN_OWNER = (*FILE_PATTERNS, MANIFEST_FILE, SCORECARD_FILE)
"""What is written down of a folder that somebody made; what is fetched anew leaves their additions alone."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainModel:
    """A model without a signature, as people see it. It recognises speech; other kinds come as bundles only."""

    name: str
    directory: Path
    repository: str = ""
    """At the hub; empty for the starter, and for a folder that somebody made."""
    commit: str = ""
    """The revision; empty where none is known."""
    bytes: int = 0
    recorded: bool = False
    """Whether its files were written down, so that a change to them is seen."""


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
        """Return the folder of an installed model, its files checked; blocks while those that were fetched are read.

        Raises UnknownModelError, ModelMissingError and ModelCorruptError.
        """
        directory = self._whole(name)
        if self.is_fetched(directory):
            self._check_unchanged(directory)
        return directory

    def _whole(self, name: str) -> Path:
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

    def recorded(self, directory: Path) -> Origin | None:
        """Return what was written down of a model's files; None where nothing was."""
        origin = read_origin(self._record_file(directory))
        return origin if origin and origin.files else None

    def was_here(self, name: str) -> bool:
        """Return whether a folder of that name has been used here before, wherever it is now."""
        return _looks_like_a_path(name) and self._record_file(Path(name).expanduser()).is_file()

    def record(self, directory: Path) -> Origin:
        """Write down what a model's files are now, and where they are known to be from; blocks while they are read.

        Raises ModelCorruptError for a file that cannot be read, and DiskError.
        """
        file = self._record_file(directory)
        known = read_origin(file) or Origin(name=directory.name)
        try:
            files = tuple(entry_of(directory, name) for name in self._model_files(directory))
        except OSError as error:
            raise _unreadable(error) from error
        origin = replace(known, listed=False, files=files)
        write_origin(file, origin)
        return origin

    def changed(self, directory: Path) -> tuple[str, ...]:
        """Return which of a model's files are not what was written down; blocks while they are read.

        Raises ModelCorruptError for one that may not be read.
        """
        origin = self.recorded(directory)
        try:
            return changed_files(directory, origin.files) if origin else ()
        except OSError as error:
            raise _unreadable(error) from error

    def verify(self, name: str) -> Origin | None:
        """Return what was written down of a model whose files are all as they were; None for one never written down.

        Blocks while they are read. Raises ModelCorruptError, which names those that are not, ModelMissingError and
        UnknownModelError.
        """
        directory = self.directory(name)
        if directory.is_dir():
            self._check_unchanged(directory)
        return self.recorded(self._whole(name))

    def _check_unchanged(self, directory: Path) -> None:
        if changed := self.changed(directory):
            cure = _CURE if self.is_fetched(directory) else "copy it there again, or let `serve` take it as it is"
            raise ModelCorruptError(f"In '{directory}', {', '.join(changed)} changed since it was installed; {cure}")

    def is_fetched(self, directory: Path) -> bool:
        """Return whether a folder came from the hub, so that it can come again; otherwise somebody made it."""
        can_be = directory.name in REPOSITORIES or "--" in directory.name
        return can_be and directory.parent == self.root and (directory / ORIGIN_FILE).is_file()

    def models(self) -> tuple[PlainModel, ...]:
        """Return the models of this folder, the starter first; reads no weights."""
        return tuple(map(self._plain, (STARTER_DIRECTORY, *(self.root / name for name in self.installed()))))

    def _plain(self, directory: Path) -> PlainModel:
        origin = read_origin(self._record_file(directory)) or Origin(name=directory.name)
        return PlainModel(
            name=origin.name,
            directory=directory,
            repository=origin.repository,
            commit=origin.commit,
            bytes=sum((directory / name).stat().st_size for name in self._model_files(directory)),
            recorded=bool(origin.files),
        )

    def _record_file(self, directory: Path) -> Path:
        """Return where a folder's record lies: in it if it came from the hub, else here, as the folder is not ours."""
        if self.is_fetched(directory):
            return directory / ORIGIN_FILE
        place = os.fsencode(directory.resolve())
        return self.root / _RECORDS_FOLDER / f"{digest_of(place).hex()[:32]}.json"

    def _model_files(self, directory: Path) -> list[str]:
        """Return the names of the files that make up a model, whatever else lies in its folder."""
        patterns = FILE_PATTERNS if self.is_fetched(directory) else _OF_AN_OWNER
        names = sorted(entry.name for entry in directory.iterdir() if entry.is_file())
        return [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]


def _unreadable(error: OSError) -> ModelCorruptError:
    return ModelCorruptError(f"'{error.filename}' cannot be read ({error.strerror}); let this server's user read it")


def _looks_like_a_path(name: str) -> bool:
    return name.startswith(("/", ".", "~")) or name.count("/") > 1 or "\\" in name
