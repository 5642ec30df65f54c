"""Where training stands, on disk, whole or not at all."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from .model import Shape, Whisper


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far training is: the same seed goes on from here as if it had not stopped."""

    step: int = 0
    round: int = 0
    batches_done: int = 0
    """Of the round that is under way."""


def save(path: Path, model: Whisper, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
    """Write a checkpoint in place of the last one."""
    partial = path.with_suffix(".partial")
    state = {
        "shape": asdict(model.shape),
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": asdict(progress),
    }
    torch.save(state, partial)
    partial.replace(path)


def restore(path: Path, model: Whisper, optimizer: torch.optim.Optimizer) -> Progress:
    """Set model and optimizer to a checkpoint, where there is one, and return how far it was."""
    if not path.exists():
        return Progress()
    state = _read(path)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return Progress(**state["progress"])


def read_model(path: Path) -> Whisper:
    """Return the model of a checkpoint.

    Raises:
        FileNotFoundError: There is none.
    """
    state = _read(path)
    model = Whisper(Shape(**state["shape"]))
    model.load_state_dict(state["model"])
    return model.eval()


def _read(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, weights_only=True)
    return state
