"""Bundles made from the starter model, for tests: one that is good, and one of every kind that is not.

Each function writes FOLDER/NAME@VERSION and returns that path; `**fields` are those of Bundle. The same arguments give
the same bytes. A bundle takes 15 ms; pack it with `archive_write.write_archive`.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.server.bundles.weights import change_weights, quantised
from wyoming_server.bundles.bundle import Bundle, Resources
from wyoming_server.bundles.manifest import MANIFEST_FILE, read_bundle
from wyoming_server.bundles.scorecards import SCORECARD_FILE
from wyoming_server.publisher.manifest_write import write_manifest

STARTER = Path(__file__).parents[3] / "wyoming_server" / "models" / "starter"
NAME = "home-en"
_BYTES_PER_BIN = 8600
"""What one more bin of a Fourier transform takes, measured over the self-test: filters and spectra."""
_WORD_TOKENS = 1000
"""The starter's tokens below this are pieces of words; those above control the decoder."""


def good(folder: Path, version: str = "1.0.0", *, name: str = NAME, **fields: Any) -> Path:
    """Return the starter model as a bundle: passes its self-test, and knows its own scorecard."""
    directory = _copied(folder, name, version)
    return _described(directory, name, version, fields)


def hollow(folder: Path, version: str = "1.0.0", *, name: str = NAME, size: int = 10_000, **fields: Any) -> Path:
    """Return a valid bundle whose model is a few bytes that no engine loads: for whoever only moves files about."""
    directory = folder / f"{name}@{version}"
    directory.mkdir(parents=True)
    for file in ("config.json", "tokenizer.json", "vocabulary.json"):
        (directory / file).write_text("{}\n")
    pattern = f"{name}@{version} ".encode()
    (directory / "model.bin").write_bytes((pattern * (size // len(pattern) + 1))[:size])
    (directory / "MODEL_CARD.md").write_text("Nothing that hears.\n")
    write_manifest(directory, replace(Bundle(name=name, version=version, languages=("en",)), **fields))
    return directory


def ruined(folder: Path, version: str = "1.1.0", *, name: str = NAME, **fields: Any) -> Path:
    """Return one whose weights have only their sign left: loads, and hears none of its golden recordings right."""
    directory = _copied(folder, name, version)
    change_weights(directory / "model.bin", quantised(1))
    return _described(directory, name, version, fields)


def subtly_bad(folder: Path, version: str = "1.1.0", *, name: str = NAME, **fields: Any) -> Path:
    """Return one with two bits per weight: hears its golden recordings right, and 3 of the 7 packaged ones wrong."""
    directory = _copied(folder, name, version)
    change_weights(directory / "model.bin", quantised(2))
    return _described(directory, name, version, fields)


def swapped_vocabulary(folder: Path, version: str = "1.1.0", *, name: str = NAME, **fields: Any) -> Path:
    """Return one whose words are spelt with another model's vocabulary: loads, and writes nonsense."""
    directory = _copied(folder, name, version)
    tokenizer = json.loads((directory / "tokenizer.json").read_bytes())
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    tokenizer["model"]["vocab"] = {
        token: _WORD_TOKENS - 1 - number if number < _WORD_TOKENS else number for token, number in vocabulary.items()
    }
    (directory / "tokenizer.json").write_text(json.dumps(tokenizer))
    tokens = json.loads((directory / "vocabulary.json").read_bytes())
    (directory / "vocabulary.json").write_text(json.dumps(tokens[:_WORD_TOKENS][::-1] + tokens[_WORD_TOKENS:]))
    return _described(directory, name, version, fields)


def crashing(folder: Path, version: str = "1.1.0", *, name: str = NAME, **fields: Any) -> Path:
    """Return one that ends the process that loads it, by a segmentation fault in its first decode.

    ctranslate2 masks the logits of the ids that config.json suppresses, and checks none of them.
    """
    directory = _copied(folder, name, version)
    _change_json(directory / "config.json", suppress_ids=[2_000_000_000])
    return _described(directory, name, version, fields)


def hungry(folder: Path, version: str = "1.1.0", *, name: str = NAME, megabytes: int = 400, **fields: Any) -> Path:
    """Return one that takes about so many megabytes more than the good one, and hears nothing right if it may.

    A Fourier transform of a million bins is one number in preprocessor_config.json; a window of it is memory.
    """
    directory = _copied(folder, name, version)
    _change_json(directory / "preprocessor_config.json", n_fft=megabytes * (1 << 20) // _BYTES_PER_BIN)
    return _described(directory, name, version, fields)


def damaged(directory: Path, file: str = "model.bin", at: int = -1) -> Path:
    """Flip one bit of a bundle's file after it was described, as a failing disk does; return the folder."""
    content = bytearray((directory / file).read_bytes())
    content[at] ^= 1
    (directory / file).write_bytes(content)
    return directory


def _copied(folder: Path, name: str, version: str) -> Path:
    """Return a copy of the starter, without its manifest; a link would let a test ruin the starter itself."""
    directory = folder / f"{name}@{version}"
    shutil.copytree(STARTER, directory, ignore=shutil.ignore_patterns(MANIFEST_FILE))
    return directory


def _described(directory: Path, name: str, version: str, fields: dict[str, Any]) -> Path:
    card = directory / SCORECARD_FILE
    # A scorecard serves its own model only.
    card.write_text(card.read_text().replace('"model": "starter"', f'"model": {json.dumps(name)}', 1))
    starter = replace(read_bundle(STARTER), scorecard=None)
    made = replace(starter, name=name, version=version, notes="", resources=_RESOURCES)
    write_manifest(directory, replace(made, **fields))
    return directory


def _change_json(file: Path, **fields: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_bytes()) | fields))


_RESOURCES = Resources(memory_mb=60.0, p50_ms=25.0, p95_ms=40.0, machine="test")
