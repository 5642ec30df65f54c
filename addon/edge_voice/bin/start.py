"""Starts the server as an add-on: what the owner set in the add-on's options and what the Supervisor tells → settings.

The rest is set in Home Assistant, or in settings.yaml of the add-on's own folder (addon_configs), which knows every
setting; the options outrank it.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DATA, CONFIG = Path("/data"), Path("/config")
HOME = DATA / "edge-voice"
BIN = Path(__file__).parent
OPTIONS = {
    "model": "EDGE_VOICE_ASR_MODEL",
    "language": "EDGE_VOICE_ASR_LANGUAGE",
    "threads": "EDGE_VOICE_ASR_THREADS",
}
"""Option → setting."""


def without_tokens(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for what the Supervisor does not trust."""
    return {name: value for name, value in environ.items() if name not in {"SUPERVISOR_TOKEN", "HASSIO_TOKEN"}}


def environment_of(options: Mapping[str, Any], environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the server's environment; the Supervisor's token is in it under the server's own name only."""
    told = without_tokens(environ)
    given = {
        OPTIONS[name]: str(value) for name, value in options.items() if name in OPTIONS and value not in {None, ""}
    }
    return (
        told
        | given
        | {
            "EDGE_VOICE_SERVER_DATA_DIR": str(home),
            "EDGE_VOICE_CONTROL_ADDRESS": "0.0.0.0:10380",
            "EDGE_VOICE_CONTROL_SUPERVISOR_TOKEN": environ.get("SUPERVISOR_TOKEN", ""),
            # No multicast leaves the Supervisor's network; it tells Home Assistant instead.
            "EDGE_VOICE_CONTROL_ANNOUNCE": "false",
            "EDGE_VOICE_LEDGER_TIME_ZONE": environ.get("TZ", ""),
        }
    )


def command_of(config: Path) -> list[str]:
    """Return the server's command line."""
    file = config / "settings.yaml"
    return [sys.executable, "-m", "wyoming_server", "serve", *(["--config", str(file)] if file.is_file() else [])]


def fetch_wake_words(home: Path, environ: Mapping[str, str]) -> None:
    """Fetch their models beside the server, which takes them up when they are there."""
    python = shutil.which("python3", path=environ.get("PATH")) or sys.executable  # the one that has pip
    wanted = BIN.parent / "requirements-wake-words.txt"
    fetch = [python, str(BIN / "fetch_wake_words.py"), str(wanted), str(home / "wake-words")]
    # By a shell that ends at once: the container's first process then waits for it, which this one never will.
    subprocess.run(["/bin/sh", "-c", '"$@" &', "sh", *fetch], check=False, env=without_tokens(environ))


def main() -> None:
    """Become the server."""
    try:
        options = json.loads((DATA / "options.json").read_bytes())
    except (OSError, ValueError) as error:
        print(f"the add-on's options cannot be read ({error}); all is as without any", file=sys.stderr)
        options = {}
    HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    if options.get("wake_words", True):
        fetch_wake_words(HOME, os.environ)
    command = command_of(CONFIG)
    os.execve(command[0], command, environment_of(options, os.environ, HOME))


if __name__ == "__main__":
    main()
