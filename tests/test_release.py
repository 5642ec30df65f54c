"""One version everywhere, and workflows that run what is there."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from wyoming_server import __version__

ROOT = Path(__file__).parent.parent
VERSIONED = (
    "wyoming_server/__init__.py",
    "pyproject.toml",
    "custom_components/edge_voice/manifest.json",
    "addon/edge_voice/config.yaml",
    "addon/edge_voice/Dockerfile",
    "script/version",
)
WORKFLOWS = {file.stem: file.read_text(encoding="utf-8") for file in (ROOT / ".github/workflows").glob("*.yaml")}


def versions_in(root: Path) -> set[str]:
    """Return every version that the repository says it has."""
    dockerfile = (root / "addon/edge_voice/Dockerfile").read_text(encoding="utf-8")
    return {
        tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"],
        json.loads((root / "custom_components/edge_voice/manifest.json").read_bytes())["version"],
        yaml.safe_load((root / "addon/edge_voice/config.yaml").read_text(encoding="utf-8"))["version"],
        *re.findall(r"^ARG BUILD_VERSION=(.+)$", dockerfile, re.MULTILINE),
        *re.findall(r'^__version__ = "(.+)"$', (root / "wyoming_server/__init__.py").read_text("utf-8"), re.MULTILINE),
    }


def steps_of(workflow: dict[Any, Any]) -> list[dict[Any, Any]]:
    """Return the steps of all its jobs."""
    return [step for job in workflow["jobs"].values() for step in job.get("steps", ())]


def test_there_is_one_version() -> None:
    assert versions_in(ROOT) == {__version__}


def test_another_version_is_written_everywhere(tmp_path: Path) -> None:
    for name in VERSIONED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run([tmp_path / "script/version", "12.34.56"], check=True)
    assert versions_in(tmp_path) == {"12.34.56"}
    for name in VERSIONED[:-1]:
        before, after = ((one / name).read_text("utf-8").splitlines() for one in (ROOT, tmp_path))
        changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
        assert all(new == old.replace(__version__, "12.34.56") for old, new in changed), name
    wrong = subprocess.run([tmp_path / "script/version", "next"], capture_output=True, check=False)
    assert wrong.returncode == 2


@pytest.mark.parametrize("name", ["test", "validate", "addon", "release"])
def test_a_workflow_runs_what_is_there(name: str) -> None:
    workflow = yaml.safe_load(WORKFLOWS[name])
    assert workflow["permissions"]
    assert workflow[True]  # what `on` is in YAML
    for job in workflow["jobs"].values():
        if "uses" in job:
            assert (ROOT / job["uses"]).is_file()
    for step in steps_of(workflow):
        assert ("run" in step) != ("uses" in step)
        for script in re.findall(r"script/[\w-]+", step.get("run", "")):
            assert (ROOT / script).stat().st_mode & 0o111, script
        if "run" in step:
            subprocess.run(["sh", "-n"], input=re.sub(r"\$\{\{.*?\}\}", "x", step["run"]), text=True, check=True)


def test_no_workflow_gives_a_shell_what_somebody_wrote() -> None:
    """An input or a branch's name within `run` would be a command."""
    for text in WORKFLOWS.values():
        for step in steps_of(yaml.safe_load(text)):
            assert "${{" not in step.get("run", "")


def test_the_add_ons_and_the_tests_own_processors_are_the_same() -> None:
    config = yaml.safe_load((ROOT / "addon/edge_voice/config.yaml").read_text(encoding="utf-8"))
    images = yaml.safe_load(WORKFLOWS["addon"])["jobs"]["image"]["strategy"]["matrix"]["include"]
    assert sorted(one["arch"] for one in images) == sorted(config["arch"])
    tested = yaml.safe_load(WORKFLOWS["test"])["jobs"]["test"]["strategy"]["matrix"]["runner"]
    assert sorted(one["runner"] for one in images) == sorted(tested)
