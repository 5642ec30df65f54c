"""What a turn costs the event loop once it is answered: `python -m tests.server.benchmarks.recording_cost`.

A real server hears one real turn; then that turn, with another id, satellite, risk and times each, is told again and
again to all that keep, watch and count: records, texts and sound, drift, months, metrics, and the log. The records'
thread writes meanwhile. A table, and one line of JSON; in milliseconds of wall time and, since machines are shared, of
the loop's own processor time.
"""

import argparse
import asyncio
import datetime as dt
import io
import json
import logging
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from wyoming_server.commands.report import table
from wyoming_server.control.recorder import Hearer, Recorder, label_of_judged, label_of_pair, record_of
from wyoming_server.control.turn_log import log_turn
from wyoming_server.learning.comparison import Comparison
from wyoming_server.learning.sessions import ClosedTurn
from wyoming_server.pipeline.timeline import Spans
from wyoming_server.pipeline.types import Outcome
from wyoming_server.serve import RunningServer, running

from ..home import settings_for_tests
from ..peer import connected, kitchen
from ..records.made_turns import SATELLITES

GOAL_MS = 1.0
"""The 99th percentile's."""
PAUSE_SECONDS = 0.02
WARM = 200
"""Turns that are told before the counting begins: what is loaded with the first is not every turn's cost."""
CASES: dict[str, dict[str, dict[str, object]]] = {
    "defaults": {},
    "texts and sound kept": {"control": {"keep_transcripts": True}, "records": {"keep_recordings": True}},
}

type Told = tuple[Outcome, Spans]


async def heard(server: RunningServer, told: list[Told]) -> Told:
    """Say one sentence, and return what became of it."""
    async with connected(server.uris[0]) as peer:
        context = {"edge_voice": {"satellite_id": SATELLITES[0], "session_id": "one"}}
        await peer.turn(kitchen().pcm, {"language": "en", "context": context})
    return told[0]


def another(first: Told, chance: random.Random, number: int) -> Told:
    """Return a turn like it."""
    outcome, spans = first
    caller = replace(outcome.caller, satellite=chance.choice(SATELLITES), session=f"{number // 3}")
    slower = chance.lognormvariate(0.0, 0.2)
    taken = {name: getattr(spans, name) * slower for name in Spans.__dataclass_fields__}
    risk = outcome.risk and replace(outcome.risk, logit=chance.gauss(-2.0, 1.0), value=chance.betavariate(1, 9))
    return replace(outcome, turn_id=f"{chance.getrandbits(128):032x}", caller=caller, risk=risk), Spans(**taken)


async def measure(folder: Path, turns: int, case: dict[str, dict[str, object]]) -> dict[str, list[float]]:
    """Return what each turn cost in all, and with its labels."""
    told: list[Told] = []
    chance = random.Random(1)
    settings = settings_for_tests(folder, **case)
    took: dict[str, list[float]] = {"wall": [], "processor": []}
    async with running(settings, lambda *one: told.append(one)) as server:
        await server.ready()
        first = await heard(server, told)
        control = server.control
        hearers: tuple[Hearer, ...] = (
            *(control.history, control.privacy),
            *(control.drift, control.months, control.metrics),
        )
        recorder = Recorder(hearers)
        for number in range(WARM + turns):
            await asyncio.sleep(PAUSE_SECONDS)
            one = another(first, chance, number)
            cost = _timed(lambda one=one: _tell(recorder, *one))
            if number >= WARM:
                for clock, ms in cost.items():
                    took[clock].append(ms)
    return {clock: sorted(values) for clock, values in took.items()}


def _timed(work: Callable[[], None]) -> dict[str, float]:
    wall_s, own_s = time.perf_counter(), time.thread_time()
    work()
    own_ms = 1000.0 * (time.thread_time() - own_s)
    return {"wall": 1000.0 * (time.perf_counter() - wall_s), "processor": own_ms}


def _tell(recorder: Recorder, outcome: Outcome, spans: Spans) -> None:
    """Do what `Watch` does for the records with a turn, its judgement, and its pair."""
    at = dt.datetime.now(dt.UTC)
    record = record_of(outcome, spans, at, is_baseline=False)
    recorder.turn(record, outcome)
    log_turn(record)
    recorder.label(label_of_judged(ClosedTurn(turn_id=outcome.turn_id, language="en", wrong=False), at))
    alike = Comparison(same_intent=True, exact=True, token_edits=0, tokens=5, character_edits=0, characters=20)
    recorder.label(label_of_pair(outcome.turn_id, "en", alike, 0.05, at))


@contextmanager
def logged() -> Iterator[None]:
    """Have lines of the log written to memory, as a server has them written to its output."""
    handler, root = logging.StreamHandler(io.StringIO()), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=2000)
    arguments = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder, logged():
            took = asyncio.run(measure(Path(folder), arguments.turns, case))
        for clock, values in took.items():
            figures[f"{name}, {clock}"] = {
                share: round(values[min(len(values) - 1, int(len(values) * at))], 3)
                for share, at in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("most", 1.0))
            }
    rows = [[name, *(f"{value:.3f}" for value in one.values())] for name, one in figures.items()]
    print(table([["ms per turn", "p50", "p95", "p99", "most"], *rows]))
    print(json.dumps({"turns": arguments.turns, "goal_p99_ms": GOAL_MS, "figures": figures}))
    return int(any(one["p99"] > GOAL_MS for one in figures.values()))


if __name__ == "__main__":
    sys.exit(main())
