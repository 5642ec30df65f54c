"""The routing brain over restarts, on a real file: what it takes up again, and what it does without."""

import asyncio
import dataclasses
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.server.cloud.server import CONSENT, stand_in
from tests.server.home import home, settings_for_tests
from tests.server.learning.school import ANOTHER_CARD, CARD, CELL, SAID, turn
from tests.server.listeners.houses import said
from tests.server.peer import connected
from tests.server.pipeline.doubles import ScriptedGrammar
from tests.server.pipeline.lane_doubles import CALLER
from wyoming_server.errors import UsageError
from wyoming_server.learning.thresholds import INDEX, name_of
from wyoming_server.pipeline.grammar import Vocabulary
from wyoming_server.pipeline.policy import Standing, Threshold
from wyoming_server.pipeline.scorecard import Scorecard
from wyoming_server.pipeline.types import Action
from wyoming_server.records.ledger_rows import last_rows
from wyoming_server.records.snapshots import Snapshots
from wyoming_server.records.store import FILE_NAME, opened_store
from wyoming_server.routing import KEPT, Brain, brain_of

KNOWN = (*KEPT, INDEX, name_of(CARD))
CLOUD = {"name": "cloud", "provider": "openai", "key": "sk-test", "consent": CONSENT}
OWN = {"name": "own", "provider": "client", "consent": CONSENT}
BOX = {"name": "box", "provider": "wyoming", "url": "tcp://192.168.1.9:10300"}
QUICK = {"threshold": {"step": 0.05, "refit_turns": 1}}


@asynccontextmanager
async def brain(
    folder: Path,
    *lanes: dict[str, Any],
    card: Scorecard = CARD,
    clock: Callable[[], float] = time.monotonic,
    **sections: dict[str, Any],
) -> AsyncIterator[Brain]:
    """Have a brain that learns."""
    settings = settings_for_tests(folder, cloud={"lanes": list(lanes)}, **sections)
    grammar = ScriptedGrammar(complete=frozenset({SAID}))
    async with (
        opened_store(folder / "data" / FILE_NAME) as store,
        brain_of(
            settings, store, scorecard=lambda _model: card, grammar=grammar, home=Vocabulary(), clock=clock
        ) as one,
    ):
        task = asyncio.create_task(one.learner.run())
        try:
            yield one
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def lessons(one: Brain, count: int = 5) -> None:
    """Teach escalated turns, whose label is exact and comes at once."""
    for _ in range(count):
        one.learner.take(turn(logit=-2.0, action=Action.ESCALATE, heard="open the garage"))
    await asyncio.sleep(0.05)


def known(one: Brain) -> tuple[Standing, Threshold]:
    """Return what it knows of a usual turn."""
    usual = turn().hypothesis
    assert usual is not None
    return one.learner.standing(usual), one.learner.threshold(CELL)


def saved(folder: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(folder / "data" / FILE_NAME)) as records:
        return {name: json.loads(state) for name, state in records.execute("SELECT name, state FROM snapshot")}


async def write(folder: Path, name: str, state: dict[str, Any]) -> None:
    async with opened_store(folder / "data" / FILE_NAME) as store:
        await Snapshots(store, lambda: datetime.now(UTC)).save(name, state)


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    async with brain(tmp_path, **QUICK) as one:
        fresh = known(one)
        await lessons(one)
        before = known(one)
        assert before[0].turns == 5
        assert before[1] != fresh[1]
    async with brain(tmp_path, **QUICK) as one:
        assert known(one) == before
        await lessons(one, 3)
    kept = saved(tmp_path)
    (cell,) = kept[name_of(CARD)]["cells"]
    assert (cell["decided"], cell["closed"]) == (8, 8)
    assert kept["percentiles"]["accepted"]  # what a slow drift is to be held against is being gathered
    assert kept["sessions"]["languages"]["en"]["turns"] == 6  # each run's last turn could still have been said again


async def test_another_scorecard_starts_its_own_and_the_first_is_not_forgotten(tmp_path: Path) -> None:
    async with brain(tmp_path, **QUICK) as one:
        fresh = known(one)[1]
        await lessons(one)
        before = known(one)[1]
    async with brain(tmp_path, card=ANOTHER_CARD, **QUICK) as one:
        assert known(one)[1].calibration == fresh.calibration
        await lessons(one, 2)
    async with brain(tmp_path, **QUICK) as one:
        assert known(one)[1] == before
    assert saved(tmp_path)[name_of(ANOTHER_CARD)]["cells"][0]["decided"] == 2


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("damage", ["bytes", "contents"])
async def test_a_damaged_snapshot_costs_itself_alone(tmp_path: Path, name: str, damage: str) -> None:
    async with brain(tmp_path, **QUICK) as one:
        fresh = known(one)
        await lessons(one)
        before = known(one)
    await write(tmp_path, name, {"version": 77, "names": 7})
    if damage == "bytes":
        with closing(sqlite3.connect(tmp_path / "data" / FILE_NAME)) as records, records:
            records.execute("UPDATE snapshot SET state = replace(state, '7', '8') WHERE name = ?", (name,))
    async with brain(tmp_path, **QUICK) as one:
        after = known(one)
        assert after[0] == (fresh[0] if name == "percentiles" else before[0])
        assert after[1] == (fresh[1] if name in {INDEX, name_of(CARD)} else before[1])
        await lessons(one, 1)
        assert known(one)[0].turns == after[0].turns + 1


@pytest.mark.parametrize(
    ("lanes", "sections", "guaranteed"),
    [
        ((CLOUD,), {"threshold": {"audits": True}}, True),
        ((CLOUD,), {}, False),
        ((), {"threshold": {"audits": True}}, False),
        ((CLOUD | {"consent": ""},), {"threshold": {"audits": True}}, False),
        ((CLOUD,), {"threshold": {"audits": True}, "ledger": {"cloud_seconds_per_day": 0.0}}, False),
        ((CLOUD,), {"threshold": {"audits": True}, "ledger": {"audit_seconds_per_day": 0.0}}, False),
        ((CLOUD,), {"threshold": {"audits": True}, "routing": {"mode": "edge"}}, False),
        ((OWN,), {"threshold": {"audits": True}}, False),
        (
            ({"name": "box", "provider": "wyoming", "url": "tcp://192.168.1.9:10300"},),
            {"threshold": {"audits": True}},
            True,
        ),
    ],
    ids=["consent", "no wish", "no lane", "no consent", "cap 0", "audit cap 0", "edge", "client only", "at home"],
)
async def test_a_guarantee_is_claimed_only_where_audits_can_happen(
    tmp_path: Path, lanes: tuple[dict[str, Any], ...], sections: dict[str, dict[str, Any]], guaranteed: bool
) -> None:
    async with brain(tmp_path, *lanes, **sections) as one:
        assert known(one)[1].guaranteed is guaranteed


async def test_money_counts_by_the_provider_s_own_price_where_the_owner_names_none(tmp_path: Path) -> None:
    async with brain(tmp_path, CLOUD, **QUICK) as one:
        await lessons(one, 1)
    state = saved(tmp_path)["budget"]
    state["money"]["price"], state["audio"]["price"] = 2.0, 0.5
    await write(tmp_path, "budget", state)
    async with brain(tmp_path, CLOUD) as one:
        dear = one.learner.price().per_second
    async with brain(tmp_path, CLOUD | {"price_per_minute": 0.6, "price_as_of": "2026-11"}) as one:
        assert one.learner.price().per_second == pytest.approx(0.5 + 2.0 * 0.01)
    assert 0.5 < dear < 0.5 + 2.0 * 0.01


async def test_a_lane_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        async with brain(tmp_path, CLOUD | {"ca_file": str(tmp_path / "nowhere.pem")}):
            pass


async def test_stopping_during_an_audit_ends_it_and_closes_its_row(tmp_path: Path) -> None:
    ahead_s = 0.0

    def clock() -> float:
        return time.monotonic() + ahead_s

    audits = {"threshold": {"audits": True, "early_audits": 1.0, "late_audits": 1.0}}
    async with stand_in() as cloud:
        cloud.delay_seconds = 5.0
        started_s = time.monotonic()
        async with brain(tmp_path, cloud.lane("openai"), clock=clock, **audits) as one:
            one.learner.take(turn(at_s=clock()))
            await asyncio.sleep(0.05)
            ahead_s = 20.0
            hall = dataclasses.replace(CALLER, satellite="hall")
            one.learner.take(turn(caller=hall, at_s=clock()))  # wakes the learner, whose clock has jumped
            for _ in range(200):
                if cloud.recorder.of("transcribe"):
                    break
                await asyncio.sleep(0.02)
            (arrival,) = cloud.recorder.of("transcribe")
            assert arrival.answered_s is None
        assert time.monotonic() - started_s < 5.0
        for _ in range(100):
            if arrival.disconnected:
                break
            await asyncio.sleep(0.02)
        assert arrival.disconnected
    with closing(sqlite3.connect(tmp_path / "data" / FILE_NAME)) as records:
        (row,) = last_rows(10, None, records)
    assert (row.reason, row.ending, row.has_left) == ("audit", "cancelled", True)
    (cell,) = saved(tmp_path)[name_of(CARD)]["cells"]
    assert cell["closed"] == 1
    assert cell["unaudited"] == pytest.approx(1.0)


async def test_a_server_that_is_started_again_goes_on_learning(tmp_path: Path) -> None:
    turns = []
    for _ in range(2):
        with home(settings_for_tests(tmp_path)) as served:
            for room in ("a", "b", "c"):
                async with connected(served.uri) as peer:
                    context = {"edge_voice": {"satellite_id": room}}
                    answer = await peer.turn(said("kitchen"), {"language": "en", "context": context})
                    assert answer.detail["action"] == "accept"
        states = saved(tmp_path)
        (name,) = states[INDEX]["names"]
        (scale,) = states["percentiles"]["scales"]
        (cell,) = states[name]["cells"]
        turns.append((len(scale["entropy"]), cell["decided"]))
        assert not any(room in json.dumps(states) for room in ('"a"', '"b"', '"c"', "satellite"))
    assert turns == [(3, 3), (6, 6)]
