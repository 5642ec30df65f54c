"""What one decode costs: made-up weights of a real size, a command of 3 s, 10 decode steps.

    python -m tests.server.benchmarks.compute [--size base] [--threads 2] [--rounds 40]

*Encode* and *steps* are ctranslate2's own; *whole* is what a turn waits for, features and evidence included. The three
contexts take turns, so that whatever else the machine does falls on all of them alike. Shares are of the 30 s window
that faster-whisper always encodes.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# Without this, numpy's own threads wait in a loop for cores that ctranslate2's threads are using.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import ctranslate2
import faster_whisper
import numpy as np
import psutil
from tqdm import tqdm

from wyoming_server.bundles.bundle import Bundle
from wyoming_server.commands.report import table
from wyoming_server.engines.asr_whisper import WhisperEngine
from wyoming_server.engines.processor import use_wide_vectors
from wyoming_server.engines.synthetic_whisper import PROMPT_TOKENS, write_synthetic_whisper
from wyoming_server.pipeline.types import DecodeRequest

STEPS = 10
CONTEXTS = {1000: 1000, 556: 300, 3000: 3000}
"""Mel frames that a command of 3 s is shown in → the floor that gives them."""
PARTS = ("encode", "steps", "encode + steps", "whole")


@dataclass(slots=True)
class Times:
    """One context's rounds, in ms."""

    parts: dict[str, list[float]] = field(default_factory=lambda: {part: [] for part in PARTS})

    def add(self, encode: float, steps: float, whole: float) -> None:
        """Add one round's seconds."""
        for part, seconds in zip(PARTS, (encode, steps, encode + steps, whole), strict=True):
            self.parts[part].append(1000 * seconds)


def timed[T](work: Callable[[], T]) -> tuple[float, T]:
    """Return how long something took, in seconds, and its result."""
    started_s = time.perf_counter()
    result = work()
    return time.perf_counter() - started_s, result


def one_round(
    model: ctranslate2.models.Whisper, engine: WhisperEngine, frames: int, command: DecodeRequest
) -> list[float]:
    """Return the seconds of encode, of the steps, and of a whole decode."""
    mel = np.random.default_rng(0).normal(0, 1, (1, 80, frames)).astype(np.float32)
    prompt = [[50258, 50259, 50359, 50363]]
    encode_s, encoded = timed(lambda: model.encode(ctranslate2.StorageView.from_array(mel)))
    steps_s, said = timed(
        lambda: model.generate(encoded, prompt, beam_size=1, return_logits_vocab=True, return_no_speech_prob=True)
    )
    whole_s, heard = timed(lambda: engine.decode(command))
    assert len(said[0].sequences_ids[0]) == len(heard.tokens) == STEPS
    assert heard.context_frames == frames
    return [encode_s, steps_s, whole_s]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="base", choices=("tiny", "base", "small"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=40)
    asked = parser.parse_args()
    use_wide_vectors()  # as the server does before it loads its model
    noise = np.random.default_rng(0).normal(0, 1000, 48_000).astype(np.int16)
    times = {frames: Times() for frames in CONTEXTS}
    busy = psutil.cpu_percent(interval=1)
    with tempfile.TemporaryDirectory() as folder:
        write_synthetic_whisper(Path(folder), asked.size, tokens=STEPS)
        loaded = faster_whisper.WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=asked.threads)
        engines = {
            frames: WhisperEngine(loaded, Bundle(name=asked.size, languages=("en",), context_floor_frames=floor))
            for frames, floor in CONTEXTS.items()
        }
        command = DecodeRequest(samples=noise, language="en")
        for number in tqdm(range(asked.rounds + 2), file=sys.stderr, disable=not sys.stderr.isatty()):
            for frames, engine in engines.items():
                seconds = one_round(loaded.model, engine, frames, command)
                if number >= 2:  # the first rounds build kernels
                    times[frames].add(*seconds)
    print(
        f"{asked.size}, int8, {asked.threads} threads, prompt of {PROMPT_TOKENS} tokens, {STEPS} steps, "
        f"{asked.rounds} rounds; the processor was {busy:.0f} % busy with other work before"
    )
    print(table([("median / p95, ms", *PARTS), *(row(frames, times) for frames in CONTEXTS)]))


def row(frames: int, times: dict[int, Times]) -> tuple[str, ...]:
    """Return one context's figures and its shares of the full window."""
    cells = []
    for part in PARTS:
        p50, p95 = np.percentile(times[frames].parts[part], (50, 95))
        share = p50 / np.median(times[3000].parts[part])
        cells.append(f"{p50:.0f} / {p95:.0f} ({share:.2f})")
    return (f"{frames} frames", *cells)


if __name__ == "__main__":
    main()
