"""Timing the sizes on this machine."""

import threading
from pathlib import Path

from wyoming_server.engines.measure_whisper import measure, measure_machine
from wyoming_server.engines.synthetic_whisper import write_synthetic_whisper


def test_the_short_context_is_faster_than_the_full_one(tmp_path: Path) -> None:
    write_synthetic_whisper(tmp_path, "tiny")
    full, short = (measure(tmp_path, "tiny", threads=1, context_floor_frames=floor, rounds=5) for floor in (3000, 300))
    assert (short.model, short.threads, short.context_floor_frames) == ("tiny", 1, 300)
    assert short.p50_ms < full.p50_ms
    assert short.p50_ms <= short.p95_ms


def test_a_measurement_that_is_called_off_ends_with_what_it_has() -> None:
    cancelled = threading.Event()
    shares: list[float] = []

    def report(share: float) -> None:
        shares.append(share)
        if len(shares) == 2:
            cancelled.set()

    taken = measure_machine(1, report, cancelled)
    assert [one.model for one in taken] == ["tiny", "tiny"]
    assert shares == sorted(shares)
