"""What training minimises: the next token, and beside it the letters heard by the encoder."""

import torch
from torch import Tensor
from torch.nn import functional

from .batches import Batch
from .tokens import SOFT, Tokens

SOFT_WEIGHT = 0.5
EARLY_SPELLING_WEIGHT, SPELLING_WEIGHT = 1.0, 0.4
"""Spelling teaches the encoder to align before the decoder can: it counts more in the first 30 % of the steps."""


class Objective:
    """The loss over one batch."""

    def __init__(self, tokens: Tokens) -> None:
        """Prepare the open target: half of it the end, half spread over all text tokens."""
        self._open = torch.zeros(tokens.size)
        self._open[: tokens.end] = 0.5 / tokens.end
        self._open[tokens.end] = 0.5

    def token_loss(self, logits: Tensor, outputs: Tensor) -> Tensor:
        """Return the mean cross-entropy of the targets that are given."""
        log_probabilities = logits.float().log_softmax(-1)
        given = outputs >= 0
        loss = -log_probabilities[given].gather(1, outputs[given][:, None]).sum()
        loss = loss - SOFT_WEIGHT * (log_probabilities[outputs == SOFT] @ self._open).sum()
        return loss / given.sum()

    @staticmethod
    def spelling_loss(logits: Tensor, batch: Batch) -> Tensor:
        """Return the connectionist temporal classification loss (Graves et al. 2006) per letter."""
        lengths = torch.tensor([len(letters) for letters in batch.spelled])
        losses = functional.ctc_loss(
            logits.float().log_softmax(-1).transpose(0, 1),
            torch.tensor([letter for letters in batch.spelled for letter in letters]),
            torch.from_numpy(batch.positions),
            lengths,
            reduction="none",
            zero_infinity=True,
        )
        return (losses / lengths.clamp(min=1)).mean()
