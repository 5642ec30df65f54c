"""What a change most likely comes from: turns before and after it, side by side. In memory alone."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from statistics import median

import numpy as np

from .drift_alarm import Alarm, Cause
from .drift_figures import Metric, Seen, figure
from .drift_reference import Reference

REMEMBERED = 3000
"""Turns, of all languages."""
LEAST_BEFORE, LEAST_SINCE = 20, 5
"""Turns before a change, and since: fewer explain nothing."""
NEW = 0.02
"""Of a language's turns before the change, at most so many are of a satellite that is new."""
QUIETEST = 0.1
"""Noisy is what this share of the turns before was, or noisier."""
MUCH_NOISE_DB = 6.0
"""Of the median SNR: four times the noise."""
_OF_SOUND = {Metric.ESCALATION, Metric.RISK, Metric.CONFIDENCE, Metric.DISAGREEMENT}
EXPLAINED = 0.4
"""Of the rise: less is no cause."""
MORE = 0.1
"""By how much a cause's share of the turns has to have grown."""

type Mark = Callable[["Witness"], bool]


@dataclass(slots=True, kw_only=True)
class Witness:
    """A turn, as far as it may tell of a cause. Mutable: labels come later."""

    at_s: float
    language: str
    satellite: str
    model: str
    lane: str = ""
    snr_db: float | None = None
    is_foreign: bool = False
    """Whether language detection doubts the language."""
    told: dict[str, Seen] = field(default_factory=dict)


_MODEL, _LANE, _SATELLITE = (attrgetter(one) for one in ("model", "lane", "satellite"))


class Witnesses:
    """The last turns. Mutable."""

    def __init__(self) -> None:
        """Begin without any."""
        self._turns = deque[Witness](maxlen=REMEMBERED)

    def add(self, turn: Witness) -> None:
        """Remember a turn."""
        self._turns.append(turn)

    def forget(self, satellite: str | None = None) -> None:
        """Forget a satellite's turns, or all."""
        left = [one for one in self._turns if satellite is not None and one.satellite != satellite]
        self._turns = deque(left, maxlen=REMEMBERED)

    def explained(self, alarm: Alarm, known: Reference) -> Alarm:
        """Return an alarm with its likeliest cause.

        A cause is a kind of turns that has become more frequent, and without whose becoming so the rise would be
        smaller by 40 % and more: the mean since, weighed as if the kind were as frequent as before (Kitagawa 1955).
        """
        of = figure(alarm.figure)
        turns = [one for one in self._turns if one.language == alarm.language and alarm.figure in one.told]
        before = [one for one in turns if one.at_s < alarm.since_s]
        since = [one for one in turns if one.at_s >= alarm.since_s]
        if len(since) < LEAST_SINCE:
            return alarm
        if len(before) < LEAST_BEFORE:
            return _of_model(alarm, since, known)

        def number(turn: Witness) -> float:
            return known.number(of, turn.told[of.name])

        best = EXPLAINED, _by_coincidence(alarm, before, since)
        for cause, subject, mark in self._kinds(alarm, before, since):
            share = _explained(before, since, mark, number)
            if share > best[0]:
                is_secret = cause in {Cause.NEW_SATELLITE, Cause.NOISE}
                best = share, replace(alarm, cause=cause, subject=subject, subject_is_secret=is_secret)
        return best[1]

    def _kinds(
        self, alarm: Alarm, before: Sequence[Witness], since: Sequence[Witness]
    ) -> Iterator[tuple[Cause, str, Mark]]:
        """Yield the causes that there may be, the likeliest first: of two that explain as much, the first is told."""
        for model in _new(before, since, _MODEL):
            yield Cause.BUNDLE, model, _is(_MODEL, model)
        if alarm.metric in {Metric.LATENCY, Metric.DISAGREEMENT}:
            for lane in _new(before, since, _LANE):
                yield Cause.CLOUD, lane, _is(_LANE, lane)
        for satellite in _new(before, since, _SATELLITE):
            yield Cause.NEW_SATELLITE, satellite, _is(_SATELLITE, satellite)
        yield Cause.LANGUAGE, "", lambda one: one.is_foreign
        levels = [one.snr_db for one in before if one.snr_db is not None]
        if len(levels) >= LEAST_BEFORE:
            quiet = float(np.quantile(levels, QUIETEST))
            loud = Counter(one.satellite for one in since if _is_below(one.snr_db, quiet))
            usual = Counter(one.satellite for one in before)
            most = max(loud, key=lambda name: loud[name] / (1 + usual[name]), default="")
            yield Cause.NOISE, most, lambda one: _is_below(one.snr_db, quiet)


def _by_coincidence(alarm: Alarm, before: Sequence[Witness], since: Sequence[Witness]) -> Alarm:
    """Return an alarm with what is named when nothing explains it, turn by turn.

    Waiting for lanes is the doing of the one that was waited for most; else noise that has grown by a lot is named.
    """
    if alarm.figure == "lane_time":
        lane, _ = Counter(map(_LANE, since)).most_common(1)[0]
        return replace(alarm, cause=Cause.CLOUD, subject=lane)
    was, now = ([one.snr_db for one in turns if one.snr_db is not None] for turns in (before, since))
    if alarm.metric in _OF_SOUND and was and now and median(was) - median(now) >= MUCH_NOISE_DB:
        return replace(alarm, cause=Cause.NOISE)
    return alarm


def _of_model(alarm: Alarm, since: Sequence[Witness], known: Reference) -> Alarm:
    """Return what can be told when nothing from before is remembered: whether another model serves."""
    model, turns = Counter(one.model for one in since).most_common(1)[0]
    is_other = model != known.model and turns >= len(since) / 2
    return replace(alarm, cause=Cause.BUNDLE, subject=model) if is_other else alarm


def _new(before: Sequence[Witness], since: Sequence[Witness], read: Callable[[Witness], str]) -> Iterator[str]:
    """Yield what hardly one turn had before, and many have since."""
    was, now = Counter(map(read, before)), Counter(map(read, since))
    for name, turns in now.most_common():
        if name and was[name] <= NEW * len(before) and turns >= MORE * len(since):
            yield name


def _explained(
    before: Sequence[Witness], since: Sequence[Witness], mark: Mark, number: Callable[[Witness], float]
) -> float:
    """Return the share of a rise that comes from marked turns having become more frequent; 0 where they have not."""
    share = sum(map(mark, before)) / len(before)
    marked, others = [number(one) for one in since if mark(one)], [number(one) for one in since if not mark(one)]
    usual = float(np.mean([number(one) for one in before]))
    now = float(np.mean([*marked, *others]))
    if now <= usual or len(marked) / len(since) < share + MORE:
        return 0.0
    quiet = others or [number(one) for one in before if not mark(one)] or [usual]
    as_before = share * float(np.mean(marked)) + (1.0 - share) * float(np.mean(quiet))
    return (now - as_before) / (now - usual)


def _is(read: Callable[[Witness], str], name: str) -> Mark:
    return lambda turn: read(turn) == name


def _is_below(value: float | None, limit: float) -> bool:
    return value is not None and value <= limit
