"""Which repository the hub takes signed models from, as the owner says it: its address, and its root of trust."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import probatio as vol
from homeassistant.components.file_upload import process_uploaded_file
from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    FileSelector,
    FileSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

CONF_ROOT: Final = "root"
CONF_ROOT_FILE: Final = "root_file"
_MOST_BYTES: Final = 512 * 1024
"""A root with many keys and signatures has some ten thousand."""

REPOSITORY_FORM: Final = vol.Schema(
    {
        vol.Required(CONF_URL): TextSelector(TextSelectorConfig(type=TextSelectorType.URL)),
        vol.Optional(CONF_ROOT_FILE): FileSelector(FileSelectorConfig(accept=".json,application/json")),
        vol.Optional(CONF_ROOT): TextSelector(TextSelectorConfig(multiline=True)),
    }
)


class RootError(Exception):
    """Why no root could be read; the text is the key of the form's error."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


async def async_root_text(hass: HomeAssistant, given: Mapping[str, Any]) -> str:
    """Return the root as it was pasted or uploaded; an upload is erased by that. Raises RootError."""
    if CONF_ROOT_FILE in given:
        return await hass.async_add_executor_job(_uploaded, hass, given[CONF_ROOT_FILE])
    if text := given.get(CONF_ROOT, "").strip():
        return str(text)
    raise RootError("root_missing")


def parsed_root(text: str) -> dict[str, Any]:
    """Return a root's JSON; whether it is one is the hub's to judge. Raises RootError."""
    try:
        root = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RootError("root_unreadable") from error
    if not isinstance(root, dict):
        raise RootError("root_unreadable")
    return root


def _uploaded(hass: HomeAssistant, file_id: str) -> str:
    try:
        with process_uploaded_file(hass, file_id) as path:
            return _read(path)
    except ValueError as error:  # it was uploaded long ago, or is no text
        raise RootError("root_unreadable") from error


def _read(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise RootError("root_unreadable")
    return content.decode()
