"""How often a bundle is rolled back that is as good as the one before, and how soon one that is not: one line of JSON.

Long form: `python -m tests.server.proofs.false_rollbacks [--canaries 1000] [--seed 1]`. Every canary is the server's
own, fed turn by turn with all five metrics: as many turns of the incumbent as it remembers, then 50 turns heard by
both, 100 answered beside the incumbent at a fifth of the turns, and 500 alone. It fails when more than 1 % of the good
ones go back, or when the median one whose failures are doubled, from 5 % to 10 %, takes more than 500 turns to go.
"""

import argparse
import datetime as dt
import json
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from wyoming_server.bundles.bundle_settings import BundleSettings
from wyoming_server.bundles.state import Stage
from wyoming_server.canary.canary import Action, Arm, Canary
from wyoming_server.canary.canary_book import REMEMBERED, TurnSeen
from wyoming_server.canary.canary_evidence import NAMES

MOST_FALSE, MOST_TURNS = 0.01, 500
NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
USUAL = {"escalated": 0.2, "failed": 0.05, "disagreed": 0.06, "slow": 0.04, "error": 0.003}
EQUAL = dict.fromkeys(NAMES, 0.05)
type Rates = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How often turns are bad: of the incumbent long ago, of the incumbent now, and of the candidate."""

    name: str
    before: Rates
    now: Rates
    candidate: Rates
    is_good: bool


def times(rates: Rates, by: float, *only: str) -> dict[str, float]:
    """Return rates of which all, or some, are so many times as high."""
    return {name: rate * by if not only or name in only else rate for name, rate in rates.items()}


DOUBLED = "failures 5 % → 10 %"
CASES = (
    Case(name="as good", before=USUAL, now=USUAL, candidate=USUAL, is_good=True),
    Case(name="as good, every rate 5 %", before=EQUAL, now=EQUAL, candidate=EQUAL, is_good=True),
    Case(
        name="a tenth worse in all, as is tolerated", before=USUAL, now=USUAL, candidate=times(USUAL, 1.1), is_good=True
    ),
    Case(
        name="as good, but times are a fifth worse than the baseline's", before=USUAL, now=times(USUAL, 1.2),
        candidate=times(USUAL, 1.2), is_good=True,
    ),
    Case(name=DOUBLED, before=USUAL, now=USUAL, candidate=times(USUAL, 2.0, "failed"), is_good=False),
    Case(
        name="failures 5 % → 15 %", before=USUAL, now=USUAL, candidate=times(USUAL, 3.0, "failed"), is_good=False
    ),
    Case(name="everything doubled", before=USUAL, now=USUAL, candidate=times(USUAL, 2.0), is_good=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of the canaries of one case."""

    canaries: int
    rolled_back: int
    median_turns: int | None
    """That the candidate answered until it went back; None when fewer than half of them went."""

    @property
    def share(self) -> float:
        """Return the share that went back."""
        return self.rolled_back / self.canaries


def turns(rates: Rates, generator: np.random.Generator) -> Iterator[TurnSeen]:
    """Yield turns without end, their metrics independent."""
    while True:
        for row in (generator.random((500, len(NAMES))) < [rates[name] for name in NAMES]).tolist():
            yield TurnSeen(**dict(zip(NAMES, row, strict=True)))


def rolled_back_after(case: Case, seed: int, settings: BundleSettings) -> int | None:
    """Run one canary; return how many turns the candidate answered until it was rolled back, None when it settled."""
    chance = np.random.default_rng((seed, *case.name.encode()))
    before, now, candidate = (turns(rates, chance) for rates in (case.before, case.now, case.candidate))
    canary = Canary(settings)
    for _ in range(REMEMBERED):
        canary.baseline(next(before))
    canary.begin("home-en@1.2.0", NOW, incumbent="home-en@1.1.0")
    answered = 0
    while (verdict := canary.verdict(NOW)).action is not Action.ROLL_BACK:
        if verdict.action is Action.SETTLE:
            return None
        if verdict.action is Action.ADVANCE:
            canary.advance(NOW)
        elif canary.stage is Stage.SHADOW:
            canary.shadowed(incumbent=next(now), candidate=next(candidate))
        else:
            if canary.stage is Stage.SERVING:
                for _ in range(round(1.0 / settings.serving_share) - 1):
                    canary.baseline(next(now))
            canary.served(Arm.CANDIDATE, next(candidate))
            answered += 1
    return answered


def held(case: Case, *, canaries: int, seed: int, after_each: Callable[[], object] = lambda: None) -> Result:
    """Run a case's canaries."""
    settings = BundleSettings(shadow_hours=0.0)
    found = []
    for number in range(canaries):
        found.append(rolled_back_after(case, seed * 1_000_000 + number, settings))
        after_each()
    gone = [one for one in found if one is not None]
    median = statistics.median(float("inf") if one is None else one for one in found)
    return Result(
        canaries=canaries, rolled_back=len(gone), median_turns=round(median) if median < float("inf") else None
    )


def misses(results: Mapping[str, Result]) -> list[str]:
    """Return what is not as promised."""
    good = {case.name for case in CASES[:2]}
    found = [
        f"{name}: {one.share:.3f} went back" for name, one in results.items() if name in good and one.share > MOST_FALSE
    ]
    doubled = results[DOUBLED].median_turns
    if doubled is None or doubled > MOST_TURNS:
        found.append(f"{DOUBLED}: it took {doubled} turns")
    return found


def main() -> int:
    """Run all cases; return 0 when what is promised was held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--canaries", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    total = arguments.canaries * len(CASES)
    with tqdm(total=total, file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        results = {
            case.name: held(case, canaries=arguments.canaries, seed=arguments.seed, after_each=bar.update)
            for case in CASES
        }
    broken = misses(results)
    said = {
        name: {
            "canaries": one.canaries,
            "rolled_back": one.rolled_back,
            "share": one.share,
            "median_turns": one.median_turns,
        }
        for name, one in results.items()
    }
    print(json.dumps({"cases": said, "misses": broken}))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
