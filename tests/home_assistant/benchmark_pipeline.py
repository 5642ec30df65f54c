"""Speak recordings to a real Home Assistant in real time: ours against wyoming-faster-whisper, same weights, same run.

python -m tests.home_assistant.benchmark_pipeline [--integration] [--peer PYTHON] [--repeat 4] [--json]

All times are seconds since the last voiced sample, found by energy, as a satellite at Home Assistant's WebSocket API
meets them. Exits with 1 when a text of ours is not what was said. `--peer` is the python of an environment with the
peer in it; script/bench-peers makes one. With `--integration`, ours is asked through our own integration, else through
Home Assistant's Wyoming integration, as the peer always is.
"""

import argparse
import asyncio
import contextlib
import json
import math
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.home_assistant.assist import Assist, Run, paced
from tests.home_assistant.hass_process import home_assistant
from tests.home_assistant.recordings import Recording, packaged, words
from tests.home_assistant.server_process import edge_voice, faster_whisper

OURS, PEER = "edge-voice", "faster-whisper"
TIMED = ("stt-vad-start", "stt-vad-end", "stt-end", "intent-end")
SETTLE_SECONDS = 1.0
"""Between runs, so that no run pays for the one before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One recording as one server heard it through Home Assistant."""

    side: str
    file: str
    after_s: Mapping[str, float]
    """Event → seconds since the last voiced sample, for its first time."""
    right: bool
    outcome: str
    """What the conversation agent made of it, or the error's code."""

    @classmethod
    def of(cls, side: str, recording: Recording, run: Run) -> Spoken:
        """Return what a run shows."""
        voiced_s = recording.last_voiced_second()
        after_s = {
            event.type: event.at_s - voiced_s
            for event in reversed(run.events)
            if event.type in TIMED and event.at_s is not None
        }
        heard = "stt-end" in run.kinds
        return cls(
            side=side,
            file=recording.file,
            after_s=after_s,
            right=heard and words(run.text) == words(recording.text),
            outcome=run.response_type if "intent-end" in run.kinds else run.error_code,
        )

    def __str__(self) -> str:
        times = "  ".join(f"{kind} {self.after_s[kind]:+.3f}" for kind in TIMED if kind in self.after_s)
        return f"{self.side:15} {self.file:16} {times}  {self.outcome}{'' if self.right else '  WRONG TEXT'}"


def p95(values: Sequence[float]) -> float:
    """Return the smallest value that at least 95 % do not exceed."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def figures(spoken: Sequence[Spoken]) -> dict[str, object]:
    """Return medians and p95 in ms of each event and side, their ratios, and the counts."""
    seen: dict[tuple[str, str], list[float]] = defaultdict(list)
    for one in spoken:
        for kind, after_s in one.after_s.items():
            seen[one.side, kind].append(1000 * after_s)
    found: dict[str, object] = {}
    for kind in ("stt-end", "intent-end"):
        for side in (OURS, PEER):
            if values := seen[side, kind]:
                found[f"{side}: last voiced sample → {kind}, ms, median / p95"] = (
                    f"{statistics.median(values):.0f} / {p95(values):.0f}"
                )
        if seen[OURS, kind] and seen[PEER, kind]:
            ratios = [reduce(seen[OURS, kind]) / reduce(seen[PEER, kind]) for reduce in (statistics.median, p95)]
            found[f"{kind} as a share of the peer, median / p95"] = f"{ratios[0]:.2f} / {ratios[1]:.2f}"
    for side in (OURS, PEER):
        if runs := [one for one in spoken if one.side == side]:
            early = sum("stt-vad-end" not in one.after_s for one in runs)
            found[f"{side}: answered before Home Assistant's own end of speech"] = f"{early} of {len(runs)}"
            found[f"{side}: texts right"] = f"{sum(one.right for one in runs)} of {len(runs)}"
    return found


async def speak(assist: Assist, side: str, pipeline: str, recording: Recording) -> Spoken:
    """Speak one recording and as much of its room as any answer needs."""
    run = await assist.run(pipeline, paced(recording.followed_by_room(5.0)))
    await asyncio.sleep(SETTLE_SECONDS)
    return Spoken.of(side, recording, run)


async def measure(
    peer: Path | None, recordings: Sequence[Recording], repeat: int, *, integration: bool = False
) -> list[Spoken]:
    """Run everything once unmeasured, then turn about, so that both sides meet the same machine."""
    spoken = []
    with contextlib.ExitStack() as servers:
        ours = servers.enter_context(edge_voice(control_port=0))
        theirs = servers.enter_context(faster_whisper(peer)) if peer is not None else None
        folder = Path(servers.enter_context(tempfile.TemporaryDirectory()))
        async with home_assistant(folder) as hass, hass.session() as assist:
            entities = {OURS: await (hass.add_edge_voice(ours) if integration else hass.add_wyoming(ours.port))}
            if theirs is not None:
                entities[PEER] = await hass.add_wyoming(theirs.port)
            pipelines = {side: await assist.create_pipeline(entity) for side, entity in entities.items()}
            for side, pipeline in pipelines.items():
                await speak(assist, side, pipeline, recordings[0])
            for recording in [one for _ in range(repeat) for one in recordings]:
                for side, pipeline in pipelines.items():
                    spoken.append(await speak(assist, side, pipeline, recording))
                    print(spoken[-1], flush=True)
    return spoken


def main() -> int:
    """Measure and print; return 1 when a text of ours is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path, metavar="PYTHON", help="of an environment with wyoming-faster-whisper")
    parser.add_argument("--integration", action="store_true", help="ask ours through our own integration")
    parser.add_argument("--repeat", type=int, default=4)
    parser.add_argument("--kinds", nargs="+", default=["clean"], help="of the packaged recordings: clean, noisy")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    spoken = asyncio.run(
        measure(arguments.peer, packaged(*arguments.kinds), arguments.repeat, integration=arguments.integration)
    )
    found = figures(spoken)
    print(*(f"{name}: {value}" for name, value in found.items()), sep="\n")
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
    return int(not all(one.right for one in spoken if one.side == OURS))


if __name__ == "__main__":
    sys.exit(main())
