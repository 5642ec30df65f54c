"""`edge-voice models build`, on real models."""

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.server.bundles import made, made_wake
from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.manifest import read_bundle
from wyoming_server.bundles.origin import changed_files
from wyoming_server.commands import models_build
from wyoming_server.commands.recording import PACKAGED, listed_recordings
from wyoming_server.errors import (
    BundleManifestError,
    CalibrationError,
    DiskError,
    EdgeVoiceError,
    EngineMissingError,
    InvalidSettingsError,
    ManifestError,
    SelfTestError,
    TrialCrashedError,
    UnknownModelError,
)
from wyoming_server.settings import read_settings

SPOKEN = tuple(one for one in listed_recordings(PACKAGED) if one.kind in {"clean", "noisy"})


async def built(folder: Path, *argv: str) -> Path:
    """Build into a folder's `out` and return the only bundle there."""
    parser = argparse.ArgumentParser()
    models_build.add_arguments(parser, "build")
    arguments = parser.parse_args([*argv, "--output", str(folder / "out")])
    settings = read_settings(None, {"server": {"data_dir": str(folder / "data"), "log_level": "warning"}})
    assert await models_build.run(arguments, settings) == 0
    (bundle,) = (folder / "out").iterdir()
    return bundle


def table(file: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    with file.open("w", newline="", encoding="utf-8") as target:
        csv.writer(target).writerows([columns, *rows])
    return str(file)


def recordings(folder: Path, count: int = len(SPOKEN)) -> str:
    rows = [(one.path, one.text, "en", "phone") for one in SPOKEN[:count]]
    return table(folder / "recordings.csv", ("file", "text", "language", "microphone_class"), rows)


async def test_a_model_becomes_a_bundle_that_says_what_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ("starter", "--name", "home-en", "--version", "1.0.0", "--recordings", recordings(tmp_path))
    folder = await built(
        tmp_path, *argv, "--hub-classes", "pi5, n100", "--min-server", "0.1", "--notes", "New.", "--json"
    )
    bundle, told = read_bundle(folder), json.loads(capsys.readouterr().out)
    assert folder.name == bundle.label == told["label"] == "home-en@1.0.0"
    assert (bundle.hub_classes, bundle.min_server, bundle.notes) == (("pi5", "n100"), "0.1", "New.")
    assert (bundle.licence, bundle.languages, len(bundle.golden)) == ("Apache-2.0", ("en",), 3)
    assert changed_files(folder, bundle.files) == ()
    assert bundle.scorecard is not None
    assert bundle.scorecard.model == "home-en"
    assert bundle.calibration is not None
    assert bundle.calibration.recordings == len(SPOKEN)
    assert bundle.calibration.floors[-1].sentence_error == 0.0
    assert bundle.context_floor_frames == 1000, "seven recordings show no parity"
    assert [one["allowed"] for one in told["held"]] == [True, False, False, False, False]
    assert bundle.resources is not None
    assert bundle.resources.memory_mb > 5
    assert 0 < bundle.resources.p50_ms <= bundle.resources.p95_ms


async def test_people_read_a_table_and_what_comes_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ("starter", "--name", "home-en", "--version", "1.0.0", "--recordings", recordings(tmp_path, 1))
    await built(tmp_path, *argv)
    shown = capsys.readouterr().out
    assert "30 s        0.0%            0.0%  the whole context" in shown
    assert "Context: 10 s at least." in shown
    assert "edge-voice models publish" in shown


async def test_golden_recordings_of_ones_own_are_packed_as_the_model_writes_them(tmp_path: Path) -> None:
    rows = [(SPOKEN[0].path, "turn on, the kitchen light", "en"), (PACKAGED / "time.wav", "what time is it", "")]
    goldens = table(tmp_path / "goldens.csv", ("file", "text", "language"), rows)
    folder = await built(tmp_path, "starter", "--name", "home-en", "--version", "1.0.0", "--goldens", goldens)
    bundle = read_bundle(folder)
    assert [(one.file, one.text, one.language) for one in bundle.golden] == [
        (f"golden/{SPOKEN[0].path.name}", "Turn on the kitchen light.", "en"),
        ("golden/time.wav", "What time is it?", ""),
    ]
    assert sorted(path.name for path in (folder / "golden").iterdir()) == sorted({SPOKEN[0].path.name, "time.wav"})


async def test_a_bundle_can_be_built_of_a_bundle(tmp_path: Path) -> None:
    folder = await built(tmp_path, str(made.good(tmp_path)), "--version", "1.1.0")
    assert read_bundle(folder).label == "home-en@1.1.0"


async def test_wake_words_and_vads_become_bundles_too(tmp_path: Path) -> None:
    wake = await built(tmp_path, str(made_wake.good_wake(tmp_path)), "--version", "1.1.0")
    bundle = read_bundle(wake)
    assert (bundle.kind, bundle.engine, bundle.label) == (Kind.WAKE, "openwakeword", "home-words@1.1.0")
    assert {one.text for one in bundle.golden} == {"hey_jarvis", ""}
    wake.rename(tmp_path / "wake")
    rows = [(PACKAGED / "kitchen.wav", "speech"), (PACKAGED / "hum.wav", "")]
    goldens = table(tmp_path / "goldens.csv", ("file", "text"), rows)
    argv = (str(made_wake.good_vad(tmp_path)), "--version", "1.1.0", "--kind", "vad", "--goldens", goldens)
    bundle = read_bundle(await built(tmp_path, *argv))
    assert (bundle.kind, [one.text for one in bundle.golden]) == (Kind.VAD, ["speech", ""])
    assert bundle.hallucination_phrases == {}


async def refused(folder: Path, error: type[EdgeVoiceError], match: str, *argv: str) -> None:
    with pytest.raises(error, match=match):
        await built(folder, *argv)
    assert not (folder / "out").exists() or list((folder / "out").iterdir()) == []


async def test_a_model_that_no_hub_would_take_is_not_built(tmp_path: Path) -> None:
    source = str(made.ruined(tmp_path))
    await refused(tmp_path, SelfTestError, "does not hear its golden", source, "--version", "1.2.0")
    source = str(made.crashing(tmp_path, name="other"))
    await refused(tmp_path, TrialCrashedError, "SIGSEGV", source, "--version", "1.2.0")
    source = str(made_wake.ruined_vad(tmp_path))
    await refused(tmp_path, SelfTestError, "golden", source, "--version", "1.2.0", "--kind", "vad")


async def test_a_golden_recording_that_is_heard_wrong_is_refused_with_what_was_heard(tmp_path: Path) -> None:
    goldens = table(tmp_path / "goldens.csv", ("file", "text"), [(PACKAGED / "time.wav", "Lock the front door.")])
    argv = ("starter", "--version", "1.0.0", "--goldens", goldens)
    await refused(tmp_path, CalibrationError, r"hears 'What time is it\?'", *argv)


async def test_a_model_without_any_golden_recording_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "plain"
    source.mkdir()
    for name in ("config.json", "model.bin", "tokenizer.json", "vocabulary.json"):
        (source / name).symlink_to(made.STARTER / name)
    await refused(tmp_path, CalibrationError, "--goldens", str(source), "--version", "1.0.0", "--languages", "en")


async def test_golden_recordings_that_all_say_nothing_would_pass_what_is_deaf(tmp_path: Path) -> None:
    goldens = table(tmp_path / "goldens.csv", ("file", "text"), [(PACKAGED / "hum.wav", "")])
    argv = (str(made_wake.good_vad(tmp_path)), "--version", "1.1.0", "--goldens", goldens)
    await refused(tmp_path, CalibrationError, "say something", *argv)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (None, "cannot be read"),
        ("", "names no golden recordings"),
        ("file,words\na.wav,x\n", "must be file,text"),
        ("file,text\na.wav,\n", "line 2: a recogniser's golden recording needs the text"),
    ],
)
async def test_a_list_of_golden_recordings_that_says_too_little_is_refused(
    tmp_path: Path, content: str | None, named: str
) -> None:
    if content is not None:
        (tmp_path / "goldens.csv").write_text(content)
    argv = ("starter", "--version", "1.0.0", "--goldens", str(tmp_path / "goldens.csv"))
    await refused(tmp_path, ManifestError, named, *argv)


async def test_a_vads_golden_recording_says_speech_or_nothing(tmp_path: Path) -> None:
    goldens = table(tmp_path / "goldens.csv", ("file", "text"), [(PACKAGED / "time.wav", "words")])
    argv = (str(made_wake.good_vad(tmp_path)), "--version", "1.1.0", "--kind", "vad", "--goldens", goldens)
    await refused(tmp_path, ManifestError, "speech, or none", *argv)


@pytest.mark.parametrize(
    ("argv", "error", "named"),
    [
        (("starter", "--version", "newest"), BundleManifestError, "newest"),
        (("nothing-of-the-sort", "--version", "1.0.0"), UnknownModelError, "nothing-of-the-sort"),
        (("starter", "--version", "1.0.0", "--name", "../x"), BundleManifestError, "name"),
        (("starter", "--version", "1.0.0", "--min-server", "new"), BundleManifestError, "min_server"),
        (("starter", "--version", "1.0.0", "--languages", "xx"), EdgeVoiceError, "xx"),
        (("starter", "--version", "1.0.0", "--scorecard", "nowhere.json"), DiskError, "nowhere"),
        (("starter", "--version", "1.0.0", "--recordings", "nowhere.csv"), ManifestError, "nowhere"),
        (("starter", "--version", "1.0.0", "--card", "nowhere.md"), DiskError, "nowhere"),
        (("starter", "--version", "1.0.0", "--kind", "wake"), BundleManifestError, "no wake model"),
        (("starter", "--version", "1.0.0", "--kind", "vad", "--recordings", "x"), InvalidSettingsError, "--recordings"),
    ],
)
async def test_what_cannot_be_used_is_named(
    tmp_path: Path, argv: tuple[str, ...], error: type[EdgeVoiceError], named: str
) -> None:
    await refused(tmp_path, error, named, *argv)


async def test_a_scorecard_of_another_model_is_not_packed(tmp_path: Path) -> None:
    card: dict[str, Any] = json.loads((made.STARTER / "scorecard.json").read_bytes())
    (tmp_path / "card.json").write_text(json.dumps(card | {"model": "large"}))
    argv = ("starter", "--version", "1.0.0", "--scorecard", str(tmp_path / "card.json"))
    await refused(tmp_path, CalibrationError, "fitted for the model 'large'", *argv)


async def test_a_checkpoint_without_the_converter_names_the_extra(tmp_path: Path) -> None:
    source = tmp_path / "checkpoint"
    source.mkdir()
    (source / "config.json").write_text('{"model_type": "whisper"}')
    (source / "model.safetensors").write_bytes(b"")
    goldens = table(tmp_path / "goldens.csv", ("file", "text"), [(PACKAGED / "time.wav", "What time is it?")])
    argv = (str(source), "--version", "1.0.0", "--goldens", goldens)
    await refused(tmp_path, EngineMissingError, "convert", *argv)
