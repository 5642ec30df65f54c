"""The command line: what is wrong is one line and a status, and help costs nothing."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wyoming_server.__main__ import COMMANDS
from wyoming_server.bundles.store import STARTER_DIRECTORY

USAGE, FAILED = 2, 1


def _run(*argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).resolve().parents[2])
    return subprocess.run(
        [sys.executable, "-m", "wyoming_server", *argv],
        capture_output=True, text=True, check=False, timeout=60, cwd=cwd, env={"PYTHONPATH": root, "PATH": "/usr/bin"},
    )  # fmt: skip


def _refused(code: str, status: int, *argv: str) -> str:
    """Run; check that it is refused in one line with that code; return the line."""
    finished = _run(*argv, "--log-level", "error")
    assert finished.returncode == status, finished.stderr
    assert finished.stdout == ""
    (line,) = finished.stderr.splitlines()
    assert line.startswith(f"edge-voice: {code}: "), line
    return line


def test_help_names_every_command_and_imports_no_model_library() -> None:
    program = (
        "import sys, wyoming_server.__main__ as main\n"
        "try: main._parser(['--help']).parse_args(['--help'])\n"
        "finally: print([one for one in sys.modules if one.split('.')[0] in "
        "('ctranslate2', 'onnxruntime', 'faster_whisper', 'hassil', 'wyoming', 'numpy.fft')], file=sys.stderr)\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stderr.strip() == "[]"
    assert [name for name in COMMANDS if name not in finished.stdout] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    finished = _run(command, "--help")
    assert finished.returncode == 0, finished.stderr
    assert "--config FILE" in finished.stdout
    assert finished.stderr == ""


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("transcribe", "a file may be uploaded to one"),
        ("bench", "Measure latency, beside any other Wyoming STT server."),
        ("serve", "language of the speech when the client names none"),
        ("serve", "where fetched models, the ledger and what was learned lie"),
    ],
)
def test_help_says_what_one_would_not_guess(command: str, said: str) -> None:
    assert said in " ".join(_run(command, "--help").stdout.split())


@pytest.mark.parametrize(
    "argv", [["sing"], [], ["serve", "--loudly"], ["serve", "--uri"], ["transcribe"], ["transcribe", "--model"]]
)
def test_a_wrong_word_is_usage(argv: list[str]) -> None:
    finished = _run(*argv)
    assert finished.returncode == USAGE
    assert finished.stderr.startswith("usage: edge-voice")
    assert finished.stdout == ""


def test_version_is_one_line() -> None:
    assert re.fullmatch(r"edge-voice \d+\.\d+\.\d+\S*\n", _run("--version").stdout)


def test_wrong_settings_are_one_line_and_usage(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("asr: {threads: many}")
    assert "asr.threads is 'many'" in _refused(
        "invalid-settings", USAGE, "serve", "--config", str(tmp_path / "settings.yaml")
    )
    assert "none.yaml" in _refused("invalid-settings", USAGE, "serve", "--config", str(tmp_path / "none.yaml"))
    assert "server.uris" in _refused("invalid-settings", USAGE, "serve", "--uri", "http://x")
    assert "server.allow" in _refused("invalid-settings", USAGE, "serve", "--allow", "everyone")


def test_a_model_that_nothing_has_is_one_line_and_usage(tmp_path: Path) -> None:
    serve = ("serve", "--uri", "tcp://127.0.0.1:0", "--data-dir", str(tmp_path))
    assert "no-such-model" in _refused("unknown-model", USAGE, *serve, "--model", "no-such-model")
    assert "nowhere" in _refused("unknown-model", USAGE, *serve, "--model", str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("share", "code"), [(None, "model-missing"), (0.0001, "model-corrupt"), (0.5, "model-corrupt")]
)
def test_a_broken_model_folder_fails_with_one_line_that_names_it(
    tmp_path: Path, share: float | None, code: str
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(STARTER_DIRECTORY, folder)
    content = (folder / "model.bin").read_bytes()
    (folder / "model.bin").unlink()
    if share is not None:
        (folder / "model.bin").write_bytes(content[: int(share * len(content))])
    finished = _run(
        "transcribe", "--model", str(folder), "--data-dir", str(tmp_path), "--log-level", "error", _kitchen()
    )
    (line,) = (line for line in finished.stderr.splitlines() if line.startswith("edge-voice: "))
    assert f"{code}: " in line
    assert str(folder) in line
    assert (finished.returncode, finished.stdout) == (1, "")
    assert "Traceback" not in finished.stderr


def _kitchen() -> str:
    package = importlib.util.find_spec("wyoming_server")
    assert package is not None
    assert package.origin
    return str(Path(package.origin).parent / "recordings" / "kitchen.wav")
