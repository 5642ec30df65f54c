"""What a model folder says about itself: `bundle.json`, or defaults where there is none."""

import functools
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ModelCorruptError, ModelMissingError
from .bundle import Bundle
from .manifest_schema import MANIFEST_FILE, bundle_of
from .scorecards import SCORECARD_FILE, scorecard_in

__all__ = ["MANIFEST_FILE", "read_bundle"]
_WHISPER_PHRASES_FILE = Path(__file__).with_name("whisper_phrases.json")


def read_bundle(directory: Path) -> Bundle:
    """Return what a model folder says about itself, or defaults named after the folder.

    Raises ModelMissingError when there is no such folder and ModelCorruptError, naming the key, for a manifest that
    cannot be used.
    """
    if not directory.is_dir():
        raise ModelMissingError(f"There is no model folder {directory}.")
    file = directory / MANIFEST_FILE
    try:
        fields = json.loads(file.read_bytes())
    except FileNotFoundError:
        return Bundle(
            name=directory.resolve().name,
            hallucination_phrases=_whisper_phrases(),
            scorecard=scorecard_in(directory / SCORECARD_FILE, directory.resolve().name),
        )
    except (OSError, ValueError, RecursionError) as error:
        raise ModelCorruptError(f"{file} cannot be read: {error}") from error
    try:
        bundle = bundle_of(fields)
    except ValueError as error:
        raise ModelCorruptError(f"{file}: {error}") from error
    bundle = replace(bundle, scorecard=scorecard_in(directory / SCORECARD_FILE, bundle.name))
    for golden in bundle.golden:
        # A link inside the folder may still lead out of it, which the name alone does not show.
        if not (directory / golden.file).resolve().is_relative_to(directory.resolve()):
            raise ModelCorruptError(f"{file}: golden: {golden.file!r} leads out of the model's folder")
    return bundle


@functools.cache
def _whisper_phrases() -> Mapping[str, tuple[str, ...]]:
    """Return what OpenAI's Whisper weights are known to write on silence: lines of the subtitles they learned from.

    Barański et al. 2025 (arXiv 2501.11378) and the users' reports that it counts. Thanks and greetings alone are left
    out: people do say those.
    """
    phrases: dict[str, Any] = json.loads(_WHISPER_PHRASES_FILE.read_text(encoding="utf-8"))
    return {language: tuple(known) for language, known in phrases.items()}
