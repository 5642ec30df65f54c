"""A bundle's folder → the archive that a repository carries: plain tar, and always the same bytes."""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from ..bundles.bundle import Bundle, FileEntry
from ..bundles.manifest import MANIFEST_FILE, read_bundle
from ..errors import BundleDamagedError, BundleManifestError, DiskError, ModelCorruptError, ModelMissingError
from ..whole_file import sync_folder

_CHUNK_BYTES = 1 << 20
_FORMAT: Final = tarfile.USTAR_FORMAT
"""Hubs read this and no extended header: fewer parsers for hostile bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What was packed, in the words of an offer."""

    bundle: Bundle
    manifest_sha256: str
    unpacked_bytes: int
    """Sum of the lengths of all files, the manifest included."""
    length: int
    """Of the archive."""
    sha256: str
    """Of the archive."""


def write_archive(directory: Path, file: Path, *, report: Callable[[int], object] = lambda _: None) -> Packed:
    """Pack a bundle, `bundle.json` first and then every listed file, whole or not at all; blocks.

    `report` is told the bytes of each file once it is packed. Files that the manifest does not list stay out. Equal
    folders give equal bytes, whoever owns them and whenever they were written.

    Raises BundleManifestError where the folder is no bundle, BundleDamagedError where a file is not as listed, and
    DiskError.
    """
    bundle, manifest = _read(directory)
    for listed in bundle.files:
        check_entry(listed.name, listed.length)
    try:
        with _whole(file) as raw:
            digesting = _Digesting(raw)
            with tarfile.open(
                fileobj=digesting, mode="w|", format=_FORMAT, encoding="utf-8", bufsize=_CHUNK_BYTES
            ) as archive:
                archive.addfile(_entry(MANIFEST_FILE, len(manifest)), io.BytesIO(manifest))
                for listed in sorted(bundle.files, key=lambda one: one.name):
                    _add(archive, directory, listed)
                    report(listed.length)
    except OSError as error:
        raise DiskError(f"'{file}' cannot be written: {error.strerror or error}; name another place") from error
    return Packed(
        bundle=bundle,
        manifest_sha256=hashlib.sha256(manifest).hexdigest(),
        unpacked_bytes=len(manifest) + sum(one.length for one in bundle.files),
        length=digesting.length,
        sha256=digesting.hash.hexdigest(),
    )


def _read(directory: Path) -> tuple[Bundle, bytes]:
    try:
        bundle, manifest = read_bundle(directory), (directory / MANIFEST_FILE).read_bytes()
    except (ModelCorruptError, ModelMissingError) as error:
        raise BundleManifestError(str(error)) from error
    except OSError as error:
        raise BundleManifestError(f"'{directory}' is no bundle: it has no {MANIFEST_FILE}; build it first") from error
    if not bundle.files:
        raise BundleManifestError(
            f"'{directory}' is a model whose manifest lists no files; `edge-voice models build` makes a bundle of it"
        )
    return bundle, manifest


def _add(archive: tarfile.TarFile, directory: Path, listed: FileEntry) -> None:
    """Add a file while its digest is taken: what is packed is what was listed, or nothing is."""
    path = directory / listed.name
    try:
        with path.open("rb") as source:
            if os.fstat(source.fileno()).st_size != listed.length:
                raise _damaged(path)
            checked = _Reading(source)
            archive.addfile(_entry(listed.name, listed.length), checked)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise _damaged(path) from error
    if checked.hash.hexdigest() != listed.sha256:
        raise _damaged(path)


def _damaged(path: Path) -> BundleDamagedError:
    return BundleDamagedError(f"'{path}' is not what the manifest lists; build the bundle again")


def check_entry(name: str, length: int) -> None:
    """Check that an archive holds such a file. Raises BundleManifestError for too long a name or too large a file."""
    try:
        _entry(name, length).tobuf(_FORMAT, "utf-8", "strict")
    except ValueError as error:
        raise BundleManifestError(
            f"'{name}' does not fit into an archive ({error}): at most 100 bytes in a name, 155 in its folders, 8 GB"
        ) from error


def _entry(name: str, length: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = length, 0o644
    return entry


class _Reading(io.RawIOBase):
    """A file, hashed on the way."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self.hash = source, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._source.read(size)
        self.hash.update(content)
        return content


class _Digesting(io.RawIOBase):
    """The archive, hashed on the way."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target, self.hash, self.length = target, hashlib.sha256(), 0

    def write(self, content: Any) -> int:
        self.hash.update(content)
        self.length += len(content)
        return self._target.write(content)


@contextmanager
def _whole(file: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes its name only once it is on the disk."""
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        part.replace(file)
        sync_folder(file.parent)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
