"""`edge-voice models`, as whoever has a shell at the hub runs it: on the disk, and by the server that runs there."""

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.server.bundles import made
from tests.server.bundles.publishing import TestRepository, a_repository, served
from wyoming_server.commands.local import bundle_that_serves, with_model
from wyoming_server.commands.models import ACTIONS
from wyoming_server.commands.recording import PACKAGED
from wyoming_server.settings import Settings
from wyoming_server.updates.folder import BundleFolder
from wyoming_server.updates.running import crashed_run
from wyoming_server.updates.transitions import begin

LABEL = "home-en@1.0.0"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> TestRepository:
    folder = tmp_path_factory.mktemp("publisher")
    found = a_repository(folder / "repository")
    found.publish(made.good(folder), notes="Hears whispers\n\nAnd more.")
    found.publish(made.ruined(folder, version="1.1.0"), percent=0.0)
    return found


@pytest.fixture(scope="module")
def url(repository: TestRepository) -> Iterator[str]:
    with served(repository.public) as one:
        yield one


def run(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wyoming_server", "models", *argv, "--data-dir", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def told(folder: Path, *argv: str) -> Any:
    done = run(folder, *argv, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def trusting(folder: Path, url: str, repository: TestRepository) -> Path:
    assert run(folder, "trust", url, "--root", str(repository.root_file)).returncode == 0
    return folder


def test_without_a_repository_the_starter_is_listed_and_the_way_to_trust_one(tmp_path: Path) -> None:
    done = run(tmp_path, "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert "starter" in done.stdout
    assert "unsigned" in done.stdout
    assert "edge-voice models trust URL --root FILE" in done.stdout


@pytest.mark.parametrize(
    ("argv", "code", "status"),
    [
        (("check",), "no-repository", 2),
        (("install",), "no-repository", 2),
        (("rollback",), "nothing-to-roll-back", 1),
        (("verify", "home-en@9.0.0"), "unknown-bundle", 1),
        (("trust", "http://127.0.0.1:1", "--root", "nowhere.json"), "root-refused", 2),
    ],
)
def test_a_refusal_is_one_line_with_its_code(tmp_path: Path, argv: tuple[str, ...], code: str, status: int) -> None:
    done = run(tmp_path, *argv)
    assert (done.returncode, done.stdout) == (status, "")
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("edge-voice: ")]
    assert line.startswith(f"edge-voice: {code}: ")


def test_a_bundle_is_explained_installed_verified_and_left_without_a_server(
    tmp_path: Path, url: str, repository: TestRepository
) -> None:
    folder = trusting(tmp_path, url, repository)
    explained = run(folder, "explain").stdout
    assert f"{LABEL}: yes" in explained
    assert "home-en@1.1.0: no: percent" in explained
    assert "looked at: never" not in (listed := run(folder, "list").stdout)
    assert "Hears whispers" in listed
    (offer,) = told(folder, "explain", "home-en@1.1.0")["offers"]
    assert [one["code"] for one in offer["reasons"] if not one["holds"]] == ["percent"]
    refused = run(folder, "install", "home-en@1.1.0")
    assert (refused.returncode, "not-eligible" in refused.stderr) == (1, True)
    done = run(folder, "install")
    assert (done.returncode, LABEL in done.stdout) == (0, True), done.stderr
    assert told(folder, "list")["kinds"][0]["active"]["label"] == LABEL
    whole = told(folder, "verify")["models"]
    assert [(one["label"], one["code"]) for one in whole if one["signed"]] == [(LABEL, None)]
    made.damaged(BundleFolder(folder / "bundles").folder_of(LABEL))
    damaged = run(folder, "verify", LABEL)
    assert (damaged.returncode, "model.bin" in damaged.stdout) == (1, True)
    left = run(folder, "rollback")
    assert (left.returncode, "was left for" in left.stdout) == (0, True), left.stderr
    denied = run(folder, "install", LABEL)
    assert (denied.returncode, "bundle-denied" in denied.stderr) == (1, True)
    assert run(folder, "install", LABEL, "--again").returncode == 0
    assert "No repository is trusted" in run(folder, "distrust").stdout


def test_a_command_that_measures_asks_the_bundle_that_serves_and_moves_none(
    tmp_path: Path, url: str, repository: TestRepository
) -> None:
    folder = trusting(tmp_path, url, repository)
    assert run(folder, "install").returncode == 0
    bundles = BundleFolder(folder / "bundles")
    assert crashed_run(bundles) is None
    on_trial = begin(bundles.read(), LABEL, dt.datetime.now(dt.UTC))
    bundles.write(on_trial)
    command = ["-m", "wyoming_server", "transcribe", str(PACKAGED / "door.wav"), "--json", "--data-dir", str(folder)]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, timeout=120)
    assert json.loads(done.stdout)["model"] == LABEL, done.stderr
    assert bundles.read() == on_trial
    settings = Settings(server=replace(Settings().server, data_dir=str(folder)))
    assert bundle_that_serves(settings) == bundles.folder_of(LABEL)
    assert bundle_that_serves(with_model(settings, "home-en")) == bundles.folder_of(LABEL)
    assert bundle_that_serves(with_model(settings, "starter")) is None
    made.damaged(bundles.folder_of(LABEL))
    assert bundle_that_serves(settings) is None
    assert crashed_run(bundles) is None


def test_a_bundle_that_fails_its_golden_recordings_is_refused_here_too(
    tmp_path: Path, repository: TestRepository
) -> None:
    found = a_repository(tmp_path / "repository")
    found.publish(made.ruined(tmp_path, version="1.1.0"))
    with served(found.public) as url:
        folder = trusting(tmp_path / "data", url, found)
        done = run(folder, "install")
    assert done.returncode == 1
    assert "edge-voice: self-test-failed: " in done.stderr
    assert [one["label"] for one in told(folder, "list")["denied"]] == ["home-en@1.1.0"]


def test_a_command_waits_for_no_other(tmp_path: Path, url: str, repository: TestRepository) -> None:
    folder = trusting(tmp_path, url, repository)
    with BundleFolder(folder / "bundles").lock():
        done = run(folder, "check")
    assert (done.returncode, "update-running" in done.stderr) == (1, True)


def test_only_the_module_of_the_sub_command_is_loaded(tmp_path: Path) -> None:
    program = (
        "import sys, wyoming_server.__main__ as main\n"
        f"main._run(['models', 'verify', '--data-dir', {str(tmp_path)!r}])\n"
        "print(sorted({one.partition('.')[0] for one in sys.modules}"
        " & {'aiohttp', 'tuf', 'securesystemslib', 'ctranslate2', 'onnxruntime', 'zeroconf'}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("action", ACTIONS)
def test_every_sub_command_has_its_help(action: str) -> None:
    command = [sys.executable, "-m", "wyoming_server", "models", action, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "--data-dir" in done.stdout) == (0, True), done.stderr
