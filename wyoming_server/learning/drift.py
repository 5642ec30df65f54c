"""One language's turns, held against what was usual: references, evidence, alarms and their end. No clock, no chance.

Only what grows worse alarms. Figures of a model alone wait for its own reference; the others are held against the one
that there is until a new model has gathered its own, so that a model that is worse from its first day on is seen.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .drift_alarm import Alarm, Recovery
from .drift_detectors import Detector, levels
from .drift_figures import FIGURES, INDEX, Figure, Metric, Seen, figure, wanted
from .drift_reference import Reference, reference
from .drift_settings import DriftSettings

MODELS = 3
"""That may gather references at a time: what serves, a candidate, and one before."""
GONE = 200
"""A model is, when none of so many turns was its."""
_DIGITS = 4
"""Of what is written down while a reference is gathered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A metric beside its reference."""

    metric: Metric
    reference_turns: int
    turns: int
    """Since it was last as good as usual."""
    before: float | None
    now: float | None
    e_value: float
    alarm_at: float


@dataclass(slots=True, kw_only=True)
class Raised:
    """An alarm that has not ended. Mutable."""

    alarm: Alarm
    now: float
    """The mean when it alarmed, as it is held against the reference's."""
    recovery: Recovery


class LanguageDrift:
    """A language's. Mutable; every method is quick."""

    def __init__(self, language: str, settings: DriftSettings) -> None:
        """Begin without a reference."""
        self.language, self.settings = language, settings
        self.steps = 0
        self.references: dict[str, Reference] = {}
        self.gathering: OrderedDict[str, dict[str, list[Seen]]] = OrderedDict()
        """Model → figure → what was gathered."""
        self.heard: dict[str, int] = {}
        """Model → the step at which it was heard last."""
        self.raised: dict[str, Raised] = {}
        self.detectors: dict[str, Detector] = {}
        """Of each figure that has a reference."""
        each = levels(settings.run_length_turns).tolist()
        self._levels: dict[str, float] = dict(zip(INDEX, each, strict=True))
        self._recent: dict[str, deque[Seen]] = {
            one.name: deque(maxlen=wanted(one, settings.reference_turns)) for one in FIGURES
        }

    # Turns.

    def take(self, told: Mapping[str, Seen], model: str, now_s: float) -> tuple[list[Alarm], list[Alarm]]:
        """Take what a turn tells, or a label says of one later; return alarms that began, and alarms that settled."""
        self.steps += 1
        self.heard[model] = self.steps
        raised, settled = list[Alarm](), [self._end(name) for name in list(self.raised) if self._is_past(name)]
        for name, seen in told.items():
            of = figure(name)
            self._recent[name].append(seen)
            known = self.references.get(name)
            if known is None or known.model != model:
                self._gather(of, seen, model)
            known = self.references.get(name)
            if known is None or (of.of_model and known.model != model):
                continue
            number = known.number(of, seen)
            self.detectors[name].step(number, now_s)
            if (has := self.raised.get(name)) is not None:
                settled += [self._end(name)] if has.recovery.step(number) else []
            elif (alarm := self._alarm(of, known, now_s)) is not None:
                raised.append(alarm)
        return raised, settled

    def _gather(self, of: Figure, seen: Seen, model: str) -> None:
        gathered = self._gathered(model).setdefault(of.name, [])
        enough = wanted(of, self.settings.reference_turns)
        if len(gathered) < enough:
            gathered.append(Seen(round(seen.value, _DIGITS), seen.is_so))
        if len(gathered) >= enough and self._may_change(of):
            self._adopt(of, reference(of, gathered, model))

    def _gathered(self, model: str) -> dict[str, list[Seen]]:
        found = self.gathering.setdefault(model, {})
        self.gathering.move_to_end(model)
        if len(self.gathering) > MODELS:
            gone, _ = self.gathering.popitem(last=False)
            self.heard.pop(gone, None)
        return found

    def _may_change(self, of: Figure) -> bool:
        """Tell whether another model's reference may take over: the one before has gone, and its alarm has ended."""
        known = self.references.get(of.name)
        if known is None:
            return True
        if self.steps - self.heard.get(known.model, 0) <= GONE:
            return False
        return of.of_model or of.name not in self.raised

    def _adopt(self, of: Figure, known: Reference) -> None:
        self.references[of.name] = known
        self.gathering[known.model].pop(of.name, None)
        self.raised.pop(of.name, None)
        self.bet(of.name)

    def bet(self, name: str) -> None:
        """Hold bets against a figure's reference, none of which has any evidence yet."""
        self.detectors[name] = Detector(self.references[name], figure(name), self.settings.run_length_turns)

    # Alarms.

    def _alarm(self, of: Figure, known: Reference, now_s: float) -> Alarm | None:
        detector = self.detectors[of.name]
        if (e_value := detector.e_value) < self._levels[of.name]:
            return None
        if any(figure(one).metric is of.metric for one in self.raised):
            return None  # its owner has been told
        best = detector.leading
        turns = max(1.0, detector.turns[best])
        now = detector.total[best] / turns
        alarm = Alarm(
            figure=of.name,
            language=self.language,
            since_s=min(now_s, detector.since[best]),
            at_s=now_s,
            before=known.told,
            now=known.as_told(of, now),
            turns=int(turns),
            e_value=e_value,
            limit=known.limit,
        )
        self.raised[of.name] = Raised(alarm=alarm, now=now, recovery=Recovery(known, now))
        self._recent[of.name].clear()  # what led to an alarm is no fair picture of what comes after it
        return alarm

    def _is_past(self, name: str) -> bool:
        """Tell whether an alarm is of a model that has gone."""
        known = self.references[name]
        return figure(name).of_model and self.steps - self.heard.get(known.model, 0) > GONE

    def _end(self, name: str) -> Alarm:
        self.detectors[name].clear()
        return self.raised.pop(name).alarm

    # What its owner changes.

    def accept(self) -> bool:
        """Take what is as usual: what was heard since each alarm, else lately; tell whether there was a reference."""
        had = bool(self.references)
        recent = {name: list(values) for name, values in self._recent.items()}
        model = max(self.heard, key=self.heard.__getitem__, default="")
        self.restart(INDEX)
        for name, values in recent.items():
            for seen in values:
                if name not in self.references:
                    self._gather(figure(name), seen, model)
        return had

    def restart(self, names: Iterable[str]) -> list[Alarm]:
        """Gather some figures' references anew: something else was usual; return the alarms that end by that."""
        ended = []
        for name in names:
            self.references.pop(name, None)
            for gathered in self.gathering.values():
                gathered.pop(name, None)
            self._recent[name].clear()
            self.detectors.pop(name, None)
            if (raised := self.raised.pop(name, None)) is not None:
                ended.append(raised.alarm)
        return ended

    # What is told.

    @property
    def turns_to_go(self) -> int:
        """Turns until escalations can be watched; 0 when they are."""
        first = FIGURES[0]
        if first.name in self.references:
            return 0
        gathered = max((len(one.get(first.name, ())) for one in self.gathering.values()), default=0)
        return wanted(first, self.settings.reference_turns) - gathered

    @property
    def alarms(self) -> list[Alarm]:
        """Those that have not ended."""
        return [one.alarm for one in self.raised.values()]

    def standings(self) -> Iterator[Standing]:
        """Return each metric that has a reference: of several figures, the one with most evidence for its weight."""
        for metric in Metric:
            of = [one for one in FIGURES if one.metric is metric and one.name in self.detectors]
            if not of:
                continue
            most = max(of, key=lambda one: self.detectors[one.name].e_value / self._levels[one.name])
            known, detector = self.references[most.name], self.detectors[most.name]
            turns, total = detector.turns[detector.leading], detector.total[detector.leading]
            yield Standing(
                metric=metric,
                reference_turns=known.turns,
                turns=int(turns),
                before=known.told,
                now=known.as_told(most, total / turns) if turns else None,
                e_value=detector.e_value,
                alarm_at=self._levels[most.name],
            )
