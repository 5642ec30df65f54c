"""Whisper models of any size with made-up weights, to time decoding without a download.

They take the time that a real model of their size takes and always say the same tokens, whatever they are shown.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ctranslate2.specs.common_spec import EmbeddingsSpec, LayerNormSpec, LinearSpec
from ctranslate2.specs.whisper_spec import WhisperSpec
from faster_whisper.tokenizer import _LANGUAGE_CODES

from ..errors import UnknownModelError

MELS = 80
POSITIONS = 1500
"""Encoder steps in 30 s."""
TEXT_POSITIONS = 448
PROMPT_TOKENS = 4
"""Start, language, task, no timestamps: the prompt after which a model says exactly its tokens."""
_LANGUAGES = tuple(code for code in _LANGUAGE_CODES if code != "yue")
"""The 99 of every size below large-v3."""
_TEXT_TOKENS = 50_257
_VOCABULARY = 51_865
"""Multilingual Whisper's own size: the projection onto it is a good part of a decoding step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhisperSize:
    """The numbers that decide how long a model takes (Radford et al. 2022, table 1)."""

    width: int
    layers: int
    """Of the encoder, and of the decoder."""
    heads: int

    @property
    def parameters(self) -> int:
        """How many weights there are, biases and norms left out."""
        attention = 4 * self.width**2
        encoder = self.layers * (attention + 8 * self.width**2) + (MELS + self.width) * 3 * self.width
        decoder = self.layers * (2 * attention + 8 * self.width**2) + TEXT_POSITIONS * self.width
        return encoder + decoder + _VOCABULARY * self.width


SIZES: Mapping[str, WhisperSize] = {
    "tiny": WhisperSize(width=384, layers=4, heads=6),
    "base": WhisperSize(width=512, layers=6, heads=8),
    "small": WhisperSize(width=768, layers=12, heads=12),
}


def write_synthetic_whisper(directory: Path, size: str, *, tokens: int = 10, seed: int = 0) -> None:
    """Write a model that faster-whisper loads and that says `tokens` tokens; blocks up to seconds.

    Its weights are random int8. The position table of its decoder makes it stop: behind the prompt, each position
    holds one direction that outweighs all else, and the projection maps that direction onto one token, the last onto
    the end. So it decodes exactly as many steps each time, which random weights alone would not.
    """
    if size not in SIZES:
        raise UnknownModelError(f"There is no synthetic model '{size}'; allowed are {', '.join(SIZES)}")
    directory.mkdir(parents=True, exist_ok=True)
    vocabulary = _vocabulary()
    spec = _spec(SIZES[size], tokens, np.random.default_rng(seed), vocabulary)
    spec.validate()
    spec.save(str(directory))
    _write_json(directory / "tokenizer.json", _tokenizer(vocabulary))
    mel = {"feature_size": MELS, "sampling_rate": 16000, "hop_length": 160, "chunk_length": 30, "n_fft": 400}
    _write_json(directory / "preprocessor_config.json", mel)


def _vocabulary() -> list[str]:
    """Return the tokens in the order of a multilingual Whisper, fillers where those hold words."""
    text = [*_byte_alphabet(), *(f"Ġw{number}" for number in range(256, _TEXT_TOKENS - 1))]
    # ctranslate2 takes a vocabulary that holds the empty string for a multilingual one.
    text.append("")
    languages = [f"<|{language}|>" for language in _LANGUAGES]
    tasks = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    specials = ["<|endoftext|>", "<|startoftranscript|>", *languages, *(f"<|{task}|>" for task in tasks)]
    stamps = [f"<|{number * 0.02:.2f}|>" for number in range(_VOCABULARY - len(text) - len(specials))]
    return [*text, *specials, *stamps]


def _byte_alphabet() -> list[str]:
    """Return the printable stand-ins of the 256 bytes that GPT-2's tokenizer uses."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = (byte for byte in range(256) if byte not in printable)
    return [*map(chr, printable), *(chr(256 + place) for place, _ in enumerate(others))]


def _tokenizer(vocabulary: list[str]) -> dict[str, object]:
    """Return a tokenizer.json without merges: every text is spelt byte by byte."""
    bytewise = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = [
        {"id": number, "content": token, "special": True, "normalized": False}
        | {"single_word": False, "lstrip": False, "rstrip": False}
        for number, token in enumerate(vocabulary)
        if number >= _TEXT_TOKENS
    ]
    vocabulary_ids = {token: number for number, token in enumerate(vocabulary[:_TEXT_TOKENS])}
    return {
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": bytewise,
        "decoder": bytewise,
        "model": {"type": "BPE", "vocab": vocabulary_ids, "merges": []},
    }


def _spec(size: WhisperSize, tokens: int, random: np.random.Generator, vocabulary: list[str]) -> WhisperSpec:
    spec = WhisperSpec(size.layers, size.heads, size.layers, size.heads)
    spec.register_vocabulary(vocabulary)
    end = vocabulary.index("<|endoftext|>")
    start = vocabulary.index("<|startoftranscript|>")
    spec.config.lang_ids = list(range(start + 1, start + 1 + len(_LANGUAGES)))
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [end]
    spec.config.alignment_heads = [[size.layers - 1, 0]]
    weights = _Weights(random, size.width)
    weights.fill_encoder(spec.encoder)
    weights.fill_decoder(spec.decoder)
    said = [1000 + step for step in range(tokens)]
    weights.say(spec.decoder, [*said, end])
    return spec


class _Weights:
    """Random weights for the parts of a Whisper."""

    def __init__(self, random: np.random.Generator, width: int) -> None:
        self._random = random
        self._width = width

    def fill_encoder(self, encoder: WhisperSpec) -> None:
        width = self._width
        for conv, channels in ((encoder.conv1, MELS), (encoder.conv2, width)):
            conv.weight = self._floats(width, channels, 3)
            conv.bias = self._floats(width)
        encoder.position_encodings.encodings = self._floats(POSITIONS, width)
        self._norm(encoder.layer_norm)
        for layer in encoder.layer:
            self._attention(layer.self_attention, fused=[3, 1])
            self._feed_forward(layer.ffn)

    def fill_decoder(self, decoder: WhisperSpec) -> None:
        self._table(decoder.embeddings, _VOCABULARY, self._width)
        self._norm(decoder.layer_norm)
        for layer in decoder.layer:
            self._attention(layer.self_attention, fused=[3, 1])
            self._attention(layer.attention, fused=[1, 2, 1])
            self._feed_forward(layer.ffn)

    def say(self, decoder: WhisperSpec, said: list[int]) -> None:
        """Make the decoder answer its prompt with these tokens, over and over the last one."""
        directions = self._random.standard_normal((len(said), self._width)).astype(np.float32)
        steps = np.clip(np.arange(TEXT_POSITIONS) - (PROMPT_TOKENS - 1), 0, len(said) - 1)
        # The residual stream adds up a few units over all layers: a hundred drowns that out.
        decoder.position_encodings.encodings = 100 * directions[steps]
        self._table(decoder.projection, _VOCABULARY, self._width)
        # A direction of length √width meets its own row with a product of about 20: a probability of nearly one.
        decoder.projection.weight[said] = np.clip(np.rint(40 * directions), -127, 127).astype(np.int8)
        decoder.projection.weight_scale[said] = np.float32(40 * self._width / 20)

    def _floats(self, *shape: int) -> npt.NDArray[np.float32]:
        return 0.02 * self._random.standard_normal(shape, dtype=np.float32)

    def _table(self, table: LinearSpec | EmbeddingsSpec, rows: int, columns: int) -> None:
        """Fill with int8 whose products with a normalised vector stay around one."""
        table.weight = self._random.integers(-127, 128, (rows, columns), dtype=np.int8)
        table.weight_scale = np.full(rows, 73 * columns**0.5, dtype=np.float32)

    def _linear(self, linear: LinearSpec, outputs: int, inputs: int) -> None:
        self._table(linear, outputs, inputs)
        linear.bias = np.zeros(outputs, np.float32)

    def _norm(self, norm: LayerNormSpec) -> None:
        norm.gamma = np.ones(self._width, np.float32)
        norm.beta = np.zeros(self._width, np.float32)

    def _attention(self, attention: WhisperSpec, fused: list[int]) -> None:
        self._norm(attention.layer_norm)
        for linear, count in zip(attention.linear, fused, strict=True):
            self._linear(linear, count * self._width, self._width)

    def _feed_forward(self, ffn: WhisperSpec) -> None:
        self._norm(ffn.layer_norm)
        self._linear(ffn.linear_0, 4 * self._width, self._width)
        self._linear(ffn.linear_1, self._width, 4 * self._width)


def _write_json(file: Path, content: object) -> None:
    file.write_text(json.dumps(content), encoding="utf-8")
