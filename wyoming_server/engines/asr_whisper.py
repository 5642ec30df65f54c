"""Whisper models in CTranslate2 form: short encoder context, greedy, with every token's evidence.

faster-whisper loads the files and makes the mel frames; decoding calls ctranslate2 itself, because
faster-whisper's `transcribe` always encodes 30 s (8 to 20 times the work for a command), re-decodes bad audio up
to six times, and hands out no logits.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import ctranslate2
import faster_whisper
import numpy as np
import numpy.typing as npt

from ..bundles.bundle import Bundle
from ..errors import DecodeError, ModelCorruptError, ModelCrashedError, UnsupportedLanguageError
from ..pipeline.types import SAMPLE_RATE_HZ, DecodeRequest, Hypothesis, Samples, Token

_UNLOAD_TRIES = 50
_UNLOAD_SECONDS = 0.01
FRAMES_PER_SECOND = 100
WINDOW_FRAMES = 3000
HOP_SAMPLES = SAMPLE_RATE_HZ // FRAMES_PER_SECOND
TOKENS_PER_SECOND_CAP = 8
TOKENS_CAP_BASE = 8


def context_frames(samples: int, *, floor: int, margin: int, mels: int) -> int:
    """Return how many mel frames the encoder is shown for so many samples.

    Never 2·mels−1 or 2·mels: the encoder then returns exactly `mels` steps, and ctranslate2 4.8, which tells an
    encoder output from features by its shape, would encode it a second time (src/models/whisper.cc, is_encoded).
    """
    frames = -(-samples // HOP_SAMPLES) + margin
    frames = min(max(frames, floor), WINDOW_FRAMES)
    return 2 * mels + 1 if frames in {2 * mels - 1, 2 * mels} else frames


def token_cap(samples: int) -> int:
    """Return how many tokens so many samples can hold: speech stays below 8 a second."""
    return TOKENS_CAP_BASE + TOKENS_PER_SECOND_CAP * samples // SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class _Specials:
    """The ids that frame a decode."""

    start: int
    end: int
    previous: int | None
    transcribe: int | None
    no_timestamps: int


class WhisperEngine:
    """One loaded model; `decode` may be called from several threads."""

    def __init__(self, model: faster_whisper.WhisperModel, bundle: Bundle) -> None:
        """Wrap a loaded model."""
        self._model, self._bundle = model, bundle
        self._whisper: ctranslate2.models.Whisper = model.model
        self._tokenizer = model.hf_tokenizer
        self._features = model.feature_extractor
        self._mels: int = self._whisper.n_mels
        self._specials = self._find_specials()
        self.name = bundle.label
        self.hallucination_phrases = bundle.hallucination_phrases
        self.scorecard = bundle.scorecard
        self.languages = self._find_languages(tuple(bundle.languages) or tuple(model.supported_languages))

    @classmethod
    def load(cls, directory: Path, *, bundle: Bundle, threads: int, workers: int = 1) -> Self:
        """Load a folder that holds a CTranslate2 Whisper model; blocks. Raises ModelCorruptError, ModelCrashedError."""
        try:
            model = faster_whisper.WhisperModel(
                str(directory),
                device="cpu",
                compute_type="int8",
                cpu_threads=threads,
                num_workers=workers,
                local_files_only=True,
            )
            return cls(model, bundle)
        except MemoryError as error:
            raise ModelCrashedError(
                f"The model in '{directory}' needs more memory than there is now; it is tried again by itself, and a "
                "smaller one needs less"
            ) from error
        # ctranslate2 and tokenizers raise RuntimeError, ValueError, KeyError or bare Exception for damaged files.
        except Exception as error:
            raise ModelCorruptError(
                f"The model in '{directory}' cannot be loaded ({error}); fetch it again or name another with --model"
            ) from error

    def _find_specials(self) -> _Specials:
        number = self._tokenizer.token_to_id
        start, end, no_timestamps = (
            number(name) for name in ("<|startoftranscript|>", "<|endoftext|>", "<|notimestamps|>")
        )
        if start is None or end is None or no_timestamps is None:
            raise ValueError("its tokenizer has no Whisper control tokens")
        return _Specials(
            start=start,
            end=end,
            no_timestamps=no_timestamps,
            previous=number("<|startofprev|>"),
            transcribe=number("<|transcribe|>") if self._whisper.is_multilingual else None,
        )

    def _find_languages(self, said: tuple[str, ...]) -> tuple[str, ...]:
        """Return the languages that the model has a token for: yue is named for all, and only large-v3 knows it."""
        if not self._whisper.is_multilingual:
            return said
        return tuple(one for one in said if self._tokenizer.token_to_id(f"<|{one}|>") is not None)

    def decode(self, request: DecodeRequest) -> Hypothesis:
        """Return what the model hears; blocks. Raises DecodeError and UnsupportedLanguageError."""
        if request.language is not None and request.language not in self.languages:
            raise UnsupportedLanguageError(
                f"The model '{self.name}' does not know the language '{request.language}'; "
                f"it knows {', '.join(self.languages)}"
            )
        try:
            return self._decode(request)
        except MemoryError as error:  # bad_alloc, too
            raise DecodeError(
                f"The model '{self.name}' found too little memory for this utterance; choose a smaller one"
            ) from error
        except (RuntimeError, ValueError) as error:  # ctranslate2's own, and evidence that is no number
            raise DecodeError(f"The model '{self.name}' failed on this utterance: {error}") from error

    def _decode(self, request: DecodeRequest) -> Hypothesis:
        samples = request.samples[: WINDOW_FRAMES * HOP_SAMPLES]
        frames = (
            WINDOW_FRAMES
            if request.full_context
            else context_frames(
                len(samples),
                floor=self._bundle.context_floor_frames,
                margin=self._bundle.context_margin_frames,
                mels=self._mels,
            )
        )
        encoded = self._whisper.encode(ctranslate2.StorageView.from_array(self._mel(samples, frames)))
        language, language_probability = self._language(encoded, request)
        prompt = self._prompt(language, request.prompt)
        cap = token_cap(len(samples))
        result = self._whisper.generate(
            encoded,
            [prompt],
            beam_size=1,
            # ctranslate2 stops at min(max_length / 2, max_length - len(prompt)) new tokens.
            max_length=max(2 * cap, len(prompt) + cap),
            suppress_blank=True,
            suppress_tokens=[-1],
            return_scores=True,
            return_logits_vocab=True,
            return_no_speech_prob=True,
        )[0]
        return self._hypothesis(request, result, frames, language, language_probability)

    def _mel(self, samples: Samples, frames: int) -> npt.NDArray[np.float32]:
        """Return features of shape (1, mels, frames).

        The audio is padded, not the features: zero features sound like noise.
        """
        audio = np.zeros(frames * HOP_SAMPLES, np.float32)
        audio[: len(samples)] = samples.astype(np.float32)[: len(audio)] / 32768.0
        mel: npt.NDArray[np.float32] = self._features(audio)[:, :frames]
        return np.ascontiguousarray(mel[np.newaxis], dtype=np.float32)

    def _language(self, encoded: ctranslate2.StorageView, request: DecodeRequest) -> tuple[str, float | None]:
        """Return the language to decode in, and how sure its detection was."""
        if request.language is not None:
            return request.language, None
        allowed = [one for one in (request.languages or self.languages) if one in self.languages] or self.languages
        if len(allowed) == 1 or not self._whisper.is_multilingual:
            return allowed[0], None
        ranked: list[tuple[str, float]] = self._whisper.detect_language(encoded)[0]
        known = [(token.strip("<|>"), probability) for token, probability in ranked]
        return next(((name, probability) for name, probability in known if name in allowed), (allowed[0], 0.0))

    def _prompt(self, language: str, terms: tuple[str, ...]) -> list[int]:
        specials = self._specials
        prompt = self._bias(terms)
        prompt.append(specials.start)
        if specials.transcribe is not None:
            prompt += [self._tokenizer.token_to_id(f"<|{language}|>"), specials.transcribe]
        return [*prompt, specials.no_timestamps]

    def _bias(self, terms: tuple[str, ...]) -> list[int]:
        """Return the terms as previous text, as many whole ones as the bundle's token limit takes."""
        limit = self._bundle.prompt_tokens
        if not terms or self._specials.previous is None or limit == 0:
            return []
        taken: list[int] = []
        for term in terms:
            ids = self._tokenizer.encode(f" {term},", add_special_tokens=False).ids
            if len(taken) + len(ids) > limit:
                break
            taken += ids
        return [self._specials.previous, *taken] if taken else []

    def _hypothesis(
        self, request: DecodeRequest, result: Any, frames: int, language: str, language_probability: float | None
    ) -> Hypothesis:
        ids: list[int] = result.sequences_ids[0]
        steps = [_evidence(np.asarray(step)) for step in result.logits[0]]
        tokens = tuple(
            Token(
                text=self._tokenizer.decode([number]),
                log_probability=min(0.0, float(step.log_probabilities[number])),
                entropy=step.entropy,
                margin=step.margin,
            )
            for number, step in zip(ids, steps, strict=False)
        )
        ended = len(steps) > len(ids)
        return Hypothesis(
            text=self._tokenizer.decode([number for number in ids if number < self._specials.end]).strip(),
            language=language,
            model=self.name,
            tokens=tokens,
            end_probability=float(np.exp(steps[-1].log_probabilities[self._specials.end])) if ended else 0.0,
            no_speech_probability=min(1.0, max(0.0, float(result.no_speech_prob))),
            tokens_per_second=len(ids) / request.speech_seconds if request.speech_seconds > 0 else 0.0,
            context_frames=frames,
            language_probability=language_probability,
        )

    def seeing(self, context_floor_frames: int) -> Self:
        """Return the same loaded model whose encoder sees at least so many mel frames."""
        return type(self)(self._model, replace(self._bundle, context_floor_frames=context_floor_frames))

    def close(self) -> None:
        """Free the model's memory; blocks."""
        # Asked within some 20 ms of a decode, ctranslate2 still counts that as under way, and does nothing.
        for _ in range(_UNLOAD_TRIES):
            self._whisper.unload_model()
            if not self._whisper.model_is_loaded:
                return
            time.sleep(_UNLOAD_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Evidence:
    """One decoding step's distribution over the vocabulary."""

    log_probabilities: npt.NDArray[np.float32]
    entropy: float
    margin: float


def _evidence(logits: npt.NDArray[np.float32]) -> _Evidence:
    """Return a step's log-softmax, Shannon entropy in nats, and top-two margin in probability."""
    shifted = logits - logits.max()
    weights = np.exp(shifted)
    total = float(weights.sum())
    log_probabilities = shifted - np.log(total)
    probabilities = weights / total
    live = probabilities > 1e-12  # suppressed ids carry −3.4e38: their 0·log 0 would be NaN
    entropy = -float(np.dot(probabilities[live], log_probabilities[live]))
    second, first = np.partition(probabilities, -2)[-2:]
    return _Evidence(
        log_probabilities=log_probabilities, entropy=max(0.0, entropy), margin=max(0.0, float(first - second))
    )
