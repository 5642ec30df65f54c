"""Labelled turns with two scores → every figure that says whether to trust the first one."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..pipeline.policy import UNCALIBRATED, Calibration
from .bootstrap import Interval, paired_differences
from .curves import AtThreshold, Ranking, at_threshold
from .reliability import Bin, calibration_error, reliability
from .risk_curve import RiskCurve

SHARES = (0.05, 0.1, 0.15, 0.2, 0.3)
"""Shares of turns escalated at which the errors caught are told."""
CERTAIN = 30.0
"""Log-odds of a text that a rule calls wrong, whatever the scorecard says."""
CURVE_POINTS = 101
SNR_DB = {">=20": 20.0, "12-20": 12.0, "6-12": 6.0, "<6": -math.inf}
"""Bucket → the least signal-to-noise ratio in it."""
SPEECH_SECONDS = {"<0.7": 0.0, "0.7-1.5": 0.7, "1.5-3": 1.5, "3-6": 3.0, ">6": 6.0}
"""Bucket → the least VAD speech in it."""
UNKNOWN = "unknown"
_BUCKETS = {"snr": (*SNR_DB, UNKNOWN), "length": tuple(SPEECH_SECONDS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One turn: what two scores say of its text, and whether it is wrong."""

    logit: float
    """The risk's log-odds, CERTAIN where a rule decides."""
    avg_logprob: float
    """Mean token log-probability; −inf without any words, which needs no score to be noticed."""
    wrong: bool
    group: Hashable
    """Turns that stand and fall together: one sentence by one voice."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """What the turn belongs to, such as language → en."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Turns of one kind."""

    turns: int
    wrong: int
    there: AtThreshold
    rankings: Mapping[str, Ranking]
    """By score: risk, avg_logprob."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What the two scores are worth on some turns."""

    target_error: float
    """Share of turns that may be accepted and wrong."""
    threshold_logit: float
    """The highest log-odds that the plug-in risk curve of the turns accepts for it; −inf when it accepts nothing."""
    threshold: float
    """The same as a probability."""
    whole: Part
    rankings: Mapping[str, Ranking]
    """risk, avg_logprob, random and oracle."""
    bins: tuple[Bin, ...]
    parts: Mapping[str, Mapping[str, Part]]
    """Kind → its values → the turns of each."""
    differences: Mapping[str, Interval | None]
    """risk − avg_logprob, with intervals over groups."""
    groups: int
    seed: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What keeps a figure from being defined, for people; empty when nothing does."""
        if self.whole.wrong in {0, self.whole.turns}:
            kind = "wrong" if not self.whole.wrong else "right"
            return (f"None of the texts is {kind}, so there is nothing to tell apart: AUROC is undefined",)
        return ()

    def json(self) -> dict[str, Any]:
        """Return the figures as plain values; what is undefined is null."""
        both = ("risk", "avg_logprob")
        best = (*both, "oracle")
        told = {
            "turns": self.whole.turns,
            "wrong": self.whole.wrong,
            "edge_error_rate": self.whole.wrong / self.whole.turns,
            "error_rate": self.whole.there.error,
            "escalation_rate": self.whole.there.escalation,
            "accepted_error_rate": self.whole.there.accepted_error,
            "target_error": self.target_error,
            "threshold": {"value": self.threshold, "logit": self.threshold_logit},
            "auroc": self._of(both, Ranking.auroc),
            "aurc": self._of(best, Ranking.aurc),
            "excess_aurc": self._of(both, Ranking.excess_aurc),
            "augrc": self._of(best, Ranking.augrc),
            "caught_at": {f"{share:g}": self._of((*both, "random", "oracle"), _catch(share)) for share in SHARES},
            "ece": calibration_error(self.bins),
            "reliability": [
                {
                    "turns": one.turns,
                    "predicted": one.predicted,
                    "observed": one.observed,
                    "interval": [one.low, one.high],
                }
                for one in self.bins
            ],
            "bootstrap": {
                "groups": self.groups,
                "seed": self.seed,
                "risk_minus_avg_logprob": {name: _interval(one) for name, one in self.differences.items()},
            },
            "curve": self._curve(),
            "notes": list(self.notes),
            "by": {kind: {value: _part(one) for value, one in parts.items()} for kind, parts in self.parts.items()},
        }
        return dict(_plain(told))

    def _of(self, names: Sequence[str], figure: Any) -> dict[str, float]:
        return {name: figure(self.rankings[name]) for name in names}

    def _curve(self) -> dict[str, list[float]]:
        curves = {name: ranking.cost_quality(CURVE_POINTS) for name, ranking in self.rankings.items()}
        return {
            "escalated": curves["risk"][0].tolist(),
            **{name: remaining.tolist() for name, (_, remaining) in curves.items()},
        }


def evaluate(
    verdicts: Sequence[Verdict],
    *,
    target_error: float,
    seed: int,
    calibration: Calibration = UNCALIBRATED,
    rounds: int = 2000,
) -> Evaluation:
    """Return the figures of some turns. Raises ValueError without any."""
    logits = np.array([one.logit for one in verdicts])
    threshold = RiskCurve(logits, (), calibration, fills=1).highest(target_error)
    wrong = np.array([one.wrong for one in verdicts], bool)
    baseline = np.array([-one.avg_logprob for one in verdicts])
    groups = [one.group for one in verdicts]
    turns, errors = len(verdicts), int(wrong.sum())
    return Evaluation(
        target_error=target_error,
        threshold_logit=threshold,
        threshold=0.0 if threshold == -math.inf else calibration.probability(threshold),
        whole=_part_of(verdicts, threshold),
        rankings={
            "risk": Ranking.of(logits, wrong),
            "avg_logprob": Ranking.of(baseline, wrong),
            "random": Ranking.random(turns, errors),
            "oracle": Ranking.oracle(turns, errors),
        },
        bins=reliability([calibration.probability(one) for one in logits], wrong),
        parts=_parts(verdicts, threshold),
        differences=paired_differences(
            logits, baseline, wrong, groups, generator=np.random.default_rng(seed), rounds=rounds
        ),
        groups=len(set(groups)),
        seed=seed,
    )


def _part_of(verdicts: Sequence[Verdict], threshold: float) -> Part:
    logits, wrong = [one.logit for one in verdicts], [one.wrong for one in verdicts]
    return Part(
        turns=len(verdicts),
        wrong=sum(wrong),
        there=at_threshold(logits, wrong, threshold),
        rankings={
            "risk": Ranking.of(logits, wrong),
            "avg_logprob": Ranking.of([-one.avg_logprob for one in verdicts], wrong),
        },
    )


def snr_bucket(snr_db: float | None) -> str:
    """Return the bucket of a signal-to-noise ratio."""
    return UNKNOWN if snr_db is None else next(name for name, least in SNR_DB.items() if snr_db >= least)


def length_bucket(speech_seconds: float) -> str:
    """Return the bucket of an utterance's length."""
    return [name for name, least in SPEECH_SECONDS.items() if speech_seconds >= least][-1]


def _parts(verdicts: Sequence[Verdict], threshold: float) -> dict[str, dict[str, Part]]:
    """Return the turns of each kind: buckets in their order, other values as they first come."""
    members: dict[str, dict[str, list[Verdict]]] = {}
    for one in verdicts:
        for kind, value in one.kinds.items():
            of_kind = members.setdefault(kind, {name: [] for name in _BUCKETS.get(kind, ())})
            of_kind.setdefault(value, []).append(one)
    return {
        kind: {value: _part_of(those, threshold) for value, those in values.items() if those}
        for kind, values in members.items()
    }


def _catch(share: float) -> Any:
    return lambda ranking: ranking.caught_at(share)


def _part(part: Part) -> dict[str, Any]:
    return {
        "turns": part.turns,
        "wrong": part.wrong,
        "edge_error_rate": part.wrong / part.turns,
        "error_rate": part.there.error,
        "escalation_rate": part.there.escalation,
        "auroc": {name: one.auroc() for name, one in part.rankings.items()},
        "excess_aurc": {name: one.excess_aurc() for name, one in part.rankings.items()},
    }


def _interval(interval: Interval | None) -> dict[str, float] | None:
    if interval is None:
        return None
    return {"difference": interval.difference, "low": interval.low, "high": interval.high, "rounds": interval.rounds}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: numbers to six places, null for what is no finite number."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return round(value, 6) + 0.0 if math.isfinite(value) else None  # no -0.0
    return value
