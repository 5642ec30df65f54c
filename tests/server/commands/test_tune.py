"""The command that measures this machine."""

import argparse
import json
from pathlib import Path

import pytest
import yaml

from wyoming_server.bundles.tuned import read_choice
from wyoming_server.commands import tune
from wyoming_server.engines import measure_whisper
from wyoming_server.settings import AsrSettings, ServerSettings, Settings


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure one size with few rounds: what is written does not depend on how well it was measured."""
    sizes = {"tiny": measure_whisper.SIZES["tiny"]}
    monkeypatch.setattr(measure_whisper, "SIZES", sizes)
    monkeypatch.setattr(measure_whisper, "_SECONDS_EACH", 0.0)
    monkeypatch.setattr(measure_whisper, "_ROUNDS_AT_LEAST", 1)
    monkeypatch.setattr(measure_whisper, "_THREADS", (1,))


def arguments(*given: str, config: Path | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, default=config)
    tune.add_arguments(parser)
    return parser.parse_args(given)


def settings(data_dir: Path, **asr: str) -> Settings:
    return Settings(server=ServerSettings(data_dir=str(data_dir)), asr=AsrSettings(**asr))


def files(directory: Path) -> list[str]:
    return [file.name for file in directory.iterdir()]


async def test_the_choice_goes_into_the_settings_file_and_nothing_else_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("# mine\nasr:\n  language: en  # ours\n")
    assert await tune.run(arguments("--json", config=file), settings(tmp_path, language="en")) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["written"] == str(file)
    chosen = result["choice"]
    assert chosen["model"] == "tiny.en"
    kept = {key: chosen[key] for key in ("model", "threads", "context_floor_frames")}
    assert yaml.safe_load(file.read_text()) == {"asr": {"language": "en"} | kept}
    assert file.read_text().startswith("# mine\n")
    assert "language: en  # ours" in file.read_text()


async def test_without_a_settings_file_the_choice_goes_where_serve_looks(tmp_path: Path) -> None:
    assert await tune.run(arguments(), settings(tmp_path)) == 0
    choice = read_choice(tmp_path / "choice.json")
    assert choice is not None
    assert choice.model == "tiny"


async def test_a_settings_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    file = tmp_path / "new" / "settings.yaml"
    assert await tune.run(arguments("--write", str(file)), settings(tmp_path)) == 0
    assert yaml.safe_load(file.read_text())["asr"]["model"] == "tiny"


async def test_a_dry_run_writes_nothing_and_shows_every_measurement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await tune.run(arguments("--dry-run"), settings(tmp_path)) == 0
    assert files(tmp_path) == []
    shown = capsys.readouterr().out
    assert [line.split()[:3] for line in shown.splitlines() if line.startswith("tiny")] == [
        ["tiny", "1", "1000"],
        ["tiny", "1", "300"],
    ]
    assert "Chosen: tiny" in shown


async def test_json_is_one_object_with_the_measurements(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await tune.run(arguments("--json", "--dry-run"), settings(tmp_path))
    result = json.loads(capsys.readouterr().out)
    assert result["written"] is None
    assert {one["context_floor_frames"] for one in result["measurements"]} == {1000, 300}
    assert all(0 < one["p50_ms"] <= one["p95_ms"] for one in result["measurements"])
