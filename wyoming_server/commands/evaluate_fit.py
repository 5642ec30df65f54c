"""A scorecard of one's own: fitted, measured on what it did not see, and held to what it would replace."""

import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..bundles.scorecards import SCORECARD_FILE, own_scorecard_file, scorecard_in
from ..errors import ModelCorruptError, TooFewRecordingsError
from ..learning.curves import Ranking
from ..learning.evaluation import CERTAIN, Evaluation, Verdict, evaluate, length_bucket, snr_bucket
from ..learning.fit import FEWEST_OF_A_KIND, at_home, cross_validated, fit, overlap
from ..pipeline.risk import GENERIC
from ..pipeline.scorecard import SETS, Scorecard
from .hearing import Heard

SPLITS = ("voice", "sentence", "noise")
"""By what recordings are held back in turn when a scorecard is fitted to them."""
DIGITS = 6
"""Of figures in JSON."""
_LEAST_GROUPS = 2
_TIE = 1e-9
"""Areas that differ by less differ by rounding."""


type Other = tuple[str, str, Scorecard]
"""A card that could serve without the fit: its key in JSON, what it is called, and itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A score that one has without the fit, and both on the same recordings; the fit's figures are held-back ones."""

    key: str
    """In JSON: avg_logprob, own, model, generic."""
    name: str
    recordings: int
    auroc: float
    excess_aurc: float
    fit_auroc: float
    fit_excess_aurc: float

    @classmethod
    def of(cls, key: str, name: str, other: Ranking, ours: Ranking) -> Rival:
        """Compare two rankings of the same turns."""
        return cls(
            key=key,
            name=name,
            recordings=ours.turns,
            auroc=other.auroc(),
            excess_aurc=other.excess_aurc(),
            fit_auroc=ours.auroc(),
            fit_excess_aurc=ours.excess_aurc(),
        )

    @property
    def is_beaten(self) -> bool:
        """Whether the fit wastes less, over all thresholds; a fit that gains nothing is not worth its risk."""
        return self.fit_excess_aurc < self.excess_aurc - _TIE

    def json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "with": self.key,
            "recordings": self.recordings,
            "auroc": {"fit": round(self.fit_auroc, DIGITS), "other": round(self.auroc, DIGITS)},
            "excess_aurc": {"fit": round(self.fit_excess_aurc, DIGITS), "other": round(self.excess_aurc, DIGITS)},
            "better": self.is_beaten,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """A scorecard of one's own, and what it is worth on recordings that it did not see."""

    card: Scorecard
    splits: Mapping[str, Evaluation]
    """Which kind of thing was held back in turn → the figures."""
    left_out: Mapping[str, str]
    """Which kinds of things could not be held back → why."""
    hardest: str
    """The kind whose absence costs most: what to expect of new ones. Only its figures have intervals."""
    rivals: tuple[Rival, ...]
    """What it was compared with, the hardest kind held back."""
    seen_before: tuple[str, ...] = ()
    """Cards that saw too much of these recordings to be compared with."""

    @property
    def is_better(self) -> bool:
        """Whether it beats all that one has without it."""
        return all(rival.is_beaten for rival in self.rivals)

    def json(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        splits = {
            kind: {name: one.json()[name] for name in ("auroc", "caught_at", "excess_aurc", "ece")}
            for kind, one in self.splits.items()
        }
        return {
            "saw": {name: len(getattr(self.card.provenance, name)) for name in SETS},
            "held_back_by": self.hardest,
            "cross_validated": splits,
            "not_held_back": dict(self.left_out),
            "better": self.is_better,
            "compared": [rival.json() for rival in self.rivals],
            "seen_before": list(self.seen_before),
        }


def verdicts(heard: Sequence[Heard], logits: Sequence[float] | None = None) -> list[Verdict]:
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


def fitted(heard: Sequence[Heard], others: Sequence[Other], *, model: str, target: float, seed: int) -> Fitted:
    """Fit, and measure with each kind of thing held back in turn; blocks.

    `others` are cards that could serve instead, as `cards_instead` finds them. Raises TooFewRecordingsError.
    """
    turns = [one.turn for one in heard]
    card = fit(turns, base_model=model, generic=GENERIC)
    held_back: dict[str, list[Verdict]] = {}
    left_out: dict[str, str] = {}
    for kind in SPLITS:
        if len({getattr(turn, kind) for turn in turns}) < _LEAST_GROUPS:
            left_out[kind] = f"the manifest tells no {kind}s apart"
            continue
        try:
            logits = cross_validated(turns, base_model=model, generic=GENERIC, by=operator.attrgetter(kind))
        except TooFewRecordingsError as error:
            # Too few without some voices may still be enough without some noises.
            left_out[kind] = f"without some of the {kind}s, {error}"
            continue
        held_back[kind] = verdicts(heard, logits)
    if not held_back:
        raise TooFewRecordingsError(
            "A scorecard must be tested on what it did not see, and nothing can be held back here: "
            f"{'; '.join(left_out.values())}; add recordings of other voices and sentences"
        )
    splits = {kind: evaluate(those, target_error=target, seed=seed, rounds=0) for kind, those in held_back.items()}
    hardest = max(splits, key=lambda kind: splits[kind].rankings["risk"].excess_aurc())
    splits[hardest] = evaluate(held_back[hardest], target_error=target, seed=seed)
    rankings = splits[hardest].rankings
    alone = Rival.of("avg_logprob", "average log-probability", rankings["avg_logprob"], rankings["risk"])
    rival, seen_before = _beside(heard, held_back[hardest], others)
    return Fitted(
        card=card, splits=splits, left_out=left_out, hardest=hardest, rivals=(alone, rival), seen_before=seen_before
    )


def cards_instead(directory: Path, *, data: Path, model: str) -> Iterator[Other]:
    """Yield the cards that would serve without a fit, with what they are called: the first is in use. Blocks.

    One that is damaged, or another model's, cannot serve and is left out.
    """
    places = (
        ("own", "your scorecard so far", own_scorecard_file(data, model)),
        ("model", "the model's own scorecard", directory / SCORECARD_FILE),
    )
    for key, name, file in places:
        try:
            card = scorecard_in(file, model)
        except ModelCorruptError:
            continue
        if card is not None:
            yield key, name, card
    yield "generic", "the generic scorecard", GENERIC


def _beside(heard: Sequence[Heard], ours: Sequence[Verdict], others: Sequence[Other]) -> tuple[Rival, tuple[str, ...]]:
    """Return the first of the other cards beside the fit, on the recordings that it has not seen.

    On those that it has seen it would be flattered; where too few are left, the next one stands in, and its name is in
    the second value. The last one, the generic card, has seen none.
    """
    chosen, skipped = others[-1], []
    for other in others[:-1]:
        if _can_tell(heard, other[2]):
            chosen = other
            break
        skipped.append(other[1])
    key, name, card = chosen
    unseen = _unseen(heard, card)
    theirs = verdicts(heard, [card.logit(at_home(one.turn, card).features) for one in heard])
    return Rival.of(key, name, _ranking(theirs, unseen), _ranking(ours, unseen)), tuple(skipped)


def _unseen(heard: Sequence[Heard], card: Scorecard) -> list[int]:
    return [at for at, one in enumerate(heard) if not overlap(card, [one.turn])]


def _can_tell(heard: Sequence[Heard], card: Scorecard) -> bool:
    """Tell whether a card has left enough of the recordings unseen to say anything of it."""
    wrong = [heard[at].turn.wrong for at in _unseen(heard, card)]
    return min(sum(wrong), len(wrong) - sum(wrong)) >= FEWEST_OF_A_KIND


def _ranking(those: Sequence[Verdict], at: Sequence[int]) -> Ranking:
    return Ranking.of([those[index].logit for index in at], [those[index].wrong for index in at])
