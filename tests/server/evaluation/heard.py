"""Recordings → what the hub makes of each: the parts of a live turn, and every feature kept as a line of JSON.

    python -m tests.server.evaluation.heard FOLDER [--split fit|held]

writes FOLDER/SPLIT.jsonl, so that fitting and measuring take seconds afterwards.
"""

import argparse
import asyncio
import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import batched
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from wyoming_server.bundles.store import STARTER_DIRECTORY
from wyoming_server.commands.hearing import utterance
from wyoming_server.commands.recording import read_recording
from wyoming_server.engines.asr_whisper import WhisperEngine
from wyoming_server.engines.grammar_hassil import HassilGrammar
from wyoming_server.engines.load import load_edge_model
from wyoming_server.engines.vad_silero import SileroVad
from wyoming_server.learning.fit import LabelledTurn
from wyoming_server.pipeline.audio import Framer
from wyoming_server.pipeline.edge_asr import recognise
from wyoming_server.pipeline.endpoint import EndpointSettings
from wyoming_server.pipeline.evidence import extract, mean_entropy, opening
from wyoming_server.pipeline.grammar import Vocabulary
from wyoming_server.pipeline.policy import FIRST_TRY, Standing
from wyoming_server.pipeline.quality import measure
from wyoming_server.pipeline.types import DecodeRequest, Hypothesis, Samples
from wyoming_server.pipeline.wording import normalise

from .sentences import SPLITS

LANGUAGE = "en"
BATCH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One recording: its row of the manifest, and what was made of it."""

    row: dict[str, str]
    text: str
    turn: LabelledTurn
    """In its home, whose names the grammar knows."""
    unnamed: LabelledTurn
    """In a home that has told no names."""


class _Edge:
    """The engine, without a queue: one recording after another."""

    def __init__(self, engine: WhisperEngine) -> None:
        self._engine = engine
        self.name, self.languages = engine.name, engine.languages
        self.hallucination_phrases = engine.hallucination_phrases

    async def decode(self, request: DecodeRequest) -> Hypothesis:
        return self._engine.decode(request)


class Ear:
    """Everything between a recording and a labelled turn."""

    def __init__(self, homes: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        """Load the parts; `homes` are names and areas by home."""
        self._homes = {name: Vocabulary(**home) for name, home in homes.items()}
        self._edge = _Edge(load_edge_model(STARTER_DIRECTORY, threads=1))
        self._vad, self._grammar = SileroVad(), HassilGrammar()

    async def hear(self, row: dict[str, str], samples: Samples) -> Heard:
        """Return what the hub makes of a recording, as a live turn would have cut it."""
        framer = Framer()
        frames = [*framer.push(samples, 0.0), *framer.flush(0.0)]
        speech = utterance(frames, await self._vad.open().probabilities(frames), EndpointSettings())
        if speech is None:
            nothing = labelled(row, Hypothesis(text="", language=LANGUAGE, model=""), {})
            return Heard(row=row, text="", turn=nothing, unnamed=nothing)
        heard = await recognise(self._edge, speech, language=LANGUAGE, languages=(), prompt=())
        quality = measure(speech)

        async def turn(home: Vocabulary) -> LabelledTurn:
            match = await self._grammar.match(heard.text, heard.language, home)
            features = extract(heard, quality, match, speech=speech, standing=Standing(), history=FIRST_TRY)
            return labelled(row, heard, features)

        return Heard(
            row=row, text=heard.text, turn=await turn(self._homes[row["home"]]), unnamed=await turn(Vocabulary())
        )

    async def aclose(self) -> None:
        """End the threads."""
        await self._grammar.aclose()
        self._vad.close()


def labelled(row: dict[str, str], heard: Hypothesis, features: dict[str, float]) -> LabelledTurn:
    """Return the turn: wrong are other words than were said."""
    return LabelledTurn(
        features=features,
        wrong=normalise(heard.text) != normalise(row["text"]),
        language=heard.language,
        mean_log_probability=heard.mean_log_probability,
        mean_entropy=mean_entropy(heard),
        voice=row["voice"],
        sentence=row["sentence"],
        noise=row["noise"],
        recording=row["file"],
        opening=opening(heard.text, heard.language),
        ruled=not heard.text or bool(heard.rules),
    )


def _hear_all(job: tuple[str, str, Sequence[dict[str, str]]]) -> list[dict[str, Any]]:
    folder, split, rows = job
    homes = json.loads((Path(folder) / f"{split}-homes.json").read_text("utf-8"))

    async def work() -> list[dict[str, Any]]:
        ear = Ear(homes)
        try:
            return [asdict(await ear.hear(row, _samples(Path(folder) / row["file"]))) for row in rows]
        finally:
            await ear.aclose()

    return asyncio.run(work())


def _samples(path: Path) -> Samples:
    return np.frombuffer(read_recording(path).pcm, "<i2")


def dump(folder: Path, split: str, *, workers: int = 2) -> Path:
    """Hear a split and write it, one line each."""
    with (folder / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    path = folder / f"{split}.jsonl"
    jobs = [(str(folder), split, batch) for batch in batched(rows, max(BATCH, len(rows) // 8), strict=False)]
    with get_context("spawn").Pool(workers) as pool, path.with_suffix(".part").open("w", encoding="utf-8") as file:
        for heard in pool.imap(_hear_all, jobs):
            file.writelines(json.dumps(one) + "\n" for one in heard)
    return path.with_suffix(".part").replace(path)


def read(path: Path) -> Iterator[Heard]:
    """Yield what was heard."""
    for line in path.read_text("utf-8").splitlines():
        fields = json.loads(line)
        turns = {name: LabelledTurn(**fields[name]) for name in ("turn", "unnamed")}
        yield Heard(row=fields["row"], text=fields["text"], **turns)


def main() -> int:
    """Hear the recordings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", choices=SPLITS, action="append", help="only this one; both without")
    arguments = parser.parse_args()
    for split in arguments.split or SPLITS:
        print(dump(arguments.folder, split), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
