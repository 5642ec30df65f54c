"""Make the wake-word recordings anew with espeak-ng, flite and sox: `python tests/audio/wake/make.py FOLDER`."""

import subprocess
import sys
import wave
from pathlib import Path

import numpy as np

RATE_HZ = 16_000
LEAD_IN_SECONDS = 1.0
TAIL_SECONDS = 0.4
PEAK = 9000
ROOM_NOISE = 25
"""Standard deviation of the white noise under everything: -62 dBFS."""

VOICES = {
    "alexa-1": ("flite", "slt", "1.2", "alexa"),
    "alexa-2": ("espeak-ng", "en-gb+m7", "140", "Alexa!"),
    "alexa-3": ("espeak-ng", "en-us+Alex", "140", "alexa"),
    "hey_jarvis-1": ("flite", "slt", "1.2", "hey jarvis"),
    "hey_jarvis-2": ("flite", "rms", "1.0", "hey jarvis"),
    "hey_jarvis-3": ("espeak-ng", "en-gb-x-rp+m3", "165", "hay jarvis"),
    "hey_mycroft-1": ("flite", "awb", "0.85", "hey my croft"),
    "hey_mycroft-2": ("flite", "slt", "1.0", "hey mike roft"),
    "hey_mycroft-3": ("espeak-ng", "en-gb+quincy", "165", "hay mike roft"),
    "hey_rhasspy-1": ("flite", "kal", "1.0", "hey rhasspy"),
    "hey_rhasspy-2": ("espeak-ng", "en-029+Storm", "140", "hey rhasspy"),
    "hey_rhasspy-3": ("espeak-ng", "en-us+linda", "140", "hey raspee"),
    "okay_nabu-1": ("flite", "rms", "1.0", "okay nah boo"),
    "okay_nabu-2": ("espeak-ng", "en-us+f3", "140", "okay nabu"),
    "okay_nabu-3": ("espeak-ng", "en-gb-x-rp+f2", "165", "okay naboo"),
}
"""Recording → program, voice, duration stretch (flite) or words a minute (espeak-ng), text."""


def command(program: str, voice: str, speed: str, text: str) -> list[str]:
    """Return the command that writes the word to standard output as WAV."""
    if program == "flite":
        return ["flite", "-voice", voice, "--setf", f"duration_stretch={speed}", "-t", text, "-o", "/dev/stdout"]
    return ["espeak-ng", "-v", voice, "-s", speed, "--stdout", text]


def speak(program: str, voice: str, speed: str, text: str) -> np.ndarray:
    """Return the word at 16 kHz without its silent ends."""
    spoken = subprocess.run(command(program, voice, speed, text), check=True, capture_output=True).stdout
    raw = ["-r", str(RATE_HZ), "-c", "1", "-b", "16", "-e", "signed", "-t", "raw", "-"]
    resampled = subprocess.run(["sox", "-t", "wav", "-", *raw], input=spoken, check=True, capture_output=True).stdout
    samples = np.frombuffer(resampled, np.int16)
    (loud,) = np.nonzero(np.abs(samples) > 200)
    return samples[loud[0] : loud[-1] + 1]


def in_a_room(word: np.ndarray, seed: int) -> np.ndarray:
    """Return the word at a fixed level after a second of room noise, with a little after it."""
    lead_in, tail = round(LEAD_IN_SECONDS * RATE_HZ), round(TAIL_SECONDS * RATE_HZ)
    room = np.random.default_rng(seed).normal(0, ROOM_NOISE, lead_in + len(word) + tail)
    room[lead_in : lead_in + len(word)] += word * (PEAK / np.abs(word).max())
    return room.astype(np.int16)


def main(folder: Path) -> None:
    """Write every recording."""
    for seed, (name, voice) in enumerate(VOICES.items()):
        with wave.open(str(folder / f"{name}.wav"), "wb") as recording:
            recording.setnchannels(1)
            recording.setsampwidth(2)
            recording.setframerate(RATE_HZ)
            recording.writeframes(in_a_room(speak(*voice), seed).tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
