"""Which wake threshold a satellite's own wakes speak for: higher, never lower, and never at the price of real ones."""

from collections.abc import Sequence
from dataclasses import dataclass

ENOUGH_WAKES = 20
ENOUGH_REAL = 5
"""With fewer real wakes nothing is known of their scores, and one step is all that is suggested."""
STEP = 0.05
BLIND_STEP = 0.1
HIGHEST = 0.95
"""Beyond that people would have to say it twice."""
REAL_LOST = 0.05
"""Share of real wakes that may be lost."""
FALSE_LEFT = 0.05
"""Share of false wakes that is good enough: no higher threshold is looked for."""
WORTH_IT = 0.5
"""Share of false wakes that must go, or the change is not worth a question to the owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """One wake, judged."""

    is_false: bool
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A setting that a satellite would do better with."""

    setting: str
    value: float
    why: str


def false_share(wakes: Sequence[Wake]) -> float:
    """Return the share of wakes that were for nobody; 0 without wakes."""
    return sum(wake.is_false for wake in wakes) / len(wakes) if wakes else 0.0


def better_threshold(wakes: Sequence[Wake], threshold: float) -> Suggestion | None:
    """Return the threshold that these wakes speak for instead of one; None when none is better."""
    false = [wake.score for wake in wakes if wake.is_false]
    real = [wake.score for wake in wakes if not wake.is_false]
    often = f"{len(false)} of its last {len(wakes)} wakes were for nobody"
    if len(real) < ENOUGH_REAL:
        value = round(threshold + BLIND_STEP, 2)
        why = f"{often}; one step, as too few were for somebody to tell how high it may go"
        return Suggestion(setting="wake_threshold", value=value, why=why) if value <= HIGHEST else None
    found = _lowest_that_helps(false, real, threshold)
    if found is None:
        return None
    gone, lost = _below(false, found), _below(real, found)
    kept = "and it would have missed none" if not lost else f"and it would have missed {lost}"
    why = f"{often}; at {found:g} it would have slept through {gone} of these, {kept} of the {len(real)} real ones"
    return Suggestion(setting="wake_threshold", value=found, why=why)


def _lowest_that_helps(false: list[float], real: list[float], threshold: float) -> float | None:
    """Return the lowest threshold that leaves few false wakes, or the one that leaves the fewest; None if too many."""
    best, value = None, round(threshold + STEP, 2)
    while value <= HIGHEST and _below(real, value) <= REAL_LOST * len(real):
        false_left, real_left = len(false) - _below(false, value), len(real) - _below(real, value)
        if best is None or _below(false, value) > _below(false, best):
            best = value
        if false_left <= FALSE_LEFT * (false_left + real_left):
            break
        value = round(value + STEP, 2)
    return best if best is not None and _below(false, best) >= WORTH_IT * len(false) else None


def _below(scores: list[float], value: float) -> int:
    return sum(score < value for score in scores)
