"""A newcomer's first minutes by the README: one line of JSON.

python -m tests.server.proofs.newcomer [--warm] [--without-home-assistant]

Clones what is committed, types the first command of the README that is marked as one to run, and takes the time to the
first sentence that was heard; then starts the home to try things in. Nothing that was fetched before is used (no
package, no Python, no uv), unless --warm says so.
"""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from ...documentation import blocks
from .typed import clone_into, typed

GOAL_SECONDS = 120.0
_HEARD = re.compile(r"✓ (?:clean|noisy) ")
_WORKS = re.compile("All of it works")
_TRY = "script/try-home-assistant --check"


def environment(folder: Path, *, warm: bool) -> dict[str, str]:
    """Return a newcomer's environment: without uv, packages or a Python of ours, unless it is a warm one."""
    if warm:
        return dict(os.environ)
    own = {"UV_CACHE_DIR": "uv", "UV_PYTHON_INSTALL_DIR": "python", "XDG_CACHE_HOME": "cache", "PIP_CACHE_DIR": "pip"}
    path = [one for one in os.environ["PATH"].split(os.pathsep) if shutil.which("uv", path=one) is None]
    return {**os.environ, **{name: str(folder / where) for name, where in own.items()}, "PATH": os.pathsep.join(path)}


def seconds_until(said: re.Pattern[str], command: str, clone: Path, environ: Mapping[str, str]) -> float:
    """Return when a command first says something; it is run to its end."""
    start_s, found_s = time.monotonic(), list[float]()

    def hear(line: str) -> None:
        if said.search(line):
            found_s.append(time.monotonic() - start_s)

    status = typed(command, clone, environ, hear)
    assert status == 0, f"{command} ended with {status}"
    assert found_s, f"{command} never said {said.pattern}"
    return found_s[0]


def main() -> int:
    """Be a newcomer; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warm", action="store_true", help="what was fetched before may be used")
    parser.add_argument("--without-home-assistant", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        environ = environment(Path(folder), warm=arguments.warm)
        start_s = time.monotonic()
        clone = clone_into(Path(folder))
        cloned_s = time.monotonic() - start_s
        commands = next(block.commands for block in blocks(clone) if block.marked)
        heard_s = seconds_until(_HEARD, commands[0], clone, environ)
        figures = {
            "packages, Python and uv": "used again" if arguments.warm else "fetched anew",
            "commands typed until the first sentence is heard": len(commands),
            "the command": commands[0],
            "the clone, seconds": round(cloned_s, 1),
            "fresh clone to first sentence heard, minutes": round(heard_s / 60, 2),
        }
        if not arguments.without_home_assistant:
            works_s = seconds_until(_WORKS, _TRY, clone, environ)
            figures |= {f"{_TRY}, minutes until it has proved itself": round(works_s / 60, 2)}
        print(json.dumps(figures, ensure_ascii=False), flush=True)
    return int(heard_s > GOAL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
