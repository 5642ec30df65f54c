"""Texts out of minutes of silence, noise, hum and babble, in live turns as a satellite would start them: one JSON line.

python -m tests.server.proofs.phantom_text [--minutes 10] [--seed 1]

Each turn gets up to 15 s, faster than real time, and a new one starts where the last one ended. Babble is six talkers
at once, made of the packaged commands and of sentences by espeak-ng and flite where those are installed.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.audio.commands.pauses import sentences
from tests.audio.commands.render import pink, spoken
from tests.server.home import settings_for_tests
from wyoming_server.commands.client import Manner, connected
from wyoming_server.commands.local import in_process
from wyoming_server.commands.recording import PACKAGED, Recording, listed_recordings
from wyoming_server.errors import EdgeVoiceError
from wyoming_server.pipeline.types import SAMPLE_RATE_HZ, Samples

TURN_SECONDS = 15
FAST = Manner(real_time=False, chunk_seconds=0.1, answer_seconds=60.0)
TALKERS = 6

type Source = Callable[[int, np.random.Generator], np.ndarray]
"""Samples, randomness → that many samples in ±1."""


def main() -> int:
    """Print counts; return 1 when there was a text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    figures = asyncio.run(count(arguments.minutes, arguments.seed))
    print(json.dumps(figures))
    return int(any(figures["texts"].values()))


async def count(minutes: float, seed: int) -> dict[str, object]:
    """Return how many turns ended in a text, by kind of sound."""
    rng = np.random.default_rng(seed)
    texts: Counter[str] = Counter()
    turns: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    voices = await asyncio.to_thread(talkers)
    with tempfile.TemporaryDirectory() as folder:
        async with in_process(settings_for_tests(Path(folder))) as uri:
            for kind, source in sources(voices).items():
                texts[kind] = 0
                for _ in range(round(60 * minutes / TURN_SECONDS)):
                    turns[kind] += 1
                    sound = recording(source(TURN_SECONDS * SAMPLE_RATE_HZ, rng))
                    try:
                        async with connected(uri) as connection:
                            answer = await connection.transcribe(sound, FAST, language="en")
                    except EdgeVoiceError as error:
                        errors[error.code] += 1
                        continue
                    if answer.text:
                        texts[kind] += 1
                        print(f"{kind}: {answer.detail.get('reason')}", file=sys.stderr)
    return {"minutes_of_each": minutes, "turns": dict(turns), "texts": dict(texts), "errors": dict(errors)}


def sources(voices: list[np.ndarray]) -> dict[str, Source]:
    """Return what is listened to."""

    def white(count: int, rng: np.random.Generator) -> np.ndarray:
        return rng.normal(0.0, 10 ** (rng.uniform(-60, -20) / 20), count)

    def humming(count: int, rng: np.random.Generator) -> np.ndarray:
        times = np.arange(count) / SAMPLE_RATE_HZ
        base = rng.choice([50.0, 60.0, 100.0, 120.0])
        tone = sum(np.sin(2 * np.pi * base * k * times + rng.uniform(0, 6)) / k for k in range(1, 9))
        return 10 ** (rng.uniform(-45, -25) / 20) * np.asarray(tone) + rng.normal(0, 1e-4, count)

    def babble(count: int, rng: np.random.Generator) -> np.ndarray:
        mixed = np.zeros(count)
        for _ in range(TALKERS):
            at = int(rng.integers(0, SAMPLE_RATE_HZ))
            while at < count:
                voice = voices[int(rng.integers(len(voices)))]
                end = min(count, at + len(voice))
                mixed[at:end] += voice[: end - at] * rng.uniform(0.3, 1.0)
                at = end + int(rng.integers(0, SAMPLE_RATE_HZ // 2))
        return mixed * 10 ** (rng.uniform(-34, -20) / 20) / (np.std(mixed) + 1e-9)

    return {
        "silence": lambda count, _: np.zeros(count),
        "room": lambda count, rng: pink(count, rng, rng.uniform(-70, -50)),
        "white noise": white,
        "pink noise": lambda count, rng: pink(count, rng, rng.uniform(-50, -20)),
        "hum": humming,
        "babble": babble,
    }


def talkers() -> list[np.ndarray]:
    """Return what babble is made of."""
    packaged = [one.mono() for one in listed_recordings(PACKAGED) if one.kind == "clean"]
    try:
        made = [spoken(f"{one.first} {one.second}", one.voice) for one in sentences()[::3]]
    except FileNotFoundError:
        return packaged
    return packaged + made


def recording(sound: np.ndarray) -> Recording:
    """Return a recording of a sound."""
    clipped: Samples = np.clip(32768.0 * sound, -32768, 32767).astype(np.int16)
    template = next(one for one in listed_recordings(PACKAGED) if one.kind == "silence")
    return replace(template, pcm=clipped.tobytes())


if __name__ == "__main__":
    sys.exit(main())
