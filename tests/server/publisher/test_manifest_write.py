"""A folder described."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.server.bundles import made
from wyoming_server.bundles.bundle import Bundle, FileEntry, Golden
from wyoming_server.bundles.manifest import read_bundle
from wyoming_server.errors import BundleManifestError
from wyoming_server.publisher.manifest_write import listed, write_manifest

PLAIN = Bundle(name="home", version="1.0.0")


def test_every_file_is_listed_by_length_and_digest_and_read_again_so(tmp_path: Path) -> None:
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden" / "a.wav").write_bytes(b"sound")
    (tmp_path / "model.bin").write_bytes(b"")
    written = write_manifest(tmp_path, PLAIN)
    assert written.files == (
        FileEntry(name="golden/a.wav", length=5, sha256=hashlib.sha256(b"sound").hexdigest()),
        FileEntry(name="model.bin", length=0, sha256=hashlib.sha256(b"").hexdigest()),
    )
    assert read_bundle(tmp_path) == written


def test_describing_again_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    write_manifest(tmp_path, PLAIN)
    content = (tmp_path / "bundle.json").read_bytes()
    write_manifest(tmp_path, read_bundle(tmp_path))
    assert (tmp_path / "bundle.json").read_bytes() == content
    assert [entry.name for entry in listed(tmp_path)] == ["model.bin"]


def test_what_no_hub_would_take_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    with pytest.raises(BundleManifestError, match=r"golden: 'a\.wav' is not among the files"):
        write_manifest(tmp_path, Bundle(name="home", version="1.0.0", golden=(Golden(file="a.wav", text="x"),)))
    with pytest.raises(BundleManifestError, match="version"):
        write_manifest(tmp_path, Bundle(name="home", version="newest"))
    assert not (tmp_path / "bundle.json").exists()


def test_links_and_pipes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").symlink_to(made.STARTER / "model.bin")
    with pytest.raises(BundleManifestError, match="neither a file nor a folder"):
        listed(tmp_path)
    (tmp_path / "model.bin").unlink()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BundleManifestError, match="neither a file nor a folder"):
        listed(tmp_path)
