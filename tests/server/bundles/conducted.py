"""A hub's updates over a real repository and a real data folder, with arms that do as a test says."""

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.server.bundles.publishing import TestRepository
from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.bundle_settings import BundleSettings
from wyoming_server.canary.canary import Arm, Canary
from wyoming_server.canary.canary_book import TurnSeen
from wyoming_server.errors import EdgeVoiceError
from wyoming_server.updates.book import Happened
from wyoming_server.updates.choose import HubSays
from wyoming_server.updates.folder import BundleFolder
from wyoming_server.updates.opening import opened
from wyoming_server.updates.update import Updates
from wyoming_server.updates.updating import Voice, run

FINE = TurnSeen(escalated=False, failed=False, error=False)
BAD = TurnSeen(escalated=True, failed=True, error=False)
SMALL = BundleSettings(shadow_turns=4, shadow_hours=0.0, serving_turns=5, watch_turns=6, check_hours=1.0)


async def run_here(job: Mapping[str, Any], on_progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Do the updater's job without its process, which another test has, and without waiting between its tries."""
    if "limits" in job:
        job = {**job, "limits": {**job["limits"], "retry_delay_s": 0.0}}
    return await asyncio.to_thread(run, job, Voice(lambda _: on_progress({"state": "checking", "done": 0, "total": 0})))


@dataclass(slots=True)
class Arms:
    """Remembers what it was told to run."""

    served: dict[Kind, str] = field(default_factory=lambda: {Kind.ASR: "base"})
    candidate: str = ""
    stage: str = ""
    done: list[str] = field(default_factory=list)
    fails: dict[str, EdgeVoiceError] = field(default_factory=dict)
    """What is done → what it ends in."""

    async def test(self, kind: Kind, label: str, folder: Path, *, memory_mb: int) -> None:
        assert (folder / "bundle.json").is_file()
        self._do("test", label)

    async def shadow(self, label: str, folder: Path, canary: Canary, share: float, *, memory_mb: int = 0) -> None:
        self._do("shadow", label)
        self.candidate, self.stage = label, "shadow"

    async def serve(self, label: str, folder: Path, canary: Canary, share: float) -> None:
        self._do("serve", label)
        self.candidate, self.stage = label, "serving"

    async def activate(self, kind: Kind, label: str, folder: Path | None, canary: Canary | None = None) -> None:
        self._do("activate", label)
        self.served[kind], self.candidate, self.stage = label or "base", "", "watch" if canary else ""

    async def rest(self, kind: Kind) -> None:
        self.candidate = self.stage = ""

    def serving(self, kind: Kind) -> str:
        return self.served.get(kind, "")

    def _do(self, what: str, label: str) -> None:
        self.done.append(f"{what} {label}".strip())
        if what in self.fails:
            raise self.fails[what]


@dataclass(slots=True, kw_only=True)
class Hub:
    """A hub under test."""

    updates: Updates
    arms: Arms
    happened: list[Happened]
    time: Time

    @property
    def events(self) -> list[str]:
        return [f"{one.event.value} {one.label}" for one in self.happened]

    async def trusts(self, url: str, repository: TestRepository) -> None:
        """Trust a repository, and wait until what it led to is done."""
        await self.updates.trust(url, repository.root_bytes)
        await self.updates.settled()

    async def looks(self) -> None:
        await self.updates.check()
        await self.updates.settled()

    async def hears(self, turns: int, *, candidate: TurnSeen = FINE, incumbent: TurnSeen = FINE) -> None:
        """Have so many turns pass, each judged after."""
        canary = self.updates.course.canary
        for _ in range(turns):
            match self.arms.stage:
                case "shadow":
                    canary.shadowed(incumbent=incumbent, candidate=candidate)
                    canary.baseline(incumbent)
                case "serving":
                    canary.served(Arm.CANDIDATE, candidate)
                    canary.baseline(incumbent)
                case "watch":
                    canary.served(Arm.CANDIDATE, candidate)
                case _:
                    canary.baseline(incumbent)
            await self.updates.course.judge()


class Time:
    """A clock that a test moves; it begins now, because signatures expire."""

    def __init__(self) -> None:
        self.at = dt.datetime.now(dt.UTC)

    def wall(self) -> dt.datetime:
        return self.at

    def clock(self) -> float:
        return self.at.timestamp()

    def passes(self, **time: float) -> None:
        self.at += dt.timedelta(**time)


@contextmanager
def a_hub(
    folder: Path,
    settings: BundleSettings = SMALL,
    *,
    arms: Arms | None = None,
    time: Time | None = None,
    compares: bool = True,
    chosen: str = "",
    **more: Any,
) -> Iterator[Hub]:
    """Give a hub with a data folder; what the arms serve at first is what the state says."""
    arms, time, bundles = arms or Arms(), time or Time(), BundleFolder(folder / "bundles")
    with opened(bundles, time.wall) as opening:
        for kind, of in opening.state.kinds.items():
            arms.served[kind] = of.active or "base"
        updates = Updates(
            opening,
            arms=arms,
            run_job=more.pop("run_job", run_here),
            settings=settings,
            hub=HubSays(
                hub_id="0123456789abcdef" * 2,
                server_version="0.1.0",
                hub_class="n100",
                region="",
                languages=("en",),
                chosen=chosen,
                compares=lambda: compares,
            ),
            canary=Canary(settings, bundles.canary()),
            wall=time.wall,
            clock=time.clock,
            chance=lambda: 0.5,
            **more,
        )
        hub = Hub(updates=updates, arms=arms, happened=[], time=time)
        updates.book.on_step = hub.happened.append
        yield hub
