"""Turns of one home, as the drift watch is told them."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from wyoming_server.commands.simulate_drift_homes import Homes, World
from wyoming_server.learning.drift import LanguageDrift
from wyoming_server.learning.drift_alarm import Alarm
from wyoming_server.learning.drift_figures import Seen
from wyoming_server.learning.drift_settings import DriftSettings

QUICK = DriftSettings(reference_turns=300, run_length_turns=5000)
STEADY, WORSE = World(risky=0.25), World(risky=0.55)
DAY_S = 1_790_000_000.0


def turns(world: World, many: int, seed: int = 1) -> Iterator[Mapping[str, Seen]]:
    """Yield what so many turns tell."""
    homes = Homes(1, np.random.default_rng(seed))
    for _ in range(many):
        yield homes.turn(world).seen(0)


class Told:
    """A language's watch, and what it has said."""

    def __init__(self, drift: LanguageDrift | None = None) -> None:
        """Begin without a reference."""
        self.drift = drift or LanguageDrift("en", QUICK)
        self.alarms: list[Alarm] = []
        self.settled: list[Alarm] = []
        self.turns = 0

    def over(
        self,
        world: World,
        many: int,
        *,
        model: str = "base",
        seed: int = 1,
        until: Callable[[Told], bool] = lambda _: False,
        only: tuple[str, ...] = (),
    ) -> int:
        """Have turns watched, or only some of their figures; return after how many `until` was so."""
        for count, told in enumerate(turns(world, many, seed), start=1):
            self.turns += 1
            shown = {key: seen for key, seen in told.items() if not only or key in only}
            raised, settled = self.drift.take(shown, model, DAY_S + 60.0 * self.turns)
            self.alarms += raised
            self.settled += settled
            if until(self):
                return count
        return many

    @property
    def figures(self) -> list[str]:
        """The figures that have alarmed, in order."""
        return [one.figure for one in self.alarms]
