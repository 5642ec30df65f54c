"""Measure, on recordings whose words are known, whether the risk knows which texts are wrong."""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..bundles.scorecards import own_scorecard_file
from ..errors import (
    DiskError,
    InvalidSettingsError,
    ModelCorruptError,
    NotBetterError,
    OverlapError,
    TooFewRecordingsError,
)
from ..learning.evaluation import Evaluation, evaluate
from ..learning.fit import FEWEST_TURNS, overlap
from ..pipeline.risk import GENERIC
from ..pipeline.scorecard import Scorecard, read_scorecard, write_scorecard
from ..settings import Settings
from .evaluate_fit import Fitted, cards_instead, fitted, verdicts
from .evaluation_shown import drawn, fit_saw, fit_shown, no_better_than, shown
from .hearing import Heard, Hearing, check_recordings, hearing, seen
from .manifest import Row, read_manifest
from .report import print_json
from .whole_file import write_whole

_DEFAULT = Path()
"""What --fit without a file is."""
_NAMED = 3
"""So many of what overlaps are named."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "manifest",
        type=Path,
        metavar="MANIFEST.csv",
        help="columns file, text, language, microphone_class; voice, sentence, noise and condition are used, too",
    )
    parser.add_argument(
        "--fit",
        type=_fit_file,
        nargs="?",
        const=_DEFAULT,
        metavar="FILE",
        help="fit a scorecard to these recordings and write it, where the server looks for it by default; "
        "the figures are then cross-validated. Put it last, or write --fit=FILE",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="let --fit replace a scorecard by one that is no better on recordings that it did not see",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the figures")
    parser.add_argument("--model", metavar="NAME|DIR", help="starter, a faster-whisper name, or a folder")
    parser.add_argument("--language", metavar="xx", help="of recordings whose language the manifest leaves open")
    parser.add_argument(
        "--target",
        type=share,
        metavar="SHARE",
        help="share of turns that may be wrong (threshold.target_error of the settings)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the intervals' draws (0)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def share(text: str) -> float:
    """Return a share between 0 and 1; for argparse, which names it in its refusal."""
    given = float(text)
    if not 0 < given < 1:
        raise argparse.ArgumentTypeError(f"{text} is no share between 0 and 1, such as 0.03")
    return given


def _fit_file(text: str) -> Path:
    """Return where to write a scorecard; for argparse, which takes any word after --fit for it."""
    if text.casefold().endswith(".csv"):
        raise argparse.ArgumentTypeError(f"{text!r} is no name for a scorecard: put --fit last, or write --fit=FILE")
    return Path(text)


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Hear every recording, then fit, draw, write and print. Raises EdgeVoiceError, with nothing written.

    A scorecard that is not better than what it would replace is not written either: NotBetterError, after all else.
    """
    rows = await asyncio.to_thread(read_manifest, arguments.manifest)
    _check_outputs(arguments)
    if arguments.fit is not None and len(rows) < FEWEST_TURNS:
        raise TooFewRecordingsError(f"{len(rows)} recordings are too few to fit on: at least {FEWEST_TURNS} are needed")
    identities = await asyncio.to_thread(check_recordings, rows)
    # A fit weighs nothing by the card that is there, which may be the damaged one that it is to replace.
    given = None if arguments.fit is None else GENERIC
    async with hearing(settings, model=arguments.model, language=arguments.language, scorecard=given) as parts:
        model, card, directory = parts.edge.name, parts.scorecard, parts.directory
        if arguments.fit is None:
            _refuse_overlap(card, rows, identities)
        heard = await _heard(parts, rows)
    target = arguments.target or settings.threshold.target_error
    if arguments.fit is None:
        found = await asyncio.to_thread(evaluate, verdicts(heard), target_error=target, seed=arguments.seed)
        await asyncio.to_thread(_draw, arguments, found, model)
        _print(arguments, _result(found, model, card), _shown(found, model, card))
        return 0
    data = Path(settings.server.data_dir)
    others = await asyncio.to_thread(lambda: list(cards_instead(directory, data=data, model=model)))
    one = await asyncio.to_thread(fitted, heard, others, model=model, target=target, seed=arguments.seed)
    return await finish_fit(arguments, one, own_scorecard_file(data, model))


async def finish_fit(arguments: argparse.Namespace, one: Fitted, own: Path) -> int:
    """Draw, write and print a fit. Raises NotBetterError when it would serve at once and is not better."""
    found, model = one.splits[one.hardest], one.card.model
    file = own if arguments.fit == _DEFAULT else arguments.fit
    is_written = one.is_better or arguments.force or not _serves(file, own)
    await asyncio.to_thread(
        _draw, arguments, found, model, f"; each {one.hardest} held back from the fit that scores it"
    )
    if is_written:
        await asyncio.to_thread(write_whole, file, write_scorecard(one.card))
    told = {"file": str(file), "written": is_written, **one.json()}
    written = f"\n{_where(file, own)} {fit_saw(one)}" if is_written else ""
    _print(arguments, {**_result(found, model, one.card), "fit": told}, f"{fit_shown(one)}{written}")
    if not is_written:
        raise NotBetterError(
            f"Nothing is written to '{file}': with each {one.hardest} held back, {no_better_than(one)}. More "
            "recordings help, of more voices and noises above all; --force writes it all the same, --fit=FILE elsewhere"
        )
    return 0


async def _heard(parts: Hearing, rows: Sequence[Row]) -> list[Heard]:
    with tqdm(
        desc="hearing", total=len(rows), unit=" recordings", file=sys.stderr, disable=not sys.stderr.isatty()
    ) as bar:
        return await parts.hear(rows, bar.update)


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Check, before minutes of work, that files can and may be written. Raises InvalidSettingsError, DiskError."""
    if arguments.force and arguments.fit is None:
        raise InvalidSettingsError("--force is about what --fit writes, and there is no --fit")
    for file in (arguments.plot, arguments.fit):
        if file is None or file == _DEFAULT:
            continue
        if file.resolve() == arguments.manifest.resolve():
            raise InvalidSettingsError(f"'{file}' is the manifest itself; name another file to write to")
        if not file.parent.is_dir() or file.is_dir():
            raise DiskError(f"'{file}' cannot be written; name a file in a folder that exists")
    if arguments.fit is not None and arguments.fit.is_file():
        try:
            read_scorecard(arguments.fit.read_bytes())
        except (OSError, ModelCorruptError) as error:
            raise InvalidSettingsError(
                f"'{arguments.fit}' is there and is no scorecard, so it is left alone ({error}); name another file"
            ) from error


def _refuse_overlap(card: Scorecard, rows: Sequence[Row], identities: Sequence[str]) -> None:
    """Raise OverlapError when the scorecard in use has seen any of this: its figures would flatter it."""
    turns = [seen(row, identity) for row, identity in zip(rows, identities, strict=True)]
    files = {f"recording {identity}": row.path.name for row, identity in zip(rows, identities, strict=True)}
    by_kind: dict[str, list[str]] = {}
    for one in overlap(card, turns):
        kind, _, name = one.partition(" ")
        by_kind.setdefault(kind, []).append(files.get(one, name))
    if by_kind:
        named = "; ".join(f"{_counted(names, kind)} ({_first(sorted(names))})" for kind, names in by_kind.items())
        raise OverlapError(
            f"The scorecard of '{card.model}' was fitted on some of what this manifest holds: {named}. Hold voices, "
            "sentences and noises back from `evaluate --fit`, and measure on those"
        )


def _counted(names: Sequence[str], kind: str) -> str:
    return f"{len(names)} {kind}{'s' if len(names) > 1 else ''}"


def _first(names: Sequence[str]) -> str:
    """Return the first few names."""
    return ", ".join(f"'{name}'" for name in names[:_NAMED]) + (", …" if len(names) > _NAMED else "")


def _serves(file: Path, own: Path) -> bool:
    """Tell whether a scorecard in this file serves at the next start; anywhere else it replaces nothing."""
    return file.resolve() == own.resolve()


def _where(file: Path, own: Path) -> str:
    if _serves(file, own):
        return f"Written to '{file}', where the server finds it at its next start."
    return f"Written to '{file}'; the server looks for it at '{own}'."


def _draw(arguments: argparse.Namespace, found: Evaluation, model: str, held: str = "") -> None:
    """Write the figure, whole or not at all; blocks. Raises DiskError."""
    if arguments.plot is not None:
        title = f"How well risk tells what {model} heard wrong"
        note = f"{found.whole.turns} recordings of {arguments.manifest.name}{held}"
        write_whole(arguments.plot, drawn(found, title=title, note=note))


def _print(arguments: argparse.Namespace, told: Mapping[str, Any], shown: str) -> None:
    if arguments.json:
        print_json(told)
    else:
        print(shown)


def _result(found: Evaluation, model: str, card: Scorecard) -> dict[str, Any]:
    """Return the JSON object."""
    return {
        **found.json(),
        "model": model,
        "scorecard": {"model": card.model, "calibrated": card.calibrated, "turns": card.turns, "wrong": card.wrong},
    }


def _shown(found: Evaluation, model: str, card: Scorecard) -> str:
    """Return what people read."""
    source = f"scorecard fitted on {card.turns} recordings" if card.calibrated else "generic scorecard"
    return f"{model}, {source}\n\n{shown(found)}"
