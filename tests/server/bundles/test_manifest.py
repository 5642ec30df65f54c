"""The manifest of a model folder."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from wyoming_server.bundles.bundle import Bundle, Calibration, FileEntry, FloorError, Golden, Kind, Resources
from wyoming_server.bundles.hub import WHISPER_LANGUAGES
from wyoming_server.bundles.manifest import read_bundle
from wyoming_server.bundles.manifest_schema import SCHEMA, bundle_of, fields_of
from wyoming_server.errors import ModelCorruptError, ModelMissingError

STARTER = Path(__file__).parents[3] / "wyoming_server" / "models" / "starter"
GOOD: dict[str, Any] = {"schema": 1, "name": "house", "version": "2.1"}
DIGEST = "0123456789abcdef" * 4
FILES = [
    {"name": "golden/a.wav", "length": 12, "sha256": DIGEST},
    {"name": "model.bin", "length": 3, "sha256": DIGEST},
]
WHOLE: dict[str, Any] = {"schema": 2, "name": "house", "version": "2.1.0", "files": FILES}
"""The least that the newest schema asks for."""


def written(directory: Path, **fields: Any) -> Path:
    """Return a folder whose manifest holds these fields on top of the good ones."""
    (directory / "bundle.json").write_text(json.dumps(GOOD | fields))
    return directory


def test_the_starter_describes_itself_and_has_its_golden_recordings() -> None:
    bundle = read_bundle(STARTER)
    assert (bundle.name, bundle.languages, bundle.licence) == ("starter", ("en",), "Apache-2.0")
    assert len(bundle.golden) >= 2
    assert all((STARTER / golden.file).is_file() for golden in bundle.golden)


def test_a_folder_without_a_manifest_gets_defaults_and_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    bundle = read_bundle(tmp_path / "base")
    assert bundle.hallucination_phrases["en"]
    plain = Bundle(name="base", context_floor_frames=1000, context_margin_frames=256)
    assert dataclasses.replace(bundle, hallucination_phrases={}) == plain


def test_phrases_that_a_plain_whisper_makes_up_are_in_languages_that_it_knows(tmp_path: Path) -> None:
    phrases = read_bundle(tmp_path).hallucination_phrases
    assert set(phrases) <= set(WHISPER_LANGUAGES)
    assert all(known and all(known) for known in phrases.values())


def test_every_field_of_an_older_manifest_is_read_and_unknown_ones_are_kept(tmp_path: Path) -> None:
    directory = written(
        tmp_path,
        languages=["en", "de"],
        licence="MIT",
        context_floor_frames=300,
        context_margin_frames=128,
        prompt_tokens=0,
        golden=[{"file": "golden/a.wav", "text": "Hello.", "speaker": "f3"}],
        hallucination_phrases={"en": ["Thank you."]},
        notes="Short.",
        from_the_future={"x": 1},
    )
    assert read_bundle(directory) == Bundle(
        name="house",
        version="2.1",
        languages=("en", "de"),
        licence="MIT",
        context_floor_frames=300,
        context_margin_frames=128,
        prompt_tokens=0,
        golden=(Golden(file="golden/a.wav", text="Hello."),),
        hallucination_phrases={"en": ("Thank you.",)},
        notes="Short.",
        unknown={"from_the_future": {"x": 1}},
    )


def test_a_bundle_says_what_it_is_made_of_measured_and_for(tmp_path: Path) -> None:
    said = WHOLE | {
        "kind": "asr",
        "hub_classes": ["pi5"],
        "min_server": "0.3.0",
        "golden": [{"file": "golden/a.wav", "text": "Hello.", "language": "en"}],
        "calibration": {
            "recordings": 400,
            "floors": [{"context_floor_frames": 3000, "word_error": 0.04, "sentence_error": 0.1, "later": 1}],
            "later": 1,
        },
        "resources": {"memory_mb": 61.5, "machine": "pi5", "later": 1},
    }
    bundle = bundle_of(said)
    assert bundle == Bundle(
        name="house",
        version="2.1.0",
        kind=Kind.ASR,
        hub_classes=("pi5",),
        min_server="0.3.0",
        files=(
            FileEntry(name="golden/a.wav", length=12, sha256=DIGEST),
            FileEntry(name="model.bin", length=3, sha256=DIGEST),
        ),
        golden=(Golden(file="golden/a.wav", text="Hello.", language="en"),),
        calibration=Calibration(
            recordings=400, floors=(FloorError(context_floor_frames=3000, word_error=0.04, sentence_error=0.1),)
        ),
        resources=Resources(memory_mb=61.5, machine="pi5"),
    )
    assert bundle.label == "house@2.1.0"


def test_what_is_written_is_read_again_with_the_fields_of_a_newer_publisher() -> None:
    bundle = bundle_of(WHOLE | {"from_the_future": {"x": [1]}, "unknown": 2, "scorecard": {}})
    assert bundle.unknown == {"from_the_future": {"x": [1]}, "unknown": 2, "scorecard": {}}
    assert bundle_of(json.loads(json.dumps(fields_of(bundle)))) == bundle
    assert fields_of(bundle)["schema"] == SCHEMA


def test_a_model_that_lists_no_files_is_known_by_its_name_alone() -> None:
    bundle = bundle_of(GOOD | {"files": FILES})
    assert (bundle.files, bundle.label) == ((), "house")
    assert fields_of(bundle)["schema"] == 1


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"files": []}, "files: must list"),
        ({"files": FILES * 2}, "files: holds a name twice"),
        ({"files": [FILES[1], FILES[1] | {"name": "Model.bin"}]}, "files: holds a name twice"),
        ({"files": [FILES[1], FILES[1] | {"name": "MODEL.bin/x"}]}, "files: 'model.bin' cannot be a file and a folder"),
        ({"files": [*FILES, FILES[1] | {"name": "Bundle.JSON"}]}, "files: bundle.json is not listed"),
        ({"files": [FILES[1] | {"name": "."}]}, "files.0.name"),
        ({"files": [FILES[1] | {"name": "a/./b"}]}, "files.0.name"),
        ({"files": [FILES[1] | {"name": "a\nb"}]}, "files.0.name"),
        ({"files": [FILES[1] | {"name": "\ud800"}]}, "files.0.name"),
        ({"files": [FILES[1] | {"name": "ä" * 101}]}, "files.0.name"),
        ({"files": [FILES[1] | {"name": "../model.bin"}]}, "files.0.name"),
        ({"files": [FILES[1] | {"sha256": DIGEST.upper()}]}, "files.0.sha256"),
        ({"files": [FILES[1] | {"length": -1}]}, "FileEntry.length"),
        ({"files": [FILES[1] | {"length": 1.5}]}, "files.0.length"),
        ({"files": [FILES[1]] * 1001}, "files"),
        ({"golden": [{"file": "golden/b.wav", "text": "x"}]}, "golden: 'golden/b.wav' is not among the files"),
        ({"version": "2.1"}, "version: '2.1' is none"),
        ({"version": "02.1.0"}, "version"),
        ({"version": "2.1.0\n"}, "version"),
        ({"name": "house\n"}, "name"),
        ({"min_server": "newest"}, "min_server"),
        ({"hub_classes": ["Pi 5"]}, "hub_classes.0"),
        ({"calibration": {"recordings": 3}}, "calibration.floors"),
        ({"calibration": {"recordings": -1, "floors": []}}, "Calibration.recordings"),
        ({"resources": {"memory_mb": "60"}}, "resources.memory_mb"),
        ({"kind": "vad", "engine": "faster-whisper"}, "engine: must be 'silero-vad'"),
    ],
)
def test_a_refusal_of_a_bundle_names_the_field(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        bundle_of(WHOLE | fields)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"schema": 3}, "schema: is 3; this server reads up to 2, so update it"),
        ({"schema": True}, "schema"),
        ({"schema": None}, "schema"),
        ({"name": "../etc"}, "name"),
        ({"name": ""}, "name"),
        ({"version": 2}, "version"),
        ({"kind": "tts"}, "kind"),
        ({"engine": "vosk"}, "engine"),
        ({"languages": "en"}, "languages"),
        ({"languages": ["English"]}, "languages.0"),
        ({"context_floor_frames": 0}, "context_floor_frames"),
        ({"context_floor_frames": 3001}, "context_floor_frames"),
        ({"context_floor_frames": "1000"}, "context_floor_frames"),
        ({"context_margin_frames": -1}, "context_margin_frames"),
        ({"prompt_tokens": 201}, "prompt_tokens"),
        ({"golden": [{"file": "a.wav"}]}, "golden.0.text"),
        ({"golden": [{"file": "../a.wav", "text": "x"}]}, "golden.0.file"),
        ({"golden": [{"file": "a/../../b.wav", "text": "x"}]}, "golden.0.file"),
        ({"golden": [{"file": "/etc/passwd", "text": "x"}]}, "golden.0.file"),
        ({"golden": [{"file": "..\\a.wav", "text": "x"}]}, "golden.0.file"),
        ({"golden": [{"file": "C:a.wav", "text": "x"}]}, "golden.0.file"),
        ({"golden": [{"file": "", "text": "x"}]}, "golden.0.file"),
        ({"hallucination_phrases": {"en": "Thank you."}}, "hallucination_phrases.en"),
        ({"notes": 1}, "notes"),
        ({"resources": {"memory_mb": 10**400}}, "resources.memory_mb"),
    ],
)
def test_a_refusal_names_the_key(tmp_path: Path, fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ModelCorruptError, match=named):
        read_bundle(written(tmp_path, **fields))


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.wav").write_bytes(b"")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a.wav").symlink_to(tmp_path / "secret.wav")
    directory = written(tmp_path / "model", golden=[{"file": "a.wav", "text": "x"}])
    with pytest.raises(ModelCorruptError, match="leads out"):
        read_bundle(directory)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null"])
def test_a_manifest_that_is_no_object_is_corrupt(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bundle.json").write_bytes(content)
    with pytest.raises(ModelCorruptError, match=r"bundle\.json"):
        read_bundle(tmp_path)


def test_a_folder_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match="nowhere"):
        read_bundle(tmp_path / "nowhere")
