"""Measurements of this machine → the model, threads and encoder context that fit it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..pipeline.checked import Checked, ranged

BUDGET_MS = 120.0
"""What the inference of a command may take: the design's share of 300 ms."""
FULL_FLOOR_FRAMES = 1000
"""Shows every utterance in at least 10 s: no loss of accuracy was measured at that on plain Whisper models."""
SHORT_FLOOR_FRAMES = 300
"""Shows a command of 3 s in 5.56 s. Twice as fast; when a text looks made up, the decoder looks again at 30 s."""
NEEDED_MEMORY_MB: Mapping[str, int] = {"tiny": 220, "base": 320, "small": 830}
"""By size, ascending: 16-bit weights as fetched beside the 8-bit ones made of them while loading, and working space."""
MEMORY_SHARE = 0.5
"""How much of the free memory a model may take: the hub has other work."""
WORTH_A_THREAD = 1.1
"""A further thread has to bring at least so much, or it is left to the wake word and to Home Assistant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement(Checked):
    """How long one size takes for a command of 3 s with 10 tokens, features and evidence included."""

    model: str
    threads: int = ranged(at_least=1, at_most=64)
    context_floor_frames: int = ranged(at_least=200, at_most=3000)
    p50_ms: float = ranged(at_least=0.0)
    p95_ms: float = ranged(at_least=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Checked):
    """What to run here."""

    model: str
    """A name that can be fetched."""
    threads: int = ranged(at_least=1, at_most=64)
    context_floor_frames: int = ranged(FULL_FLOOR_FRAMES, at_least=200, at_most=3000)
    reason: str = ""
    """A sentence for the owner."""


def choose(
    measurements: Sequence[Measurement], memory_bytes: int, *, english_only: bool = False, budget_ms: float = BUDGET_MS
) -> Choice:
    """Return the largest size that keeps the budget and fits the free memory, else tiny at its fastest.

    Within a size, the full context is preferred to the short one, then fewer threads to more.
    """
    for model in reversed(tuple(NEEDED_MEMORY_MB)):
        if NEEDED_MEMORY_MB[model] * 2**20 > MEMORY_SHARE * memory_bytes and model != "tiny":
            continue
        for floor in (FULL_FLOOR_FRAMES, SHORT_FLOOR_FRAMES):
            fitting = [
                one
                for one in measurements
                if (one.model, one.context_floor_frames) == (model, floor) and one.p95_ms <= budget_ms
            ]
            if fitting:
                best = _frugal(fitting)
                reason = f"{model} answers within {best.p95_ms:.0f} ms here; {budget_ms:.0f} are allowed"
                return _choice(best, reason, english_only=english_only)
    return _fallback(measurements, budget_ms, english_only=english_only)


def _frugal(fitting: Sequence[Measurement]) -> Measurement:
    """Return the one with the fewest threads that is nearly as fast as the fastest."""
    fastest = min(one.p95_ms for one in fitting)
    near = [one for one in fitting if one.p95_ms <= WORTH_A_THREAD * fastest]
    return min(near, key=lambda one: (one.threads, one.p95_ms))


def _fallback(measurements: Sequence[Measurement], budget_ms: float, *, english_only: bool) -> Choice:
    tiny = [one for one in measurements if one.model == "tiny"]
    if not tiny:
        return Choice(model="tiny.en" if english_only else "tiny", threads=1, reason="nothing could be measured")
    best = min(tiny, key=lambda one: one.p95_ms)
    reason = f"even tiny takes {best.p95_ms:.0f} ms here, and {budget_ms:.0f} are allowed: answers will come late"
    return _choice(best, reason, english_only=english_only)


def _choice(best: Measurement, reason: str, *, english_only: bool) -> Choice:
    return Choice(
        # Models of English only hear it better than multilingual ones of the same size.
        model=f"{best.model}.en" if english_only else best.model,
        threads=best.threads,
        context_floor_frames=best.context_floor_frames,
        reason=reason,
    )
