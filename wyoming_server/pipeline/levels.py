"""Levels in dBFS, for the stages that measure."""

import numpy as np
import numpy.typing as npt

from .types import Samples

SILENCE_DBFS = -120.0


def decibels(power: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return dBFS for mean squares of samples in ±1; silence is −120."""
    return np.float32(10.0) * np.log10(np.maximum(power, np.float32(1e-12)))


def block_levels(samples: Samples, block_samples: int) -> npt.NDArray[np.float32]:
    """Return the level of each whole block, each without its own DC, shape (n // block_samples,)."""
    whole = len(samples) // block_samples
    blocks = samples[: whole * block_samples].reshape(whole, block_samples).astype(np.float32) / 32768.0
    return decibels(np.var(blocks, axis=1, dtype=np.float32))
