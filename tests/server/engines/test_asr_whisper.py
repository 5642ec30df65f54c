"""The edge decoder with the packaged starter model."""

import dataclasses
import math
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.server.engines.recordings import GOLDEN, golden
from wyoming_server.bundles.manifest import read_bundle
from wyoming_server.bundles.store import STARTER_DIRECTORY
from wyoming_server.engines.asr_whisper import WhisperEngine, _evidence, context_frames, token_cap
from wyoming_server.errors import DecodeError, ModelCorruptError, UnsupportedLanguageError
from wyoming_server.pipeline.types import SAMPLE_RATE_HZ, DecodeRequest, Hypothesis, Samples

BUNDLE = read_bundle(STARTER_DIRECTORY)
KITCHEN = "turn_on_the_kitchen_light"


@pytest.fixture(scope="module")
def engine() -> Iterator[WhisperEngine]:
    engine = WhisperEngine.load(STARTER_DIRECTORY, bundle=BUNDLE, threads=1)
    yield engine
    engine.close()


def request(samples: Samples, **changes: object) -> DecodeRequest:
    return dataclasses.replace(DecodeRequest(samples=samples, language="en", speech_seconds=1.5), **changes)


@pytest.mark.parametrize(
    ("seconds", "floor", "margin", "frames"),
    [
        (0.0, 1000, 256, 1000),
        (3.0, 1000, 256, 1000),
        (3.0, 300, 256, 556),
        (8.0, 1000, 256, 1056),
        (3.0, 3000, 256, 3000),
        (30.0, 1000, 256, 3000),
        (90.0, 1000, 256, 3000),
        (1.0001, 1, 0, 101),
    ],
)
def test_the_context_follows_the_audio_between_floor_and_window(
    seconds: float, floor: int, margin: int, frames: int
) -> None:
    samples = math.ceil(seconds * SAMPLE_RATE_HZ)
    assert context_frames(samples, floor=floor, margin=margin, mels=80) == frames


@pytest.mark.parametrize("mels", [80, 128])
def test_the_context_never_has_the_lengths_that_ctranslate2_mistakes(mels: int) -> None:
    lengths = [context_frames(160 * frames, floor=1, margin=0, mels=mels) for frames in range(400)]
    assert {2 * mels - 1, 2 * mels}.isdisjoint(lengths)
    assert lengths == sorted(lengths)
    assert {2 * mels - 2, 2 * mels + 1} <= set(lengths)


@pytest.mark.parametrize(("seconds", "cap"), [(0, 8), (1, 16), (3, 32), (28, 232)])
def test_the_token_cap_follows_the_duration(seconds: int, cap: int) -> None:
    assert token_cap(seconds * SAMPLE_RATE_HZ) == cap


@pytest.mark.parametrize("full_context", [False, True])
@pytest.mark.parametrize("name", list(GOLDEN))
def test_golden_recordings_are_heard_right_at_either_context(
    engine: WhisperEngine, name: str, full_context: bool
) -> None:
    heard = engine.decode(request(golden(name), full_context=full_context))
    assert heard.text == GOLDEN[name]
    short = context_frames(
        len(golden(name)), floor=BUNDLE.context_floor_frames, margin=BUNDLE.context_margin_frames, mels=80
    )
    assert heard.context_frames == (3000 if full_context else short)
    assert (heard.language, heard.language_probability, heard.model) == ("en", None, "starter")


def test_the_same_loaded_model_sees_through_another_floor(engine: WhisperEngine) -> None:
    asked = request(golden(KITCHEN))
    assert engine.seeing(3000).decode(asked).context_frames == 3000
    assert engine.seeing(700).decode(asked).context_frames == 700
    assert engine.decode(asked).context_frames < 700


@pytest.mark.parametrize("name", list(GOLDEN))
def test_the_evidence_is_ctranslate2s_own(engine: WhisperEngine, name: str) -> None:
    """The tokens' log-probabilities and the end's add up to the score that ctranslate2 gives the sequence."""
    results: list[Any] = []

    class Watching(WhisperEngine):
        def _hypothesis(self, request: DecodeRequest, result: Any, *rest: Any) -> Hypothesis:
            results.append(result)
            return super()._hypothesis(request, result, *rest)

    watched = Watching.__new__(Watching)
    watched.__dict__.update(engine.__dict__)
    hypothesis = watched.decode(request(golden(name)))
    total = sum(token.log_probability for token in hypothesis.tokens) + math.log(hypothesis.end_probability)
    steps = len(results[0].sequences_ids[0]) + 1
    assert len(hypothesis.tokens) + 1 == steps
    assert total == pytest.approx(results[0].scores[0] * (steps - 1), abs=1e-3)


def test_every_tokens_evidence_is_within_its_range(engine: WhisperEngine) -> None:
    heard = engine.decode(request(golden(KITCHEN)))
    assert 0.5 < heard.end_probability <= 1.0
    assert 0.0 <= heard.no_speech_probability <= 1.0
    assert heard.tokens_per_second == len(heard.tokens) / 1.5
    vocabulary = engine._tokenizer.get_vocab_size()
    for token in heard.tokens:
        assert -1.0 < token.log_probability <= 0.0
        assert 0.0 <= token.entropy <= math.log(vocabulary)
        assert 0.0 <= token.margin <= 1.0


def test_noise_is_less_sure_than_speech(engine: WhisperEngine) -> None:
    noise = np.random.default_rng(5).normal(0, 1000, 2 * SAMPLE_RATE_HZ).astype(np.int16)
    heard, made_up = engine.decode(request(golden(KITCHEN))), engine.decode(request(noise))
    assert not made_up.tokens or made_up.mean_log_probability < heard.mean_log_probability


@pytest.mark.parametrize("samples", [0, 1, 159, 1600])
def test_hardly_any_audio_is_decoded_without_failing(engine: WhisperEngine, samples: int) -> None:
    heard = engine.decode(request(np.zeros(samples, np.int16), speech_seconds=0.0))
    assert heard.tokens_per_second == 0.0
    assert len(heard.tokens) <= token_cap(samples)


def test_audio_beyond_the_window_is_left_out(engine: WhisperEngine) -> None:
    long = np.concatenate((golden(KITCHEN), np.zeros(40 * SAMPLE_RATE_HZ, np.int16)))
    assert engine.decode(request(long)).text == engine.decode(request(long[: 30 * SAMPLE_RATE_HZ])).text


def test_a_language_that_the_model_does_not_know_is_refused_by_name(engine: WhisperEngine) -> None:
    with pytest.raises(UnsupportedLanguageError, match=r"'de'.*en"):
        engine.decode(request(golden(KITCHEN), language="de"))


@pytest.mark.parametrize("languages", [(), ("en",), ("en", "de"), ("de",)])
def test_without_a_language_one_that_the_model_knows_is_taken(
    engine: WhisperEngine, languages: tuple[str, ...]
) -> None:
    heard = engine.decode(request(golden(KITCHEN), language=None, languages=languages))
    assert (heard.language, heard.text) == ("en", GOLDEN[KITCHEN])


def test_a_prompt_holds_as_many_whole_terms_as_the_bundle_allows(engine: WhisperEngine) -> None:
    terms = ("kitchen", "bedroom lamp", "hallway", "garage door")
    plain = engine._prompt("en", ())
    assert engine._prompt("en", terms) == plain  # the starter takes none
    sizes = set()
    for limit in range(60):
        engine._bundle = dataclasses.replace(BUNDLE, prompt_tokens=limit)
        prompt = engine._prompt("en", terms)
        engine._bundle = BUNDLE
        assert prompt[len(prompt) - len(plain) :] == plain
        extra = len(prompt) - len(plain)
        assert extra == 0 or extra <= limit + 1  # the terms, and the mark before them
        sizes.add(extra)
    assert len(sizes) in {1, len(terms) + 1}


def test_suppressed_ids_do_not_spoil_the_entropy() -> None:
    evidence = _evidence(np.array([1.0, 1.0, -3.4e38, -3.4e38], np.float32))
    assert evidence.entropy == pytest.approx(math.log(2))
    assert evidence.margin == pytest.approx(0.0, abs=1e-6)
    assert evidence.log_probabilities[:2] == pytest.approx(math.log(0.5))


def test_eight_threads_hear_what_one_hears(engine: WhisperEngine) -> None:
    names = list(GOLDEN) * 3
    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(lambda name: engine.decode(request(golden(name))).text, names))
    assert heard == [GOLDEN[name] for name in names]


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "model.bin").write_bytes((folder / "model.bin").read_bytes()[:100_000]),
        lambda folder: (folder / "model.bin").write_bytes(b"not a model"),
        lambda folder: (folder / "tokenizer.json").write_text("{"),
        lambda folder: (folder / "tokenizer.json").write_text('{"version": "1.0"}'),
        lambda folder: (folder / "config.json").write_text("{"),
    ],
)
def test_a_damaged_model_is_refused_by_its_folder(tmp_path: Path, damage) -> None:  # noqa: ANN001  # a lambda
    folder = tmp_path / "model"
    shutil.copytree(STARTER_DIRECTORY, folder)
    damage(folder)
    with pytest.raises(ModelCorruptError, match=str(folder)):
        WhisperEngine.load(folder, bundle=BUNDLE, threads=1)


def test_a_model_that_was_closed_fails_the_utterance_and_not_the_program() -> None:
    engine = WhisperEngine.load(STARTER_DIRECTORY, bundle=BUNDLE, threads=1)
    engine.close()
    with pytest.raises(DecodeError):
        engine.decode(request(golden(KITCHEN)))


def test_a_model_that_is_closed_right_after_its_last_word_gives_its_memory_back() -> None:
    for _ in range(5):  # without waiting, more than every second one stays
        engine = WhisperEngine.load(STARTER_DIRECTORY, bundle=BUNDLE, threads=1)
        engine.decode(request(golden(KITCHEN)))
        engine.close()
        assert not engine._whisper.model_is_loaded
