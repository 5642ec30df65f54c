"""Measure, on recordings whose words are known, whether the risk knows which texts are wrong."""

import argparse
import asyncio
import math
import operator
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..bundles.scorecards import own_scorecard_file
from ..errors import DiskError, EvaluationError, InvalidSettingsError, ModelCorruptError, OverlapError
from ..learning.evaluation import CERTAIN, Evaluation, Verdict, evaluate, length_bucket, snr_bucket
from ..learning.fit import cross_validated, fit, overlap
from ..pipeline.risk import GENERIC
from ..pipeline.scorecard import SETS, Scorecard, read_scorecard, write_scorecard
from ..settings import Settings
from .evaluation_shown import compared, drawn, shown
from .hearing import Heard, Hearing, check_recordings, hearing, seen
from .manifest import Row, read_manifest
from .report import print_json
from .whole_file import write_whole

SPLITS = ("voice", "sentence", "noise")
"""By what recordings are held back in turn when a scorecard is fitted to them."""
_LEAST_GROUPS = 2
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
        type=Path,
        nargs="?",
        const=_DEFAULT,
        metavar="FILE",
        help="fit a scorecard to these recordings and write it, where the server looks for it by default; "
        "the figures are then cross-validated",
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """A scorecard of one's own, and what it is worth on recordings that it did not see."""

    card: Scorecard
    file: Path
    splits: Mapping[str, Evaluation]
    """Which kind of thing was held back in turn → the figures."""
    left_out: Mapping[str, str]
    """Which kinds of things could not be held back → why."""
    hardest: str
    """The kind whose absence costs most: what to expect of new ones. Only its figures have intervals."""


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Hear every recording, then fit, draw, write and print. Raises EdgeVoiceError, with nothing written."""
    rows = await asyncio.to_thread(read_manifest, arguments.manifest)
    _check_outputs(arguments)
    identities = await asyncio.to_thread(check_recordings, rows)
    # A fit weighs nothing by the card that is there, which may be the damaged one that it is to replace.
    given = None if arguments.fit is None else GENERIC
    async with hearing(settings, model=arguments.model, language=arguments.language, scorecard=given) as parts:
        model, card = parts.edge.name, parts.scorecard
        if arguments.fit is None:
            _refuse_overlap(card, rows, identities)
        heard = await _heard(parts, rows)
    target = arguments.target or settings.threshold.target_error
    fitted: Fitted | None = None
    if arguments.fit is None:
        found = await asyncio.to_thread(evaluate, _verdicts(heard), target_error=target, seed=arguments.seed)
    else:
        file = arguments.fit if arguments.fit != _DEFAULT else own_scorecard_file(Path(settings.server.data_dir), model)
        fitted = await asyncio.to_thread(_fitted, heard, model, file, target, arguments.seed)
        found, card = fitted.splits[fitted.hardest], fitted.card
    await asyncio.to_thread(_write, arguments, found, fitted, model)
    if arguments.json:
        print_json(_result(found, fitted, model, card))
    else:
        print(_shown(found, fitted, model, card))
    return 0


async def _heard(parts: Hearing, rows: Sequence[Row]) -> list[Heard]:
    with tqdm(
        desc="hearing", total=len(rows), unit=" recordings", file=sys.stderr, disable=not sys.stderr.isatty()
    ) as bar:
        return await parts.hear(rows, bar.update)


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Check, before minutes of work, that files can and may be written. Raises InvalidSettingsError, DiskError."""
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


def _verdicts(heard: Sequence[Heard], logits: Sequence[float] | None = None) -> list[Verdict]:
    """Return each turn's verdict, by other log-odds than those of the scorecard in use where they are given."""
    given = [one.risk.logit for one in heard] if logits is None else logits
    return [
        Verdict(
            logit=CERTAIN if one.turn.ruled or one.risk.value >= 1.0 else min(logit, CERTAIN),
            avg_logprob=one.turn.mean_log_probability if one.hypothesis.text else -math.inf,
            wrong=one.turn.wrong,
            group=(one.turn.sentence, one.turn.voice),
            kinds={
                "language": one.turn.language,
                **one.row.kinds,
                "snr": snr_bucket(one.quality.snr_db if one.quality else None),
                "length": length_bucket(one.speech_seconds),
            },
        )
        for one, logit in zip(heard, given, strict=True)
    ]


def _fitted(heard: Sequence[Heard], model: str, file: Path, target: float, seed: int) -> Fitted:
    """Fit, and measure with each kind of thing held back in turn; blocks. Raises EvaluationError."""
    turns = [one.turn for one in heard]
    card = fit(turns, base_model=model, generic=GENERIC)
    held_back: dict[str, list[Verdict]] = {}
    left_out: dict[str, str] = {}
    for kind in SPLITS:
        if len({getattr(turn, kind) for turn in turns}) < _LEAST_GROUPS:
            left_out[kind] = f"the recordings are all of one {kind}"
            continue
        try:
            logits = cross_validated(turns, base_model=model, generic=GENERIC, by=operator.attrgetter(kind))
        except EvaluationError as error:
            left_out[kind] = str(error)  # too few without some voices may still be enough without some noises
            continue
        held_back[kind] = _verdicts(heard, logits)
    if not held_back:
        raise EvaluationError(
            "A scorecard must be tested on what it did not see, and nothing can be held back here: "
            f"{'; '.join(left_out.values())}; add recordings of other voices and sentences"
        )
    splits = {kind: evaluate(those, target_error=target, seed=seed, rounds=0) for kind, those in held_back.items()}
    hardest = max(splits, key=lambda kind: splits[kind].rankings["risk"].excess_aurc())
    splits[hardest] = evaluate(held_back[hardest], target_error=target, seed=seed)
    return Fitted(card=card, file=file, splits=splits, left_out=left_out, hardest=hardest)


def _write(arguments: argparse.Namespace, found: Evaluation, fitted: Fitted | None, model: str) -> None:
    """Write the figure and the scorecard, each whole or not at all. Raises DiskError."""
    if arguments.plot is not None:
        title = f"How well risk tells what {model} heard wrong"
        note = f"{found.whole.turns} recordings of {arguments.manifest.name}"
        held = "" if fitted is None else f"; each {fitted.hardest} held back from the fit that scores it"
        write_whole(arguments.plot, drawn(found, title=title, note=note + held))
    if fitted is not None:
        write_whole(fitted.file, write_scorecard(fitted.card))


def _result(found: Evaluation, fitted: Fitted | None, model: str, card: Scorecard) -> dict[str, Any]:
    """Return the JSON object."""
    told = {
        **found.json(),
        "model": model,
        "scorecard": {"model": card.model, "calibrated": card.calibrated, "turns": card.turns, "wrong": card.wrong},
    }
    if fitted is None:
        return told
    splits = {
        kind: {name: one.json()[name] for name in ("auroc", "caught_at", "excess_aurc", "ece")}
        for kind, one in fitted.splits.items()
    }
    fit_told = {
        "file": str(fitted.file),
        "saw": {name: len(getattr(card.provenance, name)) for name in SETS},
        "held_back_by": fitted.hardest,
        "cross_validated": splits,
        "not_held_back": dict(fitted.left_out),
    }
    return {**told, "fit": fit_told}


def _shown(found: Evaluation, fitted: Fitted | None, model: str, card: Scorecard) -> str:
    """Return what people read."""
    if fitted is None:
        source = f"scorecard fitted on {card.turns} recordings" if card.calibrated else "generic scorecard"
        return f"{model}, {source}\n\n{shown(found)}"
    saw = ", ".join(f"{len(getattr(card.provenance, name))} {name}" for name in SETS)
    left_out = "".join(f"  {kind}: not held back; {reason}\n" for kind, reason in fitted.left_out.items())
    return (
        f"{model}, each recording scored by a fit that did not see its {fitted.hardest}\n\n{shown(found)}\n\n"
        f"Held back in turn, and what the fit to the rest was worth\n{compared(fitted.splits)}\n{left_out}"
        f"Written to {fitted.file}: the scorecard of all of them. It lists what it saw ({saw}), and `evaluate` refuses "
        "to measure it on any of that"
    )
