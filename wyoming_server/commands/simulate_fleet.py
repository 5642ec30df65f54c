"""Made-up hubs: where they are, what they are, how much is said to them, and how often what is bad about a turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..bundles.offer import HubFacts
from ..canary.canary_evidence import NAMES

type Values = npt.NDArray[np.float64]
type Counts = npt.NDArray[np.int64]
type Marks = npt.NDArray[np.bool_]

REGIONS: Mapping[str, float] = {
    "US": 0.24, "DE": 0.2, "GB": 0.11, "NL": 0.1, "FR": 0.08,
    "ES": 0.07, "IT": 0.06, "PL": 0.05, "AU": 0.05, "SE": 0.04,
}  # fmt: skip
CLASSES: Mapping[str, float] = {"pi4": 0.3, "pi5": 0.2, "n100": 0.2, "ha-green": 0.15, "x86-avx2": 0.15}
RATES: Mapping[str, float] = {"escalated": 0.2, "failed": 0.05, "disagreed": 0.06, "slow": 0.04, "error": 0.003}
"""Mean share of turns that are so; homes differ."""
HOMES_ALIKE = 60.0
"""Of the Beta distribution that homes are drawn from: as many turns as its two parameters stand for."""
TURNS_A_DAY, TURNS_SPREAD = 40.0, 0.6
"""Median over hubs, and the deviation of the logarithm."""
WITH_LANE = 0.4
"""Share of homes with a speech service, without which nobody can disagree."""
SERVER_VERSION = "1.0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBundle:
    """A bundle by what it does to the turns that it answers."""

    name: str
    times: Mapping[str, float] = field(default_factory=dict)
    """Metric → how many times as often a turn is so."""
    regions: Sequence[str] = ()
    """Where it does that; empty for everywhere."""

    @property
    def is_good(self) -> bool:
        """Whether it is exactly as good as the one before."""
        return not self.times


BUNDLES: Sequence[MadeBundle] = (
    MadeBundle(name="good"),
    MadeBundle(name="bad", times={"failed": 2.0}),
    MadeBundle(name="subtly bad", times={"failed": 1.3}),
    MadeBundle(name="bad in FR", times={"failed": 3.0}, regions=("FR",)),
)
"""All that is bad about them shows only once they answer: what is decoded unheard gives no hint of it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fleet:
    """Hubs, each array of shape (hubs, …)."""

    facts: Sequence[HubFacts]
    regions: npt.NDArray[np.str_]
    classes: npt.NDArray[np.str_]
    turns_a_day: Values
    rates: Values
    """(hubs, metrics) with what serves before."""
    has_lane: Marks
    reports: Marks
    """Whether the owner has agreed to the cohort report."""

    @property
    def size(self) -> int:
        """Return how many there are."""
        return len(self.facts)

    def rates_with(self, bundle: MadeBundle) -> Values:
        """Return the rates of turns that a bundle answers, (hubs, metrics)."""
        there = np.isin(self.regions, bundle.regions) if bundle.regions else np.ones(self.size, dtype=bool)
        times = np.array([bundle.times.get(name, 1.0) for name in NAMES])
        return np.minimum(0.95, np.where(there[:, np.newaxis], self.rates * times, self.rates))


def made_fleet(hubs: int, generator: np.random.Generator, *, reporting: float) -> Fleet:
    """Return so many hubs, of which a share reports."""
    regions, classes = (_drawn(shares, hubs, generator) for shares in (REGIONS, CLASSES))
    ids = generator.bytes(16 * hubs).hex()
    means = np.array([RATES[name] for name in NAMES])
    return Fleet(
        facts=[
            HubFacts(
                hub_id=ids[32 * at : 32 * at + 32],
                region=str(regions[at]),
                hub_class=str(classes[at]),
                server_version=SERVER_VERSION,
            )
            for at in range(hubs)
        ],
        regions=regions,
        classes=classes,
        turns_a_day=np.clip(TURNS_A_DAY * np.exp(generator.normal(0.0, TURNS_SPREAD, hubs)), 4.0, 400.0),
        rates=generator.beta(means * HOMES_ALIKE, (1.0 - means) * HOMES_ALIKE, (hubs, len(NAMES))),
        has_lane=generator.random(hubs) < WITH_LANE,
        reports=generator.random(hubs) < reporting,
    )


def _drawn(shares: Mapping[str, float], hubs: int, generator: np.random.Generator) -> npt.NDArray[np.str_]:
    return np.array(list(shares))[generator.choice(len(shares), hubs, p=list(shares.values()))]
