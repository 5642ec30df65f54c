"""The server's own id: by it clients know the server again when its address has changed."""

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path

from ..errors import DiskError
from . import private_file

_LOGGER = logging.getLogger(__name__)
FILE_NAME = "identity"
"""In the data folder."""
_BYTES = 16
_ID = re.compile(r"[0-9a-f]{32}")


def identity_in(folder: Path, *, entropy: Callable[[int], bytes] = os.urandom) -> str:
    """Return the id, 32 hex digits, that a data folder holds, made there on the first start. Blocks; raises nothing.

    On a disk that refuses it, an id for this run: the home's voice matters more than being known again.
    """
    path = folder / FILE_NAME
    try:
        kept = private_file.read(path)
    except DiskError as error:
        return _for_this_run(entropy, error)
    if kept is not None and _ID.fullmatch(found := kept.decode("ascii", "replace").strip()):
        return found
    if kept is not None:
        _LOGGER.warning(
            "The server's id in '%s' is damaged and made anew: clients take this for another server; pair them again",
            path,
        )
    made = entropy(_BYTES).hex()
    try:
        private_file.write(path, f"{made}\n".encode())
    except DiskError as error:
        return _for_this_run(lambda _: bytes.fromhex(made), error)
    return made


def _for_this_run(entropy: Callable[[int], bytes], error: DiskError) -> str:
    _LOGGER.error("%s: clients will take this for another server after its next start", error)
    return entropy(_BYTES).hex()
