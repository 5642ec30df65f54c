"""Recordings that the control API takes: WAV as it is, other formats decoded, forms read within bounds."""

import asyncio
import io
import re
import wave
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiohttp import web

from ..errors import InvalidRequestError, MalformedAudioError, UnsupportedAudioError
from .control_operation import FORM, WAV

WAV_KINDS = frozenset({WAV, "audio/x-wav", "audio/wave", "audio/vnd.wave"})
RATE_HZ = 16_000
LONGEST_SECONDS = 1_000
"""Of a recording that is decoded: as much as the largest WAV body holds at 16 kHz."""
MOST_AT_ONCE = 4
"""Recordings in memory: 32 MiB each, and as much again while it is decoded."""
BODY_SECONDS = 120.0
"""A client that was cut off says no goodbye, and must not keep its place."""
_MOST_PARTS = 100
_LARGEST_FIELD = 64 * 1024
_LONGEST_BOUNDARY = 70
_LONGEST_HEADERS = 8 * 1024
_NO_FORM = f"the request is no whole {FORM}"
_MOST_NAMES = 100
_MOST_CHANNELS = 8
_STARTS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"RIFF", "wav"),
    (0, b"OggS", "ogg"),
    (0, b"fLaC", "flac"),
    (0, b"ID3", "mp3"),
    (0, b"\xff\xfb", "mp3"),
    (0, b"\xff\xf3", "mp3"),
    (0, b"\xff\xf2", "mp3"),
    (0, b"\xff\xf1", "aac"),
    (0, b"\xff\xf9", "aac"),
    (4, b"ftyp", "mp4"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
)
"""How a file begins, and the one demuxer that may read it: those that are tried by name may open other files."""


class Intake:
    """Lets so many recordings in at once; the others wait in their clients, unread."""

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        """Begin with every place free."""
        self._places = asyncio.Semaphore(most)

    @asynccontextmanager
    async def body(self, request: web.Request) -> AsyncGenerator[bytes]:
        """Give a request's body, and keep its place until the block ends. Raises InvalidRequestError."""
        async with self._places:
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body = await request.read()
            except TimeoutError as error:
                raise InvalidRequestError(f"the recording did not come within {BODY_SECONDS:.0f} s") from error
            yield body


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A form that was sent."""

    fields: Mapping[str, tuple[str, ...]]
    file: bytes | None


def form_of(body: bytes, content_type: str) -> Upload:
    """Return what a form holds. Raises InvalidRequestError."""
    fields: dict[str, tuple[str, ...]] = {}
    files = []
    for name, content in _parts(body, _boundary(content_type)):
        if name == "file":
            files.append(content)
        elif len(content) > _LARGEST_FIELD:
            raise InvalidRequestError(f"{name[:40]!r} is longer than {_LARGEST_FIELD} bytes")
        else:
            fields[name] = (*fields.get(name, ()), _decoded_text(content))
    if len(files) > 1:
        raise InvalidRequestError("file: send one")
    return Upload(fields=fields, file=files[0] if files else None)


def _boundary(content_type: str) -> bytes:
    header = Message()
    header["Content-Type"] = content_type
    return (header.get_boundary() or "").encode("ascii", "replace")


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each part's name and content (RFC 7578). Raises InvalidRequestError.

    By hand: aiohttp's own reader puts files on the disk, or reads no body whose length is bounded.
    """
    delimiter = b"\r\n--" + boundary
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY or not body.startswith(delimiter[2:]):
        raise InvalidRequestError(_NO_FORM)
    pieces = body.split(delimiter, _MOST_PARTS + 1)
    if len(pieces) > _MOST_PARTS + 1:
        raise InvalidRequestError(f"more than {_MOST_PARTS} parts")
    pieces[0] = pieces[0][len(delimiter) - 2 :]  # the first delimiter has no line before it
    if not pieces[-1].startswith(b"--"):
        raise InvalidRequestError(_NO_FORM)
    for piece in pieces[:-1]:
        yield _part(piece)


def _part(piece: bytes) -> tuple[str, bytes]:
    """Return a part's name and content; what else it says of itself is not followed."""
    end = piece.find(b"\r\n\r\n", 0, _LONGEST_HEADERS)
    if end < 0 or not piece.lstrip(b" \t").startswith(b"\r\n"):
        raise InvalidRequestError(_NO_FORM)
    name = message_from_bytes(piece[: end + 4].lstrip()).get_param("name", header="Content-Disposition")
    if not isinstance(name, str) or not name:
        raise InvalidRequestError("each part needs a name")
    return name, piece[end + 4 :]


def _decoded_text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidRequestError("the fields must be UTF-8 text") from None


def names_of(prompt: str) -> tuple[str, ...]:
    """Return the names that a prompt lists."""
    names = (one.strip() for one in re.split(r"[,;\n]", prompt))
    return tuple(one for one in names if one)[:_MOST_NAMES]


def checked_wav(body: bytes) -> bytes:
    """Return a PCM WAV file whose header is true of its samples. Raises MalformedAudioError, UnsupportedAudioError."""
    try:
        with wave.open(io.BytesIO(body)) as file:
            form, pcm = file.getparams(), file.readframes(file.getnframes())
    except (wave.Error, EOFError, RuntimeError) as error:
        raise MalformedAudioError(f"the recording is no PCM WAV file ({error or 'it ends too early'})") from error
    if not form.framerate or form.sampwidth > 4 or form.nchannels > _MOST_CHANNELS:
        told = f"{form.framerate} Hz, {8 * form.sampwidth} bits and {form.nchannels} channels"
        raise UnsupportedAudioError(f"{told} cannot be heard; send 16 kHz, 16 bits and 1 channel")
    frame_bytes = form.sampwidth * form.nchannels
    whole = pcm[: len(pcm) // frame_bytes * frame_bytes]
    if not whole:
        raise MalformedAudioError("the recording holds no audio")
    # Programs that write to a pipe know no length, and what was cut short has another than it says.
    if len(whole) == form.nframes * frame_bytes:
        return body
    return _as_wav(whole, channels=form.nchannels, width=form.sampwidth, rate_hz=form.framerate)


async def wav_of(body: bytes) -> bytes:
    """Return a recording of any known format as a PCM WAV file. Raises MalformedAudioError, UnsupportedAudioError."""
    form = next((form for at, start, form in _STARTS if body[at:].startswith(start)), "")
    if form == "wav":
        try:
            return checked_wav(body)
        except MalformedAudioError:
            pass  # floats and compressed samples are WAV, too
    if not form:
        raise UnsupportedAudioError("the file is none of wav, flac, mp3, m4a, mp4, aac, ogg, opus or webm; convert it")
    # Decoding runs on after the caller has given up, and soon ends by itself.
    return await asyncio.to_thread(_decoded, body, form)


def _decoded(body: bytes, form: str) -> bytes:
    """Return what a file sounds like: 16 kHz, mono, 16 bits. Raises MalformedAudioError, UnsupportedAudioError."""
    import av  # noqa: PLC0415  # loaded with the recogniser's libraries anyway, and only for what is no WAV

    sound = bytearray()
    try:
        with av.open(io.BytesIO(body), "r", format=form) as container:
            if not container.streams.audio:
                raise UnsupportedAudioError("the file holds no sound")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
            for frame in container.decode(audio=0):
                _heard(resampler.resample(frame), sound)
            _heard(resampler.resample(None), sound)
    except (av.FFmpegError, ValueError) as error:  # ValueError: titles that are no UTF-8, too
        why = getattr(error, "strerror", None) or "it is damaged"
        raise MalformedAudioError(f"the {form} file cannot be decoded: {why}") from error
    if not sound:
        raise MalformedAudioError("the file holds no audio")
    return _as_wav(bytes(sound))


def _heard(frames: list[Any], sound: bytearray) -> None:
    for frame in frames:
        sound += frame.to_ndarray().tobytes()
    if len(sound) > 2 * RATE_HZ * LONGEST_SECONDS:
        raise UnsupportedAudioError(f"recordings longer than {LONGEST_SECONDS} s are not taken; send it in parts")


def _as_wav(pcm: bytes, *, channels: int = 1, width: int = 2, rate_hz: int = RATE_HZ) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setparams((channels, width, rate_hz, 0, "NONE", ""))
        file.writeframes(pcm)
    return written.getvalue()
