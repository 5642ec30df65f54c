"""Train from a seed, by steps and never by the clock, from the last checkpoint on."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from . import checkpoint
from .batches import Batch, Rounds
from .checkpoint import Progress
from .model import WINDOW_POSITIONS, PaddedRest, Shape, Whisper
from .objective import EARLY_SPELLING_WEIGHT, SPELLING_WEIGHT, Objective
from .sizes import Sizes
from .tokens import Tokens

PEAK_RATE, FINAL_SHARE = 1.2e-3, 0.02
"""Learning rate: a linear rise, then a half cosine down to this share of the peak."""
WEIGHT_DECAY = 0.05
CLIPPED_NORM = 1.0
STAND_INS = 64
"""Positions that stand in for a padded window's rest (model.PaddedRest)."""
SHORTEST_REST = 100
PREPARED_ROUNDS = 2


def train(work: Path, sizes: Sizes, seed: int, threads: int) -> None:
    """Bring work/checkpoint.pt to the last step; a line of work/training.jsonl goes with every checkpoint."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    tokens = Tokens(work / "tokenizer.json")
    trainer = Trainer(Whisper(Shape(vocabulary=tokens.size)), Objective(tokens), sizes, seed)
    path = work / "checkpoint.pt"
    begun = checkpoint.restore(path, trainer.model, trainer.optimizer)
    rounds = Rounds(recordings=work / "training", tokenizer=work / "tokenizer.json", sizes=sizes, seed=seed)
    losses: list[tuple[float, float]] = []
    with tqdm(total=sizes.steps, initial=begun.step, desc="training", unit="step") as bar:
        for progress, batch in _batches(rounds, begun, sizes.steps):
            losses.append(trainer.step(batch, progress.step - 1))
            bar.update()
            if progress.step % sizes.checkpoint_steps == 0 or progress.step == sizes.steps:
                token_loss, spelling_loss = np.mean(losses, 0).round(4).tolist()
                losses.clear()
                bar.set_postfix(token=token_loss, spelling=spelling_loss)
                checkpoint.save(path, trainer.model, trainer.optimizer, progress)
                with (work / "training.jsonl").open("a", encoding="utf-8") as log:
                    line = {"step": progress.step, "token_loss": token_loss, "spelling_loss": spelling_loss}
                    log.write(json.dumps(line) + "\n")


def _batches(rounds: Rounds, progress: Progress, steps: int) -> Iterator[tuple[Progress, Batch]]:
    """Yield each batch from `progress` on with where training stands after it."""
    if progress.step >= steps:
        return
    ahead = range(progress.round, progress.round + steps)  # a round has one batch at least
    loader = DataLoader(
        rounds, batch_size=None, sampler=ahead, num_workers=1, prefetch_factor=PREPARED_ROUNDS, collate_fn=list
    )
    step, done = progress.step, progress.batches_done
    for number, batches in zip(ahead, loader, strict=False):
        for index, batch in enumerate(batches[done:], done + 1):
            step += 1
            yield Progress(step=step, round=number, batches_done=index), batch
            if step == steps:
                return
        done = 0


class Trainer:
    """A model and what changes it."""

    def __init__(self, model: Whisper, objective: Objective, sizes: Sizes, seed: int) -> None:
        """Matrices decay, biases and normalisations do not."""
        self.model = model
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
                {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
            ],
            PEAK_RATE,
            betas=(0.9, 0.98),
            eps=1e-8,
            fused=True,
        )
        self._objective, self._sizes, self._seed = objective, sizes, seed

    def step(self, batch: Batch, number: int) -> tuple[float, float]:
        """Learn from one batch as step `number`, counted from 0; return the token loss and the spelling loss."""
        share_done = number / self._sizes.steps
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(number, self._sizes)
        features = torch.from_numpy(batch.features)
        rng = np.random.default_rng([self._seed, number])
        rest = _padded_rest(rng, features.shape[2] // 2, early=share_done < 0.2)
        with torch.autocast("cpu", torch.bfloat16):
            token_logits, letter_logits = self.model(features, torch.from_numpy(batch.inputs), rest)
        token_loss = self._objective.token_loss(token_logits, torch.from_numpy(batch.outputs))
        spelling_loss = self._objective.spelling_loss(letter_logits, batch)
        weight = EARLY_SPELLING_WEIGHT if share_done < 0.3 else SPELLING_WEIGHT
        self.optimizer.zero_grad()
        (token_loss + weight * spelling_loss).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIPPED_NORM)
        self.optimizer.step()
        return token_loss.item(), spelling_loss.item()


def learning_rate(step: int, sizes: Sizes) -> float:
    """Return the rate of a step, counted from 0."""
    rise = min(1.0, (step + 1) / sizes.warmup_steps)
    fall = FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * step / sizes.steps))
    return PEAK_RATE * rise * fall


def _padded_rest(rng: np.random.Generator, clip: int, *, early: bool) -> PaddedRest | None:
    """Return, for some batches, the rest of a longer window than the clip's: mostly of the whole 30 s."""
    if rng.random() >= (0.15 if early else 0.4):
        return None
    window = WINDOW_POSITIONS if rng.random() < 0.6 else int(rng.integers(250, WINDOW_POSITIONS))
    if window - clip <= SHORTEST_REST:
        return None
    copies = (window - clip) / STAND_INS
    positions = clip + ((np.arange(STAND_INS) + rng.random()) * copies).astype(np.int64)
    return PaddedRest(positions=torch.from_numpy(positions.clip(max=window - 1)), copies=copies)
