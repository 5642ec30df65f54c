"""The blueprints that come with the integration, and how they get to where Home Assistant looks for them.

HACS brings only this folder, and Home Assistant takes no blueprints from it, so that they have to be copied. An owner
may have changed a copy: only what is, byte for byte, a version that came with us is ever replaced.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PACKAGED: Final = Path(__file__).parent / "blueprints"
VERSIONS: Final = PACKAGED / "versions.json"
"""Path below `blueprints` → SHA-256 of each version that ever came with us, the newest last."""
_FOLDER: Final = "edge_voice"


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """What became of each blueprint, by its path below `blueprints`."""

    installed: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """Its owner's own: changed since it was copied, or put there by somebody else."""

    current: list[str] = field(default_factory=list)
    """As new already."""


def packaged() -> Iterator[str]:
    """Yield the path of each blueprint below `blueprints`: domain, folder, file."""
    yield from sorted(one.relative_to(PACKAGED).as_posix() for one in PACKAGED.glob(f"*/{_FOLDER}/*.yaml"))


def install(folder: Path) -> Installed:
    """Copy the blueprints to Home Assistant's folder for them; what an owner has changed stays. Raises OSError."""
    versions: Mapping[str, list[str]] = json.loads(VERSIONS.read_text("utf-8"))
    done = Installed()
    for name in packaged():
        new, target = (PACKAGED / name).read_bytes(), folder / name
        old = target.read_bytes() if target.exists() else None
        if old is None:
            done.installed.append(name)
        elif old == new:
            done.current.append(name)
            continue
        elif digest(old) not in versions.get(name, []):
            done.kept.append(name)
            continue
        else:
            done.updated.append(name)
        _write(target, new)
    return done


def digest(content: bytes) -> str:
    """Return what stands for a version."""
    return hashlib.sha256(content).hexdigest()


def _write(target: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.new")
    unfinished.write_bytes(content)
    unfinished.replace(target)
