"""What a wake stream costs, beside pyopen-wakeword's path in the same run: `python -m tests.server.benchmarks.wake`."""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import psutil
import pyopen_wakeword

from tests.server.proofs.false_wakes import detected, noises
from tests.server.wake_recordings import wake_recordings, word_of
from wyoming_server.engines.wake_openwakeword import OpenWakeWordEngine
from wyoming_server.pipeline.types import SAMPLE_RATE_HZ, Samples
from wyoming_server.pipeline.wake import WAKE_FRAME_SAMPLES, WakeSettings

_FRAME_MS = 1000 * WAKE_FRAME_SAMPLES / SAMPLE_RATE_HZ
_CHUNK_SAMPLES = 512
"""As Home Assistant's satellites send it."""
_WORDS = ("alexa", "hey_jarvis", "hey_mycroft", "hey_rhasspy", "okay_nabu")
_ROUNDS = 9
_ROUND_SECONDS = 8.0


class Peer:
    """wyoming-openwakeword's way with a chunk: its own front end and models for each stream, on the event loop."""

    def __init__(self) -> None:
        self._features = pyopen_wakeword.OpenWakeWordFeatures.from_builtin()
        self._words = [
            pyopen_wakeword.OpenWakeWord.from_builtin(model) for model in pyopen_wakeword.Model if model.value in _WORDS
        ]

    def push(self, samples: Samples) -> None:
        """Score a chunk."""
        for embeddings in self._features.process_streaming(samples.tobytes()):
            for word in self._words:
                list(word.process_streaming(embeddings))


def _chunks(audio: Samples) -> list[Samples]:
    return [audio[start : start + _CHUNK_SAMPLES] for start in range(0, len(audio), _CHUNK_SAMPLES)]


def _cpu_ms_per_frame(work: Callable[[], None], audio: Samples) -> float:
    """Return the process's CPU time, all threads, per 80 ms of audio."""
    start = time.process_time()
    work()
    return 1000 * (time.process_time() - start) / (len(audio) / WAKE_FRAME_SAMPLES)


def _cpu(engine: OpenWakeWordEngine, audio: Samples) -> dict[str, list[float]]:
    """Alternate between the two, so that both meet the same moods of the machine."""
    peer, session, chunks = Peer(), engine.open(_WORDS), _chunks(audio)

    def theirs() -> None:
        for chunk in chunks:
            peer.push(chunk)

    async def push_all() -> None:
        for chunk in chunks:
            await session.push(chunk)

    def ours() -> None:
        asyncio.run(push_all())

    for fill in (theirs, ours):  # their buffers, before anything counts
        fill()
    figures: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(_ROUNDS):
        figures["peer"].append(_cpu_ms_per_frame(theirs, audio))
        figures["ours"].append(_cpu_ms_per_frame(ours, audio))
    return figures


async def _together(engine: OpenWakeWordEngine, audio: Samples, streams: int) -> dict[str, float]:
    """Return what that many satellites take of the engine's one thread, per second of audio."""

    async def listen() -> None:
        session = engine.open(_WORDS)
        for chunk in _chunks(audio):
            await session.push(chunk)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(listen() for _ in range(streams)))
    seconds = len(audio) / SAMPLE_RATE_HZ
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"streams": streams, "wall_s": round(wall / seconds, 3), "cpu_s": round(cpu / seconds, 3)}


def _resident_mb_per[T](make: Callable[[], T], count: int) -> float:
    process = psutil.Process()
    before = process.memory_info().rss
    kept = [make() for _ in range(count)]
    return float((process.memory_info().rss - before) / len(kept) / 2**20)


async def _detections(engine: OpenWakeWordEngine) -> dict[str, str]:
    counts: dict[str, list[bool]] = {}
    for name, audio in wake_recordings().items():
        frames = await engine.open().push(audio)
        heard = detected(engine.words, frames, WakeSettings()) == [word_of(name)]
        counts.setdefault(word_of(name), []).append(heard)
    return {word: f"{sum(heard)}/{len(heard)}" for word, heard in counts.items()}


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 3), "p95": round(float(np.percentile(values, 95)), 3)}


def measure() -> dict[str, object]:
    """Return every figure."""
    start = time.perf_counter()
    gated = OpenWakeWordEngine.load()
    load_s = time.perf_counter() - start
    ungated = OpenWakeWordEngine.load(gate=None)
    loud, quiet = (noises(0, _ROUND_SECONDS)[kind] for kind in ("clatter", "room"))
    cpu = _cpu(ungated, loud)
    quiet_cpu = _cpu(gated, quiet)["ours"]
    ratios = [ours / peer for ours, peer in zip(cpu["ours"], cpu["peer"], strict=True)]
    at_once = asyncio.run(_together(ungated, loud, 40))
    session = ungated.open(_WORDS)
    second = loud[:SAMPLE_RATE_HZ]

    def stream() -> object:
        listening = ungated.open(_WORDS)
        asyncio.run(listening.push(second))
        return listening

    def peer() -> object:
        listening = Peer()
        listening.push(second)
        return listening

    figures = {
        "words": len(_WORDS),
        "load_s": round(load_s, 3),
        "cpu_ms_per_80_ms": {"ours": _spread(cpu["ours"]), "peer": _spread(cpu["peer"])},
        "cpu_ratio": _spread(ratios),
        "cpu_ms_per_80_ms_in_a_quiet_room": _spread(quiet_cpu),
        "streams_on_one_core": int(_FRAME_MS / statistics.median(cpu["ours"])),
        "at_once_per_audio_second": at_once,
        "stream_state_kb": round(session.nbytes / 1024, 1),
        "resident_mb_per_stream": {
            "ours": round(_resident_mb_per(stream, 50), 3),
            "peer": round(_resident_mb_per(peer, 8), 2),
        },
        "detections": asyncio.run(_detections(gated)),
    }
    gated.close()
    ungated.close()
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="in one line")
    arguments = parser.parse_args()
    print(json.dumps(measure(), indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
