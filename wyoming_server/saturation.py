"""How busy this machine is, and how much of that is ours: from the kernel's counters, without waiting."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil

LEAST_SECONDS = 0.5
"""Asked again sooner, the figures stay: over less time the kernel's ticks of 10 ms say little."""
_MB = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Shares are percent of all cores, and of all memory."""

    cpu_percent: float
    """Of the whole machine."""
    process_cpu_percent: float
    memory_percent: float
    """Of the whole machine: what programs could not have for the asking."""
    process_memory_percent: float
    memory_mb: float
    """Of this process."""

    def told(self) -> dict[str, Any]:
        """Return the figures as docs/control-api.md names them."""
        return {
            "cpu_percent": round(self.cpu_percent, 1),
            "memory_percent": round(self.memory_percent, 1),
            "memory_mb": round(self.memory_mb, 1),
            "throttled": None,
            "decode_busy": 0.0,
            "waiting": 0,
            "most_waiting": 0,
            "saturated": False,
            "reason": "",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counters:
    at_s: float
    busy_s: float
    """Of all cores together, since they were started."""
    total_s: float
    own_s: float


class Saturation:
    """Samples this process and its machine. CPU figures span the time since the sample before."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin to count; the clock is monotonic, in seconds."""
        self._clock, self._process = clock, psutil.Process()
        self._cores = psutil.cpu_count() or 1
        self._before = self._counters()
        self._known: Resources | None = None

    def sample(self) -> Resources:
        """Return the figures now; takes a fraction of a millisecond."""
        now = self._counters()
        if self._known is None or now.at_s - self._before.at_s >= LEAST_SECONDS:
            self._known, self._before = self._between(self._before, now), now
        return self._known

    def _counters(self) -> _Counters:
        times, own = psutil.cpu_times(), self._process.cpu_times()
        # A guest's time is counted in user and nice already; what waits for a disk does nothing.
        total_s = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        idle_s = times.idle + getattr(times, "iowait", 0.0)
        return _Counters(at_s=self._clock(), busy_s=total_s - idle_s, total_s=total_s, own_s=own.user + own.system)

    def _between(self, before: _Counters, now: _Counters) -> Resources:
        memory, own = psutil.virtual_memory(), self._process.memory_info().rss
        return Resources(
            cpu_percent=_percent(now.busy_s - before.busy_s, now.total_s - before.total_s),
            process_cpu_percent=_percent(now.own_s - before.own_s, (now.at_s - before.at_s) * self._cores),
            memory_percent=memory.percent,
            process_memory_percent=_percent(own, memory.total),
            memory_mb=own / _MB,
        )


def _percent(part: float, whole: float) -> float:
    """Return a share in percent; the kernel's counters may step back a little, or not at all have moved."""
    return max(0.0, min(100.0, 100.0 * part / whole)) if whole > 0.0 else 0.0
