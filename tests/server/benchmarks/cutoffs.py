"""The trade-off of the holds: sentences cut off at a pause against the wait after the last word.

python -m tests.server.benchmarks.cutoffs [--sample] [--all-holds] [--concurrency 4]
"""

import argparse
import asyncio
import dataclasses
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.audio.commands.pauses import PausedRecording, committed, rendered, sentences
from tests.server.benchmarks.recordings import commands
from wyoming_server.commands.client import Answer, Manner, connected
from wyoming_server.commands.local import demo_home, in_a_process
from wyoming_server.commands.recording import Recording
from wyoming_server.commands.report import MISSING, Figure, table
from wyoming_server.settings import Settings

SHIPPED = Settings().endpoint
HOLDS = (
    (0.15, 0.3, 0.5),
    (SHIPPED.short_hold_seconds, SHIPPED.medium_hold_seconds, SHIPPED.long_hold_seconds),
    (0.3, 0.7, 1.0),
    (0.7, 0.7, 0.7),
)
"""Short, medium and long: eager, as shipped, patient, and one for all as other servers have it."""
_SATELLITE = Manner(until_answered=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one sentence with a pause."""

    kind: str
    pause_seconds: float
    text: str
    cut: bool
    """Answered before its last word was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One choice of holds and what it costs."""

    holds: tuple[float, float, float]
    outcomes: Sequence[Outcome]
    complete: Figure | None
    """Last voiced sample → text of complete commands."""

    def share(self, kind: str) -> str:
        """Return the share of a kind that was cut off."""
        cut = [outcome.cut for outcome in self.outcomes if outcome.kind == kind]
        return f"{100 * sum(cut) / len(cut):.0f} % of {len(cut)}" if cut else MISSING

    def by_pause(self, kind: str) -> str:
        """Return how many of a kind were cut off at each pause."""
        pauses = sorted({outcome.pause_seconds for outcome in self.outcomes})
        counts = [
            sum(outcome.cut for outcome in self.outcomes if (outcome.kind, outcome.pause_seconds) == (kind, pause))
            for pause in pauses
        ]
        return " ".join(f"{pause:g}:{count}" for pause, count in zip(pauses, counts, strict=True))


async def spoken(uri: str, recordings: Iterable[Recording], concurrency: int) -> list[Answer]:
    """Speak recordings in real time, so many at once; return the answers in order."""
    gate = asyncio.Semaphore(concurrency)

    async def one(recording: Recording) -> Answer:
        async with gate, connected(uri) as connection:
            return await connection.transcribe(recording, _SATELLITE, language="en")

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(recording)) for recording in recordings]
    return [task.result() for task in tasks]


async def point(holds: tuple[float, float, float], paused: Sequence[PausedRecording], concurrency: int) -> Point:
    """Measure one choice of holds."""
    short, medium, long = holds
    endpoint = dataclasses.replace(
        SHIPPED, short_hold_seconds=short, medium_hold_seconds=medium, long_hold_seconds=long
    )
    async with in_a_process(dataclasses.replace(demo_home(Settings()), endpoint=endpoint)) as server:
        answers = await spoken(server.uri, [one.recording for one in paused], concurrency)
        complete = await spoken(server.uri, commands() * 2, 1)
    outcomes = [
        Outcome(kind=one.kind, pause_seconds=one.pause_seconds, text=answer.text, cut=was_cut(answer))
        for one, answer in zip(paused, answers, strict=True)
    ]
    return Point(holds=holds, outcomes=outcomes, complete=Figure.of(a.last_word_to_text_s for a in complete))


def was_cut(answer: Answer) -> bool:
    """Return whether an answer came before the last word was said."""
    return answer.last_word_to_text_s is not None and answer.last_word_to_text_s < 0


async def main() -> None:
    """Print the curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="the committed recordings only")
    parser.add_argument("--all-holds", action="store_true", help="the whole curve, not only what is shipped")
    parser.add_argument("--concurrency", type=int, default=4, help="sentences spoken at once (4)")
    arguments = parser.parse_args()
    voices = all(shutil.which(program) for program in ("espeak-ng", "flite"))
    if not voices and not arguments.sample:
        print("espeak-ng and flite are not here; the committed sample is spoken instead", file=sys.stderr)
    paused = committed() if arguments.sample or not voices else rendered(sentences())
    points = [
        await point(holds, paused, arguments.concurrency) for holds in (HOLDS if arguments.all_holds else HOLDS[1:2])
    ]
    names = ("short/medium/long hold, s", "cut in a phrase", "cut after a command", "last word → text p50 / p95, ms")
    rows = [list(names)] + [
        ["/".join(f"{hold:g}" for hold in one.holds), one.share("incomplete"), one.share("command"), str(one.complete)]
        for one in points
    ]
    print(table(rows))
    for one in points:
        for kind in ("incomplete", "command"):
            print(f"  {'/'.join(f'{hold:g}' for hold in one.holds)} {kind}: cut by pause {one.by_pause(kind)}")
        for outcome in one.outcomes:
            if outcome.cut and outcome.kind == "incomplete":
                print(f"    cut at {outcome.pause_seconds:g} s: {outcome.text}")


if __name__ == "__main__":
    asyncio.run(main())
