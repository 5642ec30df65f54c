"""A hub that has a bundle, a repository that has a newer one, and a host between them that can be told to misbehave."""

import datetime as dt
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import TargetFile, Targets

from tests.server.bundles import made
from tests.server.bundles.publishing import TestRepository, a_repository
from tests.server.updates.faulty import FaultyHost, faulty_host
from wyoming_server import __version__
from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.digest import file_digest
from wyoming_server.bundles.offer import HubFacts, Offer, custom_of, offer_of, target_path
from wyoming_server.bundles.rollout import refusal
from wyoming_server.updates import updating
from wyoming_server.updates.folder import BundleFolder
from wyoming_server.updates.jobs import Limits, check_job, fetch_job, fetched_in, found_in
from wyoming_server.updates.readying import start
from wyoming_server.updates.transitions import activate

LIMITS = Limits(
    largest_bytes=1 << 20, timeout_s=0.4, slowest_bytes_per_s=2000.0, patience_s=0.6, retry_delay_s=0.01, tries=2
)
"""As strict as a test can wait for."""
NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)
ACTIVE = "home-en@1.0.0"
NEWER = "home-en@1.1.0"

type Runner = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Does a job: here, or in a process of its own."""


def run_here(job: Mapping[str, Any]) -> dict[str, Any]:
    """Do a job in this process, which is 50 times as fast and the same code."""
    return updating.run(job, updating.Voice(lambda _: None))


@dataclass
class Scene:
    """The hub, the host and the repository."""

    repo: TestRepository
    host: FaultyHost
    folder: BundleFolder
    space: Path
    run: Runner = run_here
    limits: Limits = LIMITS
    kept: dict[str, bytes] = field(default_factory=dict)

    @property
    def metadata(self) -> Path:
        return self.repo.repository.metadata

    def check(self, channel: str = "stable") -> list[str]:
        """Look at the repository; return the labels that it offers."""
        found = found_in(self.run(check_job(self.folder.root, channel, self.limits)))
        assert not found.unusable, found.unusable
        return [one.label for one in found.offers]

    def take_up(self, label: str = NEWER) -> str:
        """Look for a bundle, ask whether this hub may have it, and fetch it: what a server does, in its order."""
        found = found_in(self.run(check_job(self.folder.root, "stable", self.limits)))
        by_label, state = {one.label: one for one in found.offers}, self.folder.read()
        if label in by_label:
            active = state.of(by_label[label].kind).active
            hub = HubFacts(
                hub_id="a", region="", hub_class="", server_version=__version__,
                serving={by_label[label].kind: active}, highest=state.highest, denied=frozenset(state.denied),
            )  # fmt: skip
            refused = refusal(by_label[label], hub, dt.datetime.now(dt.UTC), active=by_label.get(active))
            if refused is not None:
                raise refused
        return self.fetch(label)

    def fetch(self, label: str = NEWER, channel: str = "stable") -> str:
        """Fetch a bundle into `staged/`."""
        path = f"{channel}/{label}.tar"
        return fetched_in(self.run(fetch_job(self.folder.root, channel, path, self.limits))).label

    def install(self, label: str = NEWER) -> None:
        """Fetch a bundle, take it for tried, and let it serve."""
        fetched = fetched_in(self.run(fetch_job(self.folder.root, "stable", f"stable/{label}.tar", self.limits)))
        self.folder.write(activate(self.folder.install(label, fetched.installed), label, NOW))

    def offer(self, label: str = NEWER) -> Offer:
        """Return what is signed of a bundle."""
        name, version = label.split("@")
        path = target_path("stable", name, version)
        target = self.stable.targets[path]
        return offer_of("stable", path, target.length, target.hashes["sha256"], target.unrecognized_fields["custom"])

    @property
    def stable(self) -> Targets:
        found = self.repo.repository.current("stable")
        assert found is not None
        signed: Targets = found.signed
        return signed

    def keep_metadata(self) -> None:
        """Remember what the repository shows now, to show it again later."""
        self.kept = {file.name: file.read_bytes() for file in self.metadata.iterdir() if file.is_file()}

    def show_again(self, name: str, instead_of: str = "") -> None:
        """Show a file of the kept state under its own name or another."""
        (self.metadata / (instead_of or name)).write_bytes(self.kept[name])

    def newest(self, role: str) -> Path:
        """Return the newest file of a role."""
        if role == "timestamp":
            return self.metadata / "timestamp.json"
        return max(self.metadata.glob(f"*.{role}.json"), key=lambda one: int(one.name.partition(".")[0]))

    def believed_before(self) -> None:
        """Make the hub one that has believed what is shown now, at a time when it was valid."""
        self.folder.metadata.mkdir(parents=True, exist_ok=True)
        for role in ("timestamp", "snapshot", "targets", "stable"):
            shutil.copy(self.newest(role), self.folder.metadata / f"{role}.json")

    def sign(self, archive: bytes, label: str = NEWER, **said: Any) -> None:
        """Sign any bytes as a bundle's archive, with the channel's right key, whatever they are.

        A publisher whose machine was broken into does this.
        """
        like = self.offer()
        name, version = label.split("@")
        path = target_path("stable", name, version)
        target = TargetFile.from_data(path, archive, ["sha256"])
        offer = replace(
            like, name=name, version=version, path=path, length=len(archive), sha256=target.hashes["sha256"], **said
        )
        target.unrecognized_fields["custom"] = custom_of(offer)
        file = self.repo.public / "targets" / "stable" / f"{offer.sha256}.{label}.tar"
        file.write_bytes(archive)
        self.repo.rewrite("stable", lambda signed: signed.targets.update({path: target}))

    def manifest(self) -> bytes:
        """Return the newer bundle's manifest, as it is packed."""
        return (self.space / NEWER / "bundle.json").read_bytes()

    def files(self) -> dict[str, bytes]:
        """Return all files of the newer bundle, the manifest first."""
        folder = self.space / NEWER
        listed = [one["name"] for one in json.loads(self.manifest())["files"]]
        return {name: (folder / name).read_bytes() for name in ("bundle.json", *listed)}

    def serving(self) -> dict[str, str]:
        """Return every file of the bundle that serves, with its digest, and what serves, as a start finds it."""
        found = start(self.folder, Kind.ASR, NOW).ready
        assert found is not None
        return {str(one): file_digest(one) for one in found.folder.rglob("*") if one.is_file()} | {"": found.label}

    def untouched(self, before: Mapping[str, str]) -> None:
        """Assert that what serves is as it was, and that nothing of another bundle is left to be taken for one."""
        assert self.serving() == before
        state = self.folder.read()
        there = sorted(one.name for one in (self.folder.root / "installed").iterdir())
        assert there == sorted(state.installed)
        assert not list((self.folder.root / "staged").glob("*"))


def tar_of(entries: Mapping[str, bytes], *more: tarfile.TarInfo) -> bytes:
    """Return a plain tar of files, with more entries behind them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in entries.items():
            archive.addfile(file_entry(name, len(content)), io.BytesIO(content))
        for entry in more:
            archive.addfile(entry, io.BytesIO(b"\0" * entry.size) if entry.isreg() else None)
    return out.getvalue()


def file_entry(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    """Return an entry's header."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.type, entry.linkname = size, kind, link
    return entry


@contextmanager
def without_waiting_for_the_disk() -> Iterator[None]:
    """Have fsync do nothing: it takes 5 ms, a scene has a hundred, and nobody cuts the power in here."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: None)
        yield


@contextmanager
def a_scene(space: Path, *, run: Runner = run_here) -> Iterator[Scene]:
    """Return a hub that serves 1.0.0, beside a repository that has just published 1.1.0."""
    with ExitStack() as stack:
        stack.enter_context(without_waiting_for_the_disk())
        repo = a_repository(space / "repository")
        repo.publish(made.hollow(space, "1.0.0"))
        host = stack.enter_context(faulty_host(repo.public))
        folder = BundleFolder(space / "data" / "bundles")
        folder.trust(host.url, repo.root_bytes)
        scene = Scene(repo=repo, host=host, folder=folder, space=space, run=run)
        scene.install(ACTIVE)
        scene.keep_metadata()
        repo.publish(made.hollow(space, "1.1.0"))
        yield scene
