"""What Prometheus costs a hub: a turn's counts, a scrape's share of the event loop, its text, and what it loads.

    python -m tests.server.benchmarks.scrape [--turns 20000]

The last line is one JSON object. `usual` is a home with two languages, `worst` one whose labels are all used up.
"""

import argparse
import asyncio
import datetime as dt
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from wyoming_server.control.meters import Meters, Sources
from wyoming_server.learning.satellites import WakeTotals
from wyoming_server.pipeline.policy import MicrophoneClass, Trust
from wyoming_server.pipeline.timeline import Spans
from wyoming_server.pipeline.types import Action, Route
from wyoming_server.records.turn_record import TurnRecord
from wyoming_server.saturation import Saturation

HOMES = {"usual": (2, 2, 1), "worst": (16, 4, 16)}
"""Name → languages, kinds of microphone, lanes."""
IMPORT = """
import psutil, time, wyoming_server.control.surface
own = psutil.Process()
before, start_s = own.memory_info().rss, time.perf_counter()
import wyoming_server.control.meter_text
print(1000 * (time.perf_counter() - start_s), (own.memory_info().rss - before) / 1e6)
"""


def _meters(languages: Sequence[str], lanes: int) -> Meters:
    meters = Meters(
        Saturation(time.monotonic),
        languages=lambda: languages,
        lanes=lambda: {f"lane {number}": Trust.CLOUD for number in range(lanes)},
        currency=lambda: "EUR",
        on_strain=lambda _code, _message: None,
        clock=time.monotonic,
    )
    meters.sources = Sources(
        status=lambda: {"wake_words": []},  # its own cost is the status's, and its parts are noted as unreadable
        drift=lambda: {"alarms": [], "metrics": []},
        wakes=WakeTotals,
        decode_seconds=lambda: 1.0,
    )
    return meters


def _turn(chance: random.Random, languages: Sequence[str], microphones: Sequence[str]) -> TurnRecord:
    times = {name: chance.uniform(0.0, 600.0) for name in Spans.__dataclass_fields__}
    return TurnRecord(
        turn_id="x",
        at=dt.datetime.now(dt.UTC),
        trusted=True,
        language=chance.choice(languages),
        microphone_class=chance.choice(microphones),
        action=chance.choice(list(Action)).value,
        route=chance.choice(list(Route)).value,
        ended_by="hold",
        spoke=True,
        speech_seconds=1.5,
        spans=Spans(**times),
    )


def _spread(seconds: list[float], scale: float) -> dict[str, float]:
    ordered = sorted(seconds)
    p99 = ordered[int(0.99 * len(ordered))]
    return {"p50": round(scale * statistics.median(ordered), 3), "p99": round(scale * p99, 3)}


def _timed(work: Callable[[], object], times: int) -> list[float]:
    """Return the processor's time for each, whatever else runs on this machine."""
    took = []
    for _ in range(times):
        start_s = time.thread_time()
        work()
        took.append(time.thread_time() - start_s)
    return took


async def _home(turns: int, languages: int, microphones: int, lanes: int) -> dict[str, object]:
    chance = random.Random(4)
    spoken = [f"{chr(97 + number)}a" for number in range(languages)]
    meters = _meters(spoken, lanes)
    kinds = [one.value for one in MicrophoneClass][:microphones]
    records = iter([_turn(chance, spoken, kinds) for _ in range(turns)])
    counted = _timed(lambda: meters.turn(next(records), None), turns)
    text, whole = b"", []
    for _ in range(10):
        meters.turn(_turn(chance, spoken, kinds), None)
        meters._text_s = -10.0
        start_s = time.perf_counter()
        text = await meters.exposition()
        whole.append(time.perf_counter() - start_s)
    on_loop = _timed(lambda: (meters._values(), meters._tally.histograms(), meters._windows.turns()), 50)
    return {
        "turn_us": _spread(counted, 1e6),
        "scrape_on_loop_ms": _spread(on_loop, 1e3),
        "scrape_ms": _spread(whole[1:], 1e3),
        "kilobytes": round(len(text) / 1000),
        "series": sum(not line.startswith(b"#") for line in text.splitlines()),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=20_000)
    turns = parser.parse_args().turns
    told = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True).stdout.split()
    figures: dict[str, object] = {"import_ms": round(float(told[0])), "import_mb": round(float(told[1]), 1)}
    for name, home in HOMES.items():
        figures[name] = asyncio.run(_home(turns, *home))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
