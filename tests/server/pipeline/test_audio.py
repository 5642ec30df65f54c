"""Any PCM → frames, and the queue between a socket and its turn."""

import asyncio
import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.server.pipeline.doubles import now_s, on_virtual_time
from wyoming_server.errors import MalformedAudioError, UnsupportedAudioError
from wyoming_server.pipeline.audio import FrameQueue, Framer, PcmConverter
from wyoming_server.pipeline.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, Frame, Samples

WIDTHS = (1, 2, 3, 4)
RATES = (8_000, 16_000, 22_050, 44_100, 48_000)


def encoded(sound: npt.NDArray[np.float64], width: int, channels: int = 1) -> bytes:
    """Return samples in ±1 as PCM, the same on every channel."""
    interleaved = np.repeat(sound, channels)
    if width == 1:
        return (np.round(interleaved * 127) + 128).astype(np.uint8).tobytes()
    whole = np.round(interleaved * (2 ** (8 * width - 1) - 1)).astype("<i8")
    return whole.view(np.uint8).reshape(-1, 8)[:, :width].tobytes()


def sine(rate_hz: int, seconds: float = 0.5, hertz: float = 440.0, level: float = 0.5) -> npt.NDArray[np.float64]:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(rate_hz * seconds)) / rate_hz)


def converted(pcm: bytes, rate_hz: int, width: int, channels: int) -> Samples:
    converter = PcmConverter(rate_hz=rate_hz, width_bytes=width, channels=channels)
    return np.concatenate((converter.convert(pcm), converter.flush()))


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("rate_hz", RATES)
def test_a_tone_keeps_its_length_frequency_and_level(rate_hz: int, width: int, channels: int) -> None:
    samples = converted(encoded(sine(rate_hz), width, channels), rate_hz, width, channels)
    assert samples.dtype == np.int16
    assert len(samples) == pytest.approx(SAMPLE_RATE_HZ / 2, abs=2)
    middle = samples[1000:-1000] / 32768.0
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert spectrum.argmax() * SAMPLE_RATE_HZ / len(middle) == pytest.approx(440, abs=SAMPLE_RATE_HZ / len(middle))
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


@pytest.mark.parametrize(
    ("width", "pcm", "samples"),
    [
        (1, b"\x00\x80\xff", [-32768, 0, 32512]),
        (2, b"\x00\x80\x00\x00\xff\x7f\x01\x00", [-32768, 0, 32767, 1]),
        (3, b"\x00\x00\x80\x00\x00\x00\xff\xff\x7f\x00\x01\x00", [-32768, 0, 32767, 1]),
        (4, b"\x00\x00\x00\x80\x00\x00\x00\x00\xff\xff\xff\x7f", [-32768, 0, 32767]),
    ],
)
def test_every_width_spans_the_whole_range(width: int, pcm: bytes, samples: list[int]) -> None:
    assert PcmConverter(rate_hz=16_000, width_bytes=width, channels=1).convert(pcm).tolist() == samples


def test_channels_are_averaged_without_overflow() -> None:
    loud = np.array([32767, 32767, -32768, -32768, 1000, -1000], "<i2").tobytes()
    assert PcmConverter(rate_hz=16_000, width_bytes=2, channels=2).convert(loud).tolist() == [32767, -32768, 0]


@settings(deadline=None, max_examples=60)
@given(
    data=some.data(), rate_hz=some.sampled_from(RATES), width=some.sampled_from(WIDTHS), channels=some.integers(1, 3)
)
def test_any_split_at_sample_borders_gives_the_same_samples(
    data: some.DataObject, rate_hz: int, width: int, channels: int
) -> None:
    step = width * channels
    pcm = data.draw(some.binary(min_size=step, max_size=600)) * 20
    pcm = pcm[: len(pcm) // step * step]
    cuts = sorted(data.draw(some.lists(some.integers(0, len(pcm) // step), max_size=8)))
    converter = PcmConverter(rate_hz=rate_hz, width_bytes=width, channels=channels)
    parts = [converter.convert(pcm[step * a : step * b]) for a, b in itertools.pairwise([0, *cuts, len(pcm) // step])]
    assert np.array_equal(np.concatenate([*parts, converter.flush()]), converted(pcm, rate_hz, width, channels))


@pytest.mark.parametrize(("width", "channels", "size"), [(2, 1, 3), (2, 2, 6), (3, 1, 4), (4, 1, 2), (1, 2, 1)])
def test_a_broken_sample_is_refused(width: int, channels: int, size: int) -> None:
    with pytest.raises(MalformedAudioError):
        PcmConverter(rate_hz=16_000, width_bytes=width, channels=channels).convert(bytes(size))


@pytest.mark.parametrize("rate_hz", RATES)
def test_an_empty_chunk_changes_nothing(rate_hz: int) -> None:
    converter = PcmConverter(rate_hz=rate_hz, width_bytes=2, channels=1)
    assert len(converter.convert(b"")) == len(converter.flush()) == 0


@pytest.mark.parametrize(
    ("rate_hz", "width", "channels"),
    [
        (3_999, 2, 1),
        (192_001, 2, 1),
        (0, 2, 1),
        (-16_000, 2, 1),
        (16_000, 0, 1),
        (16_000, 5, 1),
        (16_000, 2, 0),
        (16_000, 2, 9),
    ],
)
def test_formats_beyond_reason_are_refused(rate_hz: int, width: int, channels: int) -> None:
    with pytest.raises(UnsupportedAudioError):
        PcmConverter(rate_hz=rate_hz, width_bytes=width, channels=channels)


@given(lengths=some.lists(some.integers(0, 1500), max_size=12))
def test_any_split_gives_the_same_frames(lengths: list[int]) -> None:
    samples = (np.arange(sum(lengths)) % 30_011).astype(np.int16)
    framer = Framer()
    borders = itertools.pairwise([0, *itertools.accumulate(lengths)])
    frames = [one for start, end in borders for one in framer.push(samples[start:end], 0.0)]
    frames += framer.flush(0.0)
    assert [frame.start_sample for frame in frames] == [FRAME_SAMPLES * index for index in range(len(frames))]
    assert all(frame.samples.shape == (FRAME_SAMPLES,) for frame in frames)
    joined = np.concatenate([frame.samples for frame in frames]) if frames else np.empty(0)
    assert len(joined) - len(samples) in range(FRAME_SAMPLES)
    assert np.array_equal(joined[: len(samples)], samples)
    assert not joined[len(samples) :].any()


def test_a_frame_arrives_with_its_last_sample() -> None:
    framer = Framer()
    assert framer.push(np.zeros(500, np.int16), 1.0) == []
    assert [one.arrived_s for one in framer.push(np.zeros(600, np.int16), 2.0)] == [2.0, 2.0]
    assert [one.arrived_s for one in framer.flush(3.0)] == [3.0]
    assert framer.flush(4.0) == []


def frames(count: int, first: int = 0) -> list[Frame]:
    empty = np.zeros(FRAME_SAMPLES, np.int16)
    return [Frame(samples=empty, start_sample=(first + index) * FRAME_SAMPLES, arrived_s=0.0) for index in range(count)]


def numbers(taken: list[Frame]) -> list[int]:
    return [one.start_sample // FRAME_SAMPLES for one in taken]


async def waits(work: asyncio.Task[object]) -> bool:
    await asyncio.sleep(1.0)
    return not work.done()


def test_everything_there_is_taken_at_once_and_in_order() -> None:
    async def scene() -> None:
        queue = FrameQueue(limit_frames=100)
        await queue.put(frames(3))
        await queue.put(frames(2, first=3))
        assert numbers(await queue.take()) == [0, 1, 2, 3, 4]

    on_virtual_time(scene())


def test_a_full_queue_holds_its_writer_until_frames_are_taken() -> None:
    async def scene() -> None:
        queue = FrameQueue(limit_frames=4)
        await queue.put(frames(4))
        writer = asyncio.create_task(queue.put(frames(1, first=4)))
        assert await waits(writer)
        assert numbers(await queue.take()) == [0, 1, 2, 3]
        assert numbers(await queue.take()) == [4]
        await writer

    on_virtual_time(scene())


def test_a_nudge_wakes_the_taker_once_and_empty_handed() -> None:
    async def scene() -> None:
        queue = FrameQueue(limit_frames=4)
        taker = asyncio.create_task(queue.take())
        assert await waits(taker)
        queue.nudge()
        assert await taker == []
        again = asyncio.create_task(queue.take())
        assert await waits(again)
        again.cancel()

    on_virtual_time(scene())


def test_a_nudge_before_the_take_is_not_lost() -> None:
    async def scene() -> None:
        queue = FrameQueue(limit_frames=4)
        queue.nudge()
        assert await queue.take() == []

    on_virtual_time(scene())


def test_a_stop_wakes_the_taker_and_keeps_what_was_put_before() -> None:
    async def scene() -> None:
        queue = FrameQueue(limit_frames=4)
        taker = asyncio.create_task(queue.take())
        await asyncio.sleep(0)
        queue.stop(now_s())
        assert await taker == []
        assert queue.drained
        other = FrameQueue(limit_frames=4)
        await other.put(frames(2))
        other.stop(7.0)
        other.stop(9.0)
        assert (other.drained, other.stopped_s) == (False, 7.0)
        assert numbers(await other.take()) == [0, 1]
        assert other.drained
        assert await other.take() == []

    on_virtual_time(scene())


def test_frames_given_back_come_first_again() -> None:
    async def scene() -> None:
        queue = FrameQueue(limit_frames=10)
        await queue.put(frames(4))
        taken = await queue.take()
        await queue.put(frames(1, first=4))
        queue.give_back(taken[1:])
        queue.stop(0.0)
        assert not queue.drained
        assert numbers(await queue.take()) == [1, 2, 3, 4]

    on_virtual_time(scene())


def test_an_abandoned_queue_lets_its_writer_go_and_keeps_nothing() -> None:
    async def scene() -> None:
        queue = FrameQueue(limit_frames=2)
        await queue.put(frames(2))
        writer = asyncio.create_task(queue.put(frames(2)))
        assert await waits(writer)
        queue.abandon()
        await writer
        for _ in range(5):
            await queue.put(frames(2))
        queue.stop(0.0)
        assert queue.drained

    on_virtual_time(scene())


@settings(deadline=None, max_examples=60)
@given(
    sizes=some.lists(some.integers(1, 5), min_size=1, max_size=30),
    pauses=some.lists(some.sampled_from([0.0, 0.0, 0.01, 0.5]), min_size=1, max_size=10),
    limit=some.integers(1, 8),
    nudges=some.booleans(),
)
def test_no_frame_and_no_wakeup_is_lost_whoever_is_slower(
    sizes: list[int], pauses: list[float], limit: int, nudges: bool
) -> None:
    taken: list[int] = []
    queue = FrameQueue(limit_frames=limit)

    async def write() -> None:
        for size, first, pause in zip(sizes, itertools.accumulate(sizes, initial=0), itertools.cycle(pauses)):
            await asyncio.sleep(pause)
            await queue.put(frames(size, first=first))
            if nudges:
                queue.nudge()
        queue.stop(now_s())

    async def read() -> None:
        for pause in itertools.cycle(reversed(pauses)):
            got = await queue.take()
            assert len(got) < limit + 5
            taken.extend(numbers(got))
            if queue.drained:
                return
            await asyncio.sleep(pause)

    async def scene() -> None:
        await asyncio.gather(write(), read())

    on_virtual_time(scene())
    assert taken == list(range(sum(sizes)))
