"""The manifest of a model folder."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from wyoming_server.bundles.bundle import Bundle, Golden
from wyoming_server.bundles.hub import WHISPER_LANGUAGES
from wyoming_server.bundles.manifest import read_bundle
from wyoming_server.errors import ModelCorruptError, ModelMissingError

STARTER = Path(__file__).parents[3] / "wyoming_server" / "models" / "starter"
GOOD: dict[str, Any] = {"schema": 1, "name": "house", "version": "2.1"}


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


def test_every_field_is_read_and_unknown_ones_are_left_alone(tmp_path: Path) -> None:
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
    )


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"schema": 2}, "schema"),
        ({"schema": True}, "schema"),
        ({"schema": None}, "schema"),
        ({"name": "../etc"}, "name"),
        ({"name": ""}, "name"),
        ({"version": 2}, "version"),
        ({"kind": "wake"}, "kind"),
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
