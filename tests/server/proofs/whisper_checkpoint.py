"""The starter model as a Hugging Face Whisper checkpoint.

    python -m tests.server.proofs.whisper_checkpoint FOLDER [--slow-tokenizer]

Its weights are the starter's own with their quantisation undone, so a conversion has to hear what the starter hears.
Needs torch and transformers, which script/bootstrap convert brings.
"""

import argparse
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import transformers

from tests.server.bundles.made import STARTER
from tests.server.bundles.weights import read_weights

type Weights = npt.NDArray[np.float32]


def write_checkpoint(folder: Path, *, slow_tokenizer: bool = False) -> None:
    """Write the checkpoint, its tokenizer as one file or, as older ones, as vocabulary and merges."""
    weights = read_weights(STARTER / "model.bin")
    converted = json.loads((STARTER / "config.json").read_bytes())
    end, start = 1000, 1001
    vocabulary, width = weights["decoder/embeddings/weight"].shape
    config = transformers.WhisperConfig(
        vocab_size=vocabulary,
        num_mel_bins=80,
        d_model=width,
        encoder_layers=_layers(weights, "encoder"),
        decoder_layers=_layers(weights, "decoder"),
        encoder_attention_heads=int(weights["encoder/num_heads"]),
        decoder_attention_heads=int(weights["decoder/num_heads"]),
        encoder_ffn_dim=len(weights["encoder/layer_0/ffn/linear_0/bias"]),
        decoder_ffn_dim=len(weights["decoder/layer_0/ffn/linear_0/bias"]),
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=start,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    model = transformers.WhisperForConditionalGeneration(config)
    state = {name: torch.from_numpy(np.array(value)) for name, value in _state(weights)}
    state["proj_out.weight"] = state["model.decoder.embed_tokens.weight"]
    model.load_state_dict(state)
    model.generation_config = transformers.GenerationConfig(
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=start,
        suppress_tokens=converted["suppress_ids"],
        begin_suppress_tokens=converted["suppress_ids_begin"],
        alignment_heads=converted["alignment_heads"],
        lang_to_id={"<|en|>": converted["lang_ids"][0]},
    )
    model.save_pretrained(str(folder))
    if slow_tokenizer:
        _write_slow_tokenizer(folder)
        return
    shutil.copyfile(STARTER / "tokenizer.json", folder / "tokenizer.json")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')


def _write_slow_tokenizer(folder: Path) -> None:
    tokenizer = json.loads((STARTER / "tokenizer.json").read_bytes())
    (folder / "vocab.json").write_text(json.dumps(tokenizer["model"]["vocab"]))
    merges = [one if isinstance(one, str) else " ".join(one) for one in tokenizer["model"]["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    added = {str(one.pop("id")): one for one in tokenizer["added_tokens"]}
    end = dict.fromkeys(("unk_token", "bos_token", "eos_token", "pad_token"), "<|endoftext|>")
    config = {"tokenizer_class": "WhisperTokenizer", "added_tokens_decoder": added, **end}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def _layers(weights: dict[str, Weights], part: str) -> int:
    return len({name.split("/")[1] for name in weights if name.startswith(f"{part}/layer_") and name.count("/") > 2})


def _state(weights: dict[str, Weights]) -> Iterator[tuple[str, Weights]]:
    for conv in ("conv1", "conv2"):
        yield f"model.encoder.{conv}.weight", weights[f"encoder/{conv}/weight"]
        yield f"model.encoder.{conv}.bias", weights[f"encoder/{conv}/bias"]
    yield "model.decoder.embed_tokens.weight", weights["decoder/embeddings/weight"]
    for part in ("encoder", "decoder"):
        yield f"model.{part}.embed_positions.weight", weights[f"{part}/position_encodings/encodings"]
        yield from _norm(weights, f"{part}/layer_norm", f"model.{part}.layer_norm")
        for number in range(_layers(weights, part)):
            yield from _layer(weights, f"{part}/layer_{number}", f"model.{part}.layers.{number}")


def _layer(weights: dict[str, Weights], ours: str, theirs: str) -> Iterator[tuple[str, Weights]]:
    own = f"{ours}/self_attention"
    yield from _linears(weights, f"{own}/linear_0", [f"{theirs}.self_attn.{one}_proj" for one in "qkv"])
    yield from _linears(weights, f"{own}/linear_1", [f"{theirs}.self_attn.out_proj"])
    yield from _norm(weights, f"{own}/layer_norm", f"{theirs}.self_attn_layer_norm")
    if f"{ours}/attention/linear_0/weight" in weights:
        across, other = f"{ours}/attention", f"{theirs}.encoder_attn"
        yield from _linears(weights, f"{across}/linear_0", [f"{other}.q_proj"])
        yield from _linears(weights, f"{across}/linear_1", [f"{other}.k_proj", f"{other}.v_proj"])
        yield from _linears(weights, f"{across}/linear_2", [f"{other}.out_proj"])
        yield from _norm(weights, f"{across}/layer_norm", f"{theirs}.encoder_attn_layer_norm")
    yield from _linears(weights, f"{ours}/ffn/linear_0", [f"{theirs}.fc1"])
    yield from _linears(weights, f"{ours}/ffn/linear_1", [f"{theirs}.fc2"])
    yield from _norm(weights, f"{ours}/ffn/layer_norm", f"{theirs}.final_layer_norm")


def _linears(weights: dict[str, Weights], ours: str, theirs: list[str]) -> Iterator[tuple[str, Weights]]:
    """Yield what one fused matrix is made of; a key's bias changes nothing, and Whisper has none."""
    matrices, biases = (np.split(weights[f"{ours}/{one}"], len(theirs)) for one in ("weight", "bias"))
    for name, matrix, bias in zip(theirs, matrices, biases, strict=True):
        yield f"{name}.weight", matrix
        if not name.endswith("k_proj"):
            yield f"{name}.bias", bias


def _norm(weights: dict[str, Weights], ours: str, theirs: str) -> Iterator[tuple[str, Weights]]:
    yield f"{theirs}.weight", weights[f"{ours}/gamma"]
    yield f"{theirs}.bias", weights[f"{ours}/beta"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--slow-tokenizer", action="store_true")
    given = parser.parse_args()
    write_checkpoint(given.folder, slow_tokenizer=given.slow_tokenizer)
