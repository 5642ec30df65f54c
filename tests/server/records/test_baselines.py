"""What is counted of a baseline, from the records of its turns."""

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from wyoming_server.pipeline.timeline import Spans
from wyoming_server.records.baselines import (
    Counted,
    KeptBaseline,
    begin_baseline,
    count_baseline,
    keep_baseline,
    last_baselines,
)
from wyoming_server.records.data_keys import DataKeys
from wyoming_server.records.pseudonyms import Pseudonyms
from wyoming_server.records.store import Store, opened_store
from wyoming_server.records.turn_record import TurnLabel, TurnRecord
from wyoming_server.records.turns import labelling, writing

from .made_turns import made_turn

NOW = dt.datetime(2026, 11, 2, 8, 0, tzinfo=dt.UTC)
NEW = KeptBaseline(began=NOW, ends=NOW + dt.timedelta(days=7), consent="2026-11-02", seconds_cap=60.0, money_cap=1.0)
SPOKEN = replace(
    next(one for seed in range(99) if (one := made_turn(random.Random(seed), NOW)).route == "edge" and one.spoke),
    is_baseline=True,
    would_escalate=False,
)
ANSWERED = replace(SPOKEN, route="cloud", action="escalate")


def timed(one: TurnRecord, ms: float) -> TurnRecord:
    return replace(one, spans=Spans(last_word_to_text_ms=ms, end_to_text_ms=ms / 2))


def turns() -> Iterator[tuple[TurnRecord, TurnLabel | None]]:
    """Yield turns of every kind, with what became of each."""
    at = NOW + dt.timedelta(seconds=20)
    yield timed(ANSWERED, 500.0), TurnLabel(turn_id="", at=at, retried=True, disagreed=True, audited=True, chance=1.0)
    yield timed(ANSWERED, 700.0), TurnLabel(turn_id="", at=at, retried=False, abandoned=True, disagreed=False)
    yield timed(replace(ANSWERED, route="client", would_escalate=True), 10.0), None
    yield replace(SPOKEN, action="accept"), None
    yield replace(SPOKEN, action="error", route="", error="decode-failed", spoke=False, spans=None), None
    yield replace(SPOKEN, action="discard"), None
    yield replace(SPOKEN, action="discard", spoke=False), None
    yield replace(ANSWERED, is_baseline=False), None


async def written(store: Store, folder: Path) -> None:
    pseudonyms = Pseudonyms(DataKeys(folder))
    for number, (record, label) in enumerate(turns()):
        store.later(writing(replace(record, turn_id=f"turn-{number}"), pseudonyms))
        if label is not None:
            store.later(labelling(replace(label, turn_id=f"turn-{number}"), NOW.date(), pseudonyms))
    await store.flush()


async def test_its_turns_are_counted_by_what_became_of_them(tmp_path: Path) -> None:
    async with opened_store(tmp_path / "edge-voice.sqlite") as store:
        await written(store, tmp_path)  # of a baseline before: these are none of its turns
        one = await store.write(partial(begin_baseline, NEW))
        before = await store.read(partial(count_baseline, one))
        assert (before.turns, before.times["end_to_text_ms"]) == (0, (None, None))
        await written(store, tmp_path)
        counted = await store.read(partial(count_baseline, one))
    assert replace(counted, times={}) == Counted(
        turns=6, failed=2, retried=1, abandoned=1, pairs=2, disagreed=1, would_escalate=1
    )
    assert counted.times["last_word_to_text_ms"] == (500.0, 700.0), "a client's own lane is timed by nobody"
    assert counted.times["end_to_text_ms"] == (250.0, 350.0), "times that turns really took, as everywhere"


async def test_a_baseline_comes_back_as_it_was_written(tmp_path: Path) -> None:
    counted = Counted(turns=3, times={"last_word_to_text_ms": (500.0, 700.5), "end_to_text_ms": (None, None)})
    async with opened_store(tmp_path / "edge-voice.sqlite") as store:
        one = await store.write(partial(begin_baseline, NEW))
        ended = replace(one, ended=NOW, reason="its owner ended it", counted=counted, seconds=4.5, ran_seconds=60.0)
        await store.write(partial(keep_baseline, ended))
        second = await store.write(partial(begin_baseline, NEW))
        assert await store.read(last_baselines) == (second, ended)


@pytest.mark.parametrize("figures", ["", "[]", "{}", '{"turns": "many"}'])
async def test_one_that_cannot_be_read_is_left(tmp_path: Path, figures: str) -> None:
    async with opened_store(tmp_path / "edge-voice.sqlite") as store:
        await store.write(partial(begin_baseline, NEW))
        await store.write(lambda connection: connection.execute("UPDATE baseline SET figures = ?", (figures,)).rowcount)
        assert await store.read(last_baselines) == (None, None)
