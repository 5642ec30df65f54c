"""Examples → batches of few shapes, the same ones for the same seed, from any point on."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from .examples import Example, draw_example
from .features import MELS
from .noise import NoisePool
from .recordings import Recordings
from .sizes import Sizes
from .tokens import IGNORED, Target, Tokens
from .wording import LETTERS, letters

WIDTH_STEP = 64
"""Batches are multiples of this wide: oneDNN compiles its kernels anew for every shape, longer than a step takes."""
TARGET_STEP = 4
BATCH_STEP = 4
SORT_JITTER_FRAMES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Examples padded to one width."""

    features: npt.NDArray[np.float32]
    """Shape (batch, MELS, frames); zeros after each clip, as faster-whisper pads *features*."""
    positions: npt.NDArray[np.int64]
    """Encoder positions, of 20 ms, that each clip fills."""
    inputs: npt.NDArray[np.int64]
    outputs: npt.NDArray[np.int64]
    """Shape (batch, tokens); token ids, IGNORED or SOFT."""
    spelled: list[list[int]]
    """Each text in classes of the auxiliary loss, 1 to len(LETTERS); 0 is its blank."""


class Rounds(Dataset[list[Batch]]):
    """Round number → its batches. Everything is drawn from (seed, number), so training can go on from any of them."""

    def __init__(self, *, recordings: Path, tokenizer: Path, sizes: Sizes, seed: int) -> None:
        """Open nothing yet: each worker does on its first round."""
        self._recordings, self._tokenizer, self._sizes, self._seed = recordings, tokenizer, sizes, seed

    @functools.cached_property
    def _sources(self) -> tuple[Recordings, NoisePool, Tokens]:
        recordings = Recordings(self._recordings)
        noise = NoisePool(recordings, seconds=self._sizes.noise_seconds, seed=self._seed)
        return recordings, noise, Tokens(self._tokenizer)

    def __getitem__(self, number: int) -> list[Batch]:
        recordings, noise, tokens = self._sources
        rng = np.random.default_rng([self._seed, number])
        gentle = number < self._sizes.gentle_rounds
        examples = [draw_example(recordings, noise, rng, gentle=gentle) for _ in range(self._sizes.round_examples)]
        examples.sort(key=lambda example: example.features.shape[1] + rng.uniform(0, SORT_JITTER_FRAMES))
        batches = [_batch(part, tokens, rng) for part in cut(examples, self._sizes.batch_frames)]
        return [batches[index] for index in rng.permutation(len(batches))]


def cut(examples: list[Example], batch_frames: int) -> Iterator[list[Example]]:
    """Yield parts of examples that are sorted by length, longest first, about `batch_frames` each.

    The last part is filled up with longer examples that were already taken, so that short ones are not heard less.
    """
    end = len(examples)
    while end > 0:
        size = max(BATCH_STEP, batch_frames // _width(examples[max(0, end - 100) : end]) // BATCH_STEP * BATCH_STEP)
        start = max(0, end - size)
        yield examples[start : start + size]
        end = start


def _width(examples: list[Example], slack: int = 4) -> int:
    longest = max(int(example.features.shape[1]) for example in examples)
    return -(-(longest + slack) // WIDTH_STEP) * WIDTH_STEP


def _batch(examples: list[Example], tokens: Tokens, rng: np.random.Generator) -> Batch:
    slack = 4 if rng.random() < 0.6 else int(rng.integers(4, 70))
    features = np.zeros((len(examples), MELS, _width(examples, slack)), np.float32)
    targets: list[Target] = []
    for row, example in zip(features, examples, strict=True):
        row[:, : example.features.shape[1]] = example.features
        targets.append(
            tokens.speech_target(example.text, example.ticks, rng) if example.text else tokens.no_speech_target(rng)
        )
    width = -(-max(len(target.inputs) for target in targets) // TARGET_STEP) * TARGET_STEP
    inputs, outputs = np.full((len(targets), width), tokens.end), np.full((len(targets), width), IGNORED)
    for index, target in enumerate(targets):
        inputs[index, : len(target.inputs)] = target.inputs
        outputs[index, : len(target.outputs)] = target.outputs
    return Batch(
        features=features,
        positions=np.array([(example.features.shape[1] + 1) // 2 for example in examples]),
        inputs=inputs,
        outputs=outputs,
        spelled=[[LETTERS.index(letter) + 1 for letter in letters(example.text)] for example in examples],
    )
