"""A Hugging Face Whisper checkpoint → the form that the engine loads. For publishers: torch and transformers do it."""

import importlib
import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

from ..errors import EngineMissingError, ModelCorruptError

QUANTIZATION = "int8"
"""What the engine computes in; larger weights would only be rounded when they are loaded."""
_LIBRARIES = ("torch", "transformers")
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_MODEL_TYPE = "whisper"


def is_checkpoint(directory: Path) -> bool:
    """Return whether a folder holds a model in Hugging Face's form, whatever kind it is of."""
    return (directory / "config.json").is_file() and any(any(directory.glob(pattern)) for pattern in _WEIGHTS)


def convert_checkpoint(source: Path, target: Path) -> None:
    """Convert a checkpoint into a folder that is not there yet; blocks for seconds to minutes.

    Nothing is fetched, and no code that comes with the checkpoint is run. Raises EngineMissingError without torch and
    transformers, ModelCorruptError for what is no Whisper or cannot be read.
    """
    config = _config(source)
    _check_libraries()
    # Imported only here: its own imports cost seconds and gigabytes, which only a publisher has.
    from ctranslate2.converters import TransformersConverter  # noqa: PLC0415  # see above

    try:
        TransformersConverter(str(source)).convert(str(target), quantization=QUANTIZATION)
        _write_tokenizer(source, target)
    # torch, transformers and ctranslate2 raise whatever they like for files that do not fit together.
    except Exception as error:
        raise ModelCorruptError(f"The checkpoint in '{source}' cannot be converted: {error}") from error
    _write_json(target / "preprocessor_config.json", _mel(config))


def _config(source: Path) -> dict[str, Any]:
    try:
        config = json.loads((source / "config.json").read_bytes())
    except (OSError, ValueError) as error:
        raise ModelCorruptError(f"'{source / 'config.json'}' cannot be read: {error}") from error
    if not isinstance(config, dict) or config.get("model_type") != _MODEL_TYPE:
        raise ModelCorruptError(f"The checkpoint in '{source}' is no Whisper, which is what the engine runs")
    return config


def _check_libraries() -> None:
    missing = [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise EngineMissingError(
            f"Converting a checkpoint needs {' and '.join(missing)}, which hubs do not: install edge-voice[convert], "
            "or give a folder that is converted already"
        )


def _write_tokenizer(source: Path, target: Path) -> None:
    """Write tokenizer.json, without which the engine would ask the network for another model's."""
    if (source / "tokenizer.json").is_file():
        shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")
        return
    tokenizer = importlib.import_module("transformers").AutoTokenizer.from_pretrained(str(source))
    (target / "tokenizer.json").write_text(tokenizer.backend_tokenizer.to_str(), encoding="utf-8")


def _mel(config: dict[str, Any]) -> dict[str, int]:
    """Return how sound becomes features: the same in all Whispers but for the number of mel bands."""
    return {
        "feature_size": int(config.get("num_mel_bins", 80)),
        "sampling_rate": 16000,
        "hop_length": 160,
        "chunk_length": 30,
        "n_fft": 400,
    }


def _write_json(file: Path, content: object) -> None:
    file.write_text(json.dumps(content), encoding="utf-8")
