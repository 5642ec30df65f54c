"""What the evaluation does to clean recordings: the rows of the starter model's table."""

import functools
from collections.abc import Callable

import numpy as np

from .audio import SAMPLE_RATE_HZ, Waveform, decibels, rms
from .augment import convolved, room_response
from .noise import babble, coloured
from .recordings import Recordings

LEAD_S, TRAIL_S = 0.2, 0.3
PINK = 0.5
CLIPPED_BY_DB = 30
MISSING_S = 0.28
REVERBERATION_S, REVERBERANT_DB, TALKERS_SNR_DB = 0.6, 0.0, 5


def in_silence(samples: Waveform, _rng: np.random.Generator) -> Waveform:
    """Return the recording between two short silences."""
    return np.pad(samples, (int(LEAD_S * SAMPLE_RATE_HZ), int(TRAIL_S * SAMPLE_RATE_HZ)))


def in_noise(samples: Waveform, rng: np.random.Generator, *, snr_db: float) -> Waveform:
    """Return the recording in pink noise, `snr_db` below the speech."""
    clip = in_silence(samples, rng)
    noise = coloured(rng, len(clip), PINK)
    return clip + noise * (rms(samples) / rms(noise) * decibels(-snr_db))


def clipped(samples: Waveform, rng: np.random.Generator) -> Waveform:
    """Return the recording as a microphone driven far beyond its range gives it."""
    return np.asarray(np.clip(in_silence(samples, rng) * decibels(CLIPPED_BY_DB), -1, 1), np.float32)


def without_its_start(samples: Waveform, rng: np.random.Generator) -> Waveform:
    """Return the recording as a late microphone gives it."""
    return in_silence(samples, rng)[int((LEAD_S + MISSING_S) * SAMPLE_RATE_HZ) :]


def in_company(samples: Waveform, rng: np.random.Generator, *, talkers: Recordings) -> Waveform:
    """Return the recording in a hard room with others talking behind."""
    clip = convolved(in_silence(samples, rng), room_response(rng, REVERBERATION_S, REVERBERANT_DB))
    behind = babble(rng, len(clip), talkers)
    return clip + behind * (rms(clip) / rms(behind) * decibels(-TALKERS_SNR_DB))


Condition = Callable[[Waveform, np.random.Generator], Waveform]


def all_conditions(talkers: Recordings) -> dict[str, Condition]:
    """Return each row's name and what it does; the first three are the usual ones, the others are hard."""
    return {
        "clean": in_silence,
        "10 dB noise": functools.partial(in_noise, snr_db=10),
        "0 dB noise": functools.partial(in_noise, snr_db=0),
        "clipped": clipped,
        "first 0.28 s missing": without_its_start,
        "reverberation, talkers": functools.partial(in_company, talkers=talkers),
    }


def without_speech(rng: np.random.Generator, length: int) -> dict[str, Waveform]:
    """Return sounds that must give no text."""
    time_s = np.arange(length) / SAMPLE_RATE_HZ
    white, pink = coloured(rng, length, 0), coloured(rng, length, PINK)
    return {
        "silence": np.zeros(length, np.float32),
        "white noise": (white / rms(white) * decibels(-40)).astype(np.float32),
        "pink noise": (pink / rms(pink) * decibels(-30)).astype(np.float32),
        "hum": sum((np.sin(2 * np.pi * 50 * k * time_s) / k * 0.02 for k in range(1, 9)), np.zeros(length)).astype(
            np.float32
        ),
        "tone": (np.sin(2 * np.pi * 440 * time_s) * 0.1).astype(np.float32),
    }
