"""The canaries of a fleet, all at once: each hub's stages, bets and counters by the server's own functions."""

from dataclasses import dataclass, replace

import numpy as np

from ..bundles.bundle_settings import BundleSettings
from ..bundles.state import Stage
from ..canary.canary import RAMP_HOURS, share_of, wanted_hours, wanted_turns
from ..canary.canary_book import LEARNED_FROM, REMEMBERED
from ..canary.canary_evidence import NAMES, PAIRED, Bets, spread
from .simulate_fleet import Counts, Fleet, MadeBundle, Marks, Values

STEP_HOURS = 6.0
NONE, SHADOW, SERVING, WATCH, SETTLED, LEFT = range(6)
"""Where a hub is with the bundle. LEFT: its own figures sent it back, and it does not try again."""
_STAGES = {SHADOW: Stage.SHADOW, SERVING: Stage.SERVING, WATCH: Stage.WATCH}
_SAME_AUDIO = 0.7
"""Of what is bad for one recogniser, the share that is so for the other, too."""
_SHADOWED = 0.9
"""Of the turns drawn for it, the share that a hub has the time to decode unheard."""
_PAIRED = np.array([name in PAIRED for name in NAMES])
_DISAGREED = NAMES.index("disagreed")


@dataclass(slots=True, kw_only=True, eq=False)
class Day:
    """The counters of a day, as reports hold them, each (hubs, …)."""

    served: Values
    """(hubs, 4, metrics): incumbent's turns and bad ones, candidate's turns and bad ones, while both answer."""
    pairs: Values
    """(hubs, 4, metrics): turns heard by both, both bad, only the candidate, only the incumbent."""
    began: Marks
    left: Marks
    any: Marks
    """Whether there is anything to report; turns that it answers alone are not judged by a cohort, and left out."""

    @classmethod
    def new(cls, hubs: int) -> Day:
        """Return a day on which nothing has happened yet."""
        counts, marks = (hubs, 4, len(NAMES)), (hubs,)
        return cls(
            served=np.zeros(counts),
            pairs=np.zeros(counts),
            began=np.zeros(marks, dtype=bool),
            left=np.zeros(marks, dtype=bool),
            any=np.zeros(marks, dtype=bool),
        )


class Canaries:
    """One candidate on every hub of a fleet."""

    def __init__(self, fleet: Fleet, bundle: MadeBundle, settings: BundleSettings, chance: np.random.Generator) -> None:
        """Begin before any hub has the bundle; each remembers as many turns as a month has, of what serves now."""
        self.fleet, self.settings, self.chance = fleet, settings, chance
        hubs = fleet.size
        self.rates = fleet.rates_with(bundle)
        self.stage = np.zeros(hubs, dtype=np.int8)
        self.since = np.zeros(hubs, dtype=np.int64)
        """Step."""
        self.turns: Counts = np.zeros(hubs, dtype=np.int64)
        """In the stage."""
        self.answered: Counts = np.zeros(hubs, dtype=np.int64)
        self.turns_with_it: Counts = np.zeros(hubs, dtype=np.int64)
        """All turns of the home between its coming and its going."""
        self.bets = Bets(hubs)
        remembered = np.minimum(REMEMBERED, 30.0 * fleet.turns_a_day)
        learned = np.minimum(LEARNED_FROM, remembered // 2)
        self._unused: Values = np.repeat((remembered - learned)[:, np.newaxis], len(NAMES), axis=1)
        known = np.repeat(learned[:, np.newaxis], len(NAMES), axis=1)
        self.bets.learn(known, self._bad(known, fleet.rates))
        self.today = Day.new(hubs)
        both = (replace(settings, reports=reports) for reports in (False, True))
        silent, telling = (wanted_hours(one, Stage.SHADOW) for one in both)
        self._shadow_steps = np.where(fleet.reports, telling, silent) / STEP_HOURS

    @property
    def has_it(self) -> Marks:
        """Which hubs have the bundle, heard or unheard."""
        return np.asarray((self.stage != NONE) & (self.stage != LEFT))

    def begin(self, chosen: Marks, step: int) -> None:
        """Have hubs take it up."""
        self.stage[chosen], self.since[chosen] = SHADOW, step
        self.today.began |= chosen
        self.today.any |= chosen

    def withdraw(self, told: Marks) -> None:
        """Have hubs go back because the publisher says so."""
        self.stage[told & self.has_it] = NONE

    def live(self, step: int) -> None:
        """Let a step go by on all hubs: turns, bets, verdicts."""
        having = np.flatnonzero(self.has_it)
        said = self.chance.poisson(self.fleet.turns_a_day[having] * STEP_HOURS / 24.0)
        self.turns_with_it[having] += said
        stages = self.stage[having]
        self._shadow(having[stages == SHADOW], said[stages == SHADOW])
        self._serve(having[stages == SERVING], said[stages == SERVING], step)
        self._watch(having[stages == WATCH], said[stages == WATCH])
        settled = having[stages == SETTLED]
        self.answered[settled] += said[stages == SETTLED]
        self._judge(step)

    def _shadow(self, hubs: Counts, said: Counts) -> None:
        heard = self.chance.binomial(said, _SHADOWED * share_of(self.settings, Stage.SHADOW, 0.0))
        was, now = self.fleet.rates[hubs], self.rates[hubs]
        both = _SAME_AUDIO * np.minimum(was, now)
        turns = self._known(heard, hubs) * _PAIRED
        candidate_only = self._bad(turns, now - both)
        incumbent_only = self._bad(turns - candidate_only, (was - both) / (1.0 - now + both))
        rest = turns - candidate_only - incumbent_only
        both_bad = self._bad(rest, both / (1.0 - now - was + 2.0 * both))
        self.bets.pair(candidate_only, incumbent_only, hubs)
        self.turns[hubs] += heard
        self.today.pairs[hubs] += np.stack((turns, both_bad, candidate_only, incumbent_only), axis=1)
        self.today.any[hubs] |= heard > 0

    def _serve(self, hubs: Counts, said: Counts, step: int) -> None:
        first, later = (share_of(self.settings, Stage.SERVING, hours) for hours in (0.0, RAMP_HOURS))
        begins = (step - self.since[hubs]) * STEP_HOURS < RAMP_HOURS
        answered = self.chance.binomial(said, np.where(begins, first, later))
        theirs, mine = self._known(answered, hubs), self._known(said - answered, hubs)
        bad, was_bad = self._bad(theirs, self.rates[hubs]), self._bad(mine, self.fleet.rates[hubs])
        self._unused[hubs] += mine
        self._compare(hubs, answered, theirs, bad)
        self.today.served[hubs] += np.stack((mine, was_bad, theirs, bad), axis=1)
        self.today.any[hubs] |= said > 0

    def _watch(self, hubs: Counts, said: Counts) -> None:
        theirs = self._known(said, hubs)
        self._compare(hubs, said, theirs, self._bad(theirs, self.rates[hubs]))

    def _compare(self, hubs: Counts, answered: Counts, theirs: Values, bad: Values) -> None:
        planned = self.settings.serving_turns + self.settings.watch_turns
        to_come = np.maximum(answered, planned - self.answered[hubs])[:, np.newaxis]
        taken = spread(self._unused[hubs], theirs, to_come)
        self._unused[hubs] -= taken
        self.bets.compare(taken, self._bad(taken, self.fleet.rates[hubs]), theirs, bad, hubs)
        self.turns[hubs] += answered
        self.answered[hubs] += answered

    def _judge(self, step: int) -> None:
        watched = np.flatnonzero((self.stage >= SHADOW) & (self.stage <= WATCH))
        worse = watched[self.bets.e_value(watched) >= 1.0 / self.settings.false_rollback]
        self.stage[worse] = LEFT
        self.today.left[worse] = True
        self.today.any[worse] = True
        moves = {number: self._done(number, step) for number in _STAGES}
        for number, done in moves.items():
            self.stage[done], self.since[done], self.turns[done] = number + 1, step + 1, 0

    def _done(self, number: int, step: int) -> Marks:
        done = np.asarray((self.stage == number) & (self.turns >= wanted_turns(self.settings, _STAGES[number])))
        return done & (step + 1 - self.since >= self._shadow_steps) if number == SHADOW else done

    def _known(self, turns: Counts, hubs: Counts) -> Values:
        """Return of how many turns each metric is known, (hubs, metrics)."""
        known = np.repeat(turns[:, np.newaxis].astype(np.float64), len(NAMES), axis=1)
        known[~self.fleet.has_lane[hubs], _DISAGREED] = 0.0
        return known

    def _bad(self, turns: Values, rates: Values) -> Values:
        return self.chance.binomial(turns.astype(np.int64), np.clip(rates, 0.0, 1.0)).astype(np.float64)
