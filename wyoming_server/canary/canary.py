"""Turns of the incumbent and of a candidate → whether the candidate goes on, stays as it is, or goes back.

Pure: times come in as arguments, and who answers a turn is drawn elsewhere. The counting is `canary_book`'s, the
statistics are `canary_evidence`'s. A bundle as good as the one before is rolled back by its figures with a probability
of at most `false_rollback`, however often it is asked; a trigger is no statistics and takes effect at once.
"""

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..bundles.bundle_settings import BundleSettings
from ..bundles.state import Stage
from ..errors import SnapshotError
from .canary_book import Book, TurnSeen
from .canary_counts import Counters
from .canary_evidence import METRICS, Evidence
from .canary_snapshot import image_of, restored

RAMP_HOURS = 72.0
"""For which a candidate answers a tenth of its share first: what it does elsewhere is reported a day late, and read."""
RAMP = 0.1
PATIENCE = 2.5
"""Times the shadow's hours where no reports are sent: such a hub tells nobody, so it lets those go first that do."""
_NEXT = {Stage.SHADOW: Stage.SERVING, Stage.SERVING: Stage.WATCH, Stage.WATCH: None}


class Arm(enum.StrEnum):
    """Who answered a turn."""

    INCUMBENT = "incumbent"
    CANDIDATE = "candidate"


class Action(enum.StrEnum):
    """What to do about a candidate."""

    STAY = "stay"
    ADVANCE = "advance"
    """It goes to its next stage."""
    SETTLE = "settle"
    """It is no candidate any more."""
    ROLL_BACK = "roll_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do, and why."""

    action: Action
    stage: Stage | None
    """That the candidate will be in; None when it is none any more."""
    code: str = ""
    """Of a rollback: `worse`, `slow`, or its trigger's."""
    message: str = ""
    evidence: tuple[Evidence, ...] = ()


def wanted_turns(settings: BundleSettings, stage: Stage) -> int:
    """Return how many turns a stage takes."""
    turns = {
        Stage.SHADOW: settings.shadow_turns,
        Stage.SERVING: settings.serving_turns,
        Stage.WATCH: settings.watch_turns,
    }
    return turns[stage]


def wanted_hours(settings: BundleSettings, stage: Stage) -> float:
    """Return how many hours a stage takes at least."""
    if stage is not Stage.SHADOW:
        return 0.0
    return settings.shadow_hours * (1.0 if settings.reports else PATIENCE)


def share_of(settings: BundleSettings, stage: Stage | None, hours: float) -> float:
    """Return the share of turns that go to a candidate after so many hours of its stage."""
    match stage:
        case Stage.SHADOW:
            return settings.shadow_share
        case Stage.SERVING:
            return settings.serving_share * (RAMP if hours < RAMP_HOURS else 1.0)
        case Stage.WATCH:
            return 1.0
        case _:
            return 0.0


class Canary:
    """Watches one candidate at a time, and keeps its incumbent's recent turns always. Not thread-safe; reads no clock.

    A snapshot that cannot be used is left, and `refusal` says why.
    """

    def __init__(self, settings: BundleSettings, snapshot: Mapping[str, Any] | None = None) -> None:
        """Begin with nothing known, or where a snapshot left off."""
        self.settings = settings
        """May be set anew at any time."""
        self.label = ""
        """Of the candidate; empty while there is none."""
        self.stage: Stage | None = None
        self._since: dt.datetime | None = None
        self._told: dt.datetime | None = None
        """The last moment that it was told of."""
        self._trigger: tuple[str, str] | None = None
        self.book = Book()
        self.refusal: SnapshotError | None = None
        """Why the snapshot was refused; None when it was not."""
        if snapshot is not None:
            self._restore(snapshot)

    @property
    def incumbent(self) -> str:
        """Return what the baseline is of: a bundle's label or a plain model's name."""
        return self.book.incumbent

    @property
    def turns(self) -> int:
        """Return the candidate's turns of this stage."""
        return self.book.turns

    @property
    def turns_to_go(self) -> int:
        """Return how many turns this stage takes still."""
        return max(0, wanted_turns(self.settings, self.stage) - self.turns) if self.stage else 0

    @property
    def share(self) -> float:
        """Return the share of turns that go to the candidate as of the last moment told; it grows within a stage."""
        return share_of(self.settings, self.stage, self._hours(self._told))

    def hours_to_go(self, now: dt.datetime) -> float:
        """Return how many hours this stage takes still."""
        return max(0.0, wanted_hours(self.settings, self.stage) - self._hours(now)) if self.stage else 0.0

    def compare_with(self, incumbent: str) -> None:
        """Hear what serves now: turns of anything else are no baseline. Not while a candidate is watched."""
        if not self.label:
            self.book.compare_with(incumbent)

    def begin(self, label: str, at: dt.datetime, *, incumbent: str, stage: Stage = Stage.SHADOW) -> None:
        """Watch a candidate from a stage on; one that is watched already, as after a restart, goes on."""
        if label == self.label and self.stage is not None:
            if list(Stage).index(stage) > list(Stage).index(self.stage):
                self._enter(stage, at)
            return
        self.book.begin(label, incumbent)
        self.label, self._trigger = label, None
        self._enter(stage, at)

    def advance(self, at: dt.datetime) -> None:
        """Go on to the next stage."""
        following = _NEXT[self.stage] if self.stage else None
        if following is not None:
            self._enter(following, at)

    def settle(self, _at: dt.datetime) -> None:
        """Take the candidate for the incumbent: its turns are the baseline of the next one."""
        self.book.settle()
        self._leave()

    def end(self, code: str, _at: dt.datetime) -> None:
        """Watch no candidate any more: it was rolled back, for this reason."""
        if self.label:
            self.book.end(code)
        self._leave()

    def baseline(self, turn: TurnSeen) -> None:
        """Count a turn that the incumbent answered, in every stage and without a candidate."""
        self.book.incumbent_served(turn, self.stage)

    def served(self, arm: Arm | str, turn: TurnSeen) -> None:
        """Count a turn by who answered it; one of a candidate that is gone already counts for nothing."""
        if Arm(arm) is Arm.INCUMBENT:
            self.baseline(turn)
        elif self.stage in {Stage.SERVING, Stage.WATCH}:
            planned = self.settings.serving_turns + self.settings.watch_turns
            self.book.candidate_served(turn, watched=self.stage is Stage.WATCH, planned=planned)

    def shadowed(self, *, incumbent: TurnSeen, candidate: TurnSeen) -> None:
        """Count a turn that both have heard; what the incumbent made of it is told to `baseline` as well."""
        if self.stage is Stage.SHADOW:
            self.book.shadowed(incumbent, candidate)

    def trigger(self, code: str, message: str) -> None:
        """Have the candidate rolled back at once; the first reason stays."""
        if self.label and self._trigger is None:
            self._trigger = (code, message)

    def evidence(self) -> tuple[Evidence, ...]:
        """Return what is known of each metric; empty without a candidate."""
        return self.book.evidence() if self.label else ()

    def verdict(self, now: dt.datetime) -> Verdict:
        """Return what to do; changes nothing but the share, which goes by the time. `now` has a zone."""
        self._told = now
        if self._since is not None and now < self._since:
            self._since = now  # the clock was wrong, and was put back: a stage must not last for years
        if self.stage is None:
            return Verdict(action=Action.STAY, stage=None)
        evidence = self.evidence()
        if self._trigger is not None:
            code, message = self._trigger
            return Verdict(action=Action.ROLL_BACK, stage=None, code=code, message=message, evidence=evidence)
        if self.book.e_value >= 1.0 / self.settings.false_rollback:
            return self._worse(evidence)
        if self.turns_to_go or self.hours_to_go(now):
            return Verdict(action=Action.STAY, stage=self.stage, evidence=evidence)
        following = _NEXT[self.stage]
        action = Action.ADVANCE if following else Action.SETTLE
        return Verdict(action=action, stage=following, evidence=evidence)

    def counters(self) -> tuple[Counters, ...]:
        """Return what was counted of each candidate since the last `take_counters`."""
        return self.book.counters()

    def take_counters(self) -> tuple[Counters, ...]:
        """Return the same, and begin a new day."""
        return self.book.take_counters()

    def snapshot(self) -> dict[str, Any]:
        """Return everything, as JSON-able values (about 20 kB)."""
        return image_of(self.book, stage=self.stage, since=self._since, trigger=self._trigger)

    def _worse(self, evidence: tuple[Evidence, ...]) -> Verdict:
        worst = max(evidence, key=lambda one: one.e_value * METRICS[one.metric].weight)
        message = (
            f"{self.label} was worse than {self.incumbent}: {_percent(worst.candidate)} of {worst.candidate_turns} "
            f"turns {METRICS[worst.metric].said}, and {_percent(worst.baseline)} of {worst.baseline_turns} before"
        )
        code = "slow" if worst.metric == "slow" else "worse"
        return Verdict(action=Action.ROLL_BACK, stage=None, code=code, message=message, evidence=evidence)

    def _enter(self, stage: Stage, at: dt.datetime) -> None:
        self.stage, self._since, self._told = stage, at, at
        self.book.turns = 0

    def _hours(self, now: dt.datetime | None) -> float:
        """Return how long the stage has lasted."""
        return (now - self._since).total_seconds() / 3600.0 if now and self._since else 0.0

    def _leave(self) -> None:
        self.label, self.stage, self._since, self._trigger = "", None, None, None

    def _restore(self, snapshot: Mapping[str, Any]) -> None:
        try:
            image = restored(snapshot)
        except SnapshotError as error:
            self.refusal = error
            return
        self.book, self.stage, self._since, self._trigger = image.book, image.stage, image.since, image.trigger
        self.label = image.book.label


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100.0 * share:.1f} %"
