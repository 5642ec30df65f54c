"""The synthesised recordings that risk is fitted and measured on, and their manifest.

    python -m tests.server.evaluation.recordings FOLDER [--split fit|held] [--small]

Each is what a satellite streams: the room's noise, the sentence, the room again. `fit` and `held` share no voice, no
sentence and no kind of noise, and the voices of `held` are those that the starter model never heard in training. The
ordinary conditions are clean, 10 dB and 0 dB; the hard ones are a clipping microphone, a start that is cut off, a
reverberating room with talkers behind, and questions outside a home's grammar. Each is said in one of some forty homes
with names of their own, as a home tells the hub. The same seed gives the same recordings.
"""

import argparse
import csv
import json
import random
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from wyoming_server.pipeline.wording import normalise

from .sentences import SPLITS, aloud, areas_in, commands, names_in, questions
from .sound import (
    NOISES,
    RATE_HZ,
    ROOMS,
    Signal,
    clipped,
    mixed_at,
    programs_missing,
    reverberated,
    spoken,
    write,
)

COLUMNS = (
    "file", "text", "language", "microphone_class", "voice", "sentence", "noise", "condition", "snr_db", "split",
    "home",
)  # fmt: skip
LEAD_SECONDS, TAIL_SECONDS = (0.9, 1.4), 0.7
ROOM_DB = 38.0
"""How far a quiet room lies below the speech."""
CUT_SECONDS = 0.28
COMMANDS_PER_HOME, UNSAID_NAMES = 25, 15
"""A home has some 40 names."""
_UNTRAINED_VARIANTS = (
    "Alex AnxiousAndy Henrique Nguyen RicishayMax RicishayMax2 Storm UniRobot announcer anikaRobot edward2 gustave "
    "iven2 iven3 iven4 kaukovalta klatt5 klatt6 michel pedro robosoft robosoft3 robosoft5 whisperf"
)
"""Variants of espeak-ng that the starter model's recipe did not use."""
VOICES = {
    "fit": (
        *(f"espeak-ng:{accent}+{name}" for name in _UNTRAINED_VARIANTS.split() for accent in ("en-us", "en-gb")),
        *tuple(
            f"flite:{name}@{factor}" for name in ("slt", "awb", "kal16") for factor in (0.8, 0.87, 0.94, 1.0, 1.08, 1.2)
        )
        * 2,
        "flite:kal",
        *(f"espeak-ng:{name}" for name in ("en-us+m3", "en-gb+f5", "en-gb-scotland+m5", "en-029+f1")),
    ),
    "held": (
        *("flite:rms",) * 4,
        *("espeak-ng:en-us+f3", "espeak-ng:en-gb+f3") * 2,
        *("espeak-ng:en-us+Michael", "espeak-ng:en-gb+Michael") * 2,
    ),
}
ORDINARY = ("clean", "10 dB", "0 dB")
HARD = ("clipped", "cut-start", "talkers", "question")


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One sentence in one voice, and the conditions that it is recorded in."""

    number: int
    split: str
    text: str
    voice: str
    conditions: tuple[str, ...]
    behind: tuple[tuple[str, str], ...]
    """Sentences and voices of those who talk behind."""
    home: int
    """Which home it is said in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many sentences a split has of each kind."""

    ordinary: int
    hard: int
    questions: int
    ordinary_conditions: tuple[str, ...] = ORDINARY
    hard_conditions: tuple[str, ...] = HARD[:3]


SIZES = {
    "fit": Size(
        ordinary=560,
        hard=420,
        questions=300,
        ordinary_conditions=("clean", "10 dB", "5 dB", "0 dB"),
    ),
    "held": Size(ordinary=560, hard=340, questions=340),
}
SMALL = Size(ordinary=9, hard=7, questions=7)


def takes(split: str, size: Size, *, seed: int = 1) -> list[Take]:
    """Return what is to be recorded for a split; no sentence comes twice."""
    home, outside = (
        commands(split, size.ordinary + size.hard, seed=seed),
        questions(split, size.questions, seed=seed),
    )
    planned = [(text, size.ordinary_conditions) for text in home[: size.ordinary]]
    planned += [(text, size.hard_conditions) for text in home[size.ordinary :]]
    planned += [(text, HARD[3:]) for text in outside]
    voices, homes = VOICES[split], -(-len(home) // COMMANDS_PER_HOME)
    return [
        Take(
            number=number,
            split=split,
            text=text,
            voice=voices[number % len(voices)],
            conditions=conditions,
            behind=tuple(
                (planned[(number + 37 * step) % len(planned)][0], voices[(number + 5 * step) % len(voices)])
                for step in (1, 2, 3)
            ),
            home=number % homes,
        )
        for number, (text, conditions) in enumerate(planned)
    ]


def homes(planned: Sequence[Take]) -> dict[str, dict[str, list[str]]]:
    """Return each home's names and areas: those that its commands speak of, and some that none of them does."""
    everywhere = sorted({name for take in planned for name in names_in(take.text)})
    known: dict[str, dict[str, list[str]]] = {}
    for home in sorted({take.home for take in planned}):
        said = [take.text for take in planned if take.home == home]
        others = random.Random(home).sample(everywhere, min(UNSAID_NAMES, len(everywhere)))
        names = {name for text in said for name in names_in(text)}.union(others)
        areas = {area for text in (*said, *names) for area in areas_in(text)}
        known[f"{planned[0].split}-{home}"] = {"names": sorted(names), "areas": sorted(areas)}
    return known


def recorded(take: Take) -> Iterator[tuple[dict[str, str], Signal]]:
    """Yield each recording of a take with its row of the manifest."""
    speech = spoken(aloud(take.text), take.voice)
    for condition in take.conditions:
        name = f"{take.split}/{take.number:04}-{condition.replace(' ', '')}.wav"
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        kind, snr_db, signal = _heard(take, speech, condition, rng)
        yield (
            {
                "file": name,
                "text": take.text,
                "language": "en",
                "microphone_class": "far_field",
                "voice": take.voice,
                "sentence": normalise(take.text),
                "noise": kind,
                "condition": condition,
                "snr_db": f"{snr_db:.1f}",
                "split": take.split,
                "home": f"{take.split}-{take.home}",
            },
            signal * np.float32(10 ** (rng.uniform(-8, 3) / 20)) if condition != "clipped" else signal,
        )


def _heard(take: Take, speech: Signal, condition: str, rng: np.random.Generator) -> tuple[str, float, Signal]:
    """Return the kind of noise, the SNR in dB, and what the microphone hears."""
    kind, snr_db = ROOMS[take.split], ROOM_DB + float(rng.uniform(-6, 6))
    if condition.endswith(" dB"):
        kind, snr_db = str(rng.choice([one for one in NOISES[take.split] if one != kind])), float(condition[:-3])
    if condition == "cut-start":
        speech = speech[int(CUT_SECONDS * RATE_HZ) :]
    if condition == "talkers":
        speech = reverberated(speech, rng, decay_s=rng.uniform(0.35, 0.7), direct_db=rng.uniform(-2, 4))
    padded = np.pad(speech, (int(rng.uniform(*LEAD_SECONDS) * RATE_HZ), int(TAIL_SECONDS * RATE_HZ)))
    signal = padded + mixed_at(speech, NOISES[take.split][kind](rng, len(padded)), snr_db)
    if condition == "talkers":
        kind, snr_db = f"talkers-{take.split}", float(rng.uniform(3, 12))
        signal = signal + mixed_at(speech, _talkers(take, rng, len(padded)), snr_db)
    if condition == "clipped":
        signal = clipped(signal, rng.uniform(20, 32))
    return kind, snr_db, signal


def _talkers(take: Take, rng: np.random.Generator, length: int) -> Signal:
    """Return other people in the same room, talking all the time."""
    mixed = np.zeros(length, np.float32)
    for text, voice in take.behind:
        one = spoken(aloud(text), voice)
        one = np.roll(np.resize(np.pad(one, (0, 3000)), length), int(rng.integers(0, length)))
        mixed += one * np.float32(10 ** (rng.uniform(-6, 0) / 20))
    return reverberated(mixed, rng, decay_s=0.6, direct_db=-6.0)[:length]


def _record(job: tuple[str, Take]) -> list[dict[str, str]]:
    """Write a take's recordings and return their rows."""
    folder, take = job
    rows = []
    for row, signal in recorded(take):
        write(Path(folder) / row["file"], signal)
        rows.append(row)
    return rows


def make(folder: Path, *, splits: Sequence[str] = SPLITS, small: bool = False, workers: int = 2) -> Path:
    """Write the recordings below a folder, each split with a manifest of its own, and one of all; return that one."""
    planned = {split: takes(split, SMALL if small else SIZES[split]) for split in splits}
    jobs = [(str(folder), take) for split in splits for take in planned[split]]
    for split in splits:
        (folder / split).mkdir(parents=True, exist_ok=True)
        (folder / f"{split}-homes.json").write_text(json.dumps(homes(planned[split]), indent=1) + "\n")
    with get_context("spawn").Pool(workers) as pool:
        rows = [row for rows in pool.imap(_record, jobs, chunksize=8) for row in rows]
    for split in splits:
        _list(folder / f"{split}.csv", [row for row in rows if row["split"] == split])
    _list(folder / "manifest.csv", rows)
    return folder / "manifest.csv"


def _list(path: Path, rows: Sequence[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> int:
    """Write the recordings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", choices=SPLITS, action="append", help="only this one; both without")
    parser.add_argument("--small", action="store_true", help="a few of each condition")
    arguments = parser.parse_args()
    if missing := programs_missing():
        parser.error(f"{' and '.join(missing)} must be installed: they speak the sentences")
    path = make(arguments.folder, splits=arguments.split or SPLITS, small=arguments.small)
    print(path, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
