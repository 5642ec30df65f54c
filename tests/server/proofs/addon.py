"""The add-on without a container engine: its Dockerfile's steps in a Debian root, and what they make, run and asked.

`python -m tests.server.proofs.addon`; needs root, overlayfs and Debian's packages, and says so where they are not.
The source is what is in the working tree; the packages are fetched as the Dockerfile fetches them.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from tests.server.proofs.addon_root import Build, Stage, cached_root

ROOT = Path(__file__).parents[3]
ADDON = ROOT / "addon" / "edge_voice"
WAKE_WORDS = "/opt/edge-voice/requirements-wake-words.txt"
OWN_MOUNTS = ("unshare", "--mount", "--propagation", "private")
OWN_WORLD = ("unshare", "--net", "--uts", "--pid", "--fork", "--kill-child=SIGKILL", *OWN_MOUNTS[1:])


def source_in(folder: Path) -> str:
    """Pack the working tree as `git archive` would; return the file's name."""
    listed = ["git", "ls-files", "-co", "--exclude-standard", "wyoming_server", "addon", "LICENSE", "NOTICE"]
    files = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout
    packed = ["tar", "-czf", str(folder / "source.tar.gz"), "--transform", "s,^,edge-voice/,", "-T", "-"]
    subprocess.run(packed, cwd=ROOT, input=files, check=True)
    return "source.tar.gz"


def built(folder: Path) -> Stage:
    """Take the Dockerfile's steps; return the image."""
    context = folder / "context"
    context.mkdir()
    build = Build(folder, context, {"SOURCE": source_in(context)})
    image = build.take((ADDON / "Dockerfile").read_text(encoding="utf-8"))
    print(f"ok     {'the Dockerfile: steps taken':58} {sum(one.taken for one in build.stages)}")
    _look_for_wheels(build.stages[0])
    return image


def _look_for_wheels(stage: Stage) -> None:
    """See that the other processor's packages are there, too, and none to be compiled. Raises RuntimeError."""
    python = ["--python", "/opt/edge-voice/venv/bin/python", "--python-platform", "aarch64-manylinux_2_39"]
    strictly = [
        "--dry-run",
        "--no-deps",
        "--no-cache",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--target",
        "/other",
    ]
    lists = ["-r", "/source/addon/edge_voice/requirements.txt"]
    stage.run(["/uv/bin/uv", "pip", "install", "--quiet", *strictly, *python, *lists])
    print(f"ok     {'packages for aarch64, none to be compiled':58} all")


def show_image(image: Stage, folder: Path) -> int:
    """Print what the image holds; return how many rows do not hold."""
    ours = image.root / "opt/edge-voice"
    size = sum(one.lstat().st_size for one in ours.rglob("*") if not one.is_dir())
    packed = folder / "layer.tar.gz"
    subprocess.run(["tar", "-C", str(ours), "-I", "gzip -1", "-cf", str(packed), "."], check=True)
    compressed = packed.stat().st_size
    print(f"ok     {'its layer over the base: MB, compressed':58} {size / 1e6:.0f}, {compressed / 1e6:.0f}")
    site = next(ours.glob("venv/lib/python*/site-packages"))
    print(f"ok     {'packages, each held to its hash':58} {len(list(site.glob('*.dist-info')))}")
    named = ("alexa", "hey_jarvis", "hey_mycroft", "hey_rhasspy", "timer_v", "weather_v", "openwakeword-")
    found = [one.name for one in ours.rglob("*") if one.name.startswith(named)]
    verdict = "FAILED" if found else "ok    "
    print(f"{verdict} {'models that are not for commercial use':58} {len(found)} {' '.join(found)}", flush=True)
    return len(found)


def described(image: Stage, folder: Path) -> dict[str, Any]:
    """Return what the Supervisor knows of the image, with the wheel that its first start will ask for."""
    wheels = ["python3", "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "-d", "/wheels"]
    image.run([*wheels, "-r", WAKE_WORDS])
    shutil.copytree(image.root / "wheels", folder / "wheels")
    config = yaml.safe_load((ADDON / "config.yaml").read_text(encoding="utf-8"))
    return {
        "root": str(image.root),
        "environ": image.environ,
        "command": image.command,
        "health": image.health,
        "wheels": str(folder / "wheels"),
        "discovery": config["discovery"],
        "backup_exclude": config["backup_exclude"],
    }


def prove(folder: Path) -> int:
    """Build, show and run; return the exit status."""
    start_s = time.monotonic()
    image = built(folder)
    took_s = time.monotonic() - start_s
    print(f"ok     {'built in':58} {took_s:.0f} s")
    failed = show_image(image, folder)
    file = folder / "image.json"
    file.write_text(json.dumps(described(image, folder)), encoding="utf-8")
    world = subprocess.run([*OWN_WORLD, sys.executable, "-m", "tests.server.proofs.addon_world", str(file)], cwd=ROOT,
                           check=False)  # fmt: skip
    return int(bool(failed or world.returncode))


def main() -> int:
    """Prove it in a mount namespace of its own."""
    if os.geteuid():
        print("not run: this needs root, for a Debian root of its own")
        return 1
    if len(sys.argv) > 1:
        return prove(Path(sys.argv[1]))
    cached_root()
    with tempfile.TemporaryDirectory() as folder:  # removed from out here, where nothing is mounted in it
        again = [*OWN_MOUNTS, sys.executable, "-m", "tests.server.proofs.addon", folder]
        return subprocess.run(again, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
