"""Recordings with what is said in them, as a CSV file."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ManifestError
from ..learning.comparison import canonical
from ..pipeline.policy import MicrophoneClass

COLUMNS = ("file", "text", "language", "microphone_class")
_SHOWN, _LONGEST = 3, 160
"""Of a long list of faults so many are named, each with so many signs at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One recording and what is known of it."""

    path: Path
    text: str
    """What is said in it; never empty."""
    language: str
    """Empty where the manifest leaves it open."""
    microphone_class: MicrophoneClass
    more: Mapping[str, str] = field(default_factory=dict)
    """Every other column, such as voice, sentence, noise and condition."""

    @property
    def sentence(self) -> str:
        """Which sentence it is: as the manifest names it, else its words."""
        return self.more.get("sentence") or canonical(self.text, self.language)

    @property
    def voice(self) -> str:
        """Who speaks; empty where the manifest does not say."""
        return self.more.get("voice", "")

    @property
    def noise(self) -> str:
        """What else is heard; empty where the manifest does not say."""
        return self.more.get("noise", "")

    @property
    def kinds(self) -> Mapping[str, str]:
        """What its figures are told apart by, besides what is heard in it."""
        condition = self.more.get("condition")
        return {"microphone_class": self.microphone_class.value} | ({"condition": condition} if condition else {})


def read_manifest(file: Path) -> tuple[Row, ...]:
    """Return a manifest's rows, their files relative to its own folder unless they are absolute; blocks.

    Raises ManifestError, naming lines and the cure, for a file that cannot be read, lacks a column or a row, and for
    rows without a text, with recordings that are not there, or that name one twice.
    """
    try:
        content = file.read_text(encoding="utf-8-sig")
        lines = list(_lines(content.splitlines(keepends=True), file))
    except OSError as error:
        raise ManifestError(f"The manifest '{file}' cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise ManifestError(f"The manifest '{file}' is no UTF-8 text ({error}); save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise ManifestError(f"The manifest '{file}' is no CSV: {error}") from error
    if not lines:
        raise ManifestError(f"The manifest '{file}' has no rows; each names a recording and what is said in it")
    rows = tuple(_row(number, cells, file) for number, cells in lines)
    _refuse(file, "that are not there", (f"{one.path}" for one in rows if not _is_file(one.path)))
    counted = Counter(one.path.resolve() for one in rows)
    _refuse(file, "more than once", (str(path) for path, times in counted.items() if times > 1))
    return rows


def _lines(text: Iterable[str], file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row's line number and cells by column."""
    reader = csv.DictReader(text, skipinitialspace=True, strict=True)
    columns = [(name or "").strip() for name in reader.fieldnames or ()]
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise ManifestError(
            f"The manifest '{file}' has no column {', '.join(missing)}; its first line must name "
            f"{', '.join(COLUMNS)} (it names {', '.join(columns) or 'nothing'})"
        )
    if len(set(columns)) < len(columns):
        raise ManifestError(f"The manifest '{file}' names a column twice: {', '.join(columns)}")
    reader.fieldnames = columns
    for cells in reader:
        yield reader.line_num, _whole(cells, reader.line_num, file)


def _whole(cells: Mapping[Any, Any], number: int, file: Path) -> dict[str, str]:
    """Return a row's cells, trimmed. Raises ManifestError for one with more or fewer cells than columns."""
    if None in cells or None in cells.values():
        raise ManifestError(
            f"The manifest '{file}', line {number}: as many cells as columns are needed; "
            "a text with a comma in it belongs in quotes"
        )
    return {name: value.strip() for name, value in cells.items()}


def _row(number: int, cells: Mapping[str, str], file: Path) -> Row:
    where = f"The manifest '{file}', line {number}"
    for name in ("file", "text"):
        if not cells[name]:
            raise ManifestError(f"{where}: {name} is empty; name the recording and the words that are said in it")
    try:
        microphone = MicrophoneClass(cells["microphone_class"] or MicrophoneClass.FAR_FIELD)
    except ValueError:
        known = ", ".join(one.value for one in MicrophoneClass)
        raise ManifestError(
            f"{where}: microphone_class is '{cells['microphone_class']}'; it may be empty (far_field), or {known}"
        ) from None
    language = cells["language"]
    if not canonical(cells["text"], language):
        raise ManifestError(f"{where}: text '{cells['text']}' holds no words")
    return Row(
        path=file.parent / cells["file"],
        text=cells["text"],
        language=language,
        microphone_class=microphone,
        more={name: value for name, value in cells.items() if name not in COLUMNS},
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError, ValueError:  # a name too long, or one with a zero in it
        return False


def _refuse(file: Path, fault: str, names: Iterable[str]) -> None:
    """Raise ManifestError when any recording has the fault, naming the first few."""
    found: Sequence[str] = list(names)
    if found:
        said = ", ".join(f"'{_short(one)}'" for one in found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
        raise ManifestError(
            f"The manifest '{file}' names recordings {fault} ({len(found)}): {said}; "
            "files are relative to the manifest's folder, unless they are absolute"
        )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"…{name[-_LONGEST:]}"


def identity(pcm: bytes) -> str:
    """Return what tells a recording from any other: the start of its audio's SHA-256, 64 bits."""
    return hashlib.sha256(pcm).hexdigest()[:16]
