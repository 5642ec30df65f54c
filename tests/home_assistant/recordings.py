"""The server's packaged recordings, read without importing the server: it lives in another environment."""

import array
import json
import re
import wave
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "wyoming_server/recordings"
RATE_HZ = 16000
BYTES_PER_SECOND = 2 * RATE_HZ
FRAME_SAMPLES = 160
"""10 ms: what Home Assistant and its satellites send at a time."""
_LEAD_SECONDS = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """16 kHz mono 16-bit PCM, and what it says; nothing but the room's noise when `text` is empty."""

    file: str
    text: str
    kind: str
    pcm: bytes

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.pcm) / BYTES_PER_SECOND

    def followed_by_room(self, seconds: float) -> bytes:
        """Return its audio and so much more of its own room: its first 0.3 s over and over."""
        room = self.pcm[: round(_LEAD_SECONDS * RATE_HZ) * 2]
        wanted = round(seconds * RATE_HZ) * 2
        return self.pcm + (room * (1 + wanted // len(room)))[:wanted]

    def last_voiced_second(self) -> float:
        """Return where its last 10 ms frame ends that is within 30 dB of the loudest and 6 dB above its first 0.3 s."""
        samples = array.array("h", self.pcm)
        power = [
            sum(one * one for one in samples[start : start + FRAME_SAMPLES]) / FRAME_SAMPLES
            for start in range(0, len(samples) - FRAME_SAMPLES + 1, FRAME_SAMPLES)
        ]
        lead = sorted(power[: round(_LEAD_SECONDS * RATE_HZ / FRAME_SAMPLES)])
        threshold = max(max(power) / 1000, 4 * lead[len(lead) // 2])
        return (1 + max(index for index, one in enumerate(power) if one >= threshold)) * FRAME_SAMPLES / RATE_HZ


def read(path: Path, *, text: str = "", kind: str = "") -> Recording:
    """Return a WAV file of the only format that the packaged ones have."""
    with wave.open(str(path)) as wav:
        assert (wav.getframerate(), wav.getsampwidth(), wav.getnchannels()) == (RATE_HZ, 2, 1), path
        return Recording(file=path.name, text=text, kind=kind, pcm=wav.readframes(wav.getnframes()))


def packaged(*kinds: str) -> list[Recording]:
    """Return the recordings of these kinds, or all of them."""
    listed = json.loads((FOLDER / "recordings.json").read_text("utf-8"))
    return [
        read(FOLDER / one["file"], text=one["text"], kind=one["kind"])
        for one in listed
        if not kinds or one["kind"] in kinds
    ]


def recording(file: str) -> Recording:
    """Return one packaged recording by its file's name."""
    return next(one for one in packaged() if one.file == file)


def words(text: str) -> list[str]:
    """Return a text's words, so that case and punctuation do not count."""
    return re.findall(r"[a-z0-9%]+", text.lower())
