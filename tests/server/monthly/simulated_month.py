"""Two months of a made-up home in a real store, with a baseline, a bad week and a better model; then its scorecard."""

import datetime as dt
import random
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from wyoming_server.control.baseline_told import fields_of
from wyoming_server.control.history import TurnHistory
from wyoming_server.pipeline.lanes import Upload
from wyoming_server.pipeline.policy import Trust
from wyoming_server.records.baselines import KeptBaseline, begin_baseline, count_baseline, keep_baseline, uploaded
from wyoming_server.records.ledger import EgressLedger
from wyoming_server.records.turn_record import TurnLabel, TurnRecord

from ..records.made_turns import day_of_turns
from .scorecard_home import BERLIN, ScorecardHome, scorecard_home

SEPTEMBER, BASELINE, OCTOBER = dt.date(2026, 9, 1), dt.date(2026, 9, 14), dt.date(2026, 10, 1)
NOVEMBER = dt.datetime(2026, 11, 1, 0, 12, tzinfo=BERLIN)
AWAY = {dt.date(2026, 10, 17), dt.date(2026, 10, 18)}
NOISY = range(dt.date(2026, 10, 19).toordinal(), dt.date(2026, 10, 25).toordinal())
NEW_MODEL = dt.date(2026, 10, 26)
PRICE = 0.006 / 60.0
"""Of a second."""
INCIDENTS = (
    (dt.date(2026, 10, 9), "lane", "OpenAI", "OpenAI did not answer three times in a row and was left alone for 15 s."),
    (dt.date(2026, 10, 20), "load", "", "The machine slowed its processor because of heat."),
    (dt.date(2026, 10, 22), "drift", "de",
     "The hub asks for help more often in German (7 % → 17 %): the room has become noisier. See what runs there now."),
    (NEW_MODEL, "bundle", "home-en@1.3.0", "home-en@1.3.0 answers all turns: it did no worse than home-en@1.2.0."),
)  # fmt: skip


class Simulated:
    """Lives through days."""

    def __init__(self, home: ScorecardHome, ledger: EgressLedger, history: TurnHistory, seed: int) -> None:
        self.home, self._ledger, self._history = home, ledger, history
        self._chance = random.Random(seed)

    async def day(self, day: dt.date, turns: int, *, is_baseline: bool = False) -> None:
        """Hear a day's turns, and what becomes of them."""
        for kind, subject, message in [one[1:] for one in INCIDENTS if one[0] == day]:
            self.home.now = dt.datetime.combine(day, dt.time(18, 5), BERLIN)
            self._history.happened(kind, subject, message)
        for made in day_of_turns(self._chance, day, turns):
            one = replace(
                made, at=made.at.replace(tzinfo=BERLIN), language=self._chance.choices(("en", "de"), (73, 27))[0]
            )
            self.home.now = one.at
            record = self._cloud_only(one) if is_baseline else self._here(one, day)
            self._history.turn(record, None)
            for label in self._labels(record, made):
                self._history.label(label)
            if record.uploads:
                await self._ledger.close(await self._ledger.open(_upload(record)), "answered", 0.5)
        await self.home.store.flush()

    def _here(self, one: TurnRecord, day: dt.date) -> TurnRecord:
        """Return a turn as it goes in this home: German is harder, a noisy week harder still."""
        is_noisy = day.toordinal() in NOISY
        model = "home-en@1.3.0" if day >= NEW_MODEL else "home-en@1.2.0"
        if not one.spoke:
            return replace(one, model=model)
        keeps = 0.27 * (1.25 if one.language == "de" else 0.85) * (1.6 if is_noisy else 1.0)
        is_asked = one.action == "escalate" and self._chance.random() < keeps
        is_asked = is_asked or (is_noisy and self._chance.random() < 0.09)
        return _routed(one, model, self._seconds(), asked_ms=self._asked_ms() if is_asked else 0.0, slow=is_noisy)

    def _cloud_only(self, one: TurnRecord) -> TurnRecord:
        """Return the same turn had a service answered it."""
        if not one.spoke:
            return replace(one, is_baseline=True)
        would = one.action == "escalate"
        routed = _routed(one, "home-en@1.2.0", self._seconds(), asked_ms=self._asked_ms(), slow=False)
        failed = self._chance.random() < 0.016
        return replace(routed, is_baseline=True, would_escalate=would, route="edge" if failed else "cloud")

    def _seconds(self) -> float:
        return self._chance.uniform(1.2, 3.4)

    def _asked_ms(self) -> float:
        return self._chance.lognormvariate(6.2, 0.42)

    def _labels(self, one: TurnRecord, made: TurnRecord) -> Iterator[TurnLabel]:
        """Yield what becomes known of a turn."""
        if not one.spoke:
            return
        at, chance = one.at + dt.timedelta(seconds=20), self._chance
        harder = (1.5 if one.language == "de" else 0.85) * (1.35 if one.is_baseline else 1.0)
        yield TurnLabel(
            turn_id=made.turn_id,
            at=at,
            language=one.language,
            wrong=False,
            retried=chance.random() < 0.029 * harder,
            corrected=False,
            abandoned=chance.random() < 0.011 * harder,
            no_intent=False,
        )
        if one.route == "cloud":
            share = (0.05 if one.is_baseline else 0.3) * (1.5 if one.language == "de" else 0.85)
            audited = one.is_baseline and not one.would_escalate
            yield TurnLabel(
                turn_id=made.turn_id,
                at=at,
                language=one.language,
                disagreed=chance.random() < share,
                token_error_rate=0.1,
                audited=audited,
                chance=1.0 if audited else None,
            )


def _routed(one: TurnRecord, model: str, seconds: float, *, asked_ms: float, slow: bool) -> TurnRecord:
    spans = one.spans
    if spans is None:
        return replace(one, model=model)
    inference = spans.inference_ms * (1.3 if slow else 0.92)
    more = inference - spans.inference_ms + asked_ms - spans.cloud_ms
    is_asked = asked_ms > 0.0
    return replace(
        one,
        model=model,
        action="escalate" if is_asked else "accept",
        route="cloud" if is_asked else "edge",
        lane="OpenAI" if is_asked else "",
        uploads=int(is_asked),
        cloud_seconds=seconds if is_asked else 0.0,
        cloud_cost=PRICE * seconds if is_asked else 0.0,
        spans=replace(
            spans,
            inference_ms=inference,
            cloud_ms=asked_ms,
            last_word_to_text_ms=max(0.0, spans.last_word_to_text_ms + more),
            end_to_text_ms=max(0.0, spans.end_to_text_ms + asked_ms - spans.cloud_ms),
        ),
    )


def _upload(one: TurnRecord) -> Upload:
    seconds = one.cloud_seconds
    return Upload(
        lane="OpenAI",
        trust=Trust.CLOUD,
        turn_id="",
        reason="mode" if one.is_baseline else "risk",
        consent="2026-09-01",
        seconds=seconds,
        bytes=round(32_000 * seconds),
        cost=PRICE * seconds,
    )


@asynccontextmanager
async def simulated(folder: Path, *, seed: int = 4, turns: int = 168) -> Any:
    """Live through September and October, and give the home on the first of November."""
    async with scorecard_home(folder, dt.datetime(2026, 9, 1, tzinfo=BERLIN)) as home:
        home.model = "home-en@1.3.0"
        ledger = await EgressLedger.opened(home.store, home.settings.ledger, lambda: home.now)
        life, chance = Simulated(home, ledger, home.history(), seed), random.Random(seed)
        for number in range(61):
            day = SEPTEMBER + dt.timedelta(days=number)
            if day == BASELINE:
                begun = await _begun(home)
            is_baseline = BASELINE <= day < BASELINE + dt.timedelta(days=7)
            if day not in AWAY:
                many = turns * (1.25 if day.weekday() >= 5 else 1.0) * chance.uniform(0.88, 1.12)
                await life.day(day, round(many), is_baseline=is_baseline)
            if day == BASELINE + dt.timedelta(days=6):
                home.baseline = await _ended(home, begun)
        home.is_set(NOVEMBER)
        yield home


async def _begun(home: ScorecardHome) -> KeptBaseline:
    at = dt.datetime.combine(BASELINE, dt.time(6), BERLIN)
    new = KeptBaseline(
        began=at, ends=at + dt.timedelta(days=7), consent=f"{BASELINE}", seconds_cap=3600.0, money_cap=2.0
    )
    return await home.store.write(partial(begin_baseline, new))


async def _ended(home: ScorecardHome, one: KeptBaseline) -> dict[str, Any] | None:
    counted = await home.store.read(partial(count_baseline, one))
    seconds, cost = await home.store.read(partial(uploaded, one, "USD"))
    ended = replace(one, ended=one.ends, counted=counted, seconds=seconds, cost=cost, reason="its days are over")
    await home.store.write(partial(keep_baseline, ended))
    return fields_of(ended)
