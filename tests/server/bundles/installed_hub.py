"""A data folder with bundles installed in it, as an update leaves it; no repository is needed."""

import datetime as dt
import hashlib
import shutil
from pathlib import Path

from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.choice import Choice
from wyoming_server.bundles.manifest import MANIFEST_FILE
from wyoming_server.bundles.state import Installed
from wyoming_server.bundles.tuned import CHOICE_FILE, write_choice
from wyoming_server.updates.folder import BundleFolder
from wyoming_server.updates.transitions import activate

NOW = dt.datetime(2026, 11, 22, 10, tzinfo=dt.UTC)


def chooses_starter(data: Path) -> None:
    """Have the server take the starter for what suits this machine, so that it neither measures nor fetches."""
    write_choice(data / CHOICE_FILE, Choice(model="starter", threads=1))


def installed(data: Path, bundle: Path, *, active: bool = False, kind: Kind = Kind.ASR) -> str:
    """Install a bundle's folder into a data folder, by the client's own way; return its label."""
    folder, label = BundleFolder(data / "bundles"), bundle.name
    staged = folder.staged_folder(label)
    staged.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(bundle, staged)
    digest = hashlib.sha256((bundle / MANIFEST_FILE).read_bytes()).hexdigest()
    size = sum(file.stat().st_size for file in bundle.rglob("*") if file.is_file())
    state = folder.install(label, Installed(kind=kind, manifest_sha256=digest, bytes=size))
    if active:
        folder.write(activate(state, label, NOW))
    return label


def place(data: Path, label: str) -> Path:
    """Return where an installed bundle lies."""
    return BundleFolder(data / "bundles").folder_of(label)
