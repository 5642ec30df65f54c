"""One training example: a clip as a microphone in a home would hear it, and its text."""

from dataclasses import dataclass

import numpy as np

from .audio import SAMPLE_RATE_HZ, Waveform, decibels, rms
from .augment import varied
from .features import Features, log_mel, masked
from .noise import NoisePool
from .recordings import Recordings

NO_SPEECH_SHARE, TWO_SENTENCES_SHARE = 0.045, 0.05
NOISY_SHARE, HISSING_SHARE = 0.58, 0.20
GENTLE_SNR_DB, SNR_DB = (8, 40), (2, 35)
WINDOW_TICKS = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Features and what was said in them."""

    features: Features
    text: str
    """Empty without speech."""
    ticks: tuple[int, int] = (0, 0)
    """Start and end of speech in 20 ms, rounded outwards to 0.1 s."""


def draw_example(recordings: Recordings, noise: NoisePool, rng: np.random.Generator, *, gentle: bool) -> Example:
    """Return one example; `gentle` keeps noise low while the model learns to listen at all."""
    if rng.random() < NO_SPEECH_SHARE:
        return Example(features=log_mel(_without_speech(noise, rng)), text="")
    samples, text = _said(recordings, rng)
    level = rms(samples)
    lead_s = rng.uniform(0, 0.4) if rng.random() < 0.8 else rng.uniform(0, 1.0)
    trail_s = rng.uniform(0.05, 0.5) if rng.random() < 0.8 else rng.uniform(0, 1.5)
    end_s = lead_s + len(samples) / SAMPLE_RATE_HZ
    clip = np.pad(samples, (int(lead_s * SAMPLE_RATE_HZ), int(trail_s * SAMPLE_RATE_HZ)))
    clip = np.clip(clip + _background(noise, rng, len(clip), level, gentle=gentle), -1, 1).astype(np.float32)
    ticks = (int(lead_s * 10) * 5, min(WINDOW_TICKS, int(np.ceil(end_s * 10)) * 5))
    return Example(features=masked(rng, log_mel(clip)), text=text, ticks=ticks)


def _said(recordings: Recordings, rng: np.random.Generator) -> tuple[Waveform, str]:
    parts: list[Waveform] = []
    texts: list[str] = []
    for _ in range(2 if rng.random() < TWO_SENTENCES_SHARE else 1):
        index = int(rng.integers(len(recordings)))
        if parts:
            parts.append(np.zeros(int(rng.uniform(0.1, 0.6) * SAMPLE_RATE_HZ), np.float32))
        parts.append(varied(rng, recordings.waveform(index)))
        texts.append(recordings.utterances[index].text)
    return np.concatenate(parts), " ".join(texts)


def _background(noise: NoisePool, rng: np.random.Generator, length: int, level: float, *, gentle: bool) -> Waveform:
    kind = rng.random()
    if kind < NOISY_SHARE:
        return noise.clip(rng, length) * level * decibels(-rng.uniform(*(GENTLE_SNR_DB if gentle else SNR_DB)))
    if kind < NOISY_SHARE + HISSING_SHARE:
        return rng.standard_normal(length, np.float32) * decibels(rng.uniform(-90, -55))
    return np.zeros(length, np.float32)  # digital silence: what files and tests have around their speech


def _without_speech(noise: NoisePool, rng: np.random.Generator) -> Waveform:
    length = int(rng.uniform(0.4, 4.5) * SAMPLE_RATE_HZ)
    kind = rng.random()
    clip = noise.clip(rng, length) * decibels(rng.uniform(-75, -18)) if kind > 0.2 else np.zeros(length, np.float32)
    if kind > 0.85:  # a click
        start = int(rng.integers(length - 200))
        clip[start : start + 200] += rng.standard_normal(200, np.float32) * 0.2
    return clip.astype(np.float32)
