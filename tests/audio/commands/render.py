"""Speak sentences with espeak-ng and flite in a room with a noise floor: how the recordings were made.

python -m tests.audio.commands.render      writes them again (both programs needed; bytes differ between their versions)
"""

import json
import shutil
import subprocess
import sys
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE_HZ = 16_000
ROOM_DBFS = -62.0
LEAD_SECONDS, TAIL_SECONDS = 0.8, 0.3
SPEECH_RMS = 0.07
ROOT = Path(__file__).parents[3]

type Signal = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One recording: where it goes, what is in it and who says it."""

    file: str
    kind: str
    """wake, clean, noisy, silence or hum."""
    text: str = ""
    voice: str = ""
    spoken: str = ""
    """What the voice is given when that is not the text."""
    snr_db: float | None = None


PACKAGED, BENCHMARK = ROOT / "wyoming_server/recordings", Path(__file__).parent
CRITICAL, WAITING, ANSWERS = (BENCHMARK / one for one in ("critical", "waiting", "answers"))
LINES = {
    PACKAGED: (
        Line(file="wake.wav", kind="wake", text="hey jarvis", voice="flite:slt"),
        Line(file="kitchen.wav", kind="clean", text="Turn on the kitchen light.", voice="flite:slt"),
        Line(file="door.wav", kind="clean", text="Lock the front door.", voice="flite:rms"),
        Line(file="blinds.wav", kind="clean", text="Open the living room blinds.", voice="flite:awb"),
        Line(
            file="bedroom.wav",
            kind="clean",
            text="Set the bedroom lamp to 40%.",
            spoken="Set the bedroom lamp to forty percent.",
            voice="espeak-ng:en-us+f3",
        ),
        Line(file="time.wav", kind="clean", text="What time is it?", voice="espeak-ng:en-us+Michael"),
        Line(file="fan-noisy.wav", kind="noisy", text="Turn off the office fan.", voice="flite:slt", snr_db=15.0),
        Line(
            file="timer-noisy.wav",
            kind="noisy",
            text="Set a timer for 10 minutes.",
            spoken="Set a timer for ten minutes.",
            voice="espeak-ng:en-gb",
            snr_db=12.0,
        ),
        Line(file="silence.wav", kind="silence"),
        Line(file="hum.wav", kind="hum"),
    ),
    BENCHMARK: (
        Line(file="heater.wav", kind="clean", text="Turn off the bathroom heater.", voice="flite:rms"),
        Line(file="curtains.wav", kind="clean", text="Close the bedroom curtains.", voice="espeak-ng:en-us+f3"),
        Line(file="hallway.wav", kind="clean", text="Turn on the hallway light.", voice="espeak-ng:en-us+Michael"),
    ),
    CRITICAL: (Line(file="unlock.wav", kind="noisy", text="Unlock the front door.", voice="flite:slt", snr_db=15.0),),
    ANSWERS: (
        Line(file="yes.wav", kind="clean", text="Yes.", voice="flite:awb"),
        Line(file="never-mind.wav", kind="clean", text="Never mind.", voice="flite:slt"),
    ),
    WAITING: (Line(file="milk.wav", kind="clean", text="Add milk to the shopping list.", voice="flite:slt"),),
}


def pink(samples: int, rng: np.random.Generator, dbfs: float = ROOM_DBFS) -> Signal:
    """Return 1/f noise of that length at that level, without the rumble under 100 Hz that microphones cut off."""
    spectrum, hertz = np.fft.rfft(rng.standard_normal(samples)), np.fft.rfftfreq(samples, 1 / RATE_HZ)
    shaped = np.fft.irfft(spectrum * (hertz > 100) / np.sqrt(np.maximum(hertz, 1.0)), samples)
    return np.asarray(shaped / np.sqrt(np.mean(shaped**2)) * 10 ** (dbfs / 20))


def hum(samples: int, dbfs: float = -30.0) -> Signal:
    """Return mains hum: 50 Hz and its first odd harmonics."""
    seconds = np.arange(samples) / RATE_HZ
    shaped = sum(np.sin(2 * np.pi * 50 * k * seconds) / k for k in (1, 3, 5, 7))
    return np.asarray(shaped / np.sqrt(np.mean(np.square(shaped))) * 10 ** (dbfs / 20))


def resampled(signal: Signal, rate_hz: int) -> Signal:
    """Return the signal at 16 kHz, by the discrete Fourier transform."""
    if rate_hz == RATE_HZ:
        return signal
    wanted = round(len(signal) * RATE_HZ / rate_hz)
    spectrum = np.fft.rfft(signal)
    kept = np.zeros(wanted // 2 + 1, spectrum.dtype)
    shared = min(len(spectrum), len(kept))
    kept[:shared] = spectrum[:shared]
    return np.asarray(np.fft.irfft(kept, wanted) * (wanted / len(signal)))


def trimmed(signal: Signal) -> Signal:
    """Return the signal without the silence before and after, found by energy."""
    frames = signal[: len(signal) // 160 * 160].reshape(-1, 160)
    loud = np.flatnonzero(np.sqrt(np.mean(frames**2, axis=1)) > 0.012 * np.sqrt(np.mean(frames**2, axis=1)).max())
    return signal[max(0, loud[0] - 1) * 160 : (loud[-1] + 2) * 160]


def spoken(text: str, voice: str) -> Signal:
    """Return a sentence in a voice ("flite:NAME" or "espeak-ng:NAME"), trimmed, at 16 kHz and an even level."""
    program, name = voice.split(":")
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/speech.wav"
        given = ["-voice", name, "-t", text, "-o", path] if program == "flite" else ["-v", name, "-w", path, text]
        subprocess.run([shutil.which(program) or program, *given], check=True, stderr=subprocess.DEVNULL)
        with wave.open(path) as recording:
            rate_hz = recording.getframerate()
            signal = np.frombuffer(recording.readframes(recording.getnframes()), np.int16) / 32768
    even = trimmed(resampled(signal, rate_hz))
    return np.asarray(even * min(SPEECH_RMS / np.sqrt(np.mean(even**2)), 0.98 / np.abs(even).max()))


def in_room(speech: Signal, rng: np.random.Generator, room_dbfs: float = ROOM_DBFS) -> Signal:
    """Return speech with room noise before, under and after it."""
    lead, tail = int(LEAD_SECONDS * RATE_HZ), int(TAIL_SECONDS * RATE_HZ)
    padded = np.concatenate([np.zeros(lead), speech, np.zeros(tail)])
    return np.asarray(padded + pink(len(padded), rng, room_dbfs))


def rendered(line: Line, rng: np.random.Generator) -> Signal:
    """Return one recording."""
    if line.kind == "silence":
        return pink(int(2.5 * RATE_HZ), rng)
    if line.kind == "hum":
        return hum(int(2.5 * RATE_HZ)) + pink(int(2.5 * RATE_HZ), rng)
    speech = spoken(line.spoken or line.text, line.voice)
    if line.snr_db is None:
        return in_room(speech, rng)
    return in_room(speech, rng, 20 * np.log10(SPEECH_RMS) - line.snr_db)


def write(path: Path, signal: Signal) -> None:
    """Write a signal as 16 kHz mono 16-bit WAV."""
    with wave.open(str(path), "wb") as recording:
        recording.setparams((1, 2, RATE_HZ, 0, "NONE", "not compressed"))
        recording.writeframes((np.clip(signal, -1, 1) * 32767).astype("<i2").tobytes())


def main() -> None:
    """Write every recording and the list beside it."""
    for folder, lines in LINES.items():
        for number, line in enumerate(lines):
            write(folder / line.file, rendered(line, np.random.default_rng(number)))
        rows = [{"file": line.file, "text": line.text, "kind": line.kind} for line in lines]
        (folder / "recordings.json").write_text(json.dumps(rows, indent=1) + "\n")
        print(f"{len(lines)} recordings in {folder.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
