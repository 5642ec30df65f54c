"""Every attack on a hub's models that we know of: what is done, and the code that refuses it.

Each one is done to a hub that serves 1.0.0 when the repository has 1.1.0. `test_attacks` does them in one process,
the proof `bundle_attacks` with the real updater's.
"""

import datetime as dt
import gzip
import re
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.server.bundles import made
from tests.server.bundles.publishing import new_signer
from tests.server.updates import faulty
from tests.server.updates.scene import ACTIVE, NEWER, Scene, file_entry, tar_of
from wyoming_server.publisher.archive_write import write_archive
from wyoming_server.updates.transitions import refuse

TAR = r"\.home-en@1\.1\.0\.tar$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One way to hurt a hub."""

    group: str
    """Its row in the table."""
    code: str
    act: Callable[[Scene], object]
    heals: bool = True
    """Whether the update comes through once the host is honest again."""
    wanted: str = NEWER
    """What the hub is brought to take up."""


def _wrong_key(role: str) -> Callable[[Scene], object]:
    return lambda scene: scene.repo.rewrite(role, signers=[new_signer()])


def _no_signature(scene: Scene) -> None:
    scene.repo.rewrite("timestamp", signers=[])


def _changed_after_signing(role: str) -> Callable[[Scene], object]:
    def act(scene: Scene) -> None:
        file = scene.newest(role)
        changed, count = re.subn(rb'("expires": ?")2', rb"\g<1>3", file.read_bytes())
        assert count == 1
        file.write_bytes(changed)

    return act


def _one_of_two_roots(scene: Scene) -> None:
    scene.repo.rewrite("root", signers=scene.repo.keys["root"][:1])


def _one_root_and_a_stranger(scene: Scene) -> None:
    scene.repo.rewrite("root", signers=[scene.repo.keys["root"][0], new_signer()])


def _strangers_as_root(scene: Scene) -> None:
    scene.repo.rewrite("root", signers=[new_signer(), new_signer()])


def _rotated_out(role: str) -> Callable[[Scene], object]:
    def act(scene: Scene) -> None:
        scene.check()  # it knew the key while it was right
        out = scene.repo.rotate(role)
        scene.repo.rewrite(role, signers=[out])

    return act


def _rotated_out_of_the_root(scene: Scene) -> None:
    out = scene.repo.rotate("root")
    scene.check()
    scene.repo.rewrite("root", signers=[out, scene.repo.keys["root"][0]])


def _older_timestamp(scene: Scene) -> None:
    scene.check()
    scene.show_again("timestamp.json")


def _older_snapshot_named(scene: Scene) -> None:
    scene.check()

    def name_the_older(timestamp: Any) -> None:
        timestamp.snapshot_meta.version -= 1

    scene.repo.rewrite("timestamp", name_the_older)


def _older_role_named(scene: Scene) -> None:
    scene.check()

    def name_the_older(snapshot: Any) -> None:
        snapshot.meta["stable.json"].version -= 1

    scene.repo.rewrite("snapshot", name_the_older)


def _role_named_no_more(scene: Scene) -> None:
    scene.check()
    scene.repo.rewrite("snapshot", lambda signed: signed.meta.pop("beta.json"))


def _older_root_as_the_next(scene: Scene) -> None:
    (scene.metadata / "2.root.json").write_bytes((scene.metadata / "1.root.json").read_bytes())


def _other_snapshot(scene: Scene) -> None:
    older, newest = "2.snapshot.json", scene.newest("snapshot").name
    scene.show_again(older, instead_of=newest)


def _other_channel_state(scene: Scene) -> None:
    older, newest = "2.stable.json", scene.newest("stable").name
    scene.show_again(older, instead_of=newest)


def _root_too_far(scene: Scene) -> None:
    metadata = scene.repo.rewrite("root", lambda signed: setattr(signed, "version", 3))
    (scene.metadata / "2.root.json").write_bytes(metadata.to_bytes())


def _wind_back(scene: Scene, days: float) -> None:
    """Have the repository's newest state be of some days ago."""
    then = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
    scene.repo.repository.clock = lambda: then
    scene.repo.refresh()


def _expired(scene: Scene) -> None:
    _wind_back(scene, 3)


def _frozen(scene: Scene) -> None:
    _wind_back(scene, 3)
    scene.believed_before()


def _frozen_snapshot(scene: Scene) -> None:
    _wind_back(scene, 9)
    scene.believed_before()
    scene.repo.repository.clock = lambda: dt.datetime.now(dt.UTC)
    scene.repo.rewrite("timestamp", lambda signed: setattr(signed, "expires", _tomorrow()))


def _expired_role(role: str) -> Callable[[Scene], object]:
    return lambda scene: scene.repo.rewrite(role, lambda signed: setattr(signed, "expires", _yesterday()))


def _yesterday() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=1)


def _tomorrow() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=1)


def _host(pattern: str, act: faulty.Act) -> Callable[[Scene], object]:
    return lambda scene: scene.host.break_(pattern, act)


def _other_bundle_sent(scene: Scene) -> None:
    older = next((scene.repo.public / "targets/stable").glob(f"*.{ACTIVE}.tar"))
    scene.host.break_(TAR, faulty.instead(older.read_bytes()))


def _smaller_bundle_sent(scene: Scene) -> None:
    offer = scene.repo.publish(made.hollow(scene.space, "1.0.0", name="small", size=100))
    other = scene.repo.public / "targets/stable" / f"{offer.sha256}.{offer.label}.tar"
    scene.host.break_(TAR, faulty.instead(other.read_bytes()))


def _other_bundle_signed(scene: Scene) -> None:
    packed = scene.space / "other.tar"
    write_archive(scene.space / ACTIVE, packed)
    scene.sign(packed.read_bytes())


def _other_content_signed(scene: Scene) -> None:
    other = made.hollow(scene.space / "other", "1.1.0", size=9_000)
    packed = scene.space / "other.tar"
    write_archive(other, packed)
    scene.sign(packed.read_bytes())


def _archive(*more: tarfile.TarInfo, **files: bytes) -> Callable[[Scene], object]:
    """Sign an archive with entries that do not belong there."""
    return lambda scene: scene.sign(tar_of(scene.files() | files, *more))


def _compressed(scene: Scene) -> None:
    scene.sign(gzip.compress(tar_of(scene.files())))


def _huge_entry(scene: Scene) -> None:
    files = scene.files()
    files["model.bin"] += b"\0" * 500_000
    scene.sign(tar_of(files))


def _huge_manifest(scene: Scene) -> None:
    files = scene.files()
    files["bundle.json"] += b" " * (1 << 20)
    scene.limits = replace(scene.limits, largest_bytes=8 << 20)
    scene.sign(tar_of(files))


def _more_than_signed(scene: Scene) -> None:
    scene.sign(tar_of(scene.files()), unpacked_bytes=5_000)


def _more_than_allowed(scene: Scene) -> None:
    scene.sign(tar_of(scene.files()), unpacked_bytes=1 << 40)


def _larger_than_allowed(scene: Scene) -> None:
    scene.sign(tar_of(scene.files()) + b"\0" * (1 << 20))


def _many_entries(scene: Scene) -> None:
    folders = [file_entry("golden/", kind=tarfile.DIRTYPE)] * 3000
    scene.limits = replace(scene.limits, largest_bytes=8 << 20)
    scene.sign(tar_of(scene.files(), *folders))


def _file_changed_inside(scene: Scene) -> None:
    files = scene.files()
    files["model.bin"] = b"\1" + files["model.bin"][1:]
    scene.sign(tar_of(files))


def _half_an_archive(scene: Scene) -> None:
    scene.sign(tar_of(scene.files())[:5_000])


def _file_left_out(scene: Scene) -> None:
    files = scene.files()
    del files["tokenizer.json"]
    scene.sign(tar_of(files))


def _manifest_last(scene: Scene) -> None:
    files = scene.files()
    manifest = files.pop("bundle.json")
    scene.sign(tar_of(files | {"bundle.json": manifest}))


def _bad_manifest(scene: Scene) -> None:
    files = scene.files()
    files["bundle.json"] = files["bundle.json"].replace(b'"files"', b'"fiels"')
    scene.sign(tar_of(files))


def _manifest_that_leads_out(scene: Scene) -> None:
    files = scene.files()
    files["bundle.json"] = files["bundle.json"].replace(b'"tokenizer.json"', b'"../tokenizer.js"')
    scene.sign(tar_of(files))


def _offer(**said: object) -> Callable[[Scene], object]:
    """Sign terms that cannot be used."""

    def act(scene: Scene) -> None:
        path = f"stable/{NEWER}.tar"

        def change(signed: Any) -> None:
            signed.targets[path].unrecognized_fields["custom"]["edge_voice"] |= said

        scene.repo.rewrite("stable", change)

    return act


def _older_bundle_signed(scene: Scene) -> None:
    """Have a stolen channel key offer what served before, which has a known hole by now."""
    scene.install(NEWER)
    scene.repo.rewrite("stable")


def _failed_here(scene: Scene) -> None:
    scene.folder.write(refuse(scene.folder.read(), NEWER, "worse", "It was worse.", dt.datetime.now(dt.UTC)))


def _attack(
    group: str, code: str, act: Callable[[Scene], object], *, heals: bool = True, wanted: str = NEWER
) -> Attack:
    return Attack(group=group, code=code, act=act, heals=heals, wanted=wanted)


ATTACKS = {
    "the timestamp signed by a stranger": _attack("wrong key", "wrong-key", _wrong_key("timestamp"), heals=False),
    "the snapshot signed by a stranger": _attack("wrong key", "wrong-key", _wrong_key("snapshot"), heals=False),
    "the targets signed by a stranger": _attack("wrong key", "wrong-key", _wrong_key("targets"), heals=False),
    "the channel signed by a stranger": _attack("wrong key", "wrong-key", _wrong_key("stable"), heals=False),
    "a new root signed by strangers": _attack("wrong key", "wrong-key", _strangers_as_root, heals=False),
    "the timestamp changed after signing": _attack(
        "tampered file", "tampered", _changed_after_signing("timestamp"), heals=False
    ),
    "the channel changed after signing": _attack(
        "tampered file", "tampered", _changed_after_signing("stable"), heals=False
    ),
    "a bit of the archive": _attack("tampered file", "tampered", _host(TAR, faulty.flip(6000))),
    "a bit of the channel's list": _attack("tampered file", "tampered", _host(r"index\.json$", faulty.flip(20))),
    "a file in a signed archive": _attack("tampered file", "tampered", _file_changed_inside, heals=False),
    "the archive's end is missing": _attack("truncated", "truncated", _host(TAR, faulty.shortened(600))),
    "every answer is cut": _attack("truncated", "truncated", _host(TAR, faulty.cut(0))),
    "the list's end is missing": _attack("truncated", "truncated", _host(r"index\.json$", faulty.shortened(10))),
    "the signed archive's own end is missing": _attack("truncated", "archive-malformed", _half_an_archive, heals=False),
    "more is announced": _attack("oversized", "oversized", _host(TAR, faulty.announce(1))),
    "more metadata is announced": _attack(
        "oversized", "oversized", _host(r"timestamp\.json$", faulty.announce(20_000))
    ),
    "more than this hub allows": _attack("oversized", "oversized", _larger_than_allowed, heals=False),
    "an older timestamp": _attack("rollback", "metadata-rollback", _older_timestamp, heals=False),
    "an older snapshot, signed anew": _attack("rollback", "metadata-rollback", _older_snapshot_named, heals=False),
    "an older channel, signed anew": _attack("rollback", "metadata-rollback", _older_role_named, heals=False),
    "a channel that is named no more": _attack("rollback", "metadata-rollback", _role_named_no_more, heals=False),
    "the old root as the next one": _attack("rollback", "metadata-rollback", _older_root_as_the_next, heals=False),
    "an older bundle, signed": _attack(
        "rollback", "version-rollback", _older_bundle_signed, heals=False, wanted=ACTIVE
    ),
    "a bundle that failed here": _attack("rollback", "bundle-denied", _failed_here, heals=False),
    "the same state after it expired": _attack("freeze", "repository-frozen", _frozen, heals=False),
    "the same snapshot after it expired": _attack("freeze", "repository-frozen", _frozen_snapshot, heals=False),
    "the snapshot of another state": _attack("mix-and-match", "mix-and-match", _other_snapshot, heals=False),
    "the channel of another state": _attack("mix-and-match", "mix-and-match", _other_channel_state, heals=False),
    "a root that skips one": _attack("mix-and-match", "mix-and-match", _root_too_far, heals=False),
    "an archive that never ends": _attack("endless data", "endless-data", _host(TAR, faulty.endless)),
    "metadata that never ends": _attack("endless data", "endless-data", _host(r"timestamp\.json$", faulty.endless)),
    "an archive that drips": _attack("endless data", "endless-data", _host(TAR, faulty.drip(0.05))),
    "metadata that drips": _attack("endless data", "endless-data", _host(r"stable\.json$", faulty.drip(0.05))),
    "an archive that stops": _attack("endless data", "endless-data", _host(TAR, faulty.stall(0))),
    "another signed bundle is sent": _attack("wrong artefact", "wrong-artefact", _other_bundle_sent),
    "a smaller signed bundle is sent": _attack("wrong artefact", "wrong-artefact", _smaller_bundle_sent),
    "another bundle was signed": _attack("wrong artefact", "wrong-artefact", _other_bundle_signed, heals=False),
    "other content was signed": _attack("wrong artefact", "wrong-artefact", _other_content_signed, heals=False),
    "the timestamp": _attack("expired", "metadata-expired", _expired, heals=False),
    "the snapshot": _attack("expired", "metadata-expired", _expired_role("snapshot"), heals=False),
    "the targets": _attack("expired", "metadata-expired", _expired_role("targets"), heals=False),
    "the channel": _attack("expired", "metadata-expired", _expired_role("stable"), heals=False),
    "the root": _attack("expired", "metadata-expired", _expired_role("root"), heals=False),
    "an entry that climbs": _attack(
        "path traversal", "path-escape", _archive(file_entry("../../evil.bin")), heals=False
    ),
    "an absolute entry": _attack("path traversal", "path-escape", _archive(file_entry("/evil")), heals=False),
    "an entry that climbs inside": _attack(
        "path traversal", "path-escape", _archive(file_entry("golden/../../evil")), heals=False
    ),
    "another system's separators": _attack(
        "path traversal", "path-escape", _archive(file_entry("..\\evil.bin")), heals=False
    ),
    "another system's drives": _attack("path traversal", "path-escape", _archive(file_entry("C:evil")), heals=False),
    "a folder that climbs": _attack(
        "path traversal", "path-escape", _archive(file_entry("../up/", kind=tarfile.DIRTYPE)), heals=False
    ),
    "a manifest that climbs": _attack("path traversal", "bundle-manifest", _manifest_that_leads_out, heals=False),
    "a symbolic link": _attack(
        "link entry", "link-entry", _archive(file_entry("golden", kind=tarfile.SYMTYPE, link="/etc")), heals=False
    ),
    "a hard link": _attack(
        "link entry", "link-entry", _archive(file_entry("a", kind=tarfile.LNKTYPE, link="model.bin")), heals=False
    ),
    "a character device": _attack(
        "device entry", "device-entry", _archive(file_entry("null", kind=tarfile.CHRTYPE)), heals=False
    ),
    "a block device": _attack(
        "device entry", "device-entry", _archive(file_entry("sda", kind=tarfile.BLKTYPE)), heals=False
    ),
    "a pipe": _attack("device entry", "device-entry", _archive(file_entry("pipe", kind=tarfile.FIFOTYPE)), heals=False),
    "an entry larger than listed": _attack("zip bomb", "archive-bomb", _huge_entry, heals=False),
    "a manifest of a megabyte": _attack("zip bomb", "archive-bomb", _huge_manifest, heals=False),
    "more on the disk than signed": _attack("zip bomb", "archive-bomb", _more_than_signed, heals=False),
    "more on the disk than allowed": _attack("zip bomb", "archive-bomb", _more_than_allowed, heals=False),
    "a compressed archive": _attack("zip bomb", "archive-malformed", _compressed, heals=False),
    "three thousand folders": _attack("zip bomb", "archive-malformed", _many_entries, heals=False),
    "one root key of two": _attack("threshold not met", "threshold-not-met", _one_of_two_roots, heals=False),
    "one root key and a stranger's": _attack(
        "threshold not met", "threshold-not-met", _one_root_and_a_stranger, heals=False
    ),
    "no signature": _attack("threshold not met", "threshold-not-met", _no_signature, heals=False),
    "the old timestamp key": _attack("rotated-out key", "rotated-out-key", _rotated_out("timestamp"), heals=False),
    "the old channel key": _attack("rotated-out key", "rotated-out-key", _rotated_out("stable"), heals=False),
    "an old root key": _attack("rotated-out key", "rotated-out-key", _rotated_out_of_the_root, heals=False),
    "a file that is not listed": _attack(
        "malformed", "archive-malformed", _archive(**{"extra.bin": b"x"}), heals=False
    ),
    "a name twice": _attack("malformed", "archive-malformed", _archive(file_entry("model.bin")), heals=False),
    "a name twice, in capitals": _attack(
        "malformed", "archive-malformed", _archive(file_entry("MODEL.BIN")), heals=False
    ),
    "an extended header": _attack(
        "malformed", "archive-malformed", _archive(file_entry("p", 512, tarfile.XHDTYPE)), heals=False
    ),
    "a sparse file": _attack(
        "malformed", "archive-malformed", _archive(file_entry("s", kind=tarfile.GNUTYPE_SPARSE)), heals=False
    ),
    "a file left out": _attack("malformed", "archive-malformed", _file_left_out, heals=False),
    "the manifest not first": _attack("malformed", "archive-malformed", _manifest_last, heals=False),
    "a manifest without files": _attack("malformed", "bundle-manifest", _bad_manifest, heals=False),
    "terms without a kind": _attack("malformed", "metadata-malformed", _offer(kind="tts"), heals=False),
    "terms of another bundle": _attack("malformed", "metadata-malformed", _offer(version="9.9.9"), heals=False),
    "a page instead of metadata": _attack(
        "malformed", "metadata-malformed", _host(r"timestamp\.json$", faulty.instead(b"<html>sign in</html>"))
    ),
    "the host is gone": _attack("unreachable", "repository-unreachable", _host("", faulty.status(503))),
    "the timestamp is gone": _attack(
        "unreachable", "repository-unreachable", _host(r"timestamp\.json$", faulty.status(404))
    ),
    "the archive is gone": _attack("unreachable", "repository-unreachable", _host(TAR, faulty.status(404))),
    "the host never answers": _attack("unreachable", "repository-unreachable", _host(TAR, faulty.silent)),
}
