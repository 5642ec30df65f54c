"""`edge-voice token`, as whoever has a shell runs it."""

import json
import subprocess
import sys
from pathlib import Path

from wyoming_server.listeners.control_access import TOKEN_FILE, token_of


def run(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "wyoming_server", "token", "--data-dir", str(folder), *flags]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def test_the_token_is_printed_made_anew_and_told_as_json(tmp_path: Path) -> None:
    first = run(tmp_path)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == f"{token_of(tmp_path)}\n"
    rotated = json.loads(run(tmp_path, "--rotate", "--json").stdout)
    assert rotated == {"token": token_of(tmp_path), "file": str(tmp_path / TOKEN_FILE), "rotated": True}
    assert rotated["token"] != first.stdout.strip()
    assert json.loads(run(tmp_path, "--json").stdout) == {**rotated, "rotated": False}


def test_a_folder_that_cannot_be_written_is_one_line_and_a_status(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    refused = run(tmp_path / "file", "--rotate")
    assert (refused.returncode, refused.stdout) == (1, "")
    (line,) = refused.stderr.splitlines()
    assert line.startswith("edge-voice: disk-full: ")


def test_it_loads_neither_the_web_server_nor_a_model(tmp_path: Path) -> None:
    program = (
        "import sys, wyoming_server.__main__ as main\n"
        f"main._run(['token', '--data-dir', {str(tmp_path)!r}])\n"
        "print(sorted({one.partition('.')[0] for one in sys.modules}"
        " & {'aiohttp', 'cryptography', 'ctranslate2', 'onnxruntime', 'zeroconf'}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
