"""Counts turns of an incumbent and a candidate, and bets on them: each turn's metric is used once."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..bundles.state import Stage
from ..learning.e_process import Values
from .canary_counts import Counters, Pairs, Tally
from .canary_evidence import METRICS, NAMES, PAIRED, Bets, Evidence, spread

REMEMBERED = 3000
"""Turns of the incumbent that are kept, of each metric."""
LEARNED_FROM = 200
"""Of these, the oldest only tell what to expect, and are no evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnSeen:
    """What was bad about a turn; None says nothing, so that a turn can be told in parts, each of them once."""

    escalated: bool | None = None
    """Its risk was above what its scorecard allows."""
    failed: bool | None = None
    """It ended in an error, or was said again, put right or given up."""
    disagreed: bool | None = None
    """A speech service was asked and heard something else; None in homes without one."""
    slow: bool | None = None
    error: bool | None = None
    """The model failed on it."""

    @property
    def is_turn(self) -> bool:
        """Whether this part counts as a turn."""
        return self.escalated is not None or bool(self.error)


@dataclass(slots=True, kw_only=True)
class _Tested:
    """Totals of one metric since the candidate began, for people."""

    incumbent: Tally = field(default_factory=Tally)
    candidate: Tally = field(default_factory=Tally)


class Book:
    """Counts for `Canary`. Streams hold one metric's outcomes in the order in which they came."""

    def __init__(self) -> None:
        """Begin with nothing known, and no candidate."""
        self.incumbent = ""
        self.label = ""
        self.turns = 0
        """The candidate's in its stage."""
        self.answered = 0
        """The candidate's, in all stages."""
        self.recent = _streams()
        """The incumbent's, whether a candidate is there or not."""
        self.unused = _streams()
        """Of these, what the candidate was not compared with yet; the newest go first, because homes change."""
        self.waiting = _streams()
        """The candidate's that had no baseline yet."""
        self.answers = _streams()
        """The candidate's: the next baseline, should it settle."""
        self.bets = Bets()
        self.tested = {name: _Tested() for name in NAMES}
        self.today: dict[str, Counters] = {}
        """Label → what was counted since the day began."""

    @property
    def e_value(self) -> float:
        """Return the evidence of all metrics together."""
        return float(self.bets.e_value()[0])

    def compare_with(self, incumbent: str) -> None:
        """Forget the turns of another incumbent; those from before it was named are this one's."""
        if self.incumbent not in {"", incumbent}:
            self.recent = _streams()
        self.incumbent = incumbent

    def begin(self, label: str, incumbent: str) -> None:
        """Compare a new candidate."""
        self.compare_with(incumbent)
        self.label, self.turns, self.answered = label, 0, 0
        self.waiting, self.answers, self.unused = _streams(), _streams(), _streams()
        self.tested = {name: _Tested() for name in NAMES}
        self.bets = Bets()
        for name, stream in self.recent.items():
            known = min(LEARNED_FROM, len(stream) // 2)
            kept = list(stream)
            self.unused[name].extend(kept[known:])
            self.bets.learn(*(_at(name, count) for count in (known, sum(kept[:known]))))
        self._count(began=True, ended="")

    def settle(self) -> None:
        """Make the candidate the incumbent."""
        self._count(ended="settled")
        self.recent, self.incumbent, self.label = self.answers, self.label, ""
        self.answers, self.unused, self.waiting = _streams(), _streams(), _streams()

    def end(self, code: str) -> None:
        """Forget the candidate; the incumbent's turns stay."""
        self._count(ended=code)
        self.label = ""
        self.answers, self.unused, self.waiting = _streams(), _streams(), _streams()

    def incumbent_served(self, turn: TurnSeen, stage: Stage | None) -> None:
        """Count a turn that the incumbent answered."""
        said = dict(_said(turn))
        for name, bad in said.items():
            self.recent[name].append(bad)
            # What is a pair already is no second evidence.
            if self.label and (stage is not Stage.SHADOW or not METRICS[name].is_paired):
                self.unused[name].append(bad)
        if stage is Stage.SERVING:
            self._count(incumbents=_tallied(self._today.incumbents, said))

    def candidate_served(self, turn: TurnSeen, *, watched: bool, planned: int) -> None:
        """Count a turn that the candidate answered, one of so many that are planned, and compare it."""
        said = dict(_said(turn))
        self.turns += turn.is_turn
        self.answered += turn.is_turn
        for name, bad in said.items():
            self.answers[name].append(bad)
            self.waiting[name].append(bad)
            tested = self.tested[name]
            tested.candidate = tested.candidate.plus(bad=bad)
        self._compare(said, planned)
        today = self._today
        if watched:
            self._count(watched=_tallied(today.watched, said))
        else:
            self._count(served=_tallied(today.served, said))

    def shadowed(self, incumbent: TurnSeen, candidate: TurnSeen) -> None:
        """Count a turn that both have heard."""
        self.turns += candidate.is_turn
        ours, theirs, pairs = dict(_said(incumbent)), dict(_said(candidate)), dict(self._today.pairs)
        for name in PAIRED & ours.keys() & theirs.keys():
            was, now = ours[name], theirs[name]
            self.bets.pair(_at(name, now and not was), _at(name, was and not now))
            pairs[name] = pairs.get(name, Pairs()).plus(incumbent=was, candidate=now)
            tested = self.tested[name]
            tested.incumbent, tested.candidate = tested.incumbent.plus(bad=was), tested.candidate.plus(bad=now)
        self._count(pairs=pairs)

    def evidence(self) -> tuple[Evidence, ...]:
        """Return what is known of each metric."""
        e_values = self.bets.e_values()[0].tolist()
        return tuple(self._evidence(name, e_value) for name, e_value in zip(NAMES, e_values, strict=True))

    def counters(self) -> tuple[Counters, ...]:
        """Return what was counted since the day began."""
        return tuple(self.today.values())

    def take_counters(self) -> tuple[Counters, ...]:
        """Return what was counted since the day began, and begin a new one."""
        taken, self.today = self.counters(), {}
        return taken

    @property
    def _today(self) -> Counters:
        return self.today.get(self.label) or Counters(label=self.label, incumbent=self.incumbent)

    def _count(self, **changed: object) -> None:
        if self.label:
            self.today[self.label] = replace(self._today, **changed)  # type: ignore[arg-type]  # fields of Counters

    def _compare(self, names: Iterable[str], planned: int) -> None:
        """Compare what is waiting with as much of the baseline as lasts until the last planned turn."""
        block = np.zeros((4, len(NAMES)))
        for name in names:
            fresh, unused = self.waiting[name], self.unused[name]
            to_come = max(len(fresh), planned - self.answered + 1)
            taken = [
                unused.pop()
                for _ in range(int(spread(*np.array((len(unused), len(fresh), to_come), dtype=np.float64))))
            ]
            if not taken:
                continue
            block[:, NAMES.index(name)] = (len(taken), sum(taken), len(fresh), sum(fresh))
            was = self.tested[name].incumbent
            self.tested[name].incumbent = Tally(turns=was.turns + len(taken), bad=was.bad + sum(taken))
            fresh.clear()
        self.bets.compare(*block[:, np.newaxis])

    def _evidence(self, name: str, e_value: float) -> Evidence:
        tested = self.tested[name]
        return Evidence(
            metric=name,
            baseline=_share(tested.incumbent),
            candidate=_share(tested.candidate),
            baseline_turns=tested.incumbent.turns,
            candidate_turns=tested.candidate.turns,
            e_value=e_value,
        )


def _streams() -> dict[str, deque[bool]]:
    return {name: deque(maxlen=REMEMBERED) for name in METRICS}


def _said(turn: TurnSeen) -> Iterator[tuple[str, bool]]:
    return ((name, bad) for name in NAMES if (bad := getattr(turn, name)) is not None)


def _tallied(tallies: Mapping[str, Tally], said: Mapping[str, bool]) -> dict[str, Tally]:
    return {**tallies, **{name: tallies.get(name, Tally()).plus(bad=bad) for name, bad in said.items()}}


def _share(tally: Tally) -> float | None:
    return tally.bad / tally.turns if tally.turns else None


def _at(name: str, value: float) -> Values:
    """Return one metric's value among all, (1, metrics)."""
    row = np.zeros((1, len(NAMES)))
    row[0, NAMES.index(name)] = value
    return row
