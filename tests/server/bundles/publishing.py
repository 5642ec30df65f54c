"""A repository of signed bundles for tests: the publisher's own code, with keys that live as long as the test."""

import copy
import datetime as dt
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, Key, Signer
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Timestamp

from wyoming_server.bundles.offer import CHANNELS, Offer
from wyoming_server.publisher.keys import public_key
from wyoming_server.publisher.publish import Publisher
from wyoming_server.publisher.publish_begin import RoleKeys
from wyoming_server.publisher.publish_keys import rotate_key
from wyoming_server.publisher.publish_offer import Terms
from wyoming_server.publisher.repository import Lifetimes, Repository, RoleMetadata, utc_now


def new_signer(name: str = "stranger") -> CryptoSigner:
    """Return a new key that nobody trusts yet."""
    private = Ed25519PrivateKey.generate()
    return CryptoSigner(private, public_key(private.public_key(), name))


@dataclass
class MadeKeys:
    """Every private key of a repository, by role; what `held` leaves out is as good as on another machine."""

    by_role: dict[str, list[CryptoSigner]] = field(default_factory=dict)
    held: set[str] | None = None
    """Names of the keys at hand; None for all."""

    def signers(self, keys: Mapping[str, Key]) -> Sequence[Signer]:
        every = (one for signers in self.by_role.values() for one in signers)
        known = {one.public_key.keyid: one for one in every if self.held is None or self._name(one) in self.held}
        return [known[keyid] for keyid in keys if keyid in known]

    def __getitem__(self, role: str) -> list[CryptoSigner]:
        return self.by_role[role]

    @staticmethod
    def _name(signer: CryptoSigner) -> str:
        return str(signer.public_key.unrecognized_fields["x-edge-voice-name"])


@dataclass
class TestRepository:
    """A repository, all its keys, and the publisher who has them."""

    __test__ = False
    repository: Repository
    keys: MadeKeys
    publisher: Publisher

    @property
    def public(self) -> Path:
        """What a static host serves: metadata/ and targets/."""
        return self.repository.public

    @property
    def root_file(self) -> Path:
        """What `models trust` is given."""
        return self.repository.metadata / "1.root.json"

    @property
    def root_bytes(self) -> bytes:
        return self.root_file.read_bytes()

    def publish(self, bundle: Path, *, channel: str = "stable", **terms: Any) -> Offer:
        """Publish a bundle's folder; `terms` are those of Terms."""
        return self.publisher.publish(bundle, channel=channel, terms=Terms(**terms)).offer

    def roll_out(self, label: str, *, channel: str = "stable", **terms: Any) -> Offer:
        return self.publisher.roll_out(label, channel=channel, terms=Terms(**terms)).offer

    def pause(self, label: str, *, channel: str = "stable") -> Offer:
        return self.publisher.pause(label, channel=channel).offer

    def withdraw(self, label: str, *, rollback_to: str = "", channel: str = "stable") -> Offer:
        return self.publisher.withdraw(label, channel=channel, rollback_to=rollback_to).offer

    def refresh(self) -> None:
        """Sign a new snapshot and timestamp at the clock's time."""
        assert self.publisher.refresh().whole

    def rotate(self, role: str) -> CryptoSigner:
        """Replace a role's first key; return the one that is out."""
        out, new = self.keys[role][0], new_signer(f"{role}-new")
        self.keys.by_role[role].append(new)  # both are needed while a root changes its own keys
        released = rotate_key(self.publisher, role, old=out.public_key.keyid, new=new.public_key)
        assert released.whole
        self.keys[role].remove(out)
        return out

    def rewrite(
        self,
        role: str,
        change: Callable[[Any], object] = lambda _: None,
        *,
        signers: Sequence[Signer] | None = None,
        bump: bool = True,
        pointed_to: bool = True,
        path: Path | None = None,
    ) -> RoleMetadata:
        """Change what a role says, whatever that makes of it, and write it with these signatures (all right ones).

        `bump` gives it the next version; `pointed_to` also rewrites the roles that name it (snapshot and timestamp).
        """
        found = self.repository.current(role)
        assert found is not None
        signed = copy.deepcopy(found.signed)
        signed.version += bump
        change(signed)
        metadata: RoleMetadata = Metadata(signed)
        for signer in self.keys[role] if signers is None else signers:
            metadata.sign(signer, append=True)
        name = "timestamp.json" if role == "timestamp" else f"{signed.version}.{role}.json"
        (path or self.repository.metadata / name).write_bytes(metadata.to_bytes())
        if pointed_to and role not in {"root", "timestamp"}:
            self._point_to(role, metadata)
        return metadata

    def _point_to(self, role: str, metadata: RoleMetadata) -> None:
        said = MetaFile.from_data(metadata.signed.version, metadata.to_bytes(), ["sha256"])
        if role == "snapshot":

            def name_snapshot(timestamp: Timestamp) -> None:
                timestamp.snapshot_meta = said

            self.rewrite("timestamp", name_snapshot)
        else:

            def name_role(snapshot: Snapshot) -> None:
                snapshot.meta[f"{role}.json"] = said

            self.rewrite("snapshot", name_role)


def a_repository(
    folder: Path, *, clock: Callable[[], dt.datetime] = utc_now, lifetimes: Lifetimes | None = None
) -> TestRepository:
    """Return a published, empty repository: root 2-of-3, targets, stable, beta, snapshot and timestamp 1-of-1."""
    repository = Repository(folder, clock=clock, lifetimes=lifetimes)
    keys = keys_for_all()
    publisher, released = Publisher.begin(repository, keys, role_keys(keys))
    assert released.whole
    return TestRepository(repository, keys, publisher)


def keys_for_all() -> MadeKeys:
    """Return new keys: three of the root, one of every other role."""
    roles = {role: [new_signer(role)] for role in ("targets", *CHANNELS, "snapshot", "timestamp")}
    return MadeKeys({"root": [new_signer(f"root-{number}") for number in (1, 2, 3)], **roles})


def role_keys(keys: MadeKeys) -> dict[str, RoleKeys]:
    """Return who signs for what: two of the root's three, one of one otherwise."""
    return {
        role: RoleKeys(keys=tuple(one.public_key for one in signers), threshold=2 if role == "root" else 1)
        for role, signers in keys.by_role.items()
    }


def a_bundle(
    folder: Path,
    name: str = "home-en",
    version: str = "1.0.0",
    *,
    files: Mapping[str, bytes] | None = None,
    **fields: Any,
) -> Path:
    """Return a new folder below `folder` with a bundle that is whole and right, and that no engine can load."""
    directory = folder / f"{name}@{version}"
    content = files or {"model.bin": f"{name} {version}".encode() * 50, "golden/one.wav": b"RIFF"}
    for file, data in content.items():
        path = directory / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    listed = [
        {"name": file, "length": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for file, data in sorted(content.items())
    ]
    manifest = {"schema": 2, "name": name, "version": version, "kind": "asr", "languages": ["en"], "files": listed}
    (directory / "bundle.json").write_text(json.dumps(manifest | fields))
    return directory


@contextmanager
def served(public: Path) -> Iterator[str]:
    """Serve a folder over loopback as any static host does; yield its URL, without a slash at the end."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(public))) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def root_of(repository: TestRepository) -> Root:
    """Return what the newest root says."""
    root = repository.repository.root()
    assert root is not None
    return root.signed
