"""Spoken utterances on disk, in shards, so that speaking can stop and go on."""

import itertools
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from .audio import Waveform, from_int16
from .corpus import Utterance
from .speech import speak_all


def speak_to(folder: Path, utterances: list[Utterance], shard: int) -> None:
    """Speak what `folder` does not hold yet, `shard` utterances a file, on every core.

    Raises:
        FileNotFoundError: A synthesiser is not installed.
        ValueError: One voice in ten or more came out empty, which means that a voice is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [
        (folder / f"{start // shard:04d}.npz", utterances[start : start + shard])
        for start in range(0, len(utterances), shard)
        if not (folder / f"{start // shard:04d}.npz").exists()
    ]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(_speak_shard, path, part) for path, part in missing]
        try:
            for job in tqdm(jobs, desc=f"speaking {folder.name}", unit="shard", disable=not jobs):
                job.result()
        except BaseException:  # also Ctrl+C, which would else wait for hours of shards
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _speak_shard(path: Path, utterances: list[Utterance]) -> None:
    spoken = speak_all(utterances)
    kept = [(utterance, samples) for utterance, samples in zip(utterances, spoken, strict=True) if samples is not None]
    if len(kept) < 0.9 * len(utterances):
        silent = sorted({u.voice for u, samples in zip(utterances, spoken, strict=True) if samples is None})
        raise ValueError(f"{len(utterances) - len(kept)} of {len(utterances)} utterances are empty, of: {silent}")
    ends = np.cumsum([0, *(len(samples) for _, samples in kept)])
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial,
        samples=np.concatenate([samples for _, samples in kept]),
        ends=ends,
        utterances=np.array(json.dumps([asdict(utterance) for utterance, _ in kept])),
    )
    partial.replace(path)


class Recordings:
    """All shards of a folder, in memory as 16-bit samples (1.3 GB for the full run)."""

    def __init__(self, folder: Path) -> None:
        """Read every shard; raises ValueError where there is none."""
        self.utterances: list[Utterance] = []
        self._samples: list[npt.NDArray[np.int16]] = []
        for path in sorted(folder.glob("[0-9]*[0-9].npz")):
            with np.load(path) as shard:
                samples, ends = shard["samples"], shard["ends"]
                self.utterances += [Utterance(**fields) for fields in json.loads(str(shard["utterances"]))]
                self._samples += [samples[start:end] for start, end in itertools.pairwise(ends)]
        if not self.utterances:
            raise ValueError(f"{folder} holds no recordings; run the stage 'speak' first")

    def __len__(self) -> int:
        return len(self.utterances)

    def waveform(self, index: int) -> Waveform:
        """Return one utterance's samples."""
        return from_int16(self._samples[index])
