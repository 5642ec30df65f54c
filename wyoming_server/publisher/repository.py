"""A repository of one's own, as plain files: what hubs are shown, and what waits for signatures.

The Update Framework's layout with consistent snapshots. `public` is what any static host serves; a role's next version
lies in `drafts` until enough keys have signed it. Imports tuf: the server's process never imports this.
"""

import copy
import dataclasses
import datetime as dt
import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securesystemslib.signer import Key
from tuf.api.exceptions import RepositoryError as TufError
from tuf.api.metadata import Metadata, Root, Signed, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from ..bundles.offer import CHANNELS, Offer, offer_of
from ..errors import DiskError, RepositoryStateError
from ..pipeline.checked import Checked, ranged
from ..whole_file import write_whole

ROLES = ("root", "targets", *CHANNELS)
"""Whose next version is a draft until it is signed, the delegating before the delegated."""

SETTINGS_FILE = "publisher.json"
"""How long what is signed lasts; not for hubs."""

SOON = 0.25
"""Share of its lifetime that is left when a role's metadata is said to expire soon."""

type RoleMetadata = Metadata[Any]
"""Metadata of a role that is only known when the program runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes(Checked):
    """Days until each role's metadata expires; a hub then takes up nothing new, and keeps what it has."""

    root: float = ranged(365.0, at_least=0.001, at_most=3650.0)
    targets: float = ranged(182.0, at_least=0.001, at_most=3650.0)
    channel: float = ranged(182.0, at_least=0.001, at_most=3650.0)
    snapshot: float = ranged(7.0, at_least=0.001, at_most=3650.0)
    timestamp: float = ranged(1.0, at_least=0.001, at_most=3650.0)

    def of(self, role: str) -> dt.timedelta:
        """Return how long a role's metadata lasts."""
        days: float = getattr(self, "channel" if role in CHANNELS else role)
        return dt.timedelta(days=days)


def utc_now() -> dt.datetime:
    """Return the wall clock's time."""
    return dt.datetime.now(dt.UTC)


class Repository:
    """A publisher's folder. Blocks; raises RepositoryStateError for files that are no repository's, and DiskError."""

    def __init__(
        self, folder: Path, *, clock: Callable[[], dt.datetime] = utc_now, lifetimes: Lifetimes | None = None
    ) -> None:
        self.folder = folder
        self.public = folder / "public"
        self.metadata = self.public / "metadata"
        self.targets = self.public / "targets"
        self.drafts = folder / "drafts"
        self.clock = clock
        self.lifetimes = lifetimes or self._remembered()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands out. Raises RepositoryStateError where one is at work."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise DiskError(f"'{self.folder}' cannot be written: {error.strerror or error}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise RepositoryStateError(
                f"Another command is at work in '{self.folder}'; wait until it is done"
            ) from error
        finally:
            os.close(descriptor)

    def remember_lifetimes(self) -> None:
        """Have later commands sign for as long as this one."""
        said = {"schema": 1, "lifetimes": dataclasses.asdict(self.lifetimes)}
        write_whole(self.folder / SETTINGS_FILE, (json.dumps(said, indent=1) + "\n").encode())

    def _remembered(self) -> Lifetimes:
        file = self.folder / SETTINGS_FILE
        if not file.exists():
            return Lifetimes()
        try:
            return Lifetimes(**json.loads(file.read_bytes())["lifetimes"])
        except (OSError, LookupError, TypeError, ValueError) as error:
            raise RepositoryStateError(f"'{file}' cannot be used ({error}); mend it, or delete it") from error

    def root(self) -> Metadata[Root] | None:
        """Return the newest root that hubs are shown; None before the first release."""
        versions = self.versions("root")
        return self._read(self.metadata / f"{versions[-1]}.root.json", Root) if versions else None

    def timestamp(self) -> Metadata[Timestamp] | None:
        """Return what hubs ask for first; None before the first release."""
        path = self.metadata / "timestamp.json"
        return self._read(path, Timestamp) if path.exists() else None

    def snapshot(self) -> Metadata[Snapshot] | None:
        """Return the snapshot that the timestamp names; None before the first release."""
        timestamp = self.timestamp()
        if timestamp is None:
            return None
        return self._read(self.metadata / f"{timestamp.signed.snapshot_meta.version}.snapshot.json", Snapshot)

    def current(self, role: str) -> RoleMetadata | None:
        """Return a role's metadata as hubs are shown it; None before the first release."""
        if role == "root":
            return self.root()
        if role == "timestamp":
            return self.timestamp()
        snapshot = self.snapshot()
        if role == "snapshot" or snapshot is None:
            return snapshot
        said = snapshot.signed.meta.get(f"{role}.json")
        return None if said is None else self._read(self.metadata / f"{said.version}.{role}.json", Targets)

    def draft(self, role: str) -> RoleMetadata | None:
        """Return a role's next version, which may lack signatures; None where there is none."""
        path = self.draft_file(role)
        if not path.exists():
            return None
        draft: RoleMetadata = self._read(path, Root if role == "root" else Targets)
        current = self.current(role)
        # What was released, and then cut off before its draft was removed, is no draft any more.
        return None if current is not None and draft.signed.version <= current.signed.version else draft

    def newest(self, role: str) -> RoleMetadata:
        """Return a role's draft, else what is current. Raises RepositoryStateError where there is neither."""
        found = self.draft(role) or self.current(role)
        if found is None:
            raise RepositoryStateError(f"'{self.folder}' is no repository; `models init-repository` makes one")
        return found

    def draft_file(self, role: str) -> Path:
        """Return where a role's draft lies."""
        return self.drafts / f"{role}.json"

    def versions(self, role: str) -> Sequence[int]:
        """Return the versions of a role that were ever written for hubs, the newest last."""
        form = re.compile(rf"([1-9][0-9]*)\.{re.escape(role)}\.json")
        files = self.metadata.iterdir() if self.metadata.is_dir() else ()
        return sorted(int(match[1]) for file in files if (match := form.fullmatch(file.name)))

    def edit(self, role: str, change: Callable[[Any], None]) -> bool:
        """Draft a role's next version as `change` makes it of the newest; tell whether it made any difference.

        Signatures of an earlier draft end with it.
        """
        newest = self.newest(role)
        signed: Signed = copy.deepcopy(newest.signed)
        change(signed)
        if signed == newest.signed:
            return False
        self.save_draft(role, signed)
        return True

    def save_draft(self, role: str, signed: Signed) -> None:
        """Draft a role's next version, unsigned, with the version and expiry that come next."""
        signed.version = (self.versions(role) or (0,))[-1] + 1
        signed.expires = self.expiry(role)
        self.write_draft(role, Metadata(signed))

    def write_draft(self, role: str, metadata: RoleMetadata) -> None:
        """Write a draft as it is."""
        write_whole(self.draft_file(role), metadata.to_bytes())

    def expiry(self, role: str) -> dt.datetime:
        """Return until when metadata of a role lasts that is signed now."""
        return self.clock().astimezone(dt.UTC) + self.lifetimes.of(role)

    def left(self, signed: Signed, role: str) -> float:
        """Return the share of its lifetime that a role's metadata has left; 0 or less when it has expired."""
        return (signed.expires - self.clock()) / self.lifetimes.of(role)

    def offers(self, channel: str, metadata: RoleMetadata | None = None) -> Mapping[str, Offer]:
        """Return a channel's bundles, label → offer: of its newest metadata, or of another."""
        found: Mapping[str, TargetFile] = (metadata or self.newest(channel)).signed.targets
        offers = (
            offer_of(channel, path, target.length, target.hashes["sha256"], target.custom)
            for path, target in found.items()
            if path.endswith(".tar")
        )
        return {one.label: one for one in offers}

    def entitled(self, role: str) -> Mapping[str, Key]:
        """Return the keys that may sign a role's next version, id → key."""
        keys: dict[str, Key] = {}
        over = "targets" if role in CHANNELS else "root"
        for metadata in (self.current(over), self.draft(over)):
            if metadata is not None:
                keys |= keys_of(metadata.signed, role)
        return keys

    def _read[S: (Root, Timestamp, Snapshot, Targets)](self, path: Path, kind: type[S]) -> Metadata[S]:
        try:
            metadata: Metadata[S] = Metadata.from_bytes(path.read_bytes())
        except OSError as error:
            raise RepositoryStateError(
                f"'{path}' cannot be read ({error.strerror or error}); put the repository's files back from a copy"
            ) from error
        except (DeserializationError, TufError) as error:
            raise RepositoryStateError(f"'{path}' is damaged; put the repository's files back from a copy") from error
        if not isinstance(metadata.signed, kind):
            raise RepositoryStateError(f"'{path}' is of another role; put the repository's files back from a copy")
        return metadata


def keys_of(over: Root | Targets, role: str) -> Mapping[str, Key]:
    """Return the keys that a delegating role names for another, id → key."""
    return {keyid: over.get_key(keyid) for keyid in over.get_delegated_role(role).keyids}
