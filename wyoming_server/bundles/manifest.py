"""What a model folder says about itself: `bundle.json`, or defaults where there is none."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import voluptuous as vol

from ..errors import ModelCorruptError, ModelMissingError
from ..pipeline.checked import Checked, ranged
from ..pipeline.scorecard import Scorecard
from .scorecards import SCORECARD_FILE, scorecard_in

MANIFEST_FILE = "bundle.json"
_WHISPER_PHRASES_FILE = Path(__file__).with_name("whisper_phrases.json")
SCHEMA = 1
"""The newest manifest that this server understands. Fields it does not know are ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A recording that the model must hear right before it may serve."""

    file: str
    """16 kHz mono WAV, relative to the model's folder."""
    text: str
    language: str = ""
    """Empty for the model's first language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle(Checked):
    """A model and what the server must know to run it."""

    name: str
    version: str = ""
    """Empty for a model without a manifest."""
    kind: str = "asr"
    engine: str = "faster-whisper"
    languages: tuple[str, ...] = ()
    """Language codes; empty means that the loaded model is asked."""
    licence: str = ""
    context_floor_frames: int = ranged(1000, at_least=200, at_most=3000)
    """The encoder never sees fewer mel frames (10 ms each) than this."""
    context_margin_frames: int = ranged(256, at_least=0, at_most=3000)
    """Mel frames of silence after the speech."""
    prompt_tokens: int = ranged(48, at_least=0, at_most=200)
    """How many tokens of names and terms the model takes as previous text; 0 for a model that never learned to."""
    golden: tuple[Golden, ...] = ()
    hallucination_phrases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Language → what the model is known to make up out of noise."""
    notes: str = ""
    """A sentence for the people who run the server."""
    scorecard: Scorecard | None = None
    """How its evidence adds up to a risk; None for a model that nobody fitted one for."""


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
    except (OSError, ValueError) as error:
        raise ModelCorruptError(f"{file} cannot be read: {error}") from error
    try:
        bundle = _bundle(_MANIFEST(fields))
    except vol.MultipleInvalid as error:
        raise ModelCorruptError(f"{file}: {'; '.join(map(_sentence, error.errors))}") from error
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
    phrases = json.loads(_WHISPER_PHRASES_FILE.read_text(encoding="utf-8"))
    return {language: tuple(known) for language, known in phrases.items()}


def _bundle(fields: Mapping[str, Any]) -> Bundle:
    return Bundle(
        name=fields["name"],
        version=fields["version"],
        kind=fields["kind"],
        engine=fields["engine"],
        languages=tuple(fields["languages"]),
        licence=fields["licence"],
        context_floor_frames=fields["context_floor_frames"],
        context_margin_frames=fields["context_margin_frames"],
        prompt_tokens=fields["prompt_tokens"],
        golden=tuple(Golden(**golden) for golden in fields["golden"]),
        hallucination_phrases={key: tuple(value) for key, value in fields["hallucination_phrases"].items()},
        notes=fields["notes"],
    )


def _sentence(error: vol.Invalid) -> str:
    key = ".".join(map(str, error.path)) or MANIFEST_FILE
    return f"{key}: {error.error_message}"


def _schema_number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise vol.Invalid("must be a whole number from 1 on")
    if value > SCHEMA:
        raise vol.Invalid(f"is {value}; this server reads up to {SCHEMA}, so update it")
    return value


def _inside_the_folder(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise vol.Invalid("must be a file name")
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or "\\" in value or ":" in value or "\0" in value:
        raise vol.Invalid(f"{value!r} leads out of the model's folder")
    return value


def _whole_number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise vol.Invalid("must be a whole number")
    return value


_NAME = vol.All(str, vol.Match(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$", msg="must be letters, digits, '.', '_' and '-'"))
_LANGUAGE = vol.All(str, vol.Match(r"^[a-z]{2,3}$", msg="must be a language code such as 'en'"))
_MANIFEST = vol.Schema(
    {
        vol.Required("schema"): _schema_number,
        vol.Required("name"): _NAME,
        vol.Required("version"): str,
        vol.Optional("kind", default="asr"): vol.In(["asr"], msg="must be 'asr'"),
        vol.Optional("engine", default="faster-whisper"): vol.In(["faster-whisper"], msg="must be 'faster-whisper'"),
        vol.Optional("languages", default=list): [_LANGUAGE],
        vol.Optional("licence", default=""): str,
        vol.Optional("context_floor_frames", default=1000): _whole_number,
        vol.Optional("context_margin_frames", default=256): _whole_number,
        vol.Optional("prompt_tokens", default=48): _whole_number,
        vol.Optional("golden", default=list): [
            vol.Schema(
                {
                    vol.Required("file"): _inside_the_folder,
                    vol.Required("text"): str,
                    vol.Optional("language"): _LANGUAGE,
                },
                extra=vol.REMOVE_EXTRA,
            )
        ],
        vol.Optional("hallucination_phrases", default=dict): {_LANGUAGE: [str]},
        vol.Optional("notes", default=""): str,
    },
    extra=vol.REMOVE_EXTRA,
)
