"""Change values in a YAML settings file and leave all else, comments too, as its owner wrote it."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from ..errors import DiskError, InvalidSettingsError

type Value = str | int | float | bool

_ENTRY = re.compile(r"(?P<indent>\s+)(?P<key>[\w-]+)(?P<colon>:\s*)(?P<value>.*?)(?P<comment>\s+#.*)?$")


def amended(text: str, section: str, values: Mapping[str, Value]) -> str:
    """Return YAML text with these values in a section, line by line. Raises InvalidSettingsError.

    Sections and keys that are missing are added. Text in which the values cannot be set that way (anchors, values
    over several lines) is refused rather than rewritten.
    """
    before = _parsed(text)
    lines = text.rstrip("\n").split("\n") if text.strip() else []
    start = _section_line(lines, section)
    if start is None:
        lines = [*lines, *([""] if lines and lines[-1].strip() else []), f"{section}:"]
        start = len(lines) - 1
    elif not re.fullmatch(rf"{section}:\s*(#.*)?", lines[start]):
        lines[start : start + 1] = _as_block(section, before.get(section) or {})
    _set_all(lines, start, values)
    after = "\n".join(lines) + "\n"
    expected = {**before, section: {**(before.get(section) or {}), **values}}
    if not _says(after, expected):
        raise InvalidSettingsError(
            f"the section '{section}' is written in a way that cannot be changed line by line; set "
            + ", ".join(f"{section}.{key}: {_written(value)}" for key, value in values.items())
            + " by hand"
        )
    return after


def amend(file: Path, section: str, values: Mapping[str, Value]) -> None:
    """Change values in a settings file, made if it is not there. Raises InvalidSettingsError and DiskError."""
    try:
        text = file.read_text("utf-8") if file.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettingsError(f"The settings file '{file}' cannot be read: {error}") from error
    after = amended(text, section, values)
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(after, "utf-8")
        if file.exists():
            part.chmod(file.stat().st_mode)
        # A link stays a link: owners keep such files under version control elsewhere.
        os.replace(part, file.resolve())  # noqa: PTH105  # Path.replace would return what nobody needs
    except OSError as error:
        part.unlink(missing_ok=True)
        raise DiskError(f"The settings file '{file}' cannot be written: {error.strerror}") from error


def _parsed(text: str) -> dict[str, dict[str, Value]]:
    try:
        content = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise InvalidSettingsError(f"the settings are no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict) or not all(isinstance(one, dict | None) for one in content.values()):
        raise InvalidSettingsError("the settings must hold sections with keys below them")
    return content


def _says(text: str, expected: object) -> bool:
    try:
        return _parsed(text) == expected
    except InvalidSettingsError:
        return False


def _section_line(lines: list[str], section: str) -> int | None:
    return next((number for number, line in enumerate(lines) if re.match(rf"{section}:(\s|$)", line)), None)


def _as_block(section: str, values: Mapping[str, object]) -> list[str]:
    """Return `section: {…}` as lines that can be changed one by one."""
    return [f"{section}:", *(f"  {key}: {_written(value)}" for key, value in values.items())]


def _set_all(lines: list[str], start: int, values: Mapping[str, Value]) -> None:
    """Set values below the section's line."""
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or lines[end][0] in " \t#"):
        end += 1
    entries = {match["key"]: (at, match) for at in range(start + 1, end) if (match := _ENTRY.fullmatch(lines[at]))}
    indent = next((match["indent"] for _, match in entries.values()), "  ")
    added = []
    for key, value in values.items():
        if key in entries:
            at, match = entries[key]
            lines[at] = f"{match['indent']}{key}: {_written(value)}{match['comment'] or ''}"
        else:
            added.append(f"{indent}{key}: {_written(value)}")
    lines[start + 1 : start + 1] = added


def _written(value: object) -> str:
    """Return a value as YAML that fits on one line."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9._/-]*", value) and yaml.safe_load(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)
