"""Whatever PCM a client has, the text is the same."""

import wave

import numpy as np
import numpy.typing as npt
import pytest
import soxr

from ..home import Home
from ..peer import KITCHEN, Heard, audio, bystander, chunk, connected, event, kitchen

type Floats = npt.NDArray[np.float64]


def _encoded(mono: Floats, width: int) -> bytes:
    """Return samples in [-1, 1) as little-endian PCM; 8 bits are unsigned, as in WAV."""
    if width == 1:
        return bytes((np.round(mono * 127) + 128).astype(np.uint8))
    whole = np.round(mono * (2 ** (8 * width - 1) - 1)).astype("<i4")
    return bytes(whole.view(np.uint8).reshape(-1, 4)[:, :width])


def _converted(rate: int, width: int, channels: int) -> bytes:
    """Return the kitchen recording in another format; in stereo the voice comes from the left alone."""
    mono = soxr.resample(kitchen().mono(), 16_000, rate)
    sides = [_encoded(np.clip(mono, -1, 1), width)] + [_encoded(mono * 0.25, width)] * (channels - 1)
    frames = [np.frombuffer(side, np.uint8).reshape(-1, width) for side in sides]
    return np.concatenate(frames, axis=1).tobytes()


@pytest.mark.parametrize(
    ("rate", "width", "channels"),
    [
        (8_000, 2, 1),
        (11_025, 2, 1),
        (16_000, 3, 1),
        (16_000, 4, 1),
        (16_000, 2, 2),
        (22_050, 4, 2),
        (44_100, 2, 2),
        (48_000, 2, 1),
        (48_000, 3, 2),
        (96_000, 4, 8),
    ],
)
async def test_the_text_is_right_at_any_rate_width_and_channel_count(
    served: Home, rate: int, width: int, channels: int
) -> None:
    pcm = _converted(rate, width, channels)
    frame = width * channels
    async with connected(served.uri) as peer:
        shape = {"rate": rate, "width": width, "channels": channels}
        start, *chunks, stop = audio(pcm, 997 * frame, **shape)
        await peer.say(event("transcribe", {}), start, *chunks, stop)
        answer = await peer.answer()
        assert (answer.kind, answer.text) == ("transcript", KITCHEN)


async def test_eight_bits_are_heard_through_their_own_noise(served: Home) -> None:
    """Quantised to 8 bits the recording's quiet parts are gone; the sentence is not."""
    async with connected(served.uri) as peer:
        answer = await peer.turn(_converted(16_000, 1, 1), width=1)
        assert answer.text.rstrip(".").lower() == KITCHEN.rstrip(".").lower()


async def test_zero_length_chunks_and_single_samples_change_nothing(served: Home) -> None:
    pcm = kitchen().pcm
    async with connected(served.uri) as peer:
        start, *chunks, stop = audio(pcm[2000:])
        singles = [chunk(pcm[at : at + 2]) for at in range(0, 2000, 2)]
        empty = chunk(b"")
        mixed = [empty, *singles, empty, *(part for one in chunks for part in (one, empty))]
        await peer.say(event("transcribe", {}), start, *mixed, stop)
        assert (await peer.answer()).text == KITCHEN


async def test_one_chunk_may_hold_all_of_it(served: Home) -> None:
    async with connected(served.uri) as peer:
        pcm = kitchen().pcm
        assert (await peer.turn(pcm)).text == (await _in_one(served, pcm)).text == KITCHEN


async def _in_one(served: Home, pcm: bytes) -> Heard:
    async with connected(served.uri) as peer:
        await peer.say(event("transcribe", {}), *audio(pcm, len(pcm)))
        return await peer.answer()


async def test_chunks_without_audio_start_bring_their_own_format(served: Home) -> None:
    async with connected(served.uri) as peer:
        _, *chunks, stop = audio(_converted(8_000, 2, 1), rate=8_000)
        await peer.say(event("transcribe", {}), *chunks, stop)
        assert (await peer.answer()).text == KITCHEN


async def test_the_format_may_change_between_two_turns_and_within_one(served: Home) -> None:
    async with connected(served.uri) as peer:
        assert (await peer.turn(_converted(44_100, 2, 2), rate=44_100, channels=2)).text == KITCHEN
        assert (await peer.turn(kitchen().pcm)).text == KITCHEN
        start, *chunks, _ = audio(kitchen().pcm)
        half = len(chunks) // 2
        _, *finer, stop = audio(_converted(48_000, 2, 1)[half * 2048 * 3 :], rate=48_000)
        await peer.say(event("transcribe", {}), start, *chunks[:half], *finer, stop)
        assert (await peer.answer()).text == KITCHEN


async def test_a_format_that_was_refused_does_not_haunt_the_next_turn(served: Home) -> None:
    async with bystander(served.uri), connected(served.uri) as peer:
        await peer.say(event("transcribe", {}))
        assert await peer.code(event("audio-start", {"rate": 1, "width": 2, "channels": 1})) == "unsupported-audio"
        await peer.say(event("transcribe", {}), *audio(kitchen().pcm))
        assert (await peer.answer()).kind == "transcript"


def test_the_conversions_here_are_what_a_wav_file_would_hold() -> None:
    with wave.open(str(kitchen().path)) as file:
        assert _converted(16_000, 2, 1)[:200] == file.readframes(100)
