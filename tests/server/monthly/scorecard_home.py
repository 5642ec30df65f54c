"""A store of turns with clocks that are set by hand, and the scorecards made of it."""

import datetime as dt
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from wyoming_server.control.history import TurnHistory
from wyoming_server.control.scorecards import Scorecards
from wyoming_server.pipeline.lanes import Upload
from wyoming_server.pipeline.policy import LaneHealth, LaneState, Trust
from wyoming_server.records.data_keys import DataKeys
from wyoming_server.records.ledger import EgressLedger
from wyoming_server.records.store import Store, opened_store
from wyoming_server.records.turn_record import TurnRecord
from wyoming_server.resilience.degraded import Condition, Facts, Mode
from wyoming_server.settings import Settings

from ..records.made_turns import day_of_turns, made_labels

BERLIN = ZoneInfo("Europe/Berlin")
READY = LaneHealth(name="OpenAI", trust=Trust.CLOUD, state=LaneState.READY)


@dataclass(slots=True, kw_only=True)
class ScorecardHome:
    """A home whose clocks are its owner's to set."""

    store: Store
    folder: Path
    now: dt.datetime
    clock_s: float = 1000.0
    settings: Settings = field(default_factory=Settings)
    lanes: Sequence[LaneHealth] = (READY,)
    model: str = "base"
    baseline: dict[str, Any] | None = None

    def history(self) -> TurnHistory:
        """Return the past, as of now."""
        return TurnHistory(
            self.store,
            DataKeys(self.folder),
            kept=lambda _turns, _connection: {},
            satellites=lambda: (),
            condition=lambda: (Condition(mode=Mode.NORMAL, reason=""), Facts()),
            load=dict,
            clock=lambda: self.clock_s,
            wall=lambda: self.now,
        )

    def scorecards(self, history: TurnHistory | None = None) -> Scorecards:
        """Return scorecards that know of nothing yet."""
        return Scorecards(
            self.store,
            history or self.history(),
            lanes=lambda: self.lanes,
            model=lambda: self.model,
            settings=lambda: self.settings,
            baseline=lambda: self.baseline,
            wall=lambda: self.now,
            clock=lambda: self.clock_s,
        )

    def passes(self, seconds: float) -> None:
        """Let time pass by both clocks."""
        self.clock_s += seconds
        self.now += dt.timedelta(seconds=seconds)

    def is_set(self, now: dt.datetime) -> None:
        """Set the clock on the wall alone."""
        self.now = now.astimezone(self.now.tzinfo)

    async def hears(self, first: dt.date, days: int, turns: int, *, seed: int = 3, upload_seconds: float = 2.0) -> int:
        """Live through some days; return how many turns were spoken. Each one that was asked is an upload."""
        chance, history = random.Random(seed), self.history()
        ledger = await EgressLedger.opened(self.store, self.settings.ledger, lambda: self.now)
        spoken = 0
        for number in range(days):
            for record in self._turns(chance, first + dt.timedelta(days=number), turns):
                self.now = record.at
                history.turn(record, None)
                for label in made_labels(chance, record):
                    history.label(label)
                spoken += record.spoke or bool(record.error)
                if record.uploads:
                    await ledger.close(await ledger.open(_upload(upload_seconds)), "answered", 0.4)
            await self.store.flush()
        return spoken

    def _turns(self, chance: random.Random, day: dt.date, turns: int) -> list[TurnRecord]:
        return [replace(one, at=one.at.astimezone(self.now.tzinfo)) for one in day_of_turns(chance, day, turns)]


def _upload(seconds: float) -> Upload:
    return Upload(
        lane="OpenAI",
        trust=Trust.CLOUD,
        turn_id="a-turn",
        reason="risk",
        consent="2026-09-01",
        seconds=seconds,
        bytes=round(32_000 * seconds),
        cost=0.0001 * seconds,
    )


@asynccontextmanager
async def scorecard_home(folder: Path, now: dt.datetime) -> AsyncIterator[ScorecardHome]:
    """Open a home's store."""
    async with opened_store(folder / "edge-voice.sqlite", interval_seconds=3600) as store:
        yield ScorecardHome(store=store, folder=folder, now=now)
