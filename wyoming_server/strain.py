"""When a hub strains: a table. Each row begins at one mark and ends at a lower one, both of a minute's mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

WINDOW_SECONDS = 60.0
LEAST_SPAN_SECONDS = 50.0
"""Of a shorter window nothing is said: starting, and loading a model, is hard work and soon over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What was seen at a moment. Shares are 0 to 1."""

    at_s: float
    cpu: float = 0.0
    """Of the whole machine, since the moment before."""
    memory: float = 0.0
    decode_s: float = 0.0
    """How long the recogniser has worked since the start, all threads together."""
    waiting: float = 0.0
    """Turns in the recogniser's line, of as many as may be."""
    hot: bool = False
    undersupplied: bool = False
    lag_s: float = 0.0
    """The longest that the event loop kept others waiting since the moment before."""
    late: float = 0.0
    """Share of the looks at it that found it late."""


type Window = Sequence[Moment]
"""A minute, the oldest first; never empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strain:
    """One way to strain."""

    code: str
    measure: Callable[[Window, int], float]
    """(window, the recogniser's threads) → a share, 0 to 1."""
    enters: float
    leaves: float
    sentence: str
    """What it is and its cure. Says nothing that changes by itself: whoever watches is told of each change."""


def strains_of(window: Window, workers: int, *, before: Sequence[Strain]) -> tuple[Strain, ...]:
    """Return what a hub strains with after a minute, given what it did before."""
    return tuple(
        one for one in STRAINS if one.measure(window, workers) >= (one.leaves if one in before else one.enters)
    )


def _mean(read: Callable[[Moment], float]) -> Callable[[Window, int], float]:
    return lambda window, _: sum(map(read, window)) / len(window)


def _decoding(window: Window, workers: int) -> float:
    seconds = window[-1].at_s - window[0].at_s
    return (window[-1].decode_s - window[0].decode_s) / (seconds * workers) if seconds > 0.0 else 0.0


STRAINS = (
    Strain(
        code="supply",
        measure=_mean(lambda one: one.undersupplied),
        enters=0.25,
        leaves=0.05,
        sentence="The machine's power supply is too weak, so its processor is slowed: use one as its maker names it.",
    ),
    Strain(
        code="heat",
        measure=_mean(lambda one: one.hot),
        enters=0.5,
        leaves=0.1,
        sentence="The machine is too hot, so its processor is slowed: give it air, a heat sink or a fan.",
    ),
    Strain(
        code="memory",
        measure=_mean(lambda one: one.memory),
        enters=0.92,
        leaves=0.85,
        sentence="Hardly any memory is left: stop what else runs on this machine, or choose a smaller model with "
        "`edge-voice tune`.",
    ),
    Strain(
        code="decoding",
        measure=_decoding,
        enters=0.8,
        leaves=0.6,
        sentence="The recogniser works nearly all the time: choose a smaller model with `edge-voice tune`, or add a "
        "lane at home.",
    ),
    Strain(
        code="queue",
        measure=_mean(lambda one: one.waiting),
        enters=0.5,
        leaves=0.25,
        sentence="Turns wait for the recogniser: choose a smaller model with `edge-voice tune`, or add a lane at home.",
    ),
    Strain(
        code="processor",
        measure=_mean(lambda one: one.cpu),
        enters=0.9,
        leaves=0.75,
        sentence="The processor is busy nearly all the time: see what else runs on this machine, or choose a smaller "
        "model with `edge-voice tune`.",
    ),
    Strain(
        code="loop",
        measure=_mean(lambda one: one.late),
        enters=0.25,
        leaves=0.1,
        sentence="The server gets its turn at the processor too late: see what else runs on this machine.",
    ),
)
"""Read from above; several may hold."""
