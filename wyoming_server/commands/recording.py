"""Recordings: WAV files as the commands send them."""

import json
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import RecordingError

PACKAGED = Path(__file__).parents[1] / "recordings"
"""The recordings that come with the server; their README says how each was made."""

FRAME_SECONDS = 0.01
LEAD_SECONDS = 0.3
"""The start of a recording, taken for its room's noise."""
_FADE_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Signed little-endian PCM, interleaved, and what is known to be in it."""

    path: Path
    pcm: bytes
    rate_hz: int
    width_bytes: int
    """2, 3 or 4; 8-bit files are widened when read, because WAV alone counts them unsigned."""
    channels: int
    text: str | None = None
    """What it says, when that is known; empty when it holds no speech."""
    kind: str = ""
    """wake, clean, noisy, silence or hum for the packaged ones."""

    @property
    def frame_bytes(self) -> int:
        """Bytes per sample of all channels."""
        return self.width_bytes * self.channels

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.pcm) / self.frame_bytes / self.rate_hz

    def mono(self) -> npt.NDArray[np.float64]:
        """Return the mean of its channels in [-1, 1), shape (n,)."""
        return _floats(self.pcm, self.width_bytes).reshape(-1, self.channels).mean(axis=1)

    def last_voiced_second(self) -> float | None:
        """Return when its last voiced sample has been said; None when nothing in it stands out of its own first 0.3 s.

        Voiced are the 10 ms frames within 30 dB of the loudest and 6 dB above the median frame of the lead-in.
        """
        samples = self.mono()
        size = round(FRAME_SECONDS * self.rate_hz)
        power = np.mean(samples[: len(samples) // size * size].reshape(-1, size) ** 2, axis=1)
        if not len(power):
            return None
        lead = power[: round(LEAD_SECONDS / FRAME_SECONDS)]
        voiced = np.flatnonzero(power >= max(power.max() / 1000, 4 * float(np.median(lead)), 1e-12))
        return float(voiced[-1] + 1) * FRAME_SECONDS if len(voiced) else None

    def room(self, seconds: float) -> bytes:
        """Return that much of its own room noise: its first 0.3 s over and over, without clicks."""
        step = np.frombuffer(self.pcm, np.uint8).reshape(-1, self.frame_bytes)
        lead = step[: round(LEAD_SECONDS * self.rate_hz)]
        wanted = round(seconds * self.rate_hz)
        if self.width_bytes == 2:
            lead = _looped(lead)
        repeats = -(-wanted // max(1, len(lead)))
        return np.tile(lead, (repeats, 1))[:wanted].tobytes()


def _looped(lead: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return 16-bit frames whose end runs smoothly into their start, a fade shorter than given."""
    samples = np.ascontiguousarray(lead).view("<i2").astype(np.float64)
    fade = min(round(len(samples) * _FADE_SECONDS / LEAD_SECONDS), len(samples) // 2)
    if not fade:
        return lead
    rising = np.sin(np.linspace(0, np.pi / 2, fade))[:, np.newaxis]  # powers, not amplitudes, add up to one
    joint = samples[:fade] * rising + samples[-fade:] * rising[::-1]
    looped = np.concatenate([joint, samples[fade:-fade]])
    whole: npt.NDArray[np.int16] = np.clip(looped, -32768, 32767).astype("<i2")
    return whole.view(np.uint8)


def _floats(pcm: bytes, width_bytes: int) -> npt.NDArray[np.float64]:
    """Return signed little-endian PCM as numbers in [-1, 1)."""
    if width_bytes == 3:
        whole = np.frombuffer(pcm, np.uint8).reshape(-1, 3)
        padded = np.zeros((len(whole), 4), np.uint8)
        padded[:, 1:] = whole
        return padded.view("<i4").ravel() / 2.0**31
    return np.frombuffer(pcm, f"<i{width_bytes}") / 2.0 ** (8 * width_bytes - 1)


def read_recording(path: Path, *, text: str | None = None, kind: str = "") -> Recording:
    """Read a PCM WAV file of any rate, 8 to 32 bits, one or more channels.

    Raises RecordingError, naming the cure, for a file that is missing, not PCM WAV, cut short or empty.
    """
    try:
        with wave.open(str(path)) as file:
            rate_hz, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
            pcm = file.readframes(file.getnframes())
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    except (wave.Error, EOFError) as error:
        raise RecordingError(
            f"{path} is not a PCM WAV file ({error or 'it ends too early'}); "
            f"convert it first, for example: ffmpeg -i {path} -ac 1 -ar 16000 -c:a pcm_s16le out.wav"
        ) from error
    pcm = pcm[: len(pcm) // (width * channels) * (width * channels)]  # a cut file may end inside a sample
    if not pcm or not rate_hz:
        raise RecordingError(f"{path} holds no audio; record it again")
    if width == 1:
        pcm, width = ((np.frombuffer(pcm, np.uint8).astype("<i2") - 128) * 256).astype("<i2").tobytes(), 2
    return Recording(path=path, pcm=pcm, rate_hz=rate_hz, width_bytes=width, channels=channels, text=text, kind=kind)


def listed_recordings(folder: Path) -> tuple[Recording, ...]:
    """Return the recordings that the folder's recordings.json lists, in its order; raises RecordingError."""
    try:
        rows = json.loads((folder / "recordings.json").read_text(encoding="utf-8"))
        return tuple(read_recording(folder / row["file"], text=row["text"], kind=row["kind"]) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordingError(f"{folder / 'recordings.json'} cannot be read: {error}") from error


def with_known_text(recording_path: Path) -> Recording:
    """Read a recording and what it says: from NAME.txt beside it, or from the folder's recordings.json."""
    sidecar, listed = recording_path.with_suffix(".txt"), recording_path.with_name("recordings.json")
    try:
        if sidecar.is_file():
            return read_recording(recording_path, text=sidecar.read_text(encoding="utf-8").strip())
        rows = json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else []
        row: dict[str, str] = next((row for row in rows if row["file"] == recording_path.name), {})
        return read_recording(recording_path, text=row.get("text"), kind=row.get("kind", ""))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordingError(f"what {recording_path} says cannot be read: {error}") from error


def words(text: str) -> Sequence[str]:
    """Return a text's words as they are compared: without case and punctuation."""
    kept = "".join(sign.lower() if sign.isalnum() or sign == "'" else " " for sign in text.replace("%", " percent "))
    return kept.split()


def chunks(pcm: bytes, recording: Recording, chunk_seconds: float) -> Iterator[bytes]:
    """Return the PCM in pieces of whole samples, the last one as long as it is."""
    size = max(1, round(chunk_seconds * recording.rate_hz)) * recording.frame_bytes
    return (pcm[at : at + size] for at in range(0, len(pcm), size))
