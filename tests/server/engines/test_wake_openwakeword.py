import asyncio
import itertools
import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.server.proofs.false_wakes import detected, noises
from tests.server.wake_recordings import reference_scores, wake_recordings, word_of
from wyoming_server.engines.wake_features import EMBEDDING_SIZE, Features, Floats, packaged_models
from wyoming_server.engines.wake_openwakeword import OpenWakeWordEngine, named
from wyoming_server.errors import ModelCorruptError, UnknownWakeWordError
from wyoming_server.pipeline.types import SAMPLE_RATE_HZ, Samples
from wyoming_server.pipeline.wake import WAKE_FRAME_SAMPLES, ScoreFrame, WakeEngine, WakeSettings, WakeWord

RECORDINGS = wake_recordings()
ONE_OF_EACH = ("alexa-1", "hey_jarvis-2", "hey_mycroft-2", "hey_rhasspy-3", "okay_nabu-1")
ALL_WORDS = ("alexa", "hey_jarvis", "hey_mycroft", "hey_rhasspy", "okay_nabu", "timer", "weather")


@pytest.fixture(scope="module")
def engine() -> Iterator[OpenWakeWordEngine]:
    """Every word, with the gate as it comes."""
    engine = OpenWakeWordEngine.load(enabled=ALL_WORDS)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def ungated() -> Iterator[OpenWakeWordEngine]:
    engine = OpenWakeWordEngine.load(enabled=ALL_WORDS, gate=None)
    yield engine
    engine.close()


def room(seconds: float, level: float = 25, seed: int = 0) -> Samples:
    size = round(seconds * SAMPLE_RATE_HZ)
    return np.random.default_rng(seed).normal(0, level, size).astype(np.int16)


def scores_of(frames: list[ScoreFrame], word: str) -> list[float]:
    return [frame.scores[word] for frame in frames]


def heard(engine: WakeEngine, frames: list[ScoreFrame], word: str) -> bool:
    return detected(engine.words, frames, WakeSettings()) == [word]


async def test_scores_are_those_of_openwakeword_itself(ungated: OpenWakeWordEngine) -> None:
    frames = await ungated.open().push(np.concatenate(list(RECORDINGS.values())))
    reference = reference_scores()
    assert set(reference) == set(ALL_WORDS)
    for word, expected in reference.items():
        assert scores_of(frames, word) == pytest.approx(expected, abs=1e-3), word


@pytest.mark.parametrize("name", RECORDINGS)
async def test_each_clean_recording_wakes_on_its_word_and_on_no_other(engine: OpenWakeWordEngine, name: str) -> None:
    frames = await engine.open().push(RECORDINGS[name])
    assert detected(engine.words, frames, WakeSettings()) == [word_of(name)]


@pytest.mark.parametrize("size", [1, 512, 1280, 4000, 100_000])
async def test_the_size_of_the_pieces_changes_nothing(engine: OpenWakeWordEngine, size: int) -> None:
    audio = RECORDINGS["alexa-1"][: 6 * WAKE_FRAME_SAMPLES] if size == 1 else RECORDINGS["alexa-1"]
    whole = await engine.open(["alexa"]).push(audio)
    session = engine.open(["alexa"])
    pieces = [
        frame for start in range(0, len(audio), size) for frame in await session.push(audio[start : start + size])
    ]
    assert pieces == whole
    assert [frame.end_sample for frame in whole] == [1280 * (index + 1) for index in range(len(audio) // 1280)]


@pytest.mark.parametrize("name", ONE_OF_EACH)
async def test_after_skipped_silence_the_scores_are_those_of_a_stream_that_skipped_nothing(
    engine: OpenWakeWordEngine, ungated: OpenWakeWordEngine, name: str
) -> None:
    audio = np.concatenate((room(6.0), RECORDINGS[name], room(4.0, seed=1), RECORDINGS[name]))
    gated, full = await engine.open().push(audio), await ungated.open().push(audio)
    assert sum(frame.skipped for frame in gated) > 30
    for frame, reference in zip(gated, full, strict=True):
        if frame.skipped:
            assert max(reference.scores.values()) < 0.3, "the gate closed on a word"
        else:
            assert frame.scores == pytest.approx(reference.scores, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *itertools.product(("alexa-1", "hey_jarvis-2", "hey_mycroft-2", "hey_rhasspy-3"), ("pink", "rumble")),
        ("okay_nabu-1", "rumble"),  # pink noise at this level drowns it, with or without a gate
        ("okay_nabu-1", "hum"),
    ],
)
async def test_a_word_is_heard_in_constant_noise_ten_decibels_below_it(
    engine: OpenWakeWordEngine, name: str, kind: str
) -> None:
    word = RECORDINGS[name][SAMPLE_RATE_HZ:].astype(np.float64)
    noise = noises(3, 16.0)[kind].astype(np.float64)  # long enough for a gate to take it for silence
    level = np.sqrt(np.mean(np.square(word[:-6400]))) / 10 ** (10 / 20)
    noise *= level / noise.std()
    noise[-len(word) :] += word
    frames = await engine.open([word_of(name)]).push(noise.astype(np.int16))
    assert not any(frame.skipped for frame in frames)
    assert heard(engine, frames, word_of(name))


@pytest.mark.parametrize("name", ["alexa-1", "hey_jarvis-2", "hey_rhasspy-1"])
async def test_the_gate_loses_no_word_said_far_from_the_microphone(engine: OpenWakeWordEngine, name: str) -> None:
    far = (RECORDINGS[name] / 30).astype(np.int16)
    frames = await engine.open().push(np.concatenate((room(8.0, level=1), far)))
    assert any(frame.skipped for frame in frames)
    assert heard(engine, frames, word_of(name))


@pytest.mark.parametrize("kind", noises(0, 0.1))
async def test_noise_never_wakes(engine: OpenWakeWordEngine, kind: str) -> None:
    frames = await engine.open().push(noises(7, 20.0)[kind])
    assert detected((word for word in engine.words if word.default), frames, WakeSettings()) == []


async def test_speech_played_backwards_never_wakes(engine: OpenWakeWordEngine) -> None:
    backwards = np.concatenate([recording[::-1] for recording in RECORDINGS.values()])
    assert detected(engine.words, await engine.open().push(backwards), WakeSettings()) == []


async def test_many_satellites_hear_what_one_would(engine: OpenWakeWordEngine) -> None:
    async def listen(name: str) -> list[ScoreFrame]:
        session, audio = engine.open(), RECORDINGS[name]
        pieces = [await session.push(audio[start : start + 512]) for start in range(0, len(audio), 512)]
        return [frame for piece in pieces for frame in piece]

    alone = {name: await listen(name) for name in RECORDINGS}
    together = await asyncio.gather(*map(listen, RECORDINGS))
    assert dict(zip(RECORDINGS, together, strict=True)) == alone


class ThreadName:
    """A word that tells where it was scored."""

    window = 16

    def __init__(self) -> None:
        self.threads: set[str] = set()

    def score(self, embeddings: Floats) -> float:
        assert embeddings.shape == (self.window, EMBEDDING_SIZE)
        self.threads.add(threading.current_thread().name)
        return 0.0


async def test_scoring_stays_off_the_event_loop() -> None:
    model = ThreadName()
    word = WakeWord(name="x", phrase="x", languages=("en",), version="", engine="onnx")
    engine = OpenWakeWordEngine(Features.load(), {word: model}, gate=None, threads=1)
    await engine.open().push(room(1.0))
    engine.close()
    assert model.threads == {"wake_0"}


async def test_a_long_buffer_does_not_keep_another_satellite_waiting(ungated: OpenWakeWordEngine) -> None:
    long = asyncio.create_task(ungated.open().push(room(20.0)))
    await asyncio.sleep(0)
    await ungated.open().push(room(0.08))
    assert not long.done()
    await long


async def test_a_stream_holds_little_memory(engine: OpenWakeWordEngine) -> None:
    assert engine.open(["alexa"]).nbytes < 100_000


def test_commands_are_not_listened_for_unless_asked() -> None:
    engine = OpenWakeWordEngine.load()
    names = {word.name for word in engine.words}
    engine.close()
    assert names == set(ALL_WORDS) - {"timer", "weather"}


def test_a_word_that_is_not_there_is_named(engine: OpenWakeWordEngine) -> None:
    with pytest.raises(UnknownWakeWordError, match=r"hey_nobody.*alexa"):
        engine.open(["alexa", "hey_nobody"])
    with pytest.raises(UnknownWakeWordError, match="hey_nobody"):
        OpenWakeWordEngine.load(enabled=["hey_nobody"])


async def test_a_word_of_the_owners_own_is_heard(tmp_path: Path) -> None:
    shutil.copy(packaged_models() / "alexa_v0.1.onnx", tmp_path / "good_house_v1.2.onnx")
    engine = OpenWakeWordEngine.load(custom=tmp_path, enabled=["good_house"])
    (word,) = engine.words
    assert (word.name, word.phrase, word.version, word.default) == ("good_house", "good house", "1.2", True)
    assert heard(engine, await engine.open().push(RECORDINGS["alexa-1"]), "good_house")
    engine.close()


async def test_a_broken_word_is_named_and_disturbs_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "torn.onnx").write_bytes((packaged_models() / "alexa_v0.1.onnx").read_bytes()[:5000])
    (tmp_path / "empty.tflite").touch()
    shutil.copy(packaged_models() / "silero_vad.onnx", tmp_path / "other.onnx")
    with caplog.at_level(logging.WARNING):
        engine = OpenWakeWordEngine.load(custom=tmp_path)
    assert [type(problem) for problem in engine.problems] == [ModelCorruptError] * 3
    assert len(caplog.records) == 3
    for name in ("torn.onnx", "empty.tflite", "other.onnx"):
        (record,) = [record for record in caplog.records if name in record.getMessage()]
        assert record.getMessage().startswith("model-corrupt: ")
    assert heard(engine, await engine.open().push(RECORDINGS["alexa-1"]), "alexa")
    engine.close()


def test_a_missing_folder_of_words_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    OpenWakeWordEngine.load(custom=tmp_path / "nowhere").close()
    assert "nowhere" in caplog.text


def test_two_versions_of_a_word_stay_apart_and_the_newest_has_its_name() -> None:
    files = named([Path("word_v9.onnx"), Path("word_v10.onnx"), Path("plain.onnx")])
    assert {name: (file.path.name, file.word.phrase) for name, file in files.items()} == {
        "plain": ("plain.onnx", "plain"),
        "word": ("word_v10.onnx", "word"),
        "word_v9": ("word_v9.onnx", "word"),
    }
