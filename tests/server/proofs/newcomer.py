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
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[3]
GOAL_SECONDS = 120.0
_HEARD = re.compile(r"✓ (?:clean|noisy) ")
_WORKS = "All of it works."
_TRY = "script/try-home-assistant --check"


def first_command(readme: str) -> list[str]:
    """Return the lines of the first block that is marked as one to run, without their comments."""
    found = re.search(r"^```sh run\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert found is not None, "the README has no block to run"
    return [line.split("#")[0].strip() for line in found[1].splitlines() if line.split("#")[0].strip()]


def environment(folder: Path, *, warm: bool) -> dict[str, str]:
    """Return a newcomer's environment: without uv, packages or a Python of ours, unless it is a warm one."""
    if warm:
        return dict(os.environ)
    own = {"UV_CACHE_DIR": "uv", "UV_PYTHON_INSTALL_DIR": "python", "XDG_CACHE_HOME": "cache", "PIP_CACHE_DIR": "pip"}
    path = [one for one in os.environ["PATH"].split(os.pathsep) if shutil.which("uv", path=one) is None]
    return {**os.environ, **{name: str(folder / where) for name, where in own.items()}, "PATH": os.pathsep.join(path)}


def lines_of(command: str, clone: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Type a command and give its lines as they come; raises CalledProcessError when it fails."""
    with subprocess.Popen(
        ["sh", "-c", command], cwd=clone, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", file=sys.stderr, flush=True)
            yield line
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def seconds_until(said: re.Pattern[str], command: str, clone: Path, environ: Mapping[str, str]) -> float:
    """Return when a command first says something; it is run to its end."""
    start_s, found_s = time.monotonic(), 0.0
    for line in lines_of(command, clone, environ):
        if not found_s and said.search(line):
            found_s = time.monotonic() - start_s
    assert found_s, f"{command} never said {said.pattern}"
    return found_s


def main() -> int:
    """Be a newcomer; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warm", action="store_true", help="what was fetched before may be used")
    parser.add_argument("--without-home-assistant", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        clone, environ = Path(folder) / "edge-voice", environment(Path(folder), warm=arguments.warm)
        start_s = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", "--no-local", ROOT, clone], check=True)
        cloned_s = time.monotonic() - start_s
        commands = first_command((clone / "README.md").read_text("utf-8"))
        heard_s = seconds_until(_HEARD, commands[0], clone, environ)
        figures = {
            "packages, Python and uv": "used again" if arguments.warm else "fetched anew",
            "commands typed until the first sentence is heard": len(commands[:1]),
            "the command": commands[0],
            "clone, s": round(cloned_s, 1),
            "clone made to first sentence heard, minutes": round(heard_s / 60, 2),
        }
        if not arguments.without_home_assistant:
            works_s = seconds_until(re.compile(_WORKS), _TRY, clone, environ)
            figures |= {f"{_TRY}, minutes until it has proved itself": round(works_s / 60, 2)}
    print(json.dumps(figures, ensure_ascii=False))
    return int(heard_s > GOAL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
