"""How often a home is asked back: `python -m tests.server.proofs.confirmations [--sentences N] [--streams N]`.

Commands that the starter model was never trained on are spoken by voices that it never heard, in a quiet room and at
10 dB, and heard, scored, classified and decided on by the real parts of a new hub. Streams of 1,000 turns are drawn
from them, 3 % critical by what was *said*, half of them noisy; what is asked back for is what was *heard*. With a cloud
lane that may be asked, and without. Fails above the goals; prints one JSON object in its last line.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from tests.server.evaluation.recordings import VOICES, Take, recorded
from tests.server.evaluation.sentences import areas_in, commands, names_in
from tests.server.evaluation.sound import programs_missing, write
from wyoming_server.commands.hearing import Heard, Hearing, hearing
from wyoming_server.commands.manifest import Row
from wyoming_server.engines.class_vocabulary import class_words
from wyoming_server.learning.threshold import ThresholdSettings
from wyoming_server.learning.thresholds import Thresholds
from wyoming_server.pipeline.classify import classify
from wyoming_server.pipeline.grammar import Vocabulary
from wyoming_server.pipeline.policy import (
    FIRST_TRY,
    Caller,
    Cell,
    LaneHealth,
    MicrophoneClass,
    Policy,
    Price,
    Threshold,
    Trust,
    Workload,
)
from wyoming_server.pipeline.route import decide
from wyoming_server.pipeline.types import Action, Decision
from wyoming_server.settings import Settings

CONDITIONS = ("clean", "10 dB")
STREAM, CRITICAL_SHARE = 1000, 0.03
GOALS = {"cloud allowed": 15.0, "cloud not allowed": 30.0}
LANES = {"cloud allowed": (LaneHealth(name="cloud", trust=Trust.CLOUD),), "cloud not allowed": ()}
LANGUAGE, MODEL = "en", "starter"
SENTENCES = 1000
"""That are looked at; some of them are critical, and each of those is spoken by several voices."""
VOICES_EACH = 3
ASKABLE = Caller(trusted=True, can_confirm=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One recording: whether it matters by what was said, and what is decided in each case."""

    critical: bool
    wrong: bool
    decisions: dict[str, Decision]
    heard_critical: bool


async def planned(count: int) -> tuple[list[str], list[str], Vocabulary]:
    """Return ordinary and critical sentences, as many ordinary ones as that, and the home that they are said in."""
    texts = commands("held", SENTENCES, seed=5)
    home = Vocabulary(
        names=sorted({name for text in texts for name in names_in(text)})[:200],
        areas=sorted({area for text in texts for area in areas_in(text)}),
    )
    async with hearing(Settings(), model=MODEL, language=LANGUAGE) as parts:
        kinds = [await _workload(parts, text, home, 2.0) for text in texts]
    ordinary = [text for text, kind in zip(texts, kinds, strict=True) if not kind.critical]
    critical = [text for text, kind in zip(texts, kinds, strict=True) if kind.critical]
    return ordinary[:count], critical, home


async def _workload(parts: Hearing, text: str, home: Vocabulary, seconds: float) -> Workload:
    match = await parts.grammar.match(text, LANGUAGE, home)
    return classify(text, match, language=LANGUAGE, speech_seconds=seconds, words=class_words(LANGUAGE))


def _record(job: tuple[str, Take]) -> list[dict[str, str]]:
    folder, take = job
    rows = []
    for row, signal in recorded(take):
        path = Path(folder) / row["file"]
        path.parent.mkdir(exist_ok=True)
        write(path, signal)
        rows.append(row)
    return rows


def spoken(folder: Path, texts: Sequence[str], workers: int = 2) -> list[dict[str, str]]:
    """Speak sentences in every condition; return the rows of a manifest."""
    voices = VOICES["held"]
    takes = [
        Take(
            number=number,
            split="held",
            text=text,
            voice=voices[number % len(voices)],
            conditions=CONDITIONS,
            behind=(),
            home=0,
        )
        for number, text in enumerate(texts)
    ]
    with get_context("spawn").Pool(workers) as pool:
        return [
            row for rows in pool.imap(_record, [(str(folder), take) for take in takes], chunksize=8) for row in rows
        ]


async def decided(folder: Path, rows: Sequence[dict[str, str]], critical: set[str], home: Vocabulary) -> list[Turn]:
    """Hear every recording with the starter, in a home that has just begun, and decide on it in each case."""
    async with hearing(Settings(), model=MODEL, language=LANGUAGE) as loaded:
        parts = replace(loaded, home=home)
        there = [
            Row(
                path=folder / row["file"],
                text=row["text"],
                language=LANGUAGE,
                microphone_class=MicrophoneClass.FAR_FIELD,
                more=row,
            )
            for row in rows
        ]
        threshold = Thresholds(ThresholdSettings()).of(parts.scorecard).reading(Cell(language=LANGUAGE))
        return [
            await _turn(parts, one, home, threshold, critical=row["text"] in critical)
            for one, row in zip(await parts.hear(there), rows, strict=True)
        ]


async def _turn(parts: Hearing, one: Heard, home: Vocabulary, threshold: Threshold, *, critical: bool) -> Turn:
    workload = await _workload(parts, one.hypothesis.text, home, one.speech_seconds)
    decisions = {
        name: decide(
            one.hypothesis,
            one.risk,
            workload=workload,
            threshold=threshold,
            lanes=lanes,
            policy=Policy(),
            caller=ASKABLE,
            history=FIRST_TRY,
            price=Price(per_second=0.0),
            audio_seconds=one.speech_seconds,
        )
        for name, lanes in LANES.items()
    }
    return Turn(critical=critical, wrong=one.is_wrong, decisions=decisions, heard_critical=workload.critical)


def streams(turns: Sequence[Turn], name: str, count: int, seed: int) -> list[int]:
    """Return how many questions each stream of 1,000 turns has."""
    dice = random.Random(seed)
    asked = {
        matters: [one.decisions[name].action is Action.CONFIRM for one in turns if one.critical is matters]
        for matters in (False, True)
    }
    critical = round(STREAM * CRITICAL_SHARE)
    return [
        sum(dice.choices(asked[False], k=STREAM - critical)) + sum(dice.choices(asked[True], k=critical))
        for _ in range(count)
    ]


def figures(turns: Sequence[Turn], count: int, seed: int) -> tuple[dict[str, object], list[str]]:
    """Return the figures, and what missed its goal."""
    told: dict[str, object] = {
        "recordings": f"{len(turns)}, of {len(CONDITIONS)} conditions, {sum(one.critical for one in turns)} critical",
        "texts wrong, of 100": f"{100 * sum(one.wrong for one in turns) / len(turns):.0f}",
        "ordinary ones heard as critical, of 1,000": round(
            1000 * statistics.mean(one.heard_critical for one in turns if not one.critical), 1
        ),
        "critical ones heard as critical, of 100": round(
            100 * statistics.mean(one.heard_critical for one in turns if one.critical)
        ),
    }
    missed = []
    for name, goal in GOALS.items():
        asked = streams(turns, name, count, seed)
        mean = statistics.mean(asked)
        told[f"questions per {STREAM} turns, {name}: mean (least–most)"] = f"{mean:.1f} ({min(asked)}–{max(asked)})"
        done = [one for one in turns if one.critical and one.heard_critical and one.wrong]
        bad = [one for one in done if one.decisions[name].action is Action.ACCEPT]
        told[f"critical commands misheard as other critical ones and done unasked, {name}"] = (
            f"{len(bad)} of {len(done)}"
        )
        if mean > goal:
            missed.append(f"{mean:.1f} questions per {STREAM} turns, {name}, are above {goal:.0f}")
    return told, missed


def main() -> int:
    """Speak, hear, decide, count; return 1 above a goal, 2 where the voices are not installed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=400, help="ordinary ones")
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    if missing := programs_missing():
        print(f"Needs {', '.join(missing)} to speak with", file=sys.stderr)
        return 2
    ordinary, critical, home = asyncio.run(planned(arguments.sentences))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = spoken(folder, [*ordinary, *critical * VOICES_EACH])
        turns = asyncio.run(decided(folder, rows, set(critical), home))
    told, missed = figures(turns, arguments.streams, arguments.seed)
    print(*(f"{key}: {value}" for key, value in told.items()), sep="\n")
    print(json.dumps(told | {"missed": missed}))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
