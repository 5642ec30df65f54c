"""Audio as it arrives, read as strictly as its format is written."""

import hashlib
import struct
from dataclasses import dataclass

import numpy as np

type Samples = np.ndarray[tuple[int], np.dtype[np.int16]]


class BadAudioError(Exception):
    """The bytes are not what they claim to be."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sound:
    """Decoded mono audio."""

    samples: Samples
    rate_hz: int
    chunks: tuple[str, ...] = ()
    """Names of a WAV file's chunks, in order; () for raw PCM."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / self.rate_hz

    @property
    def digest(self) -> str:
        """SHA-256 of its little-endian samples."""
        return digest(self.samples)


def digest(samples: Samples) -> str:
    """Return the SHA-256 of samples as little-endian 16-bit PCM."""
    return hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()


def read_pcm(body: bytes, rate_hz: int) -> Sound:
    """Read raw little-endian 16-bit mono PCM."""
    if not body:
        raise BadAudioError("no audio at all")
    if len(body) % 2:
        raise BadAudioError("16-bit PCM of an odd number of bytes")
    return Sound(samples=np.frombuffer(body, "<i2").astype(np.int16), rate_hz=rate_hz)


def read_wav(body: bytes) -> Sound:
    """Read a RIFF file of 16-bit mono PCM whose sizes are all exact."""
    if body[:4] != b"RIFF" or body[8:12] != b"WAVE":
        raise BadAudioError("not a RIFF/WAVE file")
    if struct.unpack("<I", body[4:8])[0] != len(body) - 8:
        raise BadAudioError(f"the RIFF header promises another size than {len(body) - 8} bytes")
    chunks = _chunks(body)
    names = tuple(name for name, _ in chunks)
    parts = dict(chunks)
    if names.count("fmt ") != 1 or names.count("data") != 1 or names.index("fmt ") > names.index("data"):
        raise BadAudioError(f"chunks {names} instead of one fmt before one data")
    if len(parts["fmt "]) < 16:
        raise BadAudioError("a short fmt chunk")
    coding, channels, rate_hz, bytes_a_second, bytes_a_frame, bits = struct.unpack("<HHIIHH", parts["fmt "][:16])
    if (coding, channels, bits, bytes_a_frame, bytes_a_second) != (1, 1, 16, 2, 2 * rate_hz):
        raise BadAudioError(f"not 16-bit mono PCM: {coding=} {channels=} {bits=} {bytes_a_frame=} {bytes_a_second=}")
    sound = read_pcm(parts["data"], rate_hz)
    return Sound(samples=sound.samples, rate_hz=rate_hz, chunks=names)


def _chunks(body: bytes) -> list[tuple[str, bytes]]:
    found, at = [], 12
    while at < len(body):
        if at + 8 > len(body):
            raise BadAudioError("half a chunk header at the end")
        name, size = struct.unpack("<4sI", body[at : at + 8])
        if at + 8 + size > len(body):
            raise BadAudioError(f"chunk {name!r} promises {size} bytes and has {len(body) - at - 8}")
        found.append((name.decode("latin-1"), body[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found
