"""A model's files → a bundle's folder, made beside its place and put there in one step when nothing is left to do."""

import fnmatch
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..bundles.bundle import ENGINES, Bundle, Golden, Kind
from ..bundles.hub import FILE_PATTERNS
from ..bundles.manifest_schema import MANIFEST_FILE, VERSION_FORM, bundle_of, fields_of
from ..bundles.scorecards import SCORECARD_FILE
from ..errors import BundleManifestError, CalibrationError, DiskError
from ..pipeline.scorecard import Scorecard, write_scorecard
from ..whole_file import sync_folder, write_whole
from .calibrate import Calibrated

CARD_FILE = "MODEL_CARD.md"
GOLDEN_FOLDER = "golden"
MODEL_FILES: Mapping[Kind, tuple[str, ...]] = {
    Kind.ASR: FILE_PATTERNS,
    Kind.WAKE: ("*.onnx", "*.tflite"),
    Kind.VAD: ("*.onnx",),
}
"""What is taken from the top of a source folder, beside licences; a checkout or a cache holds much else."""
_LICENCES = ("LICENSE*", "LICENCE*", "NOTICE*", "COPYING*")
_CARDS = (CARD_FILE, "README.md")
LARGEST_CARD_BYTES = 1 << 20


@contextmanager
def drafted(place: Path) -> Iterator[Path]:
    """Give an empty folder beside a bundle's place; on leaving it takes the place, or is gone if anything was raised.

    Raises DiskError, and BundleManifestError where the place is taken: a version is never built twice.
    """
    if place.exists():
        raise BundleManifestError(f"'{place}' is there already; give the bundle a new version, or delete that folder")
    draft = place.with_name(f".{place.name}.draft")
    try:
        shutil.rmtree(draft, ignore_errors=True)  # of a build that was killed
        draft.mkdir(parents=True)
        yield draft
        draft.rename(place)
        sync_folder(place.parent)
    except OSError as error:
        raise DiskError(f"'{place}' cannot be made: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def check_fields(bundle: Bundle) -> None:
    """Check what a publisher says of a bundle before minutes of work. Raises BundleManifestError, naming the field."""
    if not VERSION_FORM.match(bundle.version):
        raise BundleManifestError(f"'{bundle.version}' is no version of a bundle; write it as 1.2.0, or 1.2.0b1")
    alone = replace(bundle, kind=Kind.ASR, engine=ENGINES[Kind.ASR], files=(), golden=())
    try:
        bundle_of(json.loads(json.dumps(fields_of(alone))))
    except ValueError as error:
        raise BundleManifestError(f"No hub would take this bundle: {error}") from error


def copy_model(source: Path, draft: Path, kind: Kind) -> None:
    """Copy what a kind needs. Blocks. Raises BundleManifestError where there is no model.

    Links are followed: a cache of models is made of them.
    """
    if not _copied(source, draft, MODEL_FILES[kind]):
        raise BundleManifestError(f"'{source}' holds no {kind} model: none of {', '.join(MODEL_FILES[kind])}")


def copy_papers(source: Path, draft: Path) -> None:
    """Copy licences and the model card, where there are any. Blocks."""
    _copied(source, draft, _LICENCES)
    card = next((source / name for name in _CARDS if (source / name).is_file()), None)
    if card is not None:
        copy_card(card, draft)


def copy_card(card: Path, draft: Path) -> None:
    """Take a model card. Raises DiskError where it cannot be read, BundleManifestError for one that is too long."""
    try:
        content = card.read_bytes()
    except OSError as error:
        raise DiskError(f"'{card}' cannot be read: {error.strerror or error}") from error
    if len(content) > LARGEST_CARD_BYTES:
        raise BundleManifestError(f"'{card}' is longer than {LARGEST_CARD_BYTES} bytes, which is no model card")
    write_whole(draft / CARD_FILE, content)


def copy_goldens(source: Path, draft: Path, bundle: Bundle) -> None:
    """Take the golden recordings that the source itself came with. Raises BundleManifestError for one that is gone."""
    for golden in bundle.golden:
        if not (source / golden.file).is_file():
            raise BundleManifestError(f"The golden recording '{source / golden.file}' is not there")
        (draft / golden.file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / golden.file, draft / golden.file)


def pack_scorecard(card: Scorecard, draft: Path, bundle: Bundle, *, fitted_for: frozenset[str]) -> None:
    """Write a scorecard under the bundle's name. Raises CalibrationError for one of another model than `fitted_for`.

    Confidences of two models do not compare, so a card counts only for the very weights that it was fitted on.
    """
    if card.model and card.model not in fitted_for | {bundle.name}:
        raise CalibrationError(
            f"The scorecard was fitted for the model '{card.model}', not for '{bundle.name}'; fit one with "
            "`edge-voice evaluate --fit` on this model"
        )
    write_whole(draft / SCORECARD_FILE, write_scorecard(replace(card, model=bundle.name)).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A golden recording that is to be packed."""

    name: str
    """Of its file, without a folder."""
    wav: bytes
    """16 kHz, mono, 16 bits."""
    text: str
    """What the model has to hear, as it writes it."""
    language: str = ""


def pack_takes(takes: tuple[Take, ...], draft: Path) -> tuple[Golden, ...]:
    """Write golden recordings and return how a manifest names them. Raises BundleManifestError for a name twice."""
    names = {take.name.casefold() for take in takes}
    if len(names) < len(takes):
        raise BundleManifestError("Two golden recordings have the same file name; rename one")
    for take in takes:
        write_whole(draft / GOLDEN_FOLDER / take.name, take.wav)
    return tuple(Golden(file=f"{GOLDEN_FOLDER}/{take.name}", text=take.text, language=take.language) for take in takes)


def write_card(draft: Path, bundle: Bundle, calibrated: Calibrated | None) -> None:
    """Write a model card of what is known, where the publisher gave none."""
    if not (draft / CARD_FILE).exists():
        write_whole(draft / CARD_FILE, _card(bundle, calibrated).encode())


def _card(bundle: Bundle, calibrated: Calibrated | None) -> str:
    told = {
        "Kind": f"{bundle.kind}, run by {bundle.engine}",
        "Languages": ", ".join(bundle.languages) or "as the model says",
        "Licence": bundle.licence or "not said by its publisher",
        "Made for": ", ".join(bundle.hub_classes) or "any hub",
    }
    lines = [f"# {bundle.name} {bundle.version}", "", *([bundle.notes, ""] if bundle.notes else [])]
    lines += [f"- {key}: {value}" for key, value in told.items()]
    if calibrated is not None:
        lines += ["", f"Measured on {calibrated.calibration.recordings} recordings of its publisher:", ""]
        lines += ["| context floor | word error | sentence error |", "|---|---|---|"]
        lines += [
            f"| {one.context_floor_frames / 100:g} s | {one.word_error:.1%} | {one.sentence_error:.1%} |"
            for one in calibrated.calibration.floors
        ]
    return "\n".join(lines) + "\n"


def _copied(source: Path, draft: Path, patterns: tuple[str, ...]) -> int:
    """Copy the files at the top of a folder that match, and return how many there were."""
    files = [path for path in sorted(source.iterdir()) if path.is_file() and path.name != MANIFEST_FILE]
    chosen = [path for path in files if any(fnmatch.fnmatchcase(path.name, pattern) for pattern in patterns)]
    for path in chosen:
        shutil.copyfile(path, draft / path.name)
    return len(chosen)
