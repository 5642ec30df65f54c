"""Fetches openWakeWord's models once: `fetch_wake_words.py REQUIREMENTS FOLDER`, run beside the server.

They are for non-commercial use, so no image carries them. What comes is held to the hash in REQUIREMENTS, and FOLDER is
there whole or not at all. Without a network it tries again, up to an hour apart, until there is one.
"""

import itertools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 15.0, 3600.0


def is_there(requirements: Path, folder: Path) -> bool:
    """Tell whether the version that is wanted was fetched."""
    name, _, version = requirements.read_text(encoding="utf-8").split()[0].partition("==")
    return (folder / f"{name}-{version}.dist-info").is_dir()


def fetch(requirements: Path, folder: Path) -> str:
    """Fetch them; return what went wrong, empty when nothing did."""
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-cache-dir", "--no-compile"]
    safely = ["--only-binary", ":all:", "--require-hashes", "--disable-pip-version-check", "--root-user-action=ignore"]
    done = subprocess.run(
        [*install, *safely, "--target", str(part), "-r", str(requirements)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(part, ignore_errors=True)
        lines = done.stderr.strip().splitlines()
        return next((line for line in reversed(lines) if line.startswith("ERROR")), "pip failed")
    shutil.rmtree(folder, ignore_errors=True)  # of an older version
    part.rename(folder)
    return ""


def main() -> int:
    """Try until they are there."""
    requirements, folder = map(Path, sys.argv[1:])
    os.nice(10)
    for turn in itertools.count():
        if is_there(requirements, folder):
            return 0
        failure = fetch(requirements, folder)
        if not failure:
            print("openWakeWord's models are here (CC BY-NC-SA 4.0: not for commercial use)", flush=True)
            return 0
        if not turn:
            print(f"openWakeWord's models cannot be fetched yet; it is tried again ({failure})", flush=True)
        time.sleep(min(FIRST_WAIT_SECONDS * 2**turn, LONGEST_WAIT_SECONDS))
    return 1


if __name__ == "__main__":
    sys.exit(main())
