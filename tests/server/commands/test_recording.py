import wave
from pathlib import Path

import numpy as np
import pytest

from wyoming_server.commands.recording import (
    PACKAGED,
    Recording,
    chunks,
    listed_recordings,
    read_recording,
    with_known_text,
    words,
)
from wyoming_server.errors import RecordingError

TONE = np.sin(2 * np.pi * 440 * np.arange(8000) / 16000) * 0.5


def written(path: Path, signal: np.ndarray, *, width: int = 2, channels: int = 1, rate: int = 16000) -> Path:
    samples = {
        1: lambda: np.round(signal * 127 + 128).astype(np.uint8),
        2: lambda: (signal * 32767).astype("<i2"),
        3: lambda: (signal * (2**23 - 1)).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3],
        4: lambda: (signal * (2**31 - 1)).astype("<i4"),
    }[width]()
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(np.repeat(samples.reshape(len(signal), 1 if width != 3 else 3), channels, axis=0).tobytes())
    return path


def mono(signal: np.ndarray) -> Recording:
    pcm = (signal * 32767).astype("<i2").tobytes()
    return Recording(path=Path("a.wav"), pcm=pcm, rate_hz=16000, width_bytes=2, channels=1)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_width_and_channel_count_is_read_as_the_same_sound(tmp_path: Path, width: int, channels: int) -> None:
    recording = read_recording(written(tmp_path / "a.wav", TONE, width=width, channels=channels, rate=44100))
    assert recording.rate_hz == 44100
    assert recording.seconds == pytest.approx(8000 / 44100)
    assert recording.width_bytes in {2, 3, 4}
    np.testing.assert_allclose(recording.mono(), TONE, atol=0.01)


@pytest.mark.parametrize(
    ("name", "content"),
    [("text.wav", b"this is no sound"), ("empty.wav", b""), ("cut.wav", b"RIFF\x10\x00\x00\x00WAVEfmt ")],
)
def test_a_file_that_is_no_wav_is_refused_with_the_cure(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecordingError, match="convert it first"):
        read_recording(tmp_path / name)


def test_float_wav_is_refused_with_the_cure(tmp_path: Path) -> None:
    path = written(tmp_path / "float.wav", TONE, width=4)
    content = bytearray(path.read_bytes())
    content[20] = 3  # the format tag of IEEE floats
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="pcm_s16le"):
        read_recording(path)


def test_a_missing_file_a_folder_and_a_wav_without_audio_are_refused_by_name(tmp_path: Path) -> None:
    silent = written(tmp_path / "silent.wav", np.zeros(0))
    for path in (tmp_path / "nowhere.wav", tmp_path, silent):
        with pytest.raises(RecordingError, match=path.name):
            read_recording(path)


def test_a_wav_cut_inside_a_sample_is_read_up_to_the_last_whole_one(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", TONE)
    path.write_bytes(path.read_bytes()[:-1001])
    assert len(read_recording(path).pcm) == 2 * 8000 - 1002


def test_the_last_voiced_sample_is_found_between_room_noise() -> None:
    rng = np.random.default_rng(0)
    signal = np.concatenate([np.zeros(8000), TONE, np.zeros(8000)]) + rng.standard_normal(24000) * 0.001
    assert mono(signal).last_voiced_second() == pytest.approx(1.0, abs=0.011)


def test_nothing_is_voiced_where_nothing_stands_out() -> None:
    rng = np.random.default_rng(0)
    assert mono(rng.standard_normal(24000) * 0.001).last_voiced_second() is None
    assert mono(np.zeros(24000)).last_voiced_second() is None
    assert mono(np.zeros(10)).last_voiced_second() is None


def test_room_noise_lasts_as_long_as_wanted_and_has_no_click_at_its_joints() -> None:
    seconds = np.arange(24000) / 16000
    recording = mono(0.01 * np.sin(2 * np.pi * 60.3 * seconds))  # 0.3 s are no whole number of periods
    room = np.frombuffer(recording.room(2.0), "<i2").astype(float)
    assert len(room) == 32000
    steps = np.abs(np.diff(np.frombuffer(recording.pcm, "<i2").astype(float)))
    assert np.abs(np.diff(room)).max() <= 2 * steps.max()


def test_chunks_are_whole_samples_and_miss_nothing() -> None:
    recording = mono(TONE)
    pieces = list(chunks(recording.pcm, recording, 0.03))
    assert b"".join(pieces) == recording.pcm
    assert {len(piece) for piece in pieces[:-1]} == {960}


def test_words_are_compared_without_case_punctuation_and_signs() -> None:
    assert words("Set the lamp to 40%.") == words("set the lamp to 40 percent")
    assert words("What's that?") != words("What that?")
    assert not words(" . ")


def test_the_packaged_recordings_are_all_there_and_small() -> None:
    recordings = listed_recordings(PACKAGED)
    assert sum(recording.kind == "clean" for recording in recordings) == 5
    assert {"wake", "noisy", "silence", "hum"} <= {recording.kind for recording in recordings}
    assert sum(path.stat().st_size for path in PACKAGED.iterdir()) < 1_200_000
    for recording in recordings:
        assert (recording.last_voiced_second() is not None) == bool(recording.text)


def test_what_a_recording_says_is_read_from_the_text_beside_it_or_from_the_list(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", TONE)
    assert with_known_text(path).text is None
    path.with_suffix(".txt").write_text("Hello.\n")
    assert with_known_text(path).text == "Hello."
    assert with_known_text(PACKAGED / "door.wav").text == "Lock the front door."


def test_a_broken_list_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "recordings.json").write_text('[{"file": "a.wav"}]')
    with pytest.raises(RecordingError, match=r"recordings\.json"):
        listed_recordings(tmp_path)
