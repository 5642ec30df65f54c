"""Whether a bundle's folder holds exactly what was signed: the manifest by its digest, all other files by the manifest.

It blocks for as long as reading the files takes, so a server does it in a thread.
"""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ..errors import BundleDamagedError, BundleManifestError, ModelCorruptError
from .bundle import Bundle
from .digest import digest_of, file_digest
from .manifest import MANIFEST_FILE, read_bundle
from .manifest_schema import bundle_of

LARGEST_MANIFEST_BYTES = 1 << 20


def verify_folder(folder: Path, manifest_sha256: str) -> Bundle:
    """Return what a folder's manifest says, once every byte below the folder has been held to it.

    Raises BundleDamagedError, which names the file: changed, missing, not signed, or no plain file.
    """
    try:
        _verify(folder, manifest_sha256)
        return read_bundle(folder)
    except OSError as error:
        raise _damaged(folder, f"cannot be read ({error})") from error
    except (BundleManifestError, ModelCorruptError) as error:
        raise BundleDamagedError(f"The bundle in '{folder}' cannot be used: {error}") from error


def parse_manifest(content: bytes) -> Bundle:
    """Return what a manifest of schema 2 says, its scorecard apart. Raises BundleManifestError, naming the field."""
    try:
        bundle = bundle_of(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise BundleManifestError(f"{MANIFEST_FILE}: {error}") from error
    if not bundle.files:
        raise BundleManifestError(f"{MANIFEST_FILE}: schema: must be 2, where every file is listed")
    return bundle


def _verify(folder: Path, manifest_sha256: str) -> None:
    there = dict(_files(folder))
    if MANIFEST_FILE not in there or there.pop(MANIFEST_FILE) > LARGEST_MANIFEST_BYTES:
        raise _damaged(folder, f"has no {MANIFEST_FILE}")
    content = (folder / MANIFEST_FILE).read_bytes()
    if digest_of(content).hex() != manifest_sha256:
        raise _damaged(folder, f"has another {MANIFEST_FILE} than was signed")
    signed = {one.name: one for one in parse_manifest(content).files}
    if missing := sorted(signed.keys() - there.keys()):
        raise _damaged(folder, f"has no {missing[0]}")
    if extra := sorted(there.keys() - signed.keys()):
        raise _damaged(folder, f"holds {extra[0]}, which was not signed")
    for name, entry in signed.items():
        if there[name] != entry.length or file_digest(folder / name) != entry.sha256:
            raise _damaged(folder, f"has another {name} than was signed")


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield every file below a folder, as name and bytes. Raises BundleDamagedError for what is no plain file."""
    for where, folders, files in os.walk(folder, onerror=_raise):
        for name in (*folders, *files):
            path = Path(where, name)
            status = path.lstat()
            relative = path.relative_to(folder).as_posix()
            if stat.S_ISREG(status.st_mode):
                yield relative, status.st_size
            elif not stat.S_ISDIR(status.st_mode):
                raise _damaged(folder, f"holds {relative}, which is no plain file")


def _raise(error: OSError) -> None:
    raise error


def _damaged(folder: Path, what: str) -> BundleDamagedError:
    return BundleDamagedError(f"The bundle in '{folder}' {what}; it is fetched again when the repository offers it")
