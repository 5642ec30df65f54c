"""Voices, rooms and noises: what a satellite's microphone makes of a sentence, by espeak-ng, flite and numpy."""

import shutil
import subprocess
import tempfile
import wave
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE_HZ = 16_000
SPEECH_RMS = 0.07

type Signal = npt.NDArray[np.float32]
type Maker = Callable[[np.random.Generator, int], Signal]


def programs_missing() -> list[str]:
    """Return which of the synthesisers are not installed."""
    return [name for name in ("espeak-ng", "flite") if shutil.which(name) is None]


def spoken(text: str, voice: str) -> Signal:
    """Return a sentence in a voice, without the silence around it, at an even level.

    Voices are "flite:NAME" or "espeak-ng:NAME"; "@FACTOR" scales pitch and formants together: another speaker.
    """
    program, _, rest = voice.partition(":")
    name, _, factor = rest.partition("@")
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/speech.wav"
        given = ["-voice", name, "-t", text, "-o", path] if program == "flite" else ["-v", name, "-w", path, text]
        subprocess.run([program, *given], check=True, stderr=subprocess.DEVNULL)
        signal, rate_hz = _read(Path(path))
    even = trimmed(resampled(signal, RATE_HZ / rate_hz / float(factor or 1)))
    return even * np.float32(min(SPEECH_RMS / rms(even), 0.98 / float(np.abs(even).max())))


def _read(path: Path) -> tuple[Signal, int]:
    with wave.open(str(path)) as recording:
        samples = np.frombuffer(recording.readframes(recording.getnframes()), np.int16)
        return samples.astype(np.float32) / np.float32(32768), recording.getframerate()


def write(path: Path, signal: Signal) -> None:
    """Write a signal as 16 kHz mono 16-bit WAV."""
    with wave.open(str(path), "wb") as recording:
        recording.setparams((1, 2, RATE_HZ, 0, "NONE", "not compressed"))
        recording.writeframes((np.clip(signal, -1, 1) * 32767).astype("<i2").tobytes())


def resampled(signal: Signal, ratio: float) -> Signal:
    """Return the signal with `ratio` times as many samples, by the discrete Fourier transform."""
    if ratio == 1.0:
        return signal
    padded = np.pad(signal, (0, -len(signal) % 1024))
    wanted = round(len(padded) * ratio)
    spectrum = np.fft.rfft(padded)
    kept = np.zeros(wanted // 2 + 1, spectrum.dtype)
    shared = min(len(spectrum), len(kept))
    kept[:shared] = spectrum[:shared]
    return (np.fft.irfft(kept, wanted) * (wanted / len(padded)))[: int(len(signal) * ratio)].astype(np.float32)


def trimmed(signal: Signal) -> Signal:
    """Return the signal without the silence before and after, found by energy."""
    levels = np.sqrt(np.mean(signal[: len(signal) // 160 * 160].reshape(-1, 160) ** 2, axis=1))
    loud = np.flatnonzero(levels > 0.012 * levels.max())
    return signal[max(0, loud[0] - 1) * 160 : (loud[-1] + 2) * 160]


def rms(signal: Signal) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(signal**2))) + 1e-12


def coloured(exponent: float) -> Maker:
    """Return a maker of noise whose amplitude falls as 1/f**exponent: white 0, pink 0.5, brown 1."""

    def make(rng: np.random.Generator, length: int) -> Signal:
        hertz = np.fft.rfftfreq(length, 1 / RATE_HZ)
        spectrum = np.fft.rfft(rng.standard_normal(length)) / np.maximum(hertz, 20.0) ** exponent
        return np.fft.irfft(spectrum, length).astype(np.float32)

    return make


def band(low_hz: float, high_hz: float) -> Maker:
    """Return a maker of noise within a band: air through a grille, a boiling kettle."""

    def make(rng: np.random.Generator, length: int) -> Signal:
        hertz = np.fft.rfftfreq(length, 1 / RATE_HZ)
        shape = 1 / (1 + (hertz / high_hz) ** 6) / (1 + (low_hz / np.maximum(hertz, 1.0)) ** 6)
        return np.fft.irfft(np.fft.rfft(rng.standard_normal(length)) * shape, length).astype(np.float32)

    return make


def motor(hertz: float, *, hiss: float, wobble: float) -> Maker:
    """Return a maker of a motor: harmonics of a wavering tone, and air."""

    def make(rng: np.random.Generator, length: int) -> Signal:
        seconds = np.arange(length) / RATE_HZ
        pitch = hertz * rng.uniform(0.9, 1.1) * (1 + wobble * np.sin(2 * np.pi * rng.uniform(0.2, 0.8) * seconds))
        phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
        tone = sum(rng.uniform(0.3, 1) / k * np.sin(k * phase + rng.uniform(0, 6)) for k in range(1, 16))
        air = coloured(0.4)(rng, length)
        return (tone / rms(tone) + hiss * air / rms(air)).astype(np.float32)

    return make


def clatter(per_second: float) -> Maker:
    """Return a maker of dishes: short resonant knocks at random, over a little hiss."""

    def make(rng: np.random.Generator, length: int) -> Signal:
        noise = 0.02 * rng.standard_normal(length).astype(np.float32)
        for _ in range(max(2, int(per_second * length / RATE_HZ))):
            seconds = np.arange(int(rng.uniform(0.03, 0.15) * RATE_HZ)) / RATE_HZ
            knock = sum(np.sin(2 * np.pi * hertz * seconds) for hertz in rng.uniform(900, 5500, 4))
            at = int(rng.integers(0, length))
            knock = (knock * np.exp(-seconds * rng.uniform(30, 90)) * rng.uniform(0.3, 1.0)).astype(np.float32)
            noise[at : at + len(knock)] += knock[: length - at]
        return noise

    return make


def music(notes_hz: tuple[float, ...], beat_s: float) -> Maker:
    """Return a maker of chords of plucked strings, one after another."""

    def make(rng: np.random.Generator, length: int) -> Signal:
        mixed, position = np.zeros(length, np.float32), 0
        while position < length:
            beat = min(int(beat_s * rng.uniform(0.5, 1.5) * RATE_HZ), length - position)
            seconds = np.arange(beat) / RATE_HZ
            for hertz in rng.choice(notes_hz, 3):
                tone = sum(np.sin(2 * np.pi * k * hertz * seconds) / k for k in (1, 2, 3))
                mixed[position : position + beat] += (tone * np.exp(-3 * seconds)).astype(np.float32)
            position += beat
        return mixed

    return make


ROOMS: Mapping[str, str] = {"fit": "air-brown", "held": "air-pink"}
"""The noise floor of a quiet room."""
NOISES: Mapping[str, Mapping[str, Maker]] = {
    "fit": {
        "air-brown": coloured(0.8),
        "white": coloured(0.0),
        "brown": coloured(1.0),
        "fan": motor(45, hiss=2.0, wobble=0.01),
        "hum": motor(60, hiss=0.3, wobble=0.0),
        "kettle": band(1500, 6000),
        "bells": music((523, 587, 659, 784, 880), 0.35),
    },
    "held": {
        "air-pink": coloured(0.6),
        "pink": coloured(0.5),
        "rumble": coloured(0.75),
        "vacuum": motor(120, hiss=1.0, wobble=0.03),
        "rain": band(150, 7000),
        "dishes": clatter(4.0),
        "music": music((131, 165, 196, 262, 330, 392), 0.6),
    },
}
"""What is heard besides speech; the splits share no kind."""


def mixed_at(speech: Signal, noise: Signal, snr_db: float) -> Signal:
    """Return noise at that distance below the speech, by root mean square."""
    return noise * np.float32(rms(speech) / rms(noise) * 10 ** (-snr_db / 20))


def reverberated(speech: Signal, rng: np.random.Generator, *, decay_s: float, direct_db: float) -> Signal:
    """Return speech from across a room: its tail loses 60 dB in `decay_s`; `direct_db` is what comes straight."""
    length = int(decay_s * RATE_HZ)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail[: int(0.004 * RATE_HZ)] = 0
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    size = 1 << (len(speech) + length).bit_length()
    wet = np.fft.irfft(np.fft.rfft(speech, size) * np.fft.rfft(tail, size), size)[: len(speech) + length // 2]
    return (wet / rms(wet) * rms(speech)).astype(np.float32)


def clipped(speech: Signal, gain_db: float) -> Signal:
    """Return speech through an amplifier that is turned up too far."""
    return np.clip(speech * np.float32(10 ** (gain_db / 20)), -0.7, 0.7)
