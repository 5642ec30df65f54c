"""The archive that a repository carries."""

import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from tests.server.bundles import made
from wyoming_server.errors import BundleDamagedError, BundleManifestError, DiskError
from wyoming_server.publisher.archive_write import write_archive


def entries(archive: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(archive, "r:") as opened:
        return opened.getmembers()


def test_it_is_plain_tar_with_the_manifest_first_and_nothing_of_the_publisher(tmp_path: Path) -> None:
    write_archive(made.hollow(tmp_path), tmp_path / "a.tar")
    found = entries(tmp_path / "a.tar")
    assert found[0].name == "bundle.json"
    assert [one.name for one in found[1:]] == sorted(one.name for one in found[1:])
    assert {(one.type, one.mode, one.mtime, one.uid, one.gid, one.uname, one.gname) for one in found} == {
        (tarfile.REGTYPE, 0o644, 0, 0, 0, "", "")
    }


def test_equal_folders_give_equal_bytes_whenever_and_by_whom_they_were_written(tmp_path: Path) -> None:
    one, other = made.hollow(tmp_path / "one"), made.hollow(tmp_path / "other")
    (other / "MODEL_CARD.md").chmod(0o600)
    os.utime(other / "model.bin", (1, 1))
    packed = [write_archive(folder, folder.with_suffix(".tar")) for folder in (one, other)]
    assert one.with_suffix(".tar").read_bytes() == other.with_suffix(".tar").read_bytes()
    assert packed[0] == packed[1]


def test_it_says_what_an_offer_needs(tmp_path: Path) -> None:
    directory, told = made.hollow(tmp_path, size=3_000_000), []
    packed = write_archive(directory, tmp_path / "a.tar", report=told.append)
    content = (tmp_path / "a.tar").read_bytes()
    assert (packed.length, packed.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert packed.manifest_sha256 == hashlib.sha256((directory / "bundle.json").read_bytes()).hexdigest()
    assert packed.unpacked_bytes == sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    assert sum(told) == sum(one.length for one in packed.bundle.files)
    assert packed.bundle.label == directory.name


def test_what_the_manifest_does_not_list_stays_out(tmp_path: Path) -> None:
    directory = made.hollow(tmp_path)
    (directory / "notes-to-self.txt").write_text("secret")
    write_archive(directory, tmp_path / "a.tar")
    assert "notes-to-self.txt" not in [one.name for one in entries(tmp_path / "a.tar")]


def test_a_long_name_outside_ascii_comes_out_as_it_went_in_without_any_extended_header(tmp_path: Path) -> None:
    directory = tmp_path / "home@1.0.0"
    (directory / ("ä" * 70)).mkdir(parents=True)
    (directory / ("ä" * 70) / "x.bin").write_bytes(b"1")
    made.write_manifest(directory, made.Bundle(name="home", version="1.0.0"))
    write_archive(directory, tmp_path / "a.tar")
    assert [one.name for one in entries(tmp_path / "a.tar")] == ["bundle.json", "ä" * 70 + "/x.bin"]
    content = (tmp_path / "a.tar").read_bytes()
    assert {content[start + 257 : start + 263] for start in offsets(tmp_path / "a.tar")} == {b"ustar\0"}
    assert {content[start + 156 : start + 157] for start in offsets(tmp_path / "a.tar")} == {b"0"}


def offsets(archive: Path) -> list[int]:
    return [one.offset for one in entries(archive)]


def test_a_name_that_only_an_extended_header_could_hold_is_refused_when_it_is_described(tmp_path: Path) -> None:
    (tmp_path / ("x" * 101)).write_bytes(b"")
    with pytest.raises(BundleManifestError, match="does not fit into an archive"):
        made.write_manifest(tmp_path, made.Bundle(name="home", version="1.0.0"))


@pytest.mark.parametrize("change", [b"", b"x" * 10_000, b"x" * 10_001])
def test_a_file_that_changed_since_it_was_listed_is_not_packed(tmp_path: Path, change: bytes) -> None:
    directory = made.hollow(tmp_path)
    (directory / "model.bin").write_bytes(change)
    with pytest.raises(BundleDamagedError, match=r"model\.bin"):
        write_archive(directory, tmp_path / "a.tar")
    assert [path.name for path in tmp_path.iterdir()] == [directory.name]


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    directory = made.hollow(tmp_path)
    (directory / "model.bin").unlink()
    with pytest.raises(BundleDamagedError, match=r"model\.bin"):
        write_archive(directory, tmp_path / "a.tar")


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleManifestError, match="no model folder"):
        write_archive(tmp_path / "nowhere", tmp_path / "a.tar")
    with pytest.raises(BundleManifestError, match=r"no bundle\.json"):
        write_archive(tmp_path, tmp_path / "a.tar")
    with pytest.raises(BundleManifestError, match="lists no files"):
        write_archive(made.STARTER, tmp_path / "a.tar")


def test_an_archive_that_was_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"old")
    with pytest.raises(BundleDamagedError):
        write_archive(made.damaged(made.hollow(tmp_path)), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == b"old"


def test_a_place_that_takes_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DiskError, match="cannot be written"):
        write_archive(made.hollow(tmp_path), tmp_path / "file" / "a.tar")


def test_a_stream_of_it_can_be_read_front_to_back(tmp_path: Path) -> None:
    packed = write_archive(made.hollow(tmp_path), tmp_path / "a.tar")
    with tarfile.open(fileobj=io.BytesIO((tmp_path / "a.tar").read_bytes()), mode="r|") as opened:
        digests = {
            one.name: hashlib.sha256(content.read()).hexdigest()
            for one in opened
            if (content := opened.extractfile(one))
        }
    assert digests.pop("bundle.json") == packed.manifest_sha256
    assert digests == {one.name: one.sha256 for one in packed.bundle.files}
