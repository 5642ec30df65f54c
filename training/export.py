"""Checkpoint → the folder that faster-whisper loads: model.bin, config.json, vocabulary, tokenizer, preprocessor."""

import itertools
import json
import shutil
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
from ctranslate2.specs import model_spec, whisper_spec
from torch import Tensor, nn

from .audio import HOP, SAMPLE_RATE_HZ
from .checkpoint import read_model
from .features import MELS
from .model import Attention, DecoderLayer, EncoderLayer, Whisper
from .tokens import Tokens

QUANTIZATION = "int8_float16"
PREPROCESSOR = {
    "feature_size": MELS,
    "sampling_rate": SAMPLE_RATE_HZ,
    "hop_length": HOP,
    "chunk_length": 30,
    "n_fft": 400,
}


def export(checkpoint: Path, tokenizer: Path, folder: Path) -> None:
    """Write the model of a checkpoint, in place of what `folder` holds.

    Raises:
        FileNotFoundError: There is no checkpoint.
        ValueError: The model's size and the tokenizer's differ.
    """
    model, tokens = read_model(checkpoint), Tokens(tokenizer)
    shape = model.shape
    spec = whisper_spec.WhisperSpec(shape.encoder_layers, shape.heads, shape.decoder_layers, shape.heads)
    _fill(spec, model)
    # No empty string may be among these: ctranslate2 takes a vocabulary that has one for a multilingual model's.
    spec.register_vocabulary([tokens.tokenizer.id_to_token(token) for token in range(tokens.size)])
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [tokens.space, tokens.end]
    spec.config.lang_ids = [tokens.english]
    spec.config.alignment_heads = list(itertools.product([shape.decoder_layers - 1], range(shape.heads)))
    spec.validate()
    spec.optimize(quantization=QUANTIZATION)
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    spec.save(str(partial))
    shutil.copy(tokenizer, partial / "tokenizer.json")
    (partial / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _fill(spec: whisper_spec.WhisperSpec, model: Whisper) -> None:
    encoder, decoder = model.encoder, model.decoder
    _weights(spec.encoder.conv1, encoder.conv1)
    _weights(spec.encoder.conv2, encoder.conv2)
    spec.encoder.position_encodings.encodings = encoder.embed_positions.numpy()
    spec.decoder.position_encodings.encodings = _array(decoder.embed_positions.weight)
    spec.decoder.embeddings.weight = spec.decoder.projection.weight = _array(decoder.embed_tokens.weight)
    for part, module in ((spec.encoder, encoder), (spec.decoder, decoder)):
        _normalisation(part.layer_norm, module.layer_norm)
        for layer_spec, layer in zip(part.layer, module.layers, strict=True):
            _layer(layer_spec, cast("EncoderLayer", layer))


def _layer(spec: model_spec.LayerSpec, layer: EncoderLayer) -> None:
    _attention(spec.self_attention, layer.self_attn, layer.self_attn_layer_norm, groups=("qkv",))
    if isinstance(layer, DecoderLayer):
        _attention(spec.attention, layer.encoder_attn, layer.encoder_attn_layer_norm, groups=("q", "kv"))
    _weights(spec.ffn.linear_0, layer.fc1)
    _weights(spec.ffn.linear_1, layer.fc2)
    _normalisation(spec.ffn.layer_norm, layer.final_layer_norm)


def _attention(spec: model_spec.LayerSpec, attention: Attention, norm: nn.LayerNorm, groups: tuple[str, ...]) -> None:
    """Set an attention's weights, the projections of each group stacked into one matrix as ctranslate2 wants them."""
    projections = {"q": attention.q_proj, "k": attention.k_proj, "v": attention.v_proj}
    for linear, group in zip(spec.linear, groups, strict=False):
        linear.weight = np.concatenate([_array(projections[name].weight) for name in group])
        linear.bias = np.concatenate([_bias(projections[name]) for name in group])
    _weights(spec.linear[-1], attention.out_proj)
    _normalisation(spec.layer_norm, norm)


def _bias(linear: nn.Linear) -> npt.NDArray[np.float32]:
    # Whisper's keys have no bias: it would add the same to every score of a query.
    return np.zeros(linear.out_features, np.float32) if linear.bias is None else _array(linear.bias)


def _weights(spec: model_spec.LayerSpec, module: nn.Linear | nn.Conv1d) -> None:
    spec.weight = _array(module.weight)
    if module.bias is not None:
        spec.bias = _array(module.bias)


def _normalisation(spec: model_spec.LayerSpec, norm: nn.LayerNorm) -> None:
    spec.gamma, spec.beta = _array(norm.weight), _array(norm.bias)


def _array(parameter: Tensor) -> npt.NDArray[np.float32]:
    return np.asarray(parameter.detach().numpy(), np.float32)
