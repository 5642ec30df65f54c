"""Homes whose turns stay as they are, or grow worse → false alarms and delays, by the server's own functions."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..learning.drift_detectors import Detectors, bets, levels
from ..learning.drift_figures import FIGURES, Metric
from ..learning.e_process import Values
from .simulate_drift_homes import Homes, Marks, References, World, gathered, harder, known

RUN_LENGTH, REFERENCE = 20_000, 1000
"""As by default."""
MOST_DELAY = 200
STEADY_BEFORE = 2000
"""Turns between the reference and the change."""
_ENOUGH = 100
"""Homes; with fewer a median is chance."""
HORIZON = 3000
"""Turns after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Turns that stay as they are, or change once."""

    name: str
    short: str
    """For a drawing's legend."""
    after: World | None = None
    """None where nothing changes."""
    before: World = field(default_factory=World)
    reference_turns: int | None = REFERENCE
    """None: what is usual is known."""
    creeps: int = 0
    """Turns over which the change comes, bit by bit."""
    promised: bool = False


CASES = (
    Case(name="nothing changes, reference known", short="reference known", reference_turns=None, promised=True),
    Case(name="nothing changes", short="of 1000 turns", promised=True),
    Case(name="nothing changes, reference of 100 turns", short="of 100 turns", reference_turns=100),
    Case(name="nothing changes, in loud spells", short="in loud spells", before=World(is_moody=True)),
    Case(name="unsure 25 → 30 %, all else the same", short="30 %", before=World(risky=0.25), after=World(risky=0.30)),
    Case(name="unsure 25 → 35 %, all else the same", short="35 %", before=World(risky=0.25), after=World(risky=0.35)),
    Case(
        name="unsure 25 → 40 %, all else the same",
        short="40 %",
        before=World(risky=0.25),
        after=World(risky=0.40),
        promised=True,
    ),
    Case(name="unsure 25 → 50 %, all else the same", short="50 %", before=World(risky=0.25), after=World(risky=0.50)),
    Case(name="harder speech, unsure 25 → 40 %", short="harder", after=World(harder=harder(0.40))),
    Case(name="the same, over 2000 turns", short="bit by bit", after=World(harder=harder(0.40)), creeps=2000),
    Case(name="model less sure by half a deviation", short="less sure", after=World(doubt=0.5)),
    Case(name="wrong three times as often, unnoticed", short="wrong", after=World(wrong=1.4)),
    Case(name="hub a quarter slower", short="slow", after=World(own=1.25)),
    Case(name="lane half as slow again", short="slow lane", after=World(lane=1.5)),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Result:
    """What became of a case's homes."""

    case: Case
    homes: int
    turns: int
    """That were watched in each: where nothing changes, after the reference; else after the change."""
    firsts: int
    """Homes that had an alarm."""
    exposed: float
    """Turns of all homes until their first one."""
    alarms: int
    """Of all figures, when one that has alarmed begins anew with the same reference."""
    delays: Values
    """Turns from the change to its alarm, infinite without one: (homes,); empty where nothing changes."""
    first: Mapping[Metric, float]
    """Metric → the share of first alarms that were its."""
    alarmed: Values
    """Share of the homes that had an alarm by each turn: (turns,)."""

    @property
    def run_length(self) -> float | None:
        """Return the turns until a false alarm, on average; None where there was none, or something changes."""
        return self.exposed / self.firsts if self.case.after is None and self.firsts else None

    @property
    def between(self) -> float | None:
        """Return the turns of all homes for each false alarm; None likewise."""
        return self.homes * self.turns / self.alarms if self.case.after is None and self.alarms else None

    @property
    def delay(self) -> float | None:
        """Return the median delay; None where fewer than half were found, or nothing changes."""
        return self._quantile(0.5)

    @property
    def late_delay(self) -> float | None:
        """Return the delay that nine in ten keep within."""
        return self._quantile(0.9)

    @property
    def misses(self) -> list[str]:
        """Return what is promised and not held, as sentences; three standard errors are chance."""
        if not self.case.promised:
            return []
        if self.case.after is None:
            counts = {"to a false alarm": (self.firsts, self.exposed), "between two": (self.alarms, self._watched)}
            return [
                f"{turns / found:.0f} turns {what}"
                for what, (found, turns) in counts.items()
                if _too_many(found, turns)
            ]
        if self.homes >= _ENOUGH and (self.delay is None or self.delay > MOST_DELAY):
            return [f"half of the homes wait for {MOST_DELAY} turns and more"]
        return []

    @property
    def _watched(self) -> float:
        return float(self.homes * self.turns)

    def _quantile(self, share: float) -> float | None:
        if not len(self.delays):
            return None
        found = float(np.sort(self.delays)[int(share * (len(self.delays) - 1))])
        return found if found < np.inf else None


def simulate(case: Case, *, homes: int, turns: int, seed: int, after_each: Callable[[], object]) -> Result:
    """Run a case's homes; `turns` is how long the steady ones are watched, and the others at most.

    `after_each` is called at each turn.
    """
    chance = np.random.default_rng((seed, *case.name.encode()))
    made = Homes(homes, chance)
    if case.reference_turns is None:
        usual = known(homes, case.before, chance)
    else:
        usual = gathered(made, case.before, case.reference_turns)
    watch = _Watch(made, usual, after_each)
    if case.after is None:
        watch.over(_steady(case.before, turns))
        return watch.result(case, turns)
    watch.over(_steady(case.before, min(STEADY_BEFORE, turns)))
    watch.changed()
    horizon = min(HORIZON, turns) + case.creeps
    watch.over(_changing(case, horizon))
    return watch.result(case, horizon)


def _too_many(found: int, turns: float) -> bool:
    allowed = turns / RUN_LENGTH
    return found > allowed + 3.0 * math.sqrt(allowed)


def _steady(world: World, turns: int) -> Iterator[World]:
    return (world for _ in range(turns))


def _changing(case: Case, turns: int) -> Iterator[World]:
    after = case.after or case.before
    for at in range(turns):
        if at >= case.creeps:
            yield after
        else:
            yield World(harder=after.harder * at / case.creeps)


class _Watch:
    """The detectors of all homes. Mutable."""

    def __init__(self, homes: Homes, usual: References, after_each: Callable[[], object]) -> None:
        self._homes, self._usual, self._after_each = homes, usual, after_each
        self._bets = bets(usual.mean, usual.deviation, usual.turns, usual.clumping, RUN_LENGTH)
        self._detectors, self._levels = Detectors(homes.size), levels(RUN_LENGTH)
        self._turn = 0
        self._first: Values = np.full(homes.size, np.inf)
        self._metrics = Counter[Metric]()
        self._alarms, self._delays = 0, np.zeros(0)

    def over(self, worlds: Iterator[World]) -> None:
        """Watch turns; a figure that alarms begins anew, with the same reference."""
        for world in worlds:
            self._turn += 1
            numbers = self._usual.numbers(self._homes.turn(world))
            self._detectors.step(numbers, self._bets)
            hit = self._detectors.e_values() >= self._levels
            if hit.any():
                self._count(hit)
            self._after_each()

    def _count(self, hit: Marks) -> None:
        self._alarms += int(hit.sum())
        fresh = np.isinf(self._first) & hit.any(axis=1)
        self._metrics.update(FIGURES[at].metric for at in hit[fresh].argmax(axis=1).tolist())
        self._first[fresh] = self._turn
        self._detectors.clear(hit)

    def changed(self) -> None:
        """Count from here on: what has alarmed by now was false."""
        self._alarms, self._turn = 0, 0
        self._first[:] = np.inf
        self._metrics.clear()

    def result(self, case: Case, turns: int) -> Result:
        """Return what became of them."""
        found = int(np.isfinite(self._first).sum())
        arrivals = np.bincount(self._first[np.isfinite(self._first)].astype(int), minlength=turns + 1)[1:]
        return Result(
            case=case,
            homes=self._homes.size,
            turns=turns,
            firsts=found,
            exposed=float(np.minimum(self._first, turns).sum()),
            alarms=self._alarms,
            delays=np.zeros(0) if case.after is None else self._first.copy(),
            first={key: count / max(1, found) for key, count in self._metrics.most_common()},
            alarmed=np.cumsum(arrivals) / self._homes.size,
        )
