import asyncio
import logging
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.server.proofs.false_wakes import detected
from tests.server.wake_recordings import wake_recordings
from wyoming_server.engines.wake_features import EMBEDDING_SIZE
from wyoming_server.engines.wake_openwakeword import OpenWakeWordEngine
from wyoming_server.engines.wake_tflite import load_tflite_word, packaged_tflite_files
from wyoming_server.errors import ModelCorruptError, ModelMissingError
from wyoming_server.pipeline.wake import WakeSettings


@pytest.fixture
def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which pyopen-wakeword cannot be found."""
    monkeypatch.setitem(sys.modules, "pyopen_wakeword", None)


async def test_okay_nabu_wakes_beside_onnx_words() -> None:
    engine = OpenWakeWordEngine.load(enabled=["okay_nabu", "alexa"])
    recordings = wake_recordings()
    audio = np.concatenate((recordings["okay_nabu-1"], recordings["alexa-1"]))
    frames = await engine.open().push(audio)
    assert detected(engine.words, frames, WakeSettings()) == ["okay_nabu", "alexa"]
    assert {word.name: word.engine for word in engine.words} == {"alexa": "onnx", "okay_nabu": "tflite"}
    engine.close()


async def test_streams_do_not_mix_in_the_one_interpreter() -> None:
    (path,) = packaged_tflite_files()
    word = load_tflite_word(path)
    windows = np.random.default_rng(0).normal(0, 5, (40, word.window, EMBEDDING_SIZE)).astype(np.float32)
    alone = [word.score(window) for window in windows]
    together = await asyncio.gather(*(asyncio.to_thread(word.score, window) for window in windows))
    assert together == alone
    assert len(set(alone)) > 1


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x1c\0\0\0TFL3" + bytes(200)])
def test_a_file_that_is_no_model_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "torn.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelCorruptError, match=r"torn\.tflite"):
        load_tflite_word(path)


def test_a_model_of_another_shape_is_refused_by_name() -> None:
    (path,) = packaged_tflite_files()
    with pytest.raises(ModelCorruptError, match=r"embedding_model\.tflite"):
        load_tflite_word(path.with_name("embedding_model.tflite"))


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match="gone"):
        load_tflite_word(tmp_path / "gone.tflite")


@pytest.mark.usefixtures("without_the_extra")
def test_without_the_extra_the_other_words_serve_and_a_line_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "my_house.tflite").touch()
    with caplog.at_level(logging.WARNING):
        engine = OpenWakeWordEngine.load(custom=tmp_path, enabled=["alexa", "okay_nabu", "my_house"])
    engine.close()
    assert [word.name for word in engine.words] == ["alexa"]
    assert len(caplog.messages) == 2
    for name in ("okay_nabu", "my_house"):
        assert any(name in line and "needs the tflite extra" in line for line in caplog.messages)
