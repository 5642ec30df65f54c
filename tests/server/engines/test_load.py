"""Bringing a model folder to the point where it may serve."""

import json
import logging
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wyoming_server.bundles.store import STARTER_DIRECTORY
from wyoming_server.engines.load import load_edge_model
from wyoming_server.errors import EdgeVoiceError, ModelCorruptError, ModelMissingError, SelfTestError
from wyoming_server.pipeline.types import DecodeRequest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the starter model, to be damaged."""
    return Path(shutil.copytree(STARTER_DIRECTORY, tmp_path / "model"))


def amend(folder: Path, **fields: Any) -> None:
    """Change fields of the manifest."""
    file = folder / "bundle.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def test_the_starter_passes_its_own_self_test_and_then_decodes() -> None:
    engine = load_edge_model(STARTER_DIRECTORY, threads=1)
    assert (engine.name, engine.languages) == ("starter", ("en",))
    with wave.open(str(STARTER_DIRECTORY / "golden/turn_on_the_kitchen_light.wav")) as recording:
        samples = np.frombuffer(recording.readframes(recording.getnframes()), np.int16)
    assert engine.decode(DecodeRequest(samples=samples, language="en")).text == "Turn on the kitchen light."
    engine.close()


def test_a_model_that_hears_a_golden_recording_wrong_may_not_serve(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = "golden/set_a_timer_for_ten_minutes.wav"
    amend(folder, golden=[{"file": file, "text": "Open the pod bay doors."}])
    with caplog.at_level(logging.INFO), pytest.raises(SelfTestError, match=file) as refused:
        load_edge_model(folder, threads=1)
    assert "timer for" not in caplog.text + str(refused.value)
    assert "pod bay" not in caplog.text + str(refused.value)


def test_case_and_punctuation_are_not_held_against_a_model(folder: Path) -> None:
    amend(folder, golden=[{"file": "golden/turn_on_the_kitchen_light.wav", "text": "turn on, the KITCHEN light"}])
    load_edge_model(folder, threads=1).close()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_weights_that_end_early_are_corrupt(folder: Path, share: float) -> None:
    weights = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(weights[: int(len(weights) * share)])
    with pytest.raises(ModelCorruptError, match="model"):
        load_edge_model(folder, threads=1)


def test_weights_overwritten_in_the_middle_never_serve(folder: Path) -> None:
    weights = bytearray((folder / "model.bin").read_bytes())
    weights[1_000_000:3_000_000] = np.random.default_rng(0).bytes(2_000_000)
    (folder / "model.bin").write_bytes(weights)
    with pytest.raises((ModelCorruptError, SelfTestError)):
        load_edge_model(folder, threads=1)


@pytest.mark.parametrize("file", ["config.json", "model.bin", "tokenizer.json", "vocabulary.json"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(ModelMissingError, match=file):
        load_edge_model(folder, threads=1)


@pytest.mark.parametrize("content", [b"{}", b'{"model": 1}', b'{"added_tokens": []}'])
def test_a_tokenizer_without_whispers_tokens_is_corrupt(folder: Path, content: bytes) -> None:
    (folder / "tokenizer.json").write_bytes(content)
    amend(folder, languages=[])
    with pytest.raises(ModelCorruptError):
        load_edge_model(folder, threads=1)


def test_a_language_that_the_model_has_no_token_for_is_refused(folder: Path) -> None:
    amend(folder, languages=["en", "de"])
    with pytest.raises(ModelCorruptError, match="'de'"):
        load_edge_model(folder, threads=1)


def test_a_golden_recording_that_is_not_there_is_named(folder: Path) -> None:
    (folder / "golden/turn_on_the_kitchen_light.wav").unlink()
    with pytest.raises(ModelMissingError, match="turn_on_the_kitchen_light"):
        load_edge_model(folder, threads=1)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"noise" * 100])
def test_a_golden_recording_that_cannot_be_read_is_named(folder: Path, content: bytes) -> None:
    (folder / "golden/turn_on_the_kitchen_light.wav").write_bytes(content)
    with pytest.raises(ModelCorruptError, match="turn_on_the_kitchen_light"):
        load_edge_model(folder, threads=1)


def test_a_missing_library_is_named_without_being_imported() -> None:
    program = (
        "import sys; sys.modules['ctranslate2'] = None\n"
        "from wyoming_server.engines.load import load_edge_model\n"
        "from wyoming_server.bundles.store import STARTER_DIRECTORY\n"
        "from wyoming_server.errors import EdgeVoiceError\n"
        "try: load_edge_model(STARTER_DIRECTORY, threads=1)\n"
        "except EdgeVoiceError as error: print(error.code, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("engine-missing The package ctranslate2")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgeVoiceError, match="nowhere"):
        load_edge_model(tmp_path / "nowhere", threads=1)
