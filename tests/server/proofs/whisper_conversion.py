"""Hugging Face Whisper checkpoints, built into bundles by torch and ctranslate2's own converter.

Long form: `python -m tests.server.proofs.whisper_conversion`. The checkpoints are the starter model with its
quantisation undone, once with each form of tokenizer; it fails unless the bundles hear what the starter hears in every
packaged recording.
"""

import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from wyoming_server.bundles.manifest import read_bundle
from wyoming_server.commands.recording import PACKAGED, Recording, listed_recordings
from wyoming_server.engines.goldens import read_golden
from wyoming_server.engines.load import load_edge_model
from wyoming_server.pipeline.types import DecodeRequest

from ..bundles.made import STARTER
from .sdks import bootstrapped

ROOT = Path(__file__).parents[3]
TOKENIZERS = {"tokenizer.json": (), "vocab.json and merges.txt": ("--slow-tokenizer",)}


def texts(folder: Path, recordings: list[Recording]) -> list[str]:
    """Return what a model hears."""
    engine = load_edge_model(folder, threads=1)
    try:
        return [engine.decode(DecodeRequest(samples=read_golden(one.path), language="en")).text for one in recordings]
    finally:
        engine.close()


def built(python: Path, folder: Path, *flags: str) -> Path:
    """Write a checkpoint and build a bundle of it; return the bundle."""
    checkpoint, goldens = folder / "checkpoint", folder / "goldens.csv"
    with goldens.open("w", newline="", encoding="utf-8") as target:
        csv.writer(target).writerows(
            [("file", "text"), *((STARTER / one.file, one.text) for one in read_bundle(STARTER).golden)]
        )
    made = [str(python), "-m", "tests.server.proofs.whisper_checkpoint", str(checkpoint), *flags]
    subprocess.run(made, cwd=ROOT, stdout=sys.stderr, check=True)
    build = [str(python), "-m", "wyoming_server", "models", "build", str(checkpoint), "--name", "converted"]
    build += ["--version", "1.0.0", "--languages", "en", "--goldens", str(goldens), "--output", str(folder)]
    subprocess.run(build, cwd=ROOT, stdout=sys.stderr, check=True)
    return folder / "converted@1.0.0"


def proved() -> dict[str, Any]:
    """Convert, build and compare; return the figures."""
    python = bootstrapped("convert")
    recordings = [one for one in listed_recordings(PACKAGED) if one.kind in {"clean", "noisy"}]
    expected = texts(STARTER, recordings)
    figures: dict[str, Any] = {"recordings": len(recordings)}
    for tokenizer, flags in TOKENIZERS.items():
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="edge-voice-") as folder:
            heard = texts(built(python, Path(folder), *flags), recordings)
        figures[f"{tokenizer}: heard alike"] = sum(ours == theirs for ours, theirs in zip(heard, expected, strict=True))
        figures[f"{tokenizer}: seconds to convert and build"] = round(time.monotonic() - began_s, 1)
    return figures


def main() -> int:
    """Run it; return the exit status."""
    figures = proved()
    print(json.dumps(figures))
    return int(any(figures[f"{one}: heard alike"] < figures["recordings"] for one in TOKENIZERS))


if __name__ == "__main__":
    sys.exit(main())
