"""Labelled turns → a scorecard: additive, monotone, shrunk towards the generic one.

An additive logistic scorecard (a step-wise GAM with the steps joined up) fitted by L2 logistic regression under sign
constraints: a curve may only rise, or only fall, as its feature's direction says.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import TooFewRecordingsError
from ..pipeline.evidence import FEATURES, opening, with_standing
from ..pipeline.scorecard import Curve, Provenance, Reference, Scorecard, rarity
from .logistic import Vector, bounded_logistic

FEWEST_TURNS = 100
FEWEST_OF_A_KIND = 20
"""Fewer right or wrong ones than this say nothing about two dozen features."""
PIECES = 4
NARROWEST = 0.025
"""Of a feature's span: a narrower piece would be a step."""
RIDGE = 1.0
"""Weight of a piece's squared distance from the generic curve, in log-odds."""
REFERENCE_QUANTILES, LOGIT_QUANTILES = 201, 101
HOME_ERROR = 0.1
"""Share of wrong turns that a home is taken to have: recordings for fitting have many more, to learn from."""
HASH_DIGITS = 12
_GROUPS = {"voices": "voice", "sentences": "sentence", "noises": "noise", "recordings": "recording"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledTurn:
    """A recording's features, and whether it was heard wrong."""

    features: Mapping[str, float]
    """As `pipeline.evidence.extract` returns them."""
    wrong: bool
    language: str
    mean_log_probability: float
    mean_entropy: float
    voice: str = ""
    sentence: str = ""
    noise: str = ""
    opening: str = ""
    """How its text begins, as `pipeline.evidence.opening` says."""
    recording: str = ""
    """Any identity of the audio, such as its checksum. An empty group is not compared with any other."""
    ruled: bool = False
    """A hallucination rule makes its risk 1, whatever the card says; it is not fitted on."""


def fit(
    turns: Sequence[LabelledTurn],
    *,
    base_model: str,
    generic: Scorecard,
    texts: Mapping[str, Iterable[str]] | None = None,
    ridge: float = RIDGE,
) -> Scorecard:
    """Return the scorecard of a model from its labelled turns.

    `texts` (by language) are more commands as people word them, beside those heard right: from how they begin it is
    learned what begins as no command does.

    Features that the turns do not vary (retries, where each recording is one try) keep the generic card's curve.
    Raises TooFewRecordingsError when there are too few turns, or too few of a kind.
    """
    heard = [turn for turn in turns if not turn.ruled]
    wrong = sum(turn.wrong for turn in heard)
    if len(heard) < FEWEST_TURNS or min(wrong, len(heard) - wrong) < FEWEST_OF_A_KIND:
        raise TooFewRecordingsError(
            f"{len(heard)} recordings, {wrong} of them heard wrong, are too few to fit on: at least {FEWEST_TURNS}, "
            f"{FEWEST_OF_A_KIND} right and {FEWEST_OF_A_KIND} wrong"
        )
    card = Scorecard(model=base_model, references=_references(heard), openings=_openings(heard, texts or {}))
    placed = [_placed(turn, card) for turn in heard]
    varying = _varying(placed)
    curves, base = _curves(placed, varying, generic, ridge)
    kept = {name: curve for name, curve in generic.curves.items() if name not in varying}
    fitted = replace(card, base=base, curves={**kept, **curves})
    return replace(
        fitted,
        logits=_quantiles([fitted.logit(turn.features) for turn in placed], LOGIT_QUANTILES),
        provenance=_provenance(turns),
        turns=len(heard),
        wrong=wrong,
    )


def at_home(turn: LabelledTurn, card: Scorecard) -> LabelledTurn:
    """Return a turn with its standing among a card's references: what a home without turns of its own has."""
    standing = card.standing(turn.language, turn.mean_log_probability, turn.mean_entropy)
    features = with_standing(turn.features, standing)
    rare = card.rarity(turn.language, turn.opening) if turn.opening else None
    return replace(turn, features=features if rare is None else features | {"opening": rare})


def _openings(turns: Iterable[LabelledTurn], texts: Mapping[str, Iterable[str]]) -> dict[str, dict[str, int]]:
    """Return how often commands begin how; what was heard but once tells of that one alone, and is left out."""
    right = {
        (turn.language, turn.opening, turn.sentence or str(number)) for number, turn in enumerate(turns) if _tells(turn)
    }
    heard = Counter((language, begun) for language, begun, _ in right)
    told = Counter((language, opening(text, language)) for language, some in texts.items() for text in some)
    counted: dict[str, dict[str, int]] = {}
    for (language, begun), count in sorted((heard + told).items()):
        if begun and count > 1:
            counted.setdefault(language, {})[begun] = count
    return counted


def _tells(turn: LabelledTurn) -> bool:
    """Whether its text tells how commands begin."""
    return bool(turn.opening) and not turn.wrong


def _placed(turn: LabelledTurn, card: Scorecard) -> LabelledTurn:
    """Return a turn of the fit as `at_home`, but how usual its beginning is by the others only."""
    placed = at_home(turn, card)
    counts = card.openings.get(turn.language)
    if not counts or not _tells(turn):
        return placed
    others = max(0, counts.get(turn.opening, 0) - 1)
    return replace(placed, features={**placed.features, "opening": rarity(others, sum(counts.values()))})


def cross_validated(
    turns: Sequence[LabelledTurn],
    *,
    base_model: str,
    generic: Scorecard,
    by: Callable[[LabelledTurn], str],
    folds: int = 5,
    texts: Mapping[str, Sequence[str]] | None = None,
    ridge: float = RIDGE,
) -> list[float]:
    """Return each turn's log-odds by a card that was fitted without the groups of its fold, in the turns' order."""
    fold = [_checksum(by(turn)) % folds for turn in turns]
    logits = [0.0] * len(turns)
    for number in range(folds):
        kept = [turn for turn, at in zip(turns, fold, strict=True) if at != number]
        card = fit(kept, base_model=base_model, generic=generic, texts=texts, ridge=ridge)
        for index, turn in enumerate(turns):
            if fold[index] == number:
                logits[index] = card.logit(at_home(turn, card).features)
    return logits


def overlap(card: Scorecard, turns: Iterable[LabelledTurn]) -> tuple[str, ...]:
    """Return what a card was fitted on and these turns hold, too, such as "voice flite:rms"; () when they are apart."""
    shared = {
        f"{kind} {name}"
        for turn in turns
        for field, kind in _GROUPS.items()
        if (name := getattr(turn, kind)) and hashed(kind, name) in getattr(card.provenance, field)
    }
    return tuple(sorted(shared))


def hashed(kind: str, name: str) -> str:
    """Return what stands for a group in a card."""
    return hashlib.sha256(f"{kind}:{name}".encode()).hexdigest()[:HASH_DIGITS]


def _checksum(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)


def _provenance(turns: Iterable[LabelledTurn]) -> Provenance:
    seen = {
        field: frozenset(hashed(kind, getattr(turn, kind)) for turn in turns if getattr(turn, kind))
        for field, kind in _GROUPS.items()
    }
    return Provenance(**seen)


def _references(turns: Sequence[LabelledTurn]) -> dict[str, Reference]:
    """Return each language's quantiles, as a home would see them, where few turns are wrong."""
    references = {}
    for language in sorted({turn.language for turn in turns}):
        spoken = [turn for turn in turns if turn.language == language]
        weights = _as_at_home([turn.wrong for turn in spoken])
        references[language] = Reference(
            log_probability=_weighted([turn.mean_log_probability for turn in spoken], weights),
            entropy=_weighted([turn.mean_entropy for turn in spoken], weights),
        )
    return references


def _as_at_home(wrong: Sequence[bool]) -> Vector:
    """Return weights that make wrong turns as rare among these as they are in a home."""
    marks = np.array(wrong, float)
    share = min(max(float(marks.mean()), 1e-6), 1.0 - 1e-6)
    return np.asarray(marks * HOME_ERROR / share + (1 - marks) * (1 - HOME_ERROR) / (1 - share))


def _weighted(values: Sequence[float], weights: Vector) -> tuple[float, ...]:
    """Return evenly spaced quantiles of weighted values."""
    order = np.argsort(values)
    placed = np.cumsum(weights[order]) - weights[order] / 2
    shares = (placed - placed[0]) / max(placed[-1] - placed[0], 1e-12)
    wanted = np.linspace(0.0, 1.0, REFERENCE_QUANTILES)
    return tuple(np.interp(wanted, shares, np.array(values, float)[order]).tolist())


def _quantiles(values: Sequence[float], count: int) -> tuple[float, ...]:
    return tuple(np.quantile(np.array(values, float), np.linspace(0.0, 1.0, count)).tolist())


def _varying(turns: Sequence[LabelledTurn]) -> list[str]:
    """Return the features of which the turns hold more than one value."""
    return [name for name in FEATURES if len({turn.features[name] for turn in turns if name in turn.features}) > 1]


def _curves(
    turns: Sequence[LabelledTurn], names: Sequence[str], generic: Scorecard, ridge: float
) -> tuple[dict[str, Curve], float]:
    """Return the fitted curves, 0 for a typical right turn, and that turn's log-odds."""
    wrong = np.array([turn.wrong for turn in turns], float)
    values = {name: np.array([turn.features.get(name, math.nan) for turn in turns]) for name in names}
    typical = {name: float(np.nanmedian(_some(values[name], wrong))) for name in names}
    knots = {name: _knots(values[name]) for name in names}
    pieces = [
        FEATURES[name].direction * _rises(np.where(np.isnan(values[name]), typical[name], values[name]), knots[name])
        for name in names
    ]
    prior = [FEATURES[name].direction * _steps(generic.curves.get(name), knots[name]) for name in names]
    weights, intercept = bounded_logistic(np.concatenate(pieces, axis=1), wrong, np.concatenate(prior), ridge)
    curves, base, start = {}, intercept, 0
    for name in names:
        end = start + len(knots[name]) - 1
        heights = np.concatenate(([0.0], np.cumsum(FEATURES[name].direction * weights[start:end])))
        at_typical = float(np.interp(typical[name], knots[name], heights))
        base, start = base + at_typical, end
        curves[name] = Curve(knots=tuple(knots[name].tolist()), log_odds=tuple((heights - at_typical).tolist()))
    return curves, base


def _some(values: Vector, wrong: Vector) -> Vector:
    """Return the values of right turns, or all where no right turn has one."""
    right = values[wrong == 0]
    return right if not np.isnan(right).all() else values


def _steps(curve: Curve | None, knots: Vector) -> Vector:
    """Return how much a curve changes over each piece: what is believed before there are data."""
    return np.diff([curve.at(knot) for knot in knots]) if curve else np.zeros(len(knots) - 1)


def _knots(values: Vector) -> Vector:
    """Return the ends of a feature's pieces: its quantiles, beside values that many turns share."""
    known = values[~np.isnan(values)]
    distinct, counts = np.unique(known, return_counts=True)
    common = distinct[counts > len(known) / PIECES]
    others = known[~np.isin(known, common)]
    quantiles = np.quantile(others, np.linspace(0.0, 1.0, PIECES + 1)) if len(others) else others
    found = np.unique(np.round(np.concatenate((common, quantiles)), 6))
    narrow = NARROWEST * (found[-1] - found[0])
    kept = [found[0]]
    for knot in found[1:]:
        if knot - kept[-1] >= narrow:
            kept.append(knot)
    return np.array([*kept[:-1], found[-1]] if len(kept) > 1 else kept)


def _rises(values: Vector, knots: Vector) -> Vector:
    """Return how far each value has come through each piece, 0 to 1, shape (values, pieces)."""
    return np.clip((values[:, None] - knots[None, :-1]) / np.diff(knots)[None, :], 0.0, 1.0)
