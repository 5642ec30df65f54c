import hashlib
import io
import json
import random
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.bundles import made
from tests.server.updates.scene import file_entry, tar_of, without_waiting_for_the_disk
from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.manifest import read_bundle
from wyoming_server.bundles.offer import Offer, Rollout
from wyoming_server.bundles.verify import verify_folder
from wyoming_server.errors import ArtefactError, BundleManifestError, MalformedArchiveError
from wyoming_server.publisher.archive_write import write_archive
from wyoming_server.publisher.manifest_write import write_manifest
from wyoming_server.updates.unpack import unpack

LABEL = "home-en@1.0.0"


class Packed:
    """An archive and its offer; hypothesis would print the former."""

    def __init__(self, archive: bytes, offer: Offer) -> None:
        self.archive, self.offer = archive, offer


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    space = tmp_path_factory.mktemp("packed")
    info = write_archive(made.hollow(space, "1.0.0"), space / "a.tar")
    offer = Offer(
        name="home-en",
        version="1.0.0",
        kind=Kind.ASR,
        channel="stable",
        path=f"stable/{LABEL}.tar",
        length=info.length,
        sha256=info.sha256,
        manifest_sha256=info.manifest_sha256,
        unpacked_bytes=info.unpacked_bytes,
        rollout=Rollout(id="r"),
    )
    return Packed((space / "a.tar").read_bytes(), offer)


def test_what_was_packed_is_unpacked_and_verifies(packed: Packed, tmp_path: Path) -> None:
    archive, offer = packed.archive, packed.offer
    heard: list[int] = []
    bundle = unpack(io.BytesIO(archive), tmp_path / "a" / LABEL, offer, heard.append)
    assert bundle.label == LABEL
    assert verify_folder(tmp_path / "a" / LABEL, offer.manifest_sha256).label == LABEL
    assert heard[-1] == offer.unpacked_bytes


def test_files_are_nobodys_programs(packed: Packed, tmp_path: Path) -> None:
    archive, offer = packed.archive, packed.offer
    unpack(io.BytesIO(archive), tmp_path / LABEL, offer)
    assert {one.stat().st_mode & 0o7133 for one in (tmp_path / LABEL).rglob("*") if one.is_file()} == {0}


def test_folders_may_be_named_when_files_lie_in_them(tmp_path: Path) -> None:
    archive, offer = packed_with(tmp_path, {"golden/one.txt": b"1"})
    with tarfile.open(fileobj=io.BytesIO(archive)) as read:
        files = {one.name: content.read() for one in read if (content := read.extractfile(one))}
    again = tar_of(files, file_entry("golden/", kind=tarfile.DIRTYPE))
    assert unpack(io.BytesIO(again), tmp_path / "a", offer).label == LABEL
    with pytest.raises(MalformedArchiveError, match="that no file needs"):
        unpack(io.BytesIO(tar_of(files, file_entry("else/", kind=tarfile.DIRTYPE))), tmp_path / "b", offer)


def packed_with(space: Path, files: dict[str, bytes]) -> tuple[bytes, Offer]:
    """Return the archive of a bundle with more files, and its offer."""
    directory = made.hollow(space, "1.0.0")
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    write_manifest(directory, read_bundle(directory))
    info = write_archive(directory, space / "a.tar")
    offer = replace(offer_of(b"", info.unpacked_bytes), manifest_sha256=info.manifest_sha256)
    return (space / "a.tar").read_bytes(), offer


def offer_of(manifest: bytes, unpacked_bytes: int) -> Offer:
    return Offer(
        name="home-en",
        version="1.0.0",
        kind=Kind.ASR,
        channel="stable",
        path=f"stable/{LABEL}.tar",
        length=1,
        sha256="0" * 64,
        manifest_sha256=hashlib.sha256(manifest).hexdigest(),
        unpacked_bytes=unpacked_bytes,
        rollout=Rollout(id="r"),
    )


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32), changes=st.integers(1, 8), header=st.booleans())
def test_whatever_is_changed_nothing_is_written_outside_and_nothing_but_the_signed_is_accepted(
    packed: Packed, tmp_path_factory: pytest.TempPathFactory, seed: int, changes: int, header: bool
) -> None:
    archive, offer = packed.archive, packed.offer
    generator, damaged = random.Random(seed), bytearray(archive)
    for _ in range(changes):
        at = generator.randrange(512 if header else len(damaged))
        if header and generator.random() < 0.5:  # any header, not just the first one's
            at += 512 * generator.randrange(len(damaged) // 512)
        damaged[at] = generator.choice((generator.randrange(256), *b"0159/.\\\0"))
    if generator.random() < 0.3:
        del damaged[generator.randrange(len(damaged)) :]
    space = tmp_path_factory.mktemp("damaged")
    with without_waiting_for_the_disk():
        try:
            bundle = unpack(io.BytesIO(damaged), space / LABEL, offer)
        except ArtefactError, BundleManifestError:
            pass
        else:
            assert bundle.label == LABEL
            assert verify_folder(space / LABEL, offer.manifest_sha256)
    assert [one.name for one in space.iterdir()] == [LABEL]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=4096))
def test_anything_else_than_an_archive_is_refused(
    packed: Packed, tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    with pytest.raises((ArtefactError, BundleManifestError)):
        unpack(io.BytesIO(content), tmp_path_factory.mktemp("any") / LABEL, packed.offer)


def test_an_older_manifest_lists_nothing_that_could_be_verified(tmp_path: Path) -> None:
    content = json.dumps({"schema": 1, "name": "home-en", "version": "1.0.0"}).encode()
    with pytest.raises(BundleManifestError, match="schema: must be 2"):
        unpack(io.BytesIO(tar_of({"bundle.json": content})), tmp_path / LABEL, offer_of(content, 1000))


def test_names_as_long_as_a_manifest_may_have_come_through(tmp_path: Path) -> None:
    name = f"{'d' * 99}/{'f' * 100}"
    archive, offer = packed_with(tmp_path, {name: b"deep"})
    unpack(io.BytesIO(archive), tmp_path / "b", offer)
    assert (tmp_path / "b" / name).read_bytes() == b"deep"
