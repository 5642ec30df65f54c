"""A model folder → a bundle: every file listed with its length and digest, and what a hub must know beside it."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from ..bundles.bundle import Bundle, FileEntry
from ..bundles.manifest import MANIFEST_FILE
from ..bundles.manifest_schema import bundle_of, fields_of
from ..errors import BundleManifestError, DiskError
from ..whole_file import write_whole
from .archive_write import check_entry


def listed(directory: Path) -> tuple[FileEntry, ...]:
    """Return every file below a folder but its manifest, sorted by name; blocks while it reads them.

    Raises BundleManifestError for what is neither a file nor a folder, and DiskError for what cannot be read.
    """
    entries = []
    try:
        for path in sorted(directory.rglob("*")):
            name = path.relative_to(directory).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise BundleManifestError(f"'{path}' is neither a file nor a folder, and a bundle holds nothing else")
            if path.is_file() and name != MANIFEST_FILE:
                entries.append(FileEntry(name=name, length=path.stat().st_size, sha256=_digest(path)))
    except OSError as error:
        raise DiskError(f"'{directory}' cannot be read: {error.strerror or error}") from error
    return tuple(entries)


def write_manifest(directory: Path, bundle: Bundle) -> Bundle:
    """Describe a folder's files and write its `bundle.json`, whole or not at all; blocks. Return what was written.

    The same folder and bundle give the same bytes. Raises BundleManifestError, naming the field, for what no hub would
    take, and DiskError.
    """
    whole = replace(bundle, files=listed(directory))
    for entry in whole.files:
        check_entry(entry.name, entry.length)
    content = json.dumps(fields_of(whole), indent=2, ensure_ascii=False) + "\n"
    try:
        bundle_of(json.loads(content))
    except ValueError as error:
        raise BundleManifestError(f"No hub would take this bundle: {error}") from error
    write_whole(directory / MANIFEST_FILE, content.encode())
    return whole


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
