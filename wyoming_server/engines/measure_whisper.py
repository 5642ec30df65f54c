"""How long Whisper models of each size take on this machine, without fetching any."""

import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..bundles.bundle import Bundle
from ..bundles.choice import BUDGET_MS, FULL_FLOOR_FRAMES, SHORT_FLOOR_FRAMES, Measurement
from ..pipeline.types import SAMPLE_RATE_HZ, DecodeRequest
from .asr_whisper import WhisperEngine
from .processor import use_wide_vectors
from .synthetic_whisper import SIZES, write_synthetic_whisper

COMMAND_SECONDS = 3
TOKENS = 10
_THREADS = (1, 2, 3, 4, 6, 8)
_FLOORS = (FULL_FLOOR_FRAMES, SHORT_FLOOR_FRAMES)
_ROUNDS_AT_LEAST, _ROUNDS_AT_MOST = 5, 20
_SECONDS_EACH = 2.0
"""For one size, thread count and context: with eight cores, all of them stay below a minute."""
_SMALL_IS_WORTH_TRYING = 0.5
"""Small takes about three times as long as base, so base has to use less than this share of the budget."""

type ReportShare = Callable[[float], None]
"""Is told how much of the work is done, from 0 to 1."""


def measure_machine(cores: int, report: ReportShare, cancelled: threading.Event) -> list[Measurement]:
    """Return measurements of the sizes that may suit this machine; blocks for up to a minute.

    A size after one that misses the budget is left out. Ends early, with what it has, once `cancelled` is set.
    """
    use_wide_vectors()
    taken: list[Measurement] = []
    runs = [(threads, floor) for threads in _THREADS if threads <= max(1, cores) for floor in _FLOORS]
    for place, size in enumerate(SIZES):
        if place and not _next_is_worth_trying(size, taken):
            break
        with tempfile.TemporaryDirectory(prefix="edge-voice-") as folder:
            write_synthetic_whisper(Path(folder), size, tokens=TOKENS)
            for number, (threads, floor) in enumerate(runs):
                if cancelled.is_set():
                    return taken
                taken.append(measure(Path(folder), size, threads=threads, context_floor_frames=floor))
                report((place + (number + 1) / len(runs)) / len(SIZES))
    report(1.0)
    return taken


def _next_is_worth_trying(size: str, taken: Sequence[Measurement]) -> bool:
    before = taken[-1].model
    fastest = min(one.p95_ms for one in taken if one.model == before)
    return fastest <= BUDGET_MS * (_SMALL_IS_WORTH_TRYING if size == "small" else 1.0)


def measure(
    directory: Path, size: str, *, threads: int, context_floor_frames: int, rounds: int = _ROUNDS_AT_MOST
) -> Measurement:
    """Return how long a command of 3 s takes from samples to hypothesis; blocks for a few seconds."""
    bundle = Bundle(name=size, languages=("en",), context_floor_frames=context_floor_frames)
    engine = WhisperEngine.load(directory, bundle=bundle, threads=threads)
    noise = np.random.default_rng(0).normal(0, 1000, COMMAND_SECONDS * SAMPLE_RATE_HZ).astype(np.int16)
    request = DecodeRequest(samples=noise, language="en")
    for _ in range(2):  # the first decodes build kernels
        engine.decode(request)
    milliseconds: list[float] = []
    while len(milliseconds) < rounds:
        if len(milliseconds) >= _ROUNDS_AT_LEAST and sum(milliseconds) > _SECONDS_EACH * 1000:
            break
        started_s = time.perf_counter()
        engine.decode(request)
        milliseconds.append(1000 * (time.perf_counter() - started_s))
    engine.close()
    p50_ms, p95_ms = (float(value) for value in np.percentile(milliseconds, (50, 95)))
    return Measurement(
        model=size, threads=threads, context_floor_frames=context_floor_frames, p50_ms=p50_ms, p95_ms=p95_ms
    )
