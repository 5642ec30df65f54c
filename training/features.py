"""Waveform → log-mel frames, exactly as faster-whisper makes them at run time."""

import numpy as np
import numpy.typing as npt
from faster_whisper.feature_extractor import FeatureExtractor

from .audio import Waveform

MELS = 80
FRAMES_PER_S = 100
Features = npt.NDArray[np.float32]
"""Shape (MELS, frames)."""

_extract = FeatureExtractor(feature_size=MELS)


def log_mel(samples: Waveform) -> Features:
    """Return the features of 16 kHz samples, one frame per 10 ms.

    faster-whisper's own extractor does it: the model must never see other features in training than at run time.
    """
    return np.asarray(_extract(samples), np.float32)


def masked(rng: np.random.Generator, features: Features) -> Features:
    """Return the features with a few mel bands or frames flattened (after SpecAugment, Park et al. 2019), at times."""
    features = features.copy()
    mean, frames = features.mean(), features.shape[1]
    if rng.random() < 0.3:
        band = rng.integers(MELS - 8)
        features[band : band + rng.integers(1, 9)] = mean
    if rng.random() < 0.3:
        frame = rng.integers(max(1, frames - 8))
        features[:, frame : frame + rng.integers(1, 8)] = mean
    return features
