"""A signed archive → a verified folder in `staged/`. For the updater's process only."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from ..bundles.bundle import Bundle
from ..bundles.digest import file_digest
from ..bundles.offer import Offer
from ..bundles.verify import verify_folder
from ..errors import (
    ArchiveBombError,
    BundleDamagedError,
    DiskError,
    OversizedError,
    TamperedError,
    TruncatedError,
    UnreachableRepositoryError,
    WrongArtefactError,
)
from ..whole_file import sync_folder
from .folder import BundleFolder
from .jobs import Limits
from .unpack import unpack
from .web import NotThereError, OnDisk, Web

type Report = Callable[[str, int, int], None]
"""Is told what goes on, and how many bytes of how many are done."""
_SPARE_BYTES = 64 << 20
"""Left free, so that a bundle never takes the last of the disk."""


def fetch(
    folder: BundleFolder, web: Web, url: str, offer: Offer, others: Mapping[str, str], limits: Limits, report: Report
) -> Bundle:
    """Return what the manifest of a bundle says that lies in `staged/` from then on, every byte as it was signed.

    `others` is what else is signed, digest → path, by which a wrong artefact is told from a tampered one. Raises
    ArtefactError, RepositoryError and DiskError.
    """
    _check_size(offer, limits)
    staged = folder.staged_folder(offer.label)
    if staged.is_dir():
        try:
            return verify_folder(staged, offer.manifest_sha256)
        except BundleDamagedError:
            shutil.rmtree(staged)
    part = _part_of(folder, offer)
    _check_room(folder.root, offer, part)
    _download(web, url, part, offer, others, report)
    bundle = _unpack(part, staged, offer, report)
    part.unlink()
    return bundle


def _check_size(offer: Offer, limits: Limits) -> None:
    if offer.length > limits.largest_bytes:
        raise OversizedError(
            f"The archive of {offer.label} is {offer.length >> 20} MB; `bundles.largest_mb` allows "
            f"{limits.largest_bytes >> 20}"
        )
    if offer.unpacked_bytes > limits.largest_bytes:
        raise ArchiveBombError(
            f"{offer.label} would take {offer.unpacked_bytes >> 20} MB of the disk; `bundles.largest_mb` allows "
            f"{limits.largest_bytes >> 20}"
        )


def _part_of(folder: BundleFolder, offer: Offer) -> Path:
    """Return the file to download into; parts of other archives go."""
    part = folder.parts / f"{offer.sha256}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    for other in part.parent.iterdir():
        if other != part:
            other.unlink()
    return part


def _check_room(root: Path, offer: Offer, part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    missing = offer.length - have + offer.unpacked_bytes + _SPARE_BYTES
    if missing > (free := shutil.disk_usage(root).free):
        raise DiskError(
            f"{offer.label} needs {missing >> 20} MB and the disk that holds '{root}' has {free >> 20} MB; make room"
        )


def _download(web: Web, url: str, part: Path, offer: Offer, others: Mapping[str, str], report: Report) -> None:
    """Bring the part to what was signed.

    What an earlier process has left may be at fault when the digest is wrong, so that it is fetched anew once.
    """
    resumed = part.exists() and part.stat().st_size > 0
    try:
        _fill(web, url, part, offer, report)
    except TruncatedError:
        _check_identity(part, offer, others)  # a smaller file that is whole was not cut
        raise
    report("verifying", 0, offer.length)
    if file_digest(part) == offer.sha256:
        return
    if resumed:
        part.unlink()
        _download(web, url, part, offer, others, report)
        return
    _check_identity(part, offer, others)
    part.unlink()
    raise TamperedError(
        f"The archive of {offer.label} is not what was signed; tell who runs the repository, and look into the network "
        "between"
    )


def _fill(web: Web, url: str, part: Path, offer: Offer, report: Report) -> None:
    sink = OnDisk(part, lambda have: report("downloading", have, offer.length))
    try:
        if sink.have() > offer.length:
            sink.restart()
        report("downloading", sink.have(), offer.length)
        web.fill(url, sink, offer.length)
        sink.sync()
    except NotThereError as error:
        raise UnreachableRepositoryError(
            f"The repository has not the archive that it has signed ({error}); try again later, or tell who runs it"
        ) from error
    finally:
        sink.close()


def _check_identity(part: Path, offer: Offer, others: Mapping[str, str]) -> None:
    """Tell a right file under a wrong name from one that nobody signed. Raises WrongArtefactError."""
    if other := others.get(file_digest(part)):
        part.unlink()
        raise WrongArtefactError(
            f"Asked for '{offer.path}', the repository sends '{other}'; tell who runs it, and look into the network "
            "between"
        )


def _unpack(part: Path, staged: Path, offer: Offer, report: Report) -> Bundle:
    """Write the folder under another name, which it loses when it is whole."""
    beside = staged.with_name(f".unpacking-{staged.name}")
    shutil.rmtree(beside, ignore_errors=True)
    report("unpacking", 0, offer.unpacked_bytes)
    try:
        with part.open("rb") as archive:
            bundle = unpack(archive, beside, offer, lambda done: report("unpacking", done, offer.unpacked_bytes))
    except Exception:
        shutil.rmtree(beside, ignore_errors=True)
        part.unlink()
        raise
    beside.rename(staged)
    sync_folder(staged.parent)
    return bundle
