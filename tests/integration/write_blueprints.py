"""Copy the blueprints into the integration, which is all that HACS installs.

python -m tests.integration.write_blueprints
"""

import hashlib
import json
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "blueprints"
TARGET = ROOT / "custom_components/edge_voice/blueprints"
VERSIONS = TARGET / "versions.json"


def names() -> list[str]:
    """Return the path of each blueprint below `blueprints`."""
    return sorted(one.relative_to(SOURCE).as_posix() for one in SOURCE.glob("*/edge_voice/*.yaml"))


def main() -> None:
    """Copy them, and note each new version's digest behind the older ones, by which they are known on homes' disks."""
    versions = json.loads(VERSIONS.read_text("utf-8")) if VERSIONS.exists() else {}
    for name in names():
        (TARGET / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SOURCE / name, TARGET / name)
        digest = hashlib.sha256((SOURCE / name).read_bytes()).hexdigest()
        versions[name] = [*(one for one in versions.get(name, []) if one != digest), digest]
    for gone in {one.relative_to(TARGET).as_posix() for one in TARGET.glob("*/edge_voice/*.yaml")} - set(names()):
        (TARGET / gone).unlink()
    VERSIONS.write_text(json.dumps(versions, indent=2, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
