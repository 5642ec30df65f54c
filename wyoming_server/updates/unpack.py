"""A bundle's archive → a folder: plain tar of the plainest kind, read block by block, each entry held to the manifest.

What an archive may not hold is refused before a byte of it is written. The reader knows files and folders with names
in their headers, nothing else: whatever tar has grown since 1988 is a way to hurt who unpacks it.
"""

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ..bundles.bundle import Bundle, FileEntry
from ..bundles.manifest import MANIFEST_FILE
from ..bundles.manifest_schema import LONGEST_NAME, MOST_FILES
from ..bundles.offer import Offer
from ..bundles.verify import LARGEST_MANIFEST_BYTES, parse_manifest
from ..errors import (
    ArchiveBombError,
    DeviceEntryError,
    LinkEntryError,
    MalformedArchiveError,
    PathEscapeError,
    TamperedError,
    WrongArtefactError,
)
from ..whole_file import sync_folder

_BLOCK = tarfile.BLOCKSIZE
_CHUNK_BYTES = 1 << 20
_FILES = {tarfile.REGTYPE, tarfile.AREGTYPE}
_LINKS = {tarfile.LNKTYPE, tarfile.SYMTYPE}
_DEVICES = {tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE}
_CURE = "tell who publishes it"


def unpack(archive: BinaryIO, target: Path, offer: Offer, on_bytes: Callable[[int], None] = lambda _: None) -> Bundle:
    """Write the bundle that was signed into a new folder and see it onto the disk; return what its manifest says.

    Raises WrongArtefactError for another bundle than the offer's, BundleManifestError, PathEscapeError,
    LinkEntryError, DeviceEntryError, ArchiveBombError, TamperedError and MalformedArchiveError; `target` may then hold
    a part of it. OSError is the disk's.
    """
    return _Unpacking(archive=archive, target=target, offer=offer, on_bytes=on_bytes).run()


@dataclass(slots=True, kw_only=True)
class _Unpacking:
    archive: BinaryIO
    target: Path
    offer: Offer
    on_bytes: Callable[[int], None]
    left: dict[str, FileEntry] = field(default_factory=dict)
    """Files that the manifest lists and that have not come yet."""
    seen: set[str] = field(default_factory=set)
    """Names, in lower case, as some disks see them."""
    written: int = 0

    def run(self) -> Bundle:
        self.target.mkdir(parents=True)
        bundle = self._manifest()
        self.left = {one.name: one for one in bundle.files}
        for _ in range(2 * MOST_FILES):
            entry = self._entry()
            if entry is None:
                break
            if entry.isdir():
                self._folder(entry)
            else:
                self._file(entry)
        else:
            raise self._malformed("holds more entries than any bundle has")
        if self.left:
            raise self._malformed(f"lacks {min(self.left)}, which its manifest lists")
        for folder, _, _ in os.walk(self.target):
            sync_folder(Path(folder))
        return bundle

    def _manifest(self) -> Bundle:
        entry = self._entry()
        if entry is None or entry.name != MANIFEST_FILE or entry.isdir():
            raise self._malformed(f"does not begin with {MANIFEST_FILE}")
        if entry.size > LARGEST_MANIFEST_BYTES:
            raise ArchiveBombError(f"The {MANIFEST_FILE} of {self.offer.label} is {entry.size} bytes long; {_CURE}")
        content = self._read(entry.size)
        self._skip_padding(entry.size)
        digest = hashlib.sha256(content).hexdigest()
        bundle = parse_manifest(content)
        if bundle.label != self.offer.label or bundle.kind is not self.offer.kind:
            raise WrongArtefactError(
                f"What was signed as {self.offer.label} ({self.offer.kind}) is {bundle.label} ({bundle.kind}); {_CURE}"
            )
        if digest != self.offer.manifest_sha256:
            raise WrongArtefactError(
                f"What was signed as {self.offer.label} is another bundle of that name: its {MANIFEST_FILE} differs; "
                f"{_CURE}"
            )
        self._count(sum(one.length for one in bundle.files) + entry.size)
        self.seen.add(MANIFEST_FILE)
        self._write(MANIFEST_FILE, [content])
        return bundle

    def _count(self, total: int) -> None:
        if total > self.offer.unpacked_bytes:
            raise ArchiveBombError(
                f"{self.offer.label} would take {total} bytes of the disk where {self.offer.unpacked_bytes} are "
                f"signed; {_CURE}"
            )

    def _entry(self) -> tarfile.TarInfo | None:
        """Return the next header, of a kind and a name that may be; None at the archive's end."""
        block = self._read(_BLOCK)
        if block.count(0) == _BLOCK:
            return None
        try:
            entry = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            packed = block.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"))
            what = "is compressed, and must be plain tar" if packed else "is damaged"
            raise self._malformed(what) from error
        self._check(entry)
        return entry

    def _check(self, entry: tarfile.TarInfo) -> None:
        name = entry.name
        if entry.type in _LINKS:
            raise LinkEntryError(f"The archive of {self.offer.label} holds a link, {name!r}; {_CURE}")
        if entry.type in _DEVICES:
            raise DeviceEntryError(f"The archive of {self.offer.label} holds a device or pipe, {name!r}; {_CURE}")
        if entry.type not in _FILES and not entry.isdir():
            raise self._malformed(f"holds {name!r}, which is neither file nor folder")
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
            raise PathEscapeError(f"The archive of {self.offer.label} would write to {name!r}; {_CURE}")
        if not name or len(name) > LONGEST_NAME or path.as_posix() != name.rstrip("/") or name == ".":
            raise self._malformed(f"holds a name that is none, {name[:LONGEST_NAME]!r}")
        if entry.size < 0 or (entry.isdir() and entry.size):
            raise self._malformed(f"holds {name!r} of {entry.size} bytes")
        if not entry.isdir() and name.casefold() in self.seen:
            raise self._malformed(f"holds {name!r} twice")

    def _folder(self, entry: tarfile.TarInfo) -> None:
        """Check that a file needs it; files make their own folders."""
        if not any(one.startswith(f"{entry.name.rstrip('/')}/") for one in (*self.left, *self.seen)):
            raise self._malformed(f"holds a folder, {entry.name!r}, that no file needs")

    def _file(self, entry: tarfile.TarInfo) -> None:
        listed = self.left.pop(entry.name, None)
        if listed is None:
            raise self._malformed(f"holds {entry.name!r}, which its manifest does not list")
        if entry.size > listed.length:
            raise ArchiveBombError(
                f"{entry.name!r} of {self.offer.label} is {entry.size} bytes long where {listed.length} are signed; "
                f"{_CURE}"
            )
        self.seen.add(entry.name.casefold())
        if entry.size < listed.length or self._copy(listed) != listed.sha256:
            raise TamperedError(f"{entry.name!r} of {self.offer.label} is not what its manifest lists; {_CURE}")
        self._skip_padding(entry.size)

    def _copy(self, listed: FileEntry) -> str:
        digest = hashlib.sha256()

        def chunks() -> Iterator[bytes]:
            left = listed.length
            while left:
                chunk = self._read(min(left, _CHUNK_BYTES))
                digest.update(chunk)
                left -= len(chunk)
                yield chunk

        self._write(listed.name, chunks())
        return digest.hexdigest()

    def _write(self, name: str, chunks: Iterable[bytes]) -> None:
        path = self.target / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        except (FileExistsError, NotADirectoryError) as error:
            raise self._malformed(f"holds {name!r} both as a file and as a folder") from error
        with os.fdopen(number, "wb") as out:
            for chunk in chunks:
                out.write(chunk)
                self.written += len(chunk)
                self.on_bytes(self.written)
            out.flush()
            os.fsync(out.fileno())

    def _skip_padding(self, size: int) -> None:
        self._read(-size % _BLOCK)

    def _read(self, size: int) -> bytes:
        content = self.archive.read(size)
        if len(content) < size:
            raise self._malformed("ends in the middle")
        return content

    def _malformed(self, what: str) -> MalformedArchiveError:
        return MalformedArchiveError(f"The archive of {self.offer.label} {what}; {_CURE}")
