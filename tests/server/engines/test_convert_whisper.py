"""Checkpoints, as far as they can be told without torch; the conversion itself is proved by `script/prove convert`."""

import importlib.util
import json
from pathlib import Path

import pytest

from wyoming_server.bundles.store import STARTER_DIRECTORY
from wyoming_server.engines.convert_whisper import convert_checkpoint, is_checkpoint
from wyoming_server.errors import EngineMissingError, ModelCorruptError


def checkpoint(folder: Path, **config: object) -> Path:
    (folder / "config.json").write_text(json.dumps({"model_type": "whisper"} | config))
    (folder / "model.safetensors").write_bytes(b"")
    return folder


def test_a_checkpoint_is_told_from_a_model_that_is_converted_already(tmp_path: Path) -> None:
    assert not is_checkpoint(STARTER_DIRECTORY)
    assert not is_checkpoint(tmp_path)
    assert is_checkpoint(checkpoint(tmp_path))


def test_a_model_of_another_kind_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(ModelCorruptError, match="no Whisper"):
        convert_checkpoint(checkpoint(tmp_path, model_type="llama"), tmp_path / "out")
    (tmp_path / "config.json").write_text("[")
    with pytest.raises(ModelCorruptError, match=r"config\.json"):
        convert_checkpoint(tmp_path, tmp_path / "out")


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is not None,
    reason="with the extra there is no refusal; `script/prove convert` converts",
)
def test_without_the_extra_the_refusal_names_it(tmp_path: Path) -> None:
    with pytest.raises(EngineMissingError, match=r"edge-voice\[convert\]"):
        convert_checkpoint(checkpoint(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()
