"""Whether two recordings are the same words said again: a coarse spectrogram, aligned in time."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..pipeline.types import SAMPLE_RATE_HZ, Samples

BANDS = 12
LOWEST_HZ, HIGHEST_HZ = 100.0, 7000.0
WINDOW_SAMPLES = 512
HOP_SAMPLES = 480
"""30 ms: syllables last five of them."""
MAX_FRAMES = 128
"""3.8 s of speech: enough to tell by, and aligning takes 1.5 ms at most."""
MAX_SAMPLES = 6 * SAMPLE_RATE_HZ
"""Beyond this nothing is looked at: 15 s would take 8 ms, and only the beginning is compared."""
BLOCK = 32
"""Windows at a time: larger arrays are given back to the system and fetched anew each time, at thrice the cost."""
SPEECH_SHARE = 0.35
"""Of the way from the quiet to the loud frames: between the first and the last above that there is speech."""
LENGTH_RATIO = 0.5
"""Who repeats a sentence takes at most twice as long, or half."""
RANGE = 6.0
"""Of log-power below the loudest moment (26 dB): the rest is as likely the room as the voice."""
QUIET = 1e3
"""Power below which a band says nothing."""

type Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AudioPrint:
    """How an utterance sounds, too coarse to be heard again; kept in memory for seconds."""

    bands: Floats
    """Shape (frames, BANDS): log-power above each band's floor, centred, every frame of length 1."""


def audio_print(samples: Samples) -> AudioPrint | None:
    """Return an utterance's print (0.2 ms for 2 s); None where there is too little to compare."""
    if len(samples) < 8 * HOP_SAMPLES:
        return None
    samples = samples[:MAX_SAMPLES]
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW_SAMPLES)[::HOP_SAMPLES]
    power = np.concatenate([_band_power(windows[at : at + BLOCK]) for at in range(0, len(windows), BLOCK)])
    loudness = np.log(power.sum(axis=1) + QUIET)
    quiet, loud = np.percentile(loudness, (10, 95))
    speech = np.flatnonzero(loudness > quiet + SPEECH_SHARE * (loud - quiet))
    if loud - quiet < 1.0 or len(speech) < 4:
        return None
    levels = np.log(power + QUIET)
    # What a little noise would hide must not count in the one of two recordings that happens to be quiet.
    floor = np.maximum(np.percentile(levels, 10, axis=0) + 1.0, levels.max() - RANGE)
    levels = np.maximum(levels - floor, 0.0)[speech[0] : speech[-1] + 1][:MAX_FRAMES]
    levels -= levels.mean(axis=0)
    return AudioPrint(bands=(levels / (np.linalg.norm(levels, axis=1, keepdims=True) + 1e-6)).astype(np.float32))


def _band_power(windows: Samples) -> Floats:
    """Return the power of each window in each band, shape (windows, BANDS)."""
    return np.abs(np.fft.rfft(windows.astype(np.float32) * _TAPER)) ** 2 @ _FILTERS


def similarity(one: AudioPrint, other: AudioPrint) -> float:
    """Return how alike two utterances sound, up to 1; 0 when one is more than twice as long (0.5 ms for 2 s).

    Cosine similarity along the best alignment in time (dynamic time warping, Sakoe and Chiba 1978). On 294 synthesised
    commands (7 voices, rates ±15 %, 8 to 25 dB, other gains) it ranks the same words said again by the same voice above
    other words with probability 0.998, and 0.96 where the other words differ in one only ("kitchen", "bedroom"); the
    correlation of stretched envelopes does so with 0.944 and 0.79.
    """
    left, right = one.bands, other.bands
    if min(len(left), len(right)) < LENGTH_RATIO * max(len(left), len(right)):
        return 0.0
    return 1.0 - 2.0 * _alignment_cost(1.0 - left @ right.T) / (len(left) + len(right))


def _alignment_cost(distance: Floats) -> float:
    """Return the least sum of distances from corner to corner, a step going on in one recording or in both.

    Goes by anti-diagonals, each of which needs only the two before it.
    """
    rows, columns = distance.shape
    row, column = np.indices(distance.shape)
    skewed = np.full((rows + columns - 1, rows), np.inf, np.float32)
    skewed[row + column, row] = distance
    before, last, current = np.full((3, rows + 1), np.inf, np.float32)
    before[0] = 0.0
    least = np.empty(rows, np.float32)
    for diagonal in skewed:
        np.minimum(last[1:], last[:-1], out=least)
        np.minimum(least, before[:-1], out=least)
        np.add(diagonal, least, out=current[1:])
        current[0] = np.inf
        before, last, current = last, current, before
    return float(last[rows])


def _filters() -> Floats:
    """Return bands evenly spaced on the mel scale, shape (WINDOW_SAMPLES // 2 + 1, BANDS)."""
    mel = _mel(np.fft.rfftfreq(WINDOW_SAMPLES, 1.0 / SAMPLE_RATE_HZ))
    lowest, highest = _mel(np.array([LOWEST_HZ, HIGHEST_HZ])).tolist()
    band = np.digitize(mel, np.linspace(lowest, highest, BANDS + 1)) - 1
    return np.equal(band[:, None], np.arange(BANDS)).astype(np.float32)


def _mel(frequency_hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 2595.0 * np.log10(1.0 + frequency_hz / 700.0)


_FILTERS = _filters()
_TAPER = np.hanning(WINDOW_SAMPLES).astype(np.float32)
