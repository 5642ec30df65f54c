"""The fields of `bundle.json` → a Bundle, and back; every refusal names the field."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import voluptuous as vol

from .bundle import ENGINES, Bundle, Calibration, FileEntry, FloorError, Golden, Kind, Resources

MANIFEST_FILE = "bundle.json"
SCHEMA = 2
"""The newest manifest that this server understands. From 2 on, every file is listed with its length and digest."""
MOST_FILES = 1000
LONGEST_NAME = 200
"""Bytes of a file's name in UTF-8: disks take 255 in each part of a path."""


def bundle_of(fields: Any) -> Bundle:
    """Return what a manifest says, its scorecard apart. Raises ValueError, whose sentence names the field."""
    try:
        said = _MANIFEST(fields)
    except vol.MultipleInvalid as error:
        raise ValueError("; ".join(map(_sentence, error.errors))) from error
    kind, schema = Kind(said["kind"]), said["schema"]
    if said.setdefault("engine", ENGINES[kind]) != ENGINES[kind]:
        raise ValueError(f"engine: must be '{ENGINES[kind]}' where the kind is '{kind}'")
    if schema >= 2:
        _check_whole(said)
    else:
        said["files"] = ()
    made = {key: said[key] for key in _OURS if key in said}
    made |= {
        "kind": kind,
        "files": tuple(FileEntry(**one) for one in said["files"]),
        "golden": tuple(Golden(**one) for one in said["golden"]),
        "hallucination_phrases": {key: tuple(value) for key, value in said["hallucination_phrases"].items()},
        "languages": tuple(said["languages"]),
        "hub_classes": tuple(said["hub_classes"]),
        "calibration": _calibration(said.get("calibration")),
        "resources": Resources(**said["resources"]) if "resources" in said else None,
        "unknown": {key: value for key, value in said.items() if key not in _OURS and key != "schema"},
    }
    return Bundle(**made)


def fields_of(bundle: Bundle) -> dict[str, Any]:
    """Return a manifest's fields, those of a newer one included; the scorecard is a file of its own."""
    said = dataclasses.asdict(bundle)
    unknown = said.pop("unknown")
    del said["scorecard"]
    for optional in ("calibration", "resources"):
        if said[optional] is None:
            del said[optional]
    return {"schema": SCHEMA if bundle.files else 1, **said, **unknown}


def _check_whole(said: Mapping[str, Any]) -> None:
    """Check what only schema 2 promises. Raises ValueError."""
    if not VERSION_FORM.match(said["version"]):
        raise ValueError(f"version: {said['version']!r} is none; write it as 1.2.0, or 1.2.0b1")
    names = [one["name"] for one in said["files"]]
    if not names:
        raise ValueError("files: must list every file of the bundle")
    folded = {name.casefold() for name in names}
    if len(folded) < len(names):
        raise ValueError("files: holds a name twice, which some disks cannot tell apart")
    folders = {parent.as_posix() for name in folded for parent in PurePosixPath(name).parents}
    if both := sorted(folded & folders):
        raise ValueError(f"files: {both[0]!r} cannot be a file and a folder at once")
    if MANIFEST_FILE in folded:
        raise ValueError(f"files: {MANIFEST_FILE} is not listed: its digest is what is signed")
    if missing := [one["file"] for one in said["golden"] if one["file"] not in names]:
        raise ValueError(f"golden: {missing[0]!r} is not among the files")
    _check_heard(Kind(said["kind"]), names, [one["text"] for one in said["golden"]])


def _check_heard(kind: Kind, names: Sequence[str], texts: Sequence[str]) -> None:
    """Check what wake words and VAD are found by, and what their recordings can be held to. Raises ValueError."""
    suffixes = [PurePosixPath(name).suffix for name in names if "/" not in name]
    if kind is Kind.WAKE and not {".onnx", ".tflite"} & set(suffixes):
        raise ValueError("files: hold no wake word: a .onnx or .tflite file at the top, one for each word")
    if kind is Kind.VAD and suffixes.count(".onnx") != 1:
        raise ValueError("files: a VAD is exactly one .onnx file at the top")
    if kind is Kind.VAD and (others := set(texts) - {"", "speech"}):
        raise ValueError(f"golden: {min(others)!r} is nothing that a VAD can hear; write 'speech', or nothing")


def _calibration(said: Mapping[str, Any] | None) -> Calibration | None:
    if said is None:
        return None
    return Calibration(recordings=said["recordings"], floors=tuple(FloorError(**one) for one in said["floors"]))


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
    if not isinstance(value, str) or not value or not value.isprintable():
        raise vol.Invalid("must be a file name, without control characters")
    if len(value.encode()) > LONGEST_NAME:
        raise vol.Invalid(f"must be a file name of at most {LONGEST_NAME} bytes")
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or "\\" in value or ":" in value:
        raise vol.Invalid(f"{value!r} leads out of the model's folder")
    if path.as_posix() != value or value == ".":
        raise vol.Invalid(f"{value!r} is not the plainest form of that name")
    return value


def _whole_number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise vol.Invalid("must be a whole number")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise vol.Invalid("must be a number")
    try:
        return float(value)
    except OverflowError:
        raise vol.Invalid("must be a number of a size that exists") from None


def _record(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> vol.Schema:
    """Return the schema of a part, whose fields of newer versions are left out."""
    fields: dict[Any, Any] = {vol.Required(key): value for key, value in required.items()}
    fields |= {vol.Optional(key): value for key, value in (optional or {}).items()}
    return vol.Schema(fields, extra=vol.REMOVE_EXTRA)


VERSION_FORM = re.compile(r"(0|[1-9][0-9]{0,5})(\.(0|[1-9][0-9]{0,5})){2}((a|b|rc)[1-9][0-9]{0,3})?\Z")
SERVER_VERSION = vol.Any(
    "",
    vol.All(str, vol.Match(r"^[0-9]{1,6}(\.[0-9]{1,6}){0,3}((a|b|rc)[0-9]{1,4})?\Z")),
    msg="must be a version such as 0.3.0",
)
_NAME = vol.All(str, vol.Match(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}\Z", msg="must be letters, digits, '.', '_' and '-'"))
_LANGUAGE = vol.All(str, vol.Match(r"^[a-z]{2,3}\Z", msg="must be a language code such as 'en'"))
_CLASS = vol.All(str, vol.Match(r"^[a-z0-9][a-z0-9-]{0,31}\Z", msg="must be a hub class such as 'pi5'"))
_DIGEST = vol.All(str, vol.Match(r"^[0-9a-f]{64}\Z", msg="must be a SHA-256, 64 hexadecimal digits"))
_FILE = _record({"name": _inside_the_folder, "length": _whole_number, "sha256": _DIGEST})
_GOLDEN = _record({"file": _inside_the_folder, "text": str}, {"language": vol.Any("", _LANGUAGE)})
_FLOOR = _record({"context_floor_frames": _whole_number, "word_error": _number, "sentence_error": _number})
_MANIFEST = vol.Schema(
    {
        vol.Required("schema"): _schema_number,
        vol.Required("name"): _NAME,
        vol.Required("version"): str,
        vol.Optional("kind", default="asr"): vol.In(list(Kind), msg=f"must be one of {', '.join(Kind)}"),
        vol.Optional("engine"): str,
        vol.Optional("languages", default=list): [_LANGUAGE],
        vol.Optional("licence", default=""): str,
        vol.Optional("hub_classes", default=list): [_CLASS],
        vol.Optional("min_server", default=""): SERVER_VERSION,
        vol.Optional("files", default=list): vol.All([_FILE], vol.Length(max=MOST_FILES)),
        vol.Optional("context_floor_frames", default=1000): _whole_number,
        vol.Optional("context_margin_frames", default=256): _whole_number,
        vol.Optional("prompt_tokens", default=48): _whole_number,
        vol.Optional("golden", default=list): [_GOLDEN],
        vol.Optional("hallucination_phrases", default=dict): {_LANGUAGE: [str]},
        vol.Optional("notes", default=""): str,
        vol.Optional("calibration"): _record({"recordings": _whole_number, "floors": [_FLOOR]}),
        vol.Optional("resources"): _record(
            {"memory_mb": _number}, {"p50_ms": _number, "p95_ms": _number, "machine": str}
        ),
    },
    extra=vol.ALLOW_EXTRA,
)
_OURS = {one.name for one in dataclasses.fields(Bundle)} - {"scorecard", "unknown"}
