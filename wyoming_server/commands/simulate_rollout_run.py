"""A fleet + a bundle → what a staged rollout makes of it; who gets it and who goes back, the server's functions say."""

import copy
import datetime as dt
from dataclasses import dataclass, field, replace

import numpy as np

from ..bundles.bundle import Kind
from ..bundles.bundle_settings import BundleSettings
from ..bundles.offer import Offer, Rollout, target_path
from ..bundles.rollout import eligible
from ..canary.cohort import Cohort
from .simulate_canaries import LEFT, SETTLED, STEP_HOURS, WATCH, Canaries
from .simulate_fleet import Fleet, MadeBundle, Marks, made_fleet

STEPS_A_DAY = round(24 / STEP_HOURS)
START = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
FULL = 0.9
"""Share of all hubs whose every turn it answers, at which a rollout counts as over: quiet homes take their time."""
_GOES_OFFLINE = 0.002
"""Chance that a hub loses its way to the repository in a step."""
_OFFLINE_STEPS = (STEPS_A_DAY, 7 * STEPS_A_DAY)
_COMPLAINS, _COMPLAINTS, _READING_STEPS = 0.01, 5, STEPS_A_DAY
"""Without reports: share of owners who say that their hub went back, how many it takes, and how long to act on them."""
_NAME, _VERSION = "home-en", "1.1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is simulated."""

    hubs: int
    days: int = 90
    percents: tuple[float, ...] = (10.0, 50.0, 100.0)
    stage_days: int = 10
    """Between two percentages."""
    blind_days: int = 28
    """The same without reports: then only complaints can speak against it, and those take longer."""
    reporting: float = 0.2
    """Share of the owners who have agreed to the cohort report."""
    seed: int = 1


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of one bundle; days are since the first hub could have it."""

    bundle: MadeBundle
    with_reports: bool
    hubs: int
    exposed: int = 0
    """Hubs that took it up, heard or unheard."""
    heard: int = 0
    """Hubs of which it answered any turn."""
    left: int = 0
    """Hubs that went back by their own figures."""
    served: int = 0
    """Turns that it answered."""
    turns_exposed: int = 0
    """Turns of the exposed hubs from its coming to its going."""
    turns_heard: int = 0
    """Of the heard ones."""
    turns_all_days: float = 0.0
    """Of the exposed hubs over all days that were simulated."""
    paused_day: float | None = None
    withdrawn_day: float | None = None
    gone_day: float | None = None
    """From when on no hub that can be told has it."""
    full_day: float | None = None
    reason: str = ""
    days: list[float] = field(default_factory=list)
    having: list[float] = field(default_factory=list)
    """Share of all hubs that have it, by step."""
    answering: list[float] = field(default_factory=list)
    """Share of all hubs of which it answers every turn."""
    answered: list[float] = field(default_factory=list)
    """Share of all turns of the fleet that it answers."""

    @property
    def exposed_share(self) -> float:
        """Return the exposed hubs' share of all."""
        return self.exposed / self.hubs

    @property
    def served_share(self) -> float:
        """Return the share of the exposed hubs' turns, from its coming to its going, that it answered."""
        return self.served / max(1, self.turns_exposed)

    @property
    def served_share_heard(self) -> float:
        """Return the same of the hubs alone that it answered at all."""
        return self.served / max(1, self.turns_heard)

    @property
    def served_share_all_days(self) -> float:
        """Return the share of the exposed hubs' turns of all days that it answered."""
        return self.served / max(1.0, self.turns_all_days)


class _Publisher:
    """Signs, widens by the calendar, and acts on reports, or on what people say where there are none."""

    def __init__(self, plan: Plan, outcome: Outcome, chance: np.random.Generator) -> None:
        self._plan, self._outcome, self._chance = plan, outcome, chance
        self._cohort, self._received = Cohort(f"{_NAME}@{_VERSION}"), 0
        self._complaints, self._acts_at = 0, -1
        rollout = Rollout(id=f"{plan.seed}/{outcome.bundle.name}", percent=plan.percents[0])
        self.offer = Offer(
            name=_NAME, version=_VERSION, kind=Kind.ASR, channel="stable", length=1, unpacked_bytes=1, rollout=rollout,
            path=target_path("stable", _NAME, _VERSION), sha256="0" * 64, manifest_sha256="0" * 64,
        )  # fmt: skip

    def widen(self, step: int) -> None:
        """Go on to the next percentage when its day has come and nothing speaks against it."""
        if self.offer.rollout.paused or self.offer.withdrawn:
            return
        days = self._plan.stage_days if self._outcome.with_reports else self._plan.blind_days
        stage = min(step // (days * STEPS_A_DAY), len(self._plan.percents) - 1)
        if self._plan.percents[stage] != self.offer.rollout.percent:
            self._sign(percent=self._plan.percents[stage])

    def read(self, reports: Cohort, step: int) -> None:
        """Act on reports."""
        judgement = reports.judgement()
        if judgement.action != "none":
            self._outcome.reason = self._outcome.reason or judgement.message
        self._act(pause=judgement.action != "none", withdraw=judgement.action == "withdraw", step=step)

    def hear(self, left: int, step: int) -> None:
        """Act on what owners say whose hubs went back."""
        self._complaints += self._chance.binomial(left, _COMPLAINS)
        if self._complaints >= _COMPLAINTS and self._acts_at < 0:
            self._acts_at = step + _READING_STEPS
        if 0 <= self._acts_at <= step:
            self._act(pause=True, withdraw=True, step=step)

    def _act(self, *, pause: bool, withdraw: bool, step: int) -> None:
        day = (step + 1) / STEPS_A_DAY
        if pause and not self.offer.rollout.paused:
            self._outcome.paused_day = day
            self._sign(paused=True)
        if withdraw and not self.offer.withdrawn:
            self._outcome.withdrawn_day = day
            self.offer = replace(self.offer, withdrawn=True)

    def _sign(self, **changed: object) -> None:
        self.offer = replace(self.offer, rollout=replace(self.offer.rollout, **changed))  # type: ignore[arg-type]  # fields of Rollout


class _Post:
    """Reports on their way: of a day, sent at a random moment of the next one, lost when the hub is offline then."""

    def __init__(self, canaries: Canaries, chance: np.random.Generator) -> None:
        self._canaries, self._chance = canaries, chance
        self._yesterday = canaries.today
        self._sent_at = np.full(canaries.fleet.size, -1)
        self._before = Cohort(f"{_NAME}@{_VERSION}")
        """What came until midnight."""
        self._arrived = np.zeros(canaries.fleet.size, dtype=bool)

    def midnight(self) -> None:
        """Close the day: its counters are yesterday's now."""
        self._before = self.received()
        self._yesterday = self._canaries.today
        self._canaries.today = type(self._yesterday).new(self._canaries.fleet.size)
        self._sent_at = self._chance.integers(0, STEPS_A_DAY, self._canaries.fleet.size)
        self._arrived[:] = False

    def deliver(self, online: Marks, step: int) -> None:
        """Let those reports arrive whose moment it is."""
        due = self._sent_at == step % STEPS_A_DAY
        self._arrived |= due & online & self._canaries.fleet.reports & self._yesterday.any

    def received(self) -> Cohort:
        """Return what all reports make up that came until now."""
        cohort = copy.deepcopy(self._before)
        rows = np.flatnonzero(self._arrived)
        if len(rows):
            fleet, day = self._canaries.fleet, self._yesterday
            cohort.add_counts(
                list(zip(fleet.regions[rows].tolist(), fleet.classes[rows].tolist(), strict=True)),
                served=day.served[rows],
                pairs=day.pairs[rows],
                began=day.began[rows],
                left=day.left[rows],
            )
        return cohort


def simulate_rollout(
    plan: Plan,
    bundle: MadeBundle,
    *,
    with_reports: bool,
    settings: BundleSettings,
) -> Outcome:
    """Roll a bundle out to a made-up fleet, the same one for the same seed."""
    chance = np.random.default_rng((plan.seed, 0))
    fleet = made_fleet(plan.hubs, chance, reporting=plan.reporting if with_reports else 0.0)
    chance = np.random.default_rng((plan.seed, 1, *bundle.name.encode(), with_reports))
    canaries, outcome = (
        Canaries(fleet, bundle, settings, chance),
        Outcome(bundle=bundle, with_reports=with_reports, hubs=plan.hubs),
    )
    publisher, post = _Publisher(plan, outcome, chance), _Post(canaries, chance)
    back_at = np.zeros(plan.hubs, dtype=np.int64)
    told = _Told(fleet)
    for step in range(plan.days * STEPS_A_DAY):
        if step % STEPS_A_DAY == 0:
            post.midnight()
        publisher.widen(step)
        falls = (chance.random(plan.hubs) < _GOES_OFFLINE) & (back_at <= step)
        back_at[falls] = step + chance.integers(*_OFFLINE_STEPS, int(falls.sum()))
        online = back_at <= step
        was_left = int((canaries.stage == LEFT).sum())
        canaries.live(step)
        _check(canaries, told, publisher.offer, online, step)
        post.deliver(online, step)
        if with_reports:
            publisher.read(post.received(), step)
        else:
            publisher.hear(int((canaries.stage == LEFT).sum()) - was_left, step)
        _note(outcome, canaries, told.took, step)
    return _totals(outcome, canaries, told.took, plan)


class _Told:
    """Which hubs an offer means, asked once for each of its versions."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._offer: Offer | None = None
        self.meant = np.zeros(fleet.size, dtype=bool)
        self.took = np.zeros(fleet.size, dtype=bool)

    def ask(self, offer: Offer, now: dt.datetime) -> Marks:
        """Return the hubs that are meant."""
        if offer != self._offer:
            self._offer = offer
            facts = self._fleet.facts
            self.meant = np.fromiter((eligible(offer, one, now) for one in facts), dtype=bool, count=len(facts))
        return self.meant


def _check(canaries: Canaries, told: _Told, offer: Offer, online: Marks, step: int) -> None:
    """Have hubs look at the repository: each within the step; what it learns takes effect at the step's end."""
    if offer.withdrawn:
        canaries.withdraw(online)
        return
    new = told.ask(offer, START + step * dt.timedelta(hours=STEP_HOURS)) & online & ~told.took
    told.took |= new
    canaries.begin(new, step + 1)


def _note(outcome: Outcome, canaries: Canaries, took: Marks, step: int) -> None:
    day, stage = (step + 1) / STEPS_A_DAY, canaries.stage
    having, answering = float(canaries.has_it.mean()), float(((stage == WATCH) | (stage == SETTLED)).mean())
    outcome.days.append(day)
    outcome.having.append(having)
    outcome.answering.append(answering)
    answered = float(canaries.answered.sum())
    per_step = float(canaries.fleet.turns_a_day.sum()) / STEPS_A_DAY
    outcome.answered.append((answered - outcome.served) / per_step)
    outcome.served = round(answered)
    outcome.exposed = int(took.sum())
    if outcome.full_day is None and answering >= FULL:
        outcome.full_day = day
    if outcome.gone_day is None and outcome.withdrawn_day is not None and not canaries.has_it.any():
        outcome.gone_day = day


def _totals(outcome: Outcome, canaries: Canaries, took: Marks, plan: Plan) -> Outcome:
    heard = canaries.answered > 0
    outcome.heard = int(heard.sum())
    outcome.left = int((canaries.stage == LEFT).sum())
    outcome.turns_exposed = int(canaries.turns_with_it.sum())
    outcome.turns_heard = int(canaries.turns_with_it[heard].sum())
    outcome.turns_all_days = float(canaries.fleet.turns_a_day[took].sum()) * plan.days
    return outcome
