"""False wakes in long stretches of speech, noise, hum, babble and silence: one line of JSON.

Long form: `python -m tests.server.proofs.false_wakes [--minutes 30]`. Speech is synthesised by espeak-ng and flite
where they are installed; where they are not, the line says so and the speech rows are missing.
"""

import argparse
import asyncio
import itertools
import json
import random
import shutil
import subprocess
from collections.abc import Iterable, Iterator

import numpy as np

from wyoming_server.engines.wake_openwakeword import OpenWakeWordEngine
from wyoming_server.pipeline.types import SAMPLE_RATE_HZ, Samples
from wyoming_server.pipeline.wake import ScoreFrame, WakeDetector, WakeSettings, WakeWord

_OPENERS = ("please", "could you", "I said", "yesterday she wanted to", "they told us to", "no, first", "and then", "")
_COMMANDS = (
    "turn on the {room} {device}", "turn off the {device} in the {room}", "set a timer for {number} minutes",
    "is the {room} {device} still on", "open the {room} window", "what is the temperature in the {room}",
    "add {thing} to the shopping list", "lock the front door and close the garage", "play some music in the {room}",
    "dim the {room} {device} to {number} percent", "remind me in {number} hours to buy {thing}", "good night everyone",
)  # fmt: skip
_STORIES = (
    "the old lighthouse keeper counted {number} ships before the fog rolled in over the {thing}",
    "we walked for {number} miles along the river and never once saw a {thing}",
    "my neighbour says that a {room} without a {device} is only half a {room}",
    "if it rains on Thursday we will move the table with the {thing} into the {room}",
    "the recipe asks for {number} spoons of sugar, a little salt and {thing}",
    "nobody could explain why the {device} was lying on the floor of the {room}",
    "in the evening news they spoke about {number} new houses near the harbour",
    "her brother repairs {thing} machines in a small workshop behind the {room}",
)
_NEAR_MISSES = (
    "Alex said that he likes the election", "a lecture about relaxing", "hey Michael, the microphone is soft",
    "hey, drivers and jars", "hey Travis, pass me the jar", "raspberries for the party", "hey, rub the spy glass",
    "okay now, boo to a goose", "okay, nab a cake", "hey, my crofter cousin is here", "hey, rest easy", "a Lexus, eh",
)  # fmt: skip
_NEAR = "near_misses"
"""Counted apart: "a Lexus, eh" is "alexa" to people as well."""
_ROOMS = ("kitchen", "living room", "bedroom", "hallway", "garden", "office", "attic", "cellar", "bathroom")
_DEVICES = ("light", "lamp", "fan", "heating", "television", "speaker", "blind", "socket", "radio")
_THINGS = ("milk", "coffee", "oranges", "washing powder", "a newspaper", "bread", "batteries", "tea", "cheese")
_NUMBERS = ("two", "three", "five", "seven", "ten", "twelve", "fifteen", "twenty", "forty", "sixty")
_ESPEAK_VOICES = ("en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc", "en-029")
_ESPEAK_VARIANTS = ("", "+f1", "+f2", "+f3", "+f4", "+m1", "+m3", "+m5", "+m7", "+Annie", "+linda", "+Storm", "+steph")
_FLITE_VOICES = ("kal16", "awb", "rms", "slt")


def noises(seed: int, seconds: float) -> dict[str, Samples]:
    """Return kind → noise of that length: silence, hiss, room, rumble, hum, clatter and tones."""
    generator = np.random.default_rng(seed)
    size = round(seconds * SAMPLE_RATE_HZ)
    time_s = np.arange(size) / SAMPLE_RATE_HZ
    white = generator.normal(size=size)
    hum = sum(np.sin(2 * np.pi * 50 * k * time_s + k) / k for k in range(1, 12))
    clatter = white * np.repeat(generator.random(size // 800 + 1) ** 12, 800)[:size]
    sweep = np.sin(2 * np.pi * np.cumsum(300 + 250 * np.sin(2 * np.pi * 0.31 * time_s)) / SAMPLE_RATE_HZ)
    shapes = {
        "silence": np.zeros(size),
        "hiss": white * 1500,
        "room": white * 25,
        "rumble": _coloured(white, 2.0) * 6000,
        "pink": _coloured(white, 1.0) * 3000,
        "hum": hum * 3000 + white * 20,
        "clatter": clatter * 9000 + white * 20,
        "tones": sweep * 6000 + white * 20,
    }
    return {kind: np.clip(shape, -32768, 32767).astype(np.int16) for kind, shape in shapes.items()}


def _coloured(white: np.ndarray, exponent: float) -> np.ndarray:
    """Shape white noise to a power spectrum of 1 / frequency ** exponent, unit variance."""
    spectrum = np.fft.rfft(white)
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (exponent / 2)
    spectrum[: max(2, len(white) // 1600)] = 0  # nothing under 10 Hz reaches a microphone
    shaped: np.ndarray = np.fft.irfft(spectrum, len(white))
    return shaped / float(shaped.std())


def sentences(seed: int) -> Iterator[str]:
    """Yield commands and stories, without end."""
    generator = random.Random(seed)
    while True:
        template = f"{generator.choice(_OPENERS)} {generator.choice(_COMMANDS + _STORIES)}"
        yield template.format(
            room=generator.choice(_ROOMS),
            device=generator.choice(_DEVICES),
            thing=generator.choice(_THINGS),
            number=generator.choice(_NUMBERS),
        )


def spoken(texts: Iterable[str], seed: int, seconds: float) -> Samples:
    """Return texts in changing voices, speeds and levels, over room noise; needs espeak-ng and flite."""
    generator = random.Random(seed)
    parts: list[Samples] = []
    size = 0
    for sentence in texts:
        if size >= seconds * SAMPLE_RATE_HZ:
            break
        speech = _say(sentence, generator)
        level = 10 ** generator.uniform(-1.2, 0.0) * 14000 / max(1, int(np.abs(speech).max()))
        pause = np.zeros(round(generator.uniform(0.05, 0.9) * SAMPLE_RATE_HZ))
        parts += [(speech * level).astype(np.int16), pause.astype(np.int16)]
        size += len(speech) + len(pause)
    clean = np.concatenate(parts)[: round(seconds * SAMPLE_RATE_HZ)]
    noisy: Samples = clean + np.random.default_rng(seed).normal(0, 25, len(clean)).astype(np.int16)
    return noisy


def _say(sentence: str, generator: random.Random) -> Samples:
    if generator.random() < 0.3:
        stretch = f"duration_stretch={generator.uniform(0.8, 1.3):.2f}"
        voice = generator.choice(_FLITE_VOICES)
        command = ["flite", "-voice", voice, "--setf", stretch, "-t", sentence, "-o", "/dev/stdout"]
    else:
        voice = generator.choice(_ESPEAK_VOICES) + generator.choice(_ESPEAK_VARIANTS)
        command = ["espeak-ng", "-v", voice, "-s", str(generator.randint(130, 200)), "--stdout", sentence]
    output = subprocess.run(command, check=True, capture_output=True).stdout
    # Both write a plain 44-byte header, whose length field is nonsense on a pipe.
    rate = int.from_bytes(output[24:28], "little")
    samples = np.frombuffer(output[44 : len(output) // 2 * 2], np.int16)
    positions = np.arange(0, len(samples) - 1, rate / SAMPLE_RATE_HZ)
    resampled: Samples = np.interp(positions, np.arange(len(samples)), samples).astype(np.int16)
    return resampled


def babble(speech: Samples, talkers: int = 5) -> Samples:
    """Return several stretches of the speech at once."""
    length = len(speech) // talkers
    mixed = speech[: length * talkers].reshape(talkers, length).astype(np.float64).sum(axis=0)
    return np.clip(mixed, -32768, 32767).astype(np.int16)


def detected(words: Iterable[WakeWord], frames: Iterable[ScoreFrame], settings: WakeSettings) -> list[str]:
    """Return the names that a detector finds, in order."""
    detector = WakeDetector(words, settings)
    return [hit.name for frame in frames for hit in detector.feed(frame)]


async def _measure(minutes: float, seed: int) -> dict[str, object]:
    """Half of the time is speech, an eighth babble, the rest noise of every kind; near misses come on top."""
    seconds = minutes * 60
    stretches = noises(seed, seconds * 3 / 8 / 8)
    has_voices = all(map(shutil.which, ("espeak-ng", "flite")))
    if has_voices:
        stretches["speech"] = await asyncio.to_thread(spoken, sentences(seed), seed, seconds / 2)
        stretches["babble"] = babble(await asyncio.to_thread(spoken, sentences(seed + 1), seed + 1, seconds * 5 / 8))
        stretches[_NEAR] = await asyncio.to_thread(spoken, itertools.cycle(_NEAR_MISSES), seed, seconds / 16)
    engine = await asyncio.to_thread(OpenWakeWordEngine.load)
    scored = {kind: await engine.open().push(audio) for kind, audio in stretches.items()}
    default = WakeSettings()
    by_frames = {
        count: {
            kind: wakes
            for kind, frames in scored.items()
            if (wakes := detected(engine.words, frames, WakeSettings(consecutive_frames=count)))
        }
        for count in sorted({1, 2, 3, 4, default.consecutive_frames})
    }
    engine.close()
    wakes_by_kind = by_frames[default.consecutive_frames]
    figures: dict[str, object] = {
        "words": [word.name for word in engine.words],
        "minutes": {kind: round(len(audio) / SAMPLE_RATE_HZ / 60, 2) for kind, audio in stretches.items()},
        "threshold": default.threshold,
        "consecutive_frames": default.consecutive_frames,
        "false_wakes": sum(len(wakes) for kind, wakes in wakes_by_kind.items() if kind != _NEAR),
        "near_miss_wakes": len(wakes_by_kind.get(_NEAR, ())),
        "by_consecutive_frames": {str(frames): wakes for frames, wakes in by_frames.items()},
    }
    if not has_voices:
        figures["missing"] = "speech and babble: espeak-ng and flite are not both installed"
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(_measure(arguments.minutes, arguments.seed))))


if __name__ == "__main__":
    main()
