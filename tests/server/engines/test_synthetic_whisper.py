"""Models with made-up weights: as slow as real ones, and always the same text."""

from pathlib import Path

import numpy as np
import pytest

from wyoming_server.engines.load import load_edge_model
from wyoming_server.engines.synthetic_whisper import SIZES, write_synthetic_whisper
from wyoming_server.errors import UnknownModelError
from wyoming_server.pipeline.types import DecodeRequest, Samples


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models") / "tiny"
    write_synthetic_whisper(directory, "tiny", tokens=10)
    return directory


def sounds() -> list[Samples]:
    random = np.random.default_rng(5)
    loud = random.normal(0, 8000, 48_000).clip(-32_768, 32_767).astype(np.int16)
    hum = (3000 * np.sin(np.arange(80_000) / 30)).astype(np.int16)
    return [np.zeros(16_000, np.int16), loud, hum]


@pytest.mark.parametrize("full_context", [False, True])
def test_it_takes_exactly_its_number_of_steps_whatever_it_hears(tiny: Path, *, full_context: bool) -> None:
    engine = load_edge_model(tiny, threads=1)
    for samples in sounds():
        heard = engine.decode(DecodeRequest(samples=samples, language="en", full_context=full_context))
        assert len(heard.tokens) == 10
        assert heard.end_probability > 0.9
        assert heard.text == "w1000 w1001 w1002 w1003 w1004 w1005 w1006 w1007 w1008 w1009"
    engine.close()


def test_faster_whisper_takes_it_for_a_multilingual_model_and_says_the_same(tiny: Path) -> None:
    from faster_whisper import WhisperModel

    model = WhisperModel(str(tiny), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)
    assert model.model.is_multilingual
    assert set(model.supported_languages) >= {"en", "de", "yue"}
    audio = sounds()[1].astype(np.float32) / 32_768
    segments, _ = model.transcribe(audio, language="en", beam_size=1, without_timestamps=True)
    assert [segment.text.strip() for segment in segments] == [" ".join(f"w{number}" for number in range(1000, 1010))]


def test_its_size_is_the_real_ones() -> None:
    published = {"tiny": 39e6, "base": 74e6, "small": 244e6}
    assert {name: size.parameters for name, size in SIZES.items()} == pytest.approx(published, rel=0.06)


def test_the_same_seed_writes_the_same_weights(tiny: Path, tmp_path: Path) -> None:
    write_synthetic_whisper(tmp_path, "tiny", tokens=10)
    assert (tmp_path / "model.bin").read_bytes() == (tiny / "model.bin").read_bytes()


def test_a_size_that_it_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="tiny, base, small"):
        write_synthetic_whisper(tmp_path, "large", tokens=1)
