"""Wake-word and VAD bundles made from the packages' own models, for tests: good ones, and ones that have gone deaf.

Each function writes FOLDER/NAME@VERSION and returns that path; `**fields` are those of Bundle.
"""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.server.bundles.onnx_weights import change_onnx
from wyoming_server.bundles.bundle import ENGINES, Bundle, Golden, Kind
from wyoming_server.bundles.manifest import read_bundle
from wyoming_server.engines.vad_silero import packaged_model
from wyoming_server.engines.wake_features import packaged_models
from wyoming_server.publisher.manifest_write import write_manifest

WORD = "hey_jarvis"
_ROOT = Path(__file__).parents[3]
_SPOKEN = _ROOT / "tests" / "audio" / "wake"
_SAID = _ROOT / "wyoming_server" / "recordings"


def good_wake(folder: Path, version: str = "1.0.0", *, name: str = "home-words", **fields: Any) -> Path:
    """Return "hey jarvis" as a bundle: wakes on it, and on nothing else."""
    directory = _copied(folder, f"{name}@{version}", packaged_models() / f"{WORD}_v0.1.onnx")
    goldens = {_SPOKEN / f"{WORD}-1.wav": WORD, _SPOKEN / f"{WORD}-2.wav": WORD, _SAID / "kitchen.wav": ""}
    return _described(directory, Bundle(name=name, version=version, kind=Kind.WAKE), goldens, fields)


def ruined_wake(folder: Path, version: str = "1.1.0", *, name: str = "home-words", **fields: Any) -> Path:
    """Return one that loads and wakes on nothing."""
    return _deafened(good_wake(folder, version, name=name, **fields))


def good_vad(folder: Path, version: str = "1.0.0", *, name: str = "home-vad", **fields: Any) -> Path:
    """Return Silero VAD as a bundle: tells speech from silence and from a hum."""
    directory = _copied(folder, f"{name}@{version}", packaged_model())
    goldens = {_SAID / "kitchen.wav": "speech", _SAID / "hum.wav": "", _SAID / "silence.wav": ""}
    return _described(directory, Bundle(name=name, version=version, kind=Kind.VAD), goldens, fields)


def ruined_vad(folder: Path, version: str = "1.1.0", *, name: str = "home-vad", **fields: Any) -> Path:
    """Return one that loads and hears no speech."""
    return _deafened(good_vad(folder, version, name=name, **fields))


def _copied(folder: Path, label: str, model: Path) -> Path:
    directory = folder / label
    directory.mkdir(parents=True)
    shutil.copy(model, directory)
    (directory / "MODEL_CARD.md").write_text(f"{model.name}, as its package has it.\n", encoding="utf-8")
    return directory


def _described(directory: Path, bundle: Bundle, goldens: Mapping[Path, str], fields: Mapping[str, Any]) -> Path:
    (directory / "golden").mkdir()
    for recording in goldens:
        shutil.copy(recording, directory / "golden")
    golden = tuple(Golden(file=f"golden/{recording.name}", text=text) for recording, text in goldens.items())
    write_manifest(directory, replace(bundle, engine=ENGINES[bundle.kind], golden=golden, **fields))
    return directory


def _deafened(directory: Path) -> Path:
    """Return a bundle whose weights are all nothing, described as it is."""
    (model,) = directory.glob("*.onnx")
    change_onnx(model, lambda weights: bytes(len(weights)))
    write_manifest(directory, read_bundle(directory))
    return directory
