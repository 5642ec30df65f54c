"""What a trusted repository says now: tuf's client over our own web. For the updater's process only."""

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from tuf.api.exceptions import DownloadError, DownloadHTTPError, LengthOrHashMismatchError
from tuf.api.exceptions import RepositoryError as TufError
from tuf.api.metadata import Metadata, Root, TargetFile
from tuf.ngclient import FetcherInterface, Updater

from ..bundles.offer import INDEX_FILE, Offer, offer_of
from ..errors import (
    MalformedMetadataError,
    RootRefusedError,
    TamperedError,
    UnknownBundleError,
    UnreachableRepositoryError,
    WrongArtefactError,
)
from ..whole_file import sync_folder
from .diagnosis import Known, diagnosed
from .folder import BundleFolder
from .web import InMemory, NotThereError, Web

LARGEST_INDEX_BYTES = 1 << 20
MOST_OFFERS = 1000
_METADATA_NAME = re.compile(r"/metadata/(?:\d+\.)?(\w+)\.json$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A target as it is signed, before anybody has read what is said of it."""

    channel: str
    path: str
    length: int
    sha256: str
    custom: dict[str, Any]

    def offer(self) -> Offer:
        """Return what is signed of it. Raises MalformedMetadataError."""
        return offer_of(self.channel, self.path, self.length, self.sha256, self.custom)

    def fields(self) -> dict[str, Any]:
        """Return it for another process."""
        return asdict(self)


class _Fetcher(FetcherInterface):
    """Fetches metadata, and remembers it for the diagnosis."""

    def __init__(self, web: Web, on_file: Callable[[], None]) -> None:
        self._web = web
        self._on_file = on_file
        self.fetched: dict[str, bytes] = {}
        self.last = "root"

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """Return a role's metadata."""
        self._on_file()
        try:
            content = self._web.content(url, max_length)
        except NotThereError as error:
            raise DownloadHTTPError(str(error), error.status) from error
        if found := _METADATA_NAME.search(url):
            self.last = found[1]
            self.fetched[self.last] = content
        return content

    def _fetch(self, url: str) -> Iterator[bytes]:
        raise DownloadError(f"{url} is not asked for so")


class SignedRepository:
    """One look at the repository that this hub trusts; blocks. Raises RepositoryError, ArtefactError and DiskError."""

    def __init__(
        self, folder: BundleFolder, web: Web, *, now: dt.datetime, on_file: Callable[[], None] = lambda: None
    ) -> None:
        self._trust = folder.repository()
        self._web = web
        self._now = now
        self._known = Known(folder.metadata)
        self._before = self._known.versions()
        self._fetcher = _Fetcher(web, on_file)
        folder.metadata.mkdir(parents=True, exist_ok=True)
        for left_behind in folder.metadata.glob("tmp*"):  # by a process that was killed while it wrote
            left_behind.unlink()
        with self._diagnosed():
            self._updater = Updater(
                metadata_dir=str(folder.metadata),
                metadata_base_url=f"{self._trust.url}/metadata/",
                fetcher=self._fetcher,
                bootstrap=self._trust.root,
            )

    def refresh(self) -> None:
        """Take up what the repository says now, once."""
        with self._diagnosed():
            self._updater.refresh()
        self._known.remember()

    def targets(self, channel: str) -> list[Target]:
        """Return everything that a channel holds, the newest first."""
        index = self._found(f"{channel}/{INDEX_FILE}")
        if index is None:
            return []
        try:
            return [self.target(channel, path) for path in _paths_of(channel, self._small(index))]
        except UnknownBundleError as error:
            raise MalformedMetadataError(
                f"The list of channel '{channel}' names what is not signed in it; tell who publishes it"
            ) from error

    def target(self, channel: str, path: str) -> Target:
        """Return one target. Raises UnknownBundleError where it is not signed."""
        found = self._found(path) if path.startswith(f"{channel}/") else None
        if found is None:
            raise UnknownBundleError(f"The repository has no '{path}'; `edge-voice models list` shows what it has")
        custom = found.unrecognized_fields.get("custom")
        return Target(
            channel=channel,
            path=path,
            length=found.length,
            sha256=_sha256(found),
            custom=custom if isinstance(custom, dict) else {},
        )

    def url_of(self, path: str, sha256: str) -> str:
        """Return where a target's bytes lie: under their digest, so that they never change."""
        folder, _, name = path.rpartition("/")
        return f"{self._trust.url}/targets/{folder}/{sha256}.{name}"

    def keep(self) -> None:
        """See what was believed onto the disk itself: it is what a rollback of the metadata is told by."""
        for folder in (self._known.folder, self._known.folder / "root_history"):
            for file in folder.iterdir():
                sync_folder(file)  # tuf renames what it writes, and leaves the rest to the system
            sync_folder(folder)

    def _found(self, path: str) -> TargetFile | None:
        with self._diagnosed():
            return self._updater.get_targetinfo(path)

    def _small(self, target: TargetFile) -> bytes:
        if target.length > LARGEST_INDEX_BYTES:
            raise MalformedMetadataError(f"'{target.path}' is {target.length} bytes long; tell who publishes it")
        try:
            sink = InMemory()
            self._web.fill(self.url_of(target.path, _sha256(target)), sink, target.length)
            target.verify_length_and_hashes(bytes(sink.content))
        except NotThereError as error:
            raise _gone(str(error)) from error
        except LengthOrHashMismatchError as error:
            raise TamperedError(
                f"'{target.path}' is not what was signed; tell who runs it, and look into the network between"
            ) from error
        return bytes(sink.content)

    @contextmanager
    def _diagnosed(self) -> Iterator[None]:
        """Turn what tuf refuses into what was wrong."""
        try:
            yield
        except TufError as error:
            fetcher = self._fetcher
            raise diagnosed(error, fetcher.last, fetcher.fetched, self._known, self._before, self._now) from error
        except DownloadError as error:
            raise _gone(str(error)) from error


def check_root(content: bytes) -> dict[str, Any]:
    """Return the version and the expiry of a root that signs itself. Raises RootRefusedError."""
    try:
        metadata: Metadata[Root] = Metadata.from_bytes(content)
        if not isinstance(metadata.signed, Root):
            raise RootRefusedError("What was given is signed metadata, and no root; give the repository's root.json")
        metadata.signed.verify_delegate("root", metadata.signed_bytes, metadata.signatures)
    except (TufError, ValueError) as error:
        raise RootRefusedError(
            f"What was given is no root of a repository ({error}); give the root.json that its publisher handed out"
        ) from error
    return {"version": metadata.signed.version, "expires": metadata.signed.expires.isoformat()}


def _paths_of(channel: str, content: bytes) -> list[str]:
    try:
        said = json.loads(content)
        paths: list[str] = said["bundles"]
        schema, of = said["schema"], said["channel"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MalformedMetadataError(
            f"The list of channel '{channel}' cannot be read; tell who publishes it"
        ) from error
    if (
        not isinstance(paths, list)
        or len(paths) > MOST_OFFERS
        or not all(isinstance(one, str) for one in paths)
        or len(set(paths)) < len(paths)  # what is signed of one, however much, would be told a thousand times
    ):
        raise MalformedMetadataError(f"The list of channel '{channel}' cannot be used; tell who publishes it")
    if schema != 1:
        raise MalformedMetadataError(f"The list of channel '{channel}' is of version {schema}; update this server")
    if of != channel:
        raise WrongArtefactError(f"What was signed as the list of channel '{channel}' is that of '{of}'")
    return paths


def _sha256(target: TargetFile) -> str:
    digest = target.hashes.get("sha256", "")
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise MalformedMetadataError(f"'{target.path}' is signed without a SHA-256; tell who publishes it")
    return digest


def _gone(what: str) -> UnreachableRepositoryError:
    return UnreachableRepositoryError(
        f"The repository lacks what it should have: {what}; check its address, and try again later"
    )
