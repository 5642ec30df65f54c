"""How busy this machine is, how much of that is ours, and whether the hub strains: from the kernel's counters."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import psutil

from .strain import LEAST_SPAN_SECONDS, WINDOW_SECONDS, Moment, Strain, strains_of
from .throttling import Throttle, Throttling

LEAST_SECONDS = 0.5
"""Asked again sooner, the figures stay: over less time the kernel's ticks of 10 ms say little."""
LOOK_SECONDS = 5.0
"""So often the minute's window takes in a moment."""
TICK_SECONDS = 0.25
"""So often the event loop is to come back: seldom enough to cost a small processor nothing."""
LATE_SECONDS = 0.05
"""An event loop that comes back later than that makes somebody wait: a frame of audio is 32 ms."""
_MB = 1e6

type OnStrain = Callable[[str, str], None]
"""Told a code, and a sentence with its cure: when the hub begins to strain, and when it does no more."""


class Decoding(Protocol):
    """The line before the recogniser."""

    @property
    def waiting(self) -> int:
        """Decodes that wait or run."""

    @property
    def limit(self) -> int:
        """As many may."""

    @property
    def workers(self) -> int:
        """As many run at a time."""

    @property
    def busy_seconds(self) -> float:
        """How long the threads have decoded since the start, all of them together."""


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
    throttling: Throttling | None = None
    """Of the last minute; None where the machine does not tell."""
    decode_busy: float = 0.0
    """Share of the last minute in which the recogniser's threads worked."""
    waiting: int = 0
    most_waiting: int = 0
    lag_seconds: float = 0.0
    """The longest that the event loop kept others waiting in the last minute, as far as it was looked at."""
    strains: tuple[Strain, ...] = ()

    @property
    def throttled(self) -> bool | None:
        """Whether the machine slows its processor; None where it does not tell."""
        return self.throttling.is_slowed if self.throttling else None

    @property
    def reason(self) -> str:
        """What the hub strains with, and the cures; empty when it does not."""
        return _reason(self.strains)

    def told(self) -> dict[str, Any]:
        """Return the figures as docs/control-api.md names them."""
        return {
            "cpu_percent": round(self.cpu_percent, 1),
            "memory_percent": round(self.memory_percent, 1),
            "memory_mb": round(self.memory_mb, 1),
            "throttled": self.throttled,
            "decode_busy": round(self.decode_busy, 3),
            "waiting": self.waiting,
            "most_waiting": self.most_waiting,
            "saturated": bool(self.strains),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counters:
    at_s: float
    busy_s: float
    """Of all cores together, since they were started."""
    total_s: float
    own_s: float
    decode_s: float


class Saturation:
    """Samples this process and its machine. CPU figures span the time since the sample before."""

    def __init__(
        self, clock: Callable[[], float], decoding: Decoding | None = None, throttle: Throttle | None = None
    ) -> None:
        """Begin to count; the clock is monotonic, in seconds. Without a line nothing is decoded."""
        self._clock, self._decoding, self._process = clock, decoding, psutil.Process()
        self._throttle = throttle or Throttle()
        self._cores = psutil.cpu_count() or 1
        self._first = self._before = self._counters()
        self._known: Resources | None = None
        self._minute = deque[Moment]()
        self._throttling: Throttling | None = None
        self._lags: list[float] = []
        self._strains: tuple[Strain, ...] = ()

    def sample(self) -> Resources:
        """Return the figures now; takes a fraction of a millisecond."""
        now = self._counters()
        if self._known is None or now.at_s - self._before.at_s >= LEAST_SECONDS:
            self._known, self._before = self._between(self._before, now), now
        return self._known

    def warnings(self) -> list[dict[str, Any]]:
        """Return what the owner should mend."""
        if not self._strains:
            return []
        return [{"code": "hub-saturated", "message": _reason(self._strains), "subject": ""}]

    def late(self, seconds: float) -> None:
        """Hear how much later than it wanted the event loop came back."""
        self._lags.append(max(0.0, seconds))

    def look(self, throttling: Throttling | None = None) -> tuple[Strain, ...]:
        """Take a moment into the minute's window and return what the hub strains with now."""
        now_s, found = self._clock(), self.sample()
        self._throttling, lags, self._lags = throttling, self._lags, []
        self._minute.append(
            Moment(
                at_s=now_s,
                cpu=found.cpu_percent / 100.0,
                memory=found.memory_percent / 100.0,
                decode_s=self._before.decode_s,
                waiting=found.waiting / found.most_waiting if found.most_waiting else 0.0,
                hot=throttling is not None and throttling.is_hot,
                undersupplied=throttling is not None and throttling.is_undersupplied,
                lag_s=max(lags, default=0.0),
                late=sum(one > LATE_SECONDS for one in lags) / len(lags) if lags else 0.0,
            )
        )
        while now_s - self._minute[0].at_s > WINDOW_SECONDS:
            self._minute.popleft()
        if now_s - self._minute[0].at_s >= LEAST_SPAN_SECONDS:
            self._strains = strains_of(self._minute, self._workers, before=self._strains)
        return self._strains

    async def run(self, on_strain: OnStrain, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Look every few seconds, and feel the event loop's pulse in between, until cancelled."""
        due_s = self._clock()
        before: tuple[Strain, ...] = ()
        while True:
            asleep_s = self._clock()
            await sleep(TICK_SECONDS)
            now_s = self._clock()
            self.late(now_s - asleep_s - TICK_SECONDS)
            if now_s < due_s:
                continue
            due_s = now_s + LOOK_SECONDS
            now = self.look(await asyncio.to_thread(self._throttle.read))
            _tell(before, now, on_strain)
            before = now

    @property
    def _workers(self) -> int:
        return max(1, self._decoding.workers) if self._decoding else 1

    def _counters(self) -> _Counters:
        times, own = psutil.cpu_times(), self._process.cpu_times()
        # A guest's time is counted in user and nice already; what waits for a disk does nothing.
        total_s = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        idle_s = times.idle + getattr(times, "iowait", 0.0)
        return _Counters(
            at_s=self._clock(),
            busy_s=total_s - idle_s,
            total_s=total_s,
            own_s=own.user + own.system,
            decode_s=self._decoding.busy_seconds if self._decoding else 0.0,
        )

    def _between(self, before: _Counters, now: _Counters) -> Resources:
        memory, own = psutil.virtual_memory(), self._process.memory_info().rss
        began_s, decoded_s = self._first.at_s, self._first.decode_s
        if self._minute:
            began_s, decoded_s = self._minute[0].at_s, self._minute[0].decode_s
        return Resources(
            cpu_percent=_percent(now.busy_s - before.busy_s, now.total_s - before.total_s),
            process_cpu_percent=_percent(now.own_s - before.own_s, (now.at_s - before.at_s) * self._cores),
            memory_percent=memory.percent,
            process_memory_percent=_percent(own, memory.total),
            memory_mb=own / _MB,
            throttling=self._throttled_lately(),
            decode_busy=_percent(now.decode_s - decoded_s, (now.at_s - began_s) * self._workers) / 100.0,
            waiting=self._decoding.waiting if self._decoding else 0,
            most_waiting=self._decoding.limit if self._decoding else 0,
            lag_seconds=max((*(one.lag_s for one in self._minute), *self._lags), default=0.0),
            strains=self._strains,
        )

    def _throttled_lately(self) -> Throttling | None:
        """Return whether it was in the last minute: what slows it comes and goes within seconds."""
        if self._throttling is None:
            return None
        return Throttling(
            is_hot=any(one.hot for one in self._minute), is_undersupplied=any(one.undersupplied for one in self._minute)
        )


def _reason(strains: tuple[Strain, ...]) -> str:
    return " ".join(one.sentence for one in strains)


def _tell(before: tuple[Strain, ...], now: tuple[Strain, ...], on_strain: OnStrain) -> None:
    for one in now:
        if one not in before:
            on_strain(one.code, one.sentence)
    if before and not now:
        on_strain("", "The hub does not strain any more.")


def _percent(part: float, whole: float) -> float:
    """Return a share in percent; the kernel's counters may step back a little, or not at all have moved."""
    return max(0.0, min(100.0, 100.0 * part / whole)) if whole > 0.0 else 0.0
