"""Make a bundle of a model: calibrated on recordings, held to its golden recordings, and described."""

import argparse
import asyncio
import logging
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from ..bundles.bundle import ENGINES, Bundle, Golden, Kind
from ..bundles.manifest import read_bundle
from ..bundles.store import ModelStore
from ..engines.asr_whisper import WhisperEngine
from ..engines.convert_whisper import convert_checkpoint, is_checkpoint
from ..engines.load import load_edge_model
from ..errors import CalibrationError, DiskError, InvalidSettingsError
from ..learning.comparison import base
from ..pipeline.scorecard import Scorecard, read_scorecard
from ..publisher.build import (
    check_fields,
    copy_card,
    copy_goldens,
    copy_model,
    copy_papers,
    drafted,
    pack_scorecard,
    pack_takes,
    write_card,
)
from ..publisher.calibrate import USUAL_FLOOR_FRAMES, Calibrated
from ..publisher.manifest_write import write_manifest
from ..recogniser import cores
from ..settings import Settings
from .hearing import check_recordings
from .manifest import Row, read_manifest
from .models_build_shown import shown, told
from .models_calibrated import calibrated, tried
from .models_goldens import GoldenRow, read_goldens, takes_of
from .report import print_json


def add_arguments(parser: argparse.ArgumentParser, _: str) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "source",
        metavar="MODEL",
        help="a folder in faster-whisper's form, a Hugging Face Whisper checkpoint, a folder with wake words or a VAD "
        "model, or the name of an installed model",
    )
    parser.add_argument("--name", metavar="NAME", help="of the bundle; the model's own by default")
    parser.add_argument("--version", dest="bundle_version", required=True, metavar="X.Y.Z", help="of the bundle")
    parser.add_argument(
        "--kind", type=Kind, choices=list(Kind), help="what the model does; its own, or asr, by default"
    )
    parser.add_argument("--output", type=Path, default=Path(), metavar="DIR", help="where NAME@X.Y.Z is put (.)")
    parser.add_argument(
        "--recordings",
        type=Path,
        metavar="MANIFEST.csv",
        help="what to calibrate on, as for `evaluate`; they stay here. Without, the context is 10 s at least",
    )
    parser.add_argument("--language", metavar="xx", help="of recordings whose row names none")
    parser.add_argument(
        "--goldens",
        type=Path,
        metavar="GOLDENS.csv",
        help="columns file, text and perhaps language: what every hub plays to the model before it may serve. They are "
        "packed, and so published; the model's own by default",
    )
    parser.add_argument("--scorecard", type=Path, metavar="FILE", help="what `evaluate --fit` wrote for this model")
    parser.add_argument("--card", type=Path, metavar="FILE.md", help="the model card; the model's own by default")
    parser.add_argument("--languages", type=_words, metavar="en,de", help="what it knows; the model's own by default")
    parser.add_argument("--licence", metavar="NAME", help="such as Apache-2.0")
    parser.add_argument("--hub-classes", type=_words, metavar="pi5,n100", help="what it is made for; any by default")
    parser.add_argument("--min-server", metavar="X.Y", help="the oldest server that runs it; any by default")
    parser.add_argument("--notes", metavar="TEXT", help="a sentence for the people who run a hub")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _words(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(",") if one.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What a bundle is made of."""

    source: Path
    kind: Kind
    known: Bundle
    """What the source says of itself."""
    rows: tuple[Row, ...]
    """Recordings to calibrate on."""
    language: str
    goldens: tuple[GoldenRow, ...]
    scorecard: Scorecard | None
    card: Path | None


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Build a bundle, whole or not at all. Raises EdgeVoiceError."""
    if settings.server.log_level == "info":  # a line per trial would run through what the command prints
        logging.getLogger(__package__.partition(".")[0]).setLevel(logging.WARNING)
    given = await asyncio.to_thread(_read, arguments, settings)
    bundle, found = _planned(arguments, given.kind, given.known), None
    check_fields(bundle)
    with drafted(arguments.output / f"{bundle.name}@{bundle.version}") as draft:
        await asyncio.to_thread(_collect, draft, bundle, given)
        if bundle.kind is Kind.ASR:
            bundle, found = await _fitted(draft, bundle, given, settings)
        else:
            bundle = replace(bundle, golden=_golden(draft, given, None))
        await asyncio.to_thread(write_card, draft, bundle, found)
        await asyncio.to_thread(write_manifest, draft, bundle)
        bundle = replace(bundle, resources=await tried(draft, bundle.kind))
        bundle = await asyncio.to_thread(write_manifest, draft, bundle)
    folder = arguments.output / bundle.label
    if arguments.json:
        print_json(told(folder, bundle, found))
    else:
        print(*shown(folder, bundle, found), sep="\n")
    return 0


def _source(name: str, settings: Settings) -> Path:
    """Return the folder of a model. Raises UnknownModelError, ModelMissingError and ModelCorruptError."""
    folder = Path(name).expanduser()
    return folder if folder.is_dir() else ModelStore(Path(settings.server.data_dir) / "models").resolve(name)


def _planned(arguments: argparse.Namespace, kind: Kind, known: Bundle) -> Bundle:
    """Return what the bundle says of itself: what the model said, and what was asked for."""
    given = {
        "name": arguments.name,
        "languages": arguments.languages,
        "licence": arguments.licence,
        "hub_classes": arguments.hub_classes,
        "min_server": arguments.min_server,
        "notes": arguments.notes,
    }
    return replace(
        known,
        version=arguments.bundle_version,
        kind=kind,
        engine=ENGINES[kind],
        files=(),
        golden=(),
        context_floor_frames=USUAL_FLOOR_FRAMES,
        hallucination_phrases=known.hallucination_phrases if kind is Kind.ASR else {},
        scorecard=None,
        calibration=None,
        resources=None,
        unknown={},
        **{key: value for key, value in given.items() if value is not None},
    )


def _read(arguments: argparse.Namespace, settings: Settings) -> _Given:
    """Read everything that was named, so that what cannot be used is known before minutes of work. Blocks."""
    source = _source(arguments.source, settings)
    known = read_bundle(source)
    kind: Kind = arguments.kind or known.kind
    if kind is not Kind.ASR and (arguments.recordings or arguments.scorecard):
        raise InvalidSettingsError(f"--recordings and --scorecard are about recognisers, and this is --kind {kind}")
    rows = read_manifest(arguments.recordings) if arguments.recordings else ()
    check_recordings(rows)
    goldens = read_goldens(arguments.goldens, kind) if arguments.goldens else ()
    if not any(one.text for one in goldens or known.golden):
        raise CalibrationError(
            f"'{arguments.source}' has no golden recordings that say something, which every hub needs to try a model; "
            "name some with --goldens"
        )
    return _Given(
        source=source,
        kind=kind,
        known=known,
        rows=rows,
        language=base(arguments.language or ""),
        goldens=goldens,
        scorecard=_scorecard(arguments.scorecard) if arguments.scorecard else None,
        card=arguments.card,
    )


def _scorecard(file: Path) -> Scorecard:
    try:
        return read_scorecard(file.read_bytes())
    except OSError as error:
        raise DiskError(f"'{file}' cannot be read: {error.strerror or error}") from error


def _collect(draft: Path, bundle: Bundle, given: _Given) -> None:
    """Bring the model's files together, converted where they are a checkpoint. Blocks. Raises EdgeVoiceError."""
    if bundle.kind is Kind.ASR and is_checkpoint(given.source):
        converted = draft / ".converted"
        convert_checkpoint(given.source, converted)
        copy_model(converted, draft, bundle.kind)
        shutil.rmtree(converted)
    else:
        copy_model(given.source, draft, bundle.kind)
    copy_papers(given.source, draft)
    if given.card is not None:
        copy_card(given.card, draft)
    known = given.known
    card = given.scorecard or (known.scorecard if bundle.kind is Kind.ASR else None)
    if card is not None:
        pack_scorecard(card, draft, bundle, fitted_for=frozenset({known.name, known.label}))


async def _fitted(draft: Path, bundle: Bundle, given: _Given, settings: Settings) -> tuple[Bundle, Calibrated | None]:
    """Return a recogniser's bundle with its floor and its golden recordings. Raises EdgeVoiceError."""
    await asyncio.to_thread(write_manifest, draft, bundle)
    await tried(draft, bundle.kind)  # what crashes its loader shall not take this process along
    engine = await asyncio.to_thread(load_edge_model, draft, threads=cores())
    try:
        found = await _calibrated(engine, bundle, given, settings) if given.rows else None
        if found is not None:
            floor = found.context_floor_frames
            bundle = replace(bundle, context_floor_frames=floor, calibration=found.calibration)
        at_floor = engine.seeing(bundle.context_floor_frames)
        return replace(bundle, golden=await asyncio.to_thread(_golden, draft, given, at_floor)), found
    finally:
        engine.close()


async def _calibrated(engine: WhisperEngine, bundle: Bundle, given: _Given, settings: Settings) -> Calibrated:
    with tqdm(
        desc="hearing", total=len(given.rows), unit=" recordings", file=sys.stderr, disable=not sys.stderr.isatty()
    ) as bar:
        return await calibrated(
            engine,
            given.rows,
            endpoint=settings.endpoint,
            margin_frames=bundle.context_margin_frames,
            language=given.language,
            report=bar.update,
        )


def _golden(draft: Path, given: _Given, engine: WhisperEngine | None) -> tuple[Golden, ...]:
    """Pack the golden recordings. Blocks. Raises CalibrationError for one that the model hears wrong."""
    if given.goldens:
        return pack_takes(takes_of(given.goldens, engine), draft)
    copy_goldens(given.source, draft, given.known)
    return given.known.golden
