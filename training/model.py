"""Whisper's architecture (Radford et al. 2022), small, with the parameter names of its usual implementation."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .features import MELS
from .wording import LETTERS

WINDOW_POSITIONS = 1500
"""Encoder positions, of 20 ms, in Whisper's 30 s window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large the model is."""

    vocabulary: int
    width: int = 192
    heads: int = 4
    encoder_layers: int = 4
    decoder_layers: int = 2
    text_positions: int = 448


@dataclass(frozen=True, slots=True, kw_only=True)
class PaddedRest:
    """A few positions that stand in for all of a long window's zero-padded rest.

    faster-whisper pads *features* with zeros, so after the convolutions the rest is one constant vector plus its
    position's encoding. Each stand-in counts as `copies` positions by a bias of log(copies) on its attention keys,
    and the 30 s window is learned at little more than a short one's cost.
    """

    positions: Tensor
    copies: float


class Attention(nn.Module):
    """Multi-head attention.

    Written as plain matrix products: on CPUs with bfloat16 units, training is twice as fast as with torch's fused one.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(
        self, x: Tensor, memory: Tensor | None = None, bias: Tensor | None = None, *, causal: bool = False
    ) -> Tensor:
        """Return x's (batch, positions, width) look at `memory`, or at x itself; `bias` is added to the scores."""
        memory = x if memory is None else memory
        queries, keys, values = (
            self._split(part) for part in (self.q_proj(x), self.k_proj(memory), self.v_proj(memory))
        )
        scores = queries * queries.shape[-1] ** -0.5 @ keys.transpose(-1, -2)
        if bias is not None:
            scores = scores + bias.to(scores.dtype)
        if causal:
            scores = scores + torch.full(scores.shape[-2:], -1e4, dtype=scores.dtype).triu(1)
        heard = scores.softmax(-1).to(values.dtype) @ values
        return self.out_proj(heard.transpose(1, 2).reshape(x.shape))  # type: ignore[no-any-return]  # torch: modules return Any

    def _split(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)


class EncoderLayer(nn.Module):
    """Self-attention, then two dense layers, each behind a normalisation and beside a residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """Return x (batch, positions, width), one layer on."""
        x = x + self.self_attn(self.self_attn_layer_norm(x), bias=bias)
        return x + self.fc2(functional.gelu(self.fc1(self.final_layer_norm(x))))  # type: ignore[no-any-return]  # as above


class DecoderLayer(EncoderLayer):
    """An encoder layer that looks back only, with attention to the encoder's output in its middle."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.encoder_attn = Attention(width, heads)
        self.encoder_attn_layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, bias: Tensor | None, memory: Tensor | None = None) -> Tensor:
        """Return x (batch, tokens, width), one layer on; `bias` belongs to the encoder's positions."""
        x = x + self.self_attn(self.self_attn_layer_norm(x), causal=True)
        x = x + self.encoder_attn(self.encoder_attn_layer_norm(x), memory=memory, bias=bias)
        return x + self.fc2(functional.gelu(self.fc1(self.final_layer_norm(x))))  # type: ignore[no-any-return]  # as above


def sinusoids(length: int, width: int) -> Tensor:
    """Return Whisper's fixed position encodings, shape (length, width)."""
    step = math.log(10_000) / (width // 2 - 1)
    angles = torch.arange(length).view(-1, 1) * torch.exp(-step * torch.arange(width // 2)).view(1, -1)
    return torch.cat([angles.sin(), angles.cos()], 1)


class Encoder(nn.Module):
    """Features → one vector per 20 ms."""

    embed_positions: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(MELS, shape.width, 3, padding=1)
        self.conv2 = nn.Conv1d(shape.width, shape.width, 3, stride=2, padding=1)
        self.register_buffer("embed_positions", sinusoids(WINDOW_POSITIONS, shape.width))
        self.layers = nn.ModuleList(EncoderLayer(shape.width, shape.heads) for _ in range(shape.encoder_layers))
        self.layer_norm = nn.LayerNorm(shape.width)

    def forward(self, features: Tensor, rest: PaddedRest | None = None) -> tuple[Tensor, Tensor | None]:
        """Return (batch, positions, width), the rest's stand-ins last, and the bias for attention to them."""
        x = self._convolved(features)
        bias = None
        x = x + self.embed_positions[: x.shape[1]]
        if rest is not None:
            silence = self._convolved(features.new_zeros(1, MELS, 8))[:, 2]  # inside, where the padding is not felt
            stand_ins = silence + self.embed_positions[rest.positions]
            bias = torch.cat([x.new_zeros(x.shape[1]), x.new_full((len(rest.positions),), math.log(rest.copies))])
            x = torch.cat([x, stand_ins.expand(x.shape[0], -1, -1).to(x.dtype)], 1)
        for layer in self.layers:
            x = layer(x, bias)
        return self.layer_norm(x), bias

    def _convolved(self, features: Tensor) -> Tensor:
        return functional.gelu(self.conv2(functional.gelu(self.conv1(features)))).transpose(1, 2)


class Decoder(nn.Module):
    """Tokens so far and the encoder's output → one vector per token."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.embed_positions = nn.Embedding(shape.text_positions, shape.width)
        self.layers = nn.ModuleList(DecoderLayer(shape.width, shape.heads) for _ in range(shape.decoder_layers))
        self.layer_norm = nn.LayerNorm(shape.width)
        nn.init.normal_(self.embed_tokens.weight, 0, 0.02)
        nn.init.normal_(self.embed_positions.weight, 0, 0.01)

    def forward(self, tokens: Tensor, memory: Tensor, bias: Tensor | None) -> Tensor:
        """Return logits, shape (batch, tokens, vocabulary)."""
        x = self.embed_tokens(tokens) + self.embed_positions.weight[: tokens.shape[1]]
        for layer in self.layers:
            x = layer(x, bias, memory)
        return self.layer_norm(x) @ self.embed_tokens.weight.T  # type: ignore[no-any-return]  # as above


class Whisper(nn.Module):
    """The model, and a letter classifier on the encoder that only training uses."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = Encoder(shape)
        self.decoder = Decoder(shape)
        self.spelling = nn.Linear(shape.width, 1 + len(LETTERS))
        self.apply(_initialise)

    def forward(self, features: Tensor, inputs: Tensor, rest: PaddedRest | None) -> tuple[Tensor, Tensor]:
        """Return token logits (batch, tokens, vocabulary) and letter logits (batch, the clip's positions, letters)."""
        memory, bias = self.encoder(features, rest)
        clip = memory[:, : features.shape[2] // 2]
        return self.decoder(inputs, memory, bias), self.spelling(clip)


def _initialise(module: nn.Module) -> Any:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.5 / math.sqrt(module.in_features))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
