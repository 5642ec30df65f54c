"""The goals for risk, measured on the held split of the synthesised recordings with the starter's scorecard.

    python -m tests.server.evaluation.figures [--folder DIR] [--rounds N]     measure
    python -m tests.server.evaluation.figures --fit [--folder DIR]            write the starter's scorecard anew

Makes the recordings in DIR (a temporary folder without it) when they are not there, hears them, and prints the goals as
one JSON object in its last line. Fails when a recording, voice, sentence or noise was seen in fitting. --fit looks at
the fit split only; its figures are cross-validated, each group held back in turn.
"""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wyoming_server.bundles.store import STARTER_DIRECTORY
from wyoming_server.learning.bootstrap import STATISTICS, paired_differences
from wyoming_server.learning.curves import Ranking
from wyoming_server.learning.fit import at_home, cross_validated, fit, overlap
from wyoming_server.pipeline.risk import CERTAIN_LOGIT, GENERIC
from wyoming_server.pipeline.scorecard import Scorecard, read_scorecard, write_scorecard

from .heard import LANGUAGE, Heard, dump, read
from .recordings import HARD, ORDINARY, make
from .sentences import usual
from .sound import programs_missing

ESCALATED = 0.15
MODEL = "starter"
CARD = STARTER_DIRECTORY / "scorecard.json"
SEED = 11
USUAL_COMMANDS = 4000
"""Worded as people do, to learn from how commands begin."""
GROUPS = ("voice", "sentence", "noise")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """A set of recordings and how two scores rank them, both higher where a text is likelier wrong."""

    wrong: npt.NDArray[np.bool_]
    risk: npt.NDArray[np.float64]
    log_probability: npt.NDArray[np.float64]
    groups: Sequence[tuple[str, str]]
    """Sentence and voice: they stand and fall together."""

    @classmethod
    def of(cls, heard: Sequence[Heard], risk: Sequence[float]) -> Scores:
        """Rank recordings. Where nothing was heard, both scores are sure that it is wrong."""
        return cls(
            wrong=np.array([one.turn.wrong for one in heard]),
            risk=np.array(risk),
            log_probability=np.array([-one.turn.mean_log_probability if one.text else math.inf for one in heard]),
            groups=[(one.turn.sentence, one.turn.voice) for one in heard],
        )

    def only(self, kept: npt.NDArray[np.bool_]) -> Scores:
        """Return some of them."""
        return Scores(
            wrong=self.wrong[kept],
            risk=self.risk[kept],
            log_probability=self.log_probability[kept],
            groups=[group for group, keep in zip(self.groups, kept, strict=True) if keep],
        )

    def rankings(self) -> dict[str, Ranking]:
        """Return the rankings by risk, by average log-probability, by chance and by one who knows."""
        turns, errors = len(self.wrong), int(self.wrong.sum())
        return {
            "risk": Ranking.of(self.risk, self.wrong),
            "avg_logprob": Ranking.of(self.log_probability, self.wrong),
            "random": Ranking.random(turns, errors),
            "oracle": Ranking.oracle(turns, errors),
        }

    def gains(self, *, rounds: int) -> dict[str, dict[str, float]]:
        """Return what risk gains over average log-probability, with the 95 % limits over groups."""
        differences = paired_differences(
            self.risk,
            self.log_probability,
            self.wrong,
            self.groups,
            generator=np.random.default_rng(SEED),
            statistics=STATISTICS,
            rounds=rounds,
        )
        return {
            name: {"difference": round(one.difference, 4), "low": round(one.low, 4), "high": round(one.high, 4)}
            for name, one in differences.items()
            if one is not None
        }


def risks(heard: Sequence[Heard], card: Scorecard) -> list[float]:
    """Return the log-odds that `pipeline.risk.score` gives in a home without turns of its own."""
    return [CERTAIN_LOGIT if one.turn.ruled else card.logit(at_home(one.turn, card).features) for one in heard]


def held_back(heard: Sequence[Heard], by: str) -> list[float]:
    """Return each recording's log-odds by a fit to the others that share no voice, sentence or noise with it."""
    logits = cross_validated(
        [turn for one in heard for turn in (one.turn, one.unnamed)],
        base_model=MODEL,
        generic=GENERIC,
        by=lambda turn: str(getattr(turn, by)),
        texts={LANGUAGE: usual("fit", USUAL_COMMANDS, seed=SEED)},
    )
    return [CERTAIN_LOGIT if one.turn.ruled else logit for one, logit in zip(heard, logits[::2], strict=True)]


def figures(heard: Sequence[Heard], risk: Sequence[float], *, rounds: int) -> dict[str, Any]:
    """Return the goal table."""
    conditions = [one.row["condition"] for one in heard]
    mixed = Scores.of(heard, risk)
    ordinary, hard = (mixed.only(np.isin(conditions, some)) for some in (ORDINARY, HARD))
    caught = {name: ranking.caught_at(ESCALATED) for name, ranking in ordinary.rankings().items()}
    excess = {name: ranking.excess_aurc() for name, ranking in mixed.rankings().items()}
    return {
        "recordings": len(heard),
        "groups": len(set(mixed.groups)),
        "wrong": {"ordinary": _rounded(ordinary.wrong.mean()), "hard": _rounded(hard.wrong.mean())},
        "wrong by condition": {name: _rounded(value) for name, value in _wrong_by_condition(heard).items()},
        "ordinary: errors caught at 15 % escalation": {name: _rounded(value) for name, value in caught.items()},
        "ordinary: of what the oracle catches (goal 0.93)": {
            name: _rounded(caught[name] / caught["oracle"]) for name in ("risk", "avg_logprob")
        },
        "ordinary: AUROC (goal 0.985)": _aurocs(ordinary),
        "hard: AUROC (goal 0.95)": _aurocs(hard),
        "mixed: excess area under risk–coverage": {name: _rounded(excess[name]) for name in ("risk", "avg_logprob")},
        "mixed: excess area, of avg_logprob's (goal 0.6)": _rounded(excess["risk"] / excess["avg_logprob"]),
        "ordinary: gain over avg_logprob": ordinary.gains(rounds=rounds),
        "hard: gain over avg_logprob": hard.gains(rounds=rounds),
        "mixed: gain over avg_logprob": mixed.gains(rounds=rounds),
    }


def _aurocs(scores: Scores) -> dict[str, float]:
    rankings = scores.rankings()
    return {name: _rounded(rankings[name].auroc()) for name in ("risk", "avg_logprob")}


def _wrong_by_condition(heard: Sequence[Heard]) -> Mapping[str, float]:
    by_condition: dict[str, list[bool]] = {}
    for one in heard:
        by_condition.setdefault(one.row["condition"], []).append(one.turn.wrong)
    return {name: float(np.mean(wrong)) for name, wrong in by_condition.items()}


def _rounded(value: float) -> float:
    return round(float(value), 4)


def heard_in(folder: Path, split: str) -> list[Heard]:
    """Return what was heard of a split; recordings that are not there are made."""
    if not (folder / f"{split}.csv").exists():
        make(folder, splits=[split])
    if not (folder / f"{split}.jsonl").exists():
        dump(folder, split)
    return list(read(folder / f"{split}.jsonl"))


def main() -> int:
    """Make, hear, then fit or measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the recordings are, or are to be kept")
    parser.add_argument("--rounds", type=int, default=1000, help="resamples of the bootstrap")
    parser.add_argument("--fit", action="store_true", help="fit on the fit split and write the starter's scorecard")
    arguments = parser.parse_args()
    if missing := programs_missing():
        parser.error(f"{' and '.join(missing)} must be installed: they speak the sentences")
    with tempfile.TemporaryDirectory() as temporary:
        heard = heard_in(arguments.folder or Path(temporary), "fit" if arguments.fit else "held")
    # A home may have told its names or not: the card must serve both.
    turns = [turn for one in heard for turn in (one.turn, one.unnamed)]
    if arguments.fit:
        texts = {LANGUAGE: usual("fit", USUAL_COMMANDS, seed=SEED)}
        card = fit(turns, base_model=MODEL, generic=GENERIC, texts=texts)
        card = replace(card, turns=card.turns // 2, wrong=card.wrong // 2)  # each recording is there twice
        CARD.write_text(write_scorecard(card), "utf-8")
        found = {f"held back by {by}": figures(heard, held_back(heard, by), rounds=arguments.rounds) for by in GROUPS}
        print(json.dumps(found, ensure_ascii=False))
        return 0
    card = read_scorecard(CARD.read_bytes())
    if seen := overlap(card, turns):
        print(f"seen in fitting: {', '.join(seen[:10])}", file=sys.stderr)
        return 1
    unnamed = [replace(one, turn=one.unnamed) for one in heard]
    found = figures(heard, risks(heard, card), rounds=arguments.rounds)
    without = figures(unnamed, risks(unnamed, card), rounds=arguments.rounds)
    told = {
        f"{name}; homes without names": value for name, value in without.items() if "goal" in name or "gain" in name
    }
    print(json.dumps(found | told, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
