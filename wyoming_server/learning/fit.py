"""Labelled turns → a scorecard: additive, monotone, shrunk towards saying nothing.

An additive logistic scorecard (a step-wise GAM with the steps joined up) fitted by L2 logistic regression under sign
constraints: a curve may only rise, or only fall, as its feature's direction says. Solved by the projected
Newton method for simple bounds (Bertsekas, SIAM J. Control and Optimization 20, 1982).
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..errors import EvaluationError
from ..pipeline.evidence import FEATURES, with_standing
from ..pipeline.scorecard import Curve, Provenance, Reference, Scorecard

FEWEST_TURNS = 100
FEWEST_OF_A_KIND = 20
"""Fewer right or wrong ones than this say nothing about two dozen features."""
PIECES = 5
RIDGE = 1.0
"""Weight of the squared log-odds that each piece of a curve adds."""
REFERENCE_QUANTILES, LOGIT_QUANTILES = 101, 101
NEWTON_STEPS = 60
HASH_DIGITS = 12
_GROUPS = {"voices": "voice", "sentences": "sentence", "noises": "noise", "recordings": "recording"}

type Vector = npt.NDArray[np.float64]


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
    recording: str = ""
    """Any identity of the audio, such as its checksum. An empty group is not compared with any other."""
    ruled: bool = False
    """A hallucination rule makes its risk 1, whatever the card says; it is not fitted on."""


def fit(turns: Sequence[LabelledTurn], *, base_model: str, generic: Scorecard, ridge: float = RIDGE) -> Scorecard:
    """Return the scorecard of a model from its labelled turns.

    Features that the turns do not vary (retries, where each recording is one try) keep the generic card's curve.
    Raises EvaluationError when there are too few turns, or too few of a kind.
    """
    heard = [turn for turn in turns if not turn.ruled]
    wrong = sum(turn.wrong for turn in heard)
    if len(heard) < FEWEST_TURNS or min(wrong, len(heard) - wrong) < FEWEST_OF_A_KIND:
        raise EvaluationError(
            f"{len(heard)} recordings, {wrong} of them heard wrong, are too few to fit on: at least {FEWEST_TURNS}, "
            f"{FEWEST_OF_A_KIND} right and {FEWEST_OF_A_KIND} wrong"
        )
    card = Scorecard(model=base_model, references=_references(heard))
    placed = [at_home(turn, card) for turn in heard]
    curves, base = _curves(placed, ridge)
    kept = {name: curve for name, curve in generic.curves.items() if name not in _varying(placed)}
    fitted = replace(card, base=base, curves=kept | curves)
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
    return replace(turn, features=with_standing(turn.features, standing))


def cross_validated(
    turns: Sequence[LabelledTurn],
    *,
    base_model: str,
    generic: Scorecard,
    by: Callable[[LabelledTurn], str],
    folds: int = 5,
    ridge: float = RIDGE,
) -> list[float]:
    """Return each turn's log-odds by a card that was fitted without the groups of its fold, in the turns' order."""
    fold = [_checksum(by(turn)) % folds for turn in turns]
    logits = [0.0] * len(turns)
    for number in range(folds):
        kept = [turn for turn, at in zip(turns, fold, strict=True) if at != number]
        card = fit(kept, base_model=base_model, generic=generic, ridge=ridge)
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
    """Return each language's quantiles, over all of its turns."""
    return {
        language: Reference(
            log_probability=_quantiles(
                [turn.mean_log_probability for turn in turns if turn.language == language], REFERENCE_QUANTILES
            ),
            entropy=_quantiles([turn.mean_entropy for turn in turns if turn.language == language], REFERENCE_QUANTILES),
        )
        for language in sorted({turn.language for turn in turns})
    }


def _quantiles(values: Sequence[float], count: int) -> tuple[float, ...]:
    return tuple(np.quantile(np.array(values, float), np.linspace(0.0, 1.0, count)).tolist())


def _varying(turns: Sequence[LabelledTurn]) -> list[str]:
    """Return the features of which the turns hold more than one value."""
    return [name for name in FEATURES if len({turn.features[name] for turn in turns if name in turn.features}) > 1]


def _curves(turns: Sequence[LabelledTurn], ridge: float) -> tuple[dict[str, Curve], float]:
    """Return the fitted curves, 0 for a typical right turn, and that turn's log-odds."""
    names = _varying(turns)
    wrong = np.array([turn.wrong for turn in turns], float)
    values = {name: np.array([turn.features.get(name, math.nan) for turn in turns]) for name in names}
    typical = {name: float(np.nanmedian(values[name][wrong == 0])) for name in names}
    knots = {name: _knots(values[name]) for name in names}
    pieces = [
        FEATURES[name].direction * _rises(np.where(np.isnan(values[name]), typical[name], values[name]), knots[name])
        for name in names
    ]
    weights, intercept = _bounded_logistic(np.concatenate(pieces, axis=1), wrong, ridge)
    curves, base, start = {}, intercept, 0
    for name in names:
        end = start + len(knots[name]) - 1
        heights = np.concatenate(([0.0], np.cumsum(FEATURES[name].direction * weights[start:end])))
        at_typical = float(np.interp(typical[name], knots[name], heights))
        base, start = base + at_typical, end
        curves[name] = Curve(knots=tuple(knots[name].tolist()), log_odds=tuple((heights - at_typical).tolist()))
    return curves, base


def _knots(values: Vector) -> Vector:
    """Return the ends of a feature's pieces: quantiles of what was seen, and none twice."""
    known = values[~np.isnan(values)]
    return np.unique(np.round(np.quantile(known, np.linspace(0.0, 1.0, PIECES + 1)), 6))


def _rises(values: Vector, knots: Vector) -> Vector:
    """Return how far each value has come through each piece, 0 to 1, shape (values, pieces)."""
    return np.clip((values[:, None] - knots[None, :-1]) / np.diff(knots)[None, :], 0.0, 1.0)


def _bounded_logistic(rows: Vector, wrong: Vector, ridge: float) -> tuple[Vector, float]:
    """Return weights ≥ 0 and an intercept that minimise logistic loss + ridge/2 · |weights|²."""
    design = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    penalty = np.append(np.full(rows.shape[1], ridge), 1e-6)
    weights = np.zeros(design.shape[1])
    lowest = np.append(np.zeros(rows.shape[1]), -np.inf)

    def loss(at: Vector) -> float:
        logits = design @ at
        return float(np.sum(np.logaddexp(0.0, logits) - wrong * logits) + 0.5 * np.sum(penalty * at**2))

    best = loss(weights)
    for _ in range(NEWTON_STEPS):
        probability = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -40, 40)))
        gradient = design.T @ (probability - wrong) + penalty * weights
        free = (weights > lowest) | (gradient < 0)
        inner = design[:, free]
        hessian = inner.T @ (inner * (probability * (1 - probability))[:, None]) + np.diag(penalty[free])
        step = np.zeros_like(weights)
        step[free] = np.linalg.solve(hessian, gradient[free])
        size = 1.0
        while size > 1e-6 and loss(np.maximum(lowest, weights - size * step)) > best:
            size /= 2
        moved = np.maximum(lowest, weights - size * step)
        gained = best - loss(moved)
        if gained <= 1e-9 * max(1.0, best):
            break
        weights, best = moved, best - gained
    return weights[:-1], float(weights[-1])
