"""The early upload by itself: once a turn, for one stretch of speech, and whatever ends it, the turn goes on."""

import asyncio
from collections.abc import Coroutine

import pytest

from tests.server.pipeline.doubles import now_s, on_virtual_time
from tests.server.pipeline.lane_doubles import speech
from wyoming_server.pipeline.hedge import Hedge
from wyoming_server.pipeline.types import LaneAnswer, Speech

TEXT = "turn on the kitchen light"


class Asked:
    """Answers after a while, and keeps what became of it."""

    def __init__(self, delay_s: float = 0.3) -> None:
        self._delay_s = delay_s
        self.speeches: list[Speech] = []
        self.endings: list[str] = []

    async def __call__(self, speech: Speech) -> LaneAnswer:
        self.speeches.append(speech)
        ending = "cancelled"
        try:
            await asyncio.sleep(self._delay_s)
            ending = "answered"
        finally:
            self.endings.append(ending)
        return LaneAnswer(text=TEXT)


def hedged[T](work: Coroutine[None, None, T]) -> T:
    return on_virtual_time(work)


def test_the_answer_is_waited_for_no_longer_than_it_takes() -> None:
    async def work() -> tuple[LaneAnswer, float]:
        said, start_s = speech(), now_s()
        hedge = Hedge(Asked())
        hedge.start(said)
        await asyncio.sleep(0.2)
        assert hedge.covers(said)
        answer = await hedge.answer(1.0)
        await hedge.aclose()
        return answer, now_s() - start_s

    answer, took_s = hedged(work())
    assert answer.text == TEXT
    assert took_s == pytest.approx(0.3, abs=0.01)


def test_it_is_sent_once_however_often_it_is_started() -> None:
    async def work() -> Asked:
        ask, said = Asked(), speech()
        hedge = Hedge(ask)
        hedge.start(said)
        hedge.start(said)
        await asyncio.sleep(1.0)
        hedge.start(said)
        await asyncio.sleep(1.0)
        await hedge.aclose()
        return ask

    ask = hedged(work())
    assert (len(ask.speeches), ask.endings) == (1, ["answered"])


@pytest.mark.parametrize("at_once", [True, False])
def test_more_speech_makes_it_void_and_it_covers_neither(at_once: bool) -> None:
    async def work() -> tuple[Asked, bool, bool, LaneAnswer]:
        ask, first, second = Asked(), speech(), speech(2.0)
        hedge = Hedge(ask)
        hedge.start(first)
        await asyncio.sleep(0.1)
        hedge.start(second)
        if not at_once:
            await asyncio.sleep(0.1)
        covers = hedge.covers(first), hedge.covers(second)
        answer = await hedge.answer(1.0)
        await hedge.aclose()
        return ask, *covers, answer

    ask, covers_first, covers_second, answer = hedged(work())
    assert ask.endings == ["cancelled"]
    assert not covers_first
    assert not covers_second
    assert answer.text == ""
    assert answer.reason


def test_one_that_is_late_is_given_up_with_a_reason() -> None:
    async def work() -> tuple[LaneAnswer, Asked]:
        ask, said = Asked(60.0), speech()
        hedge = Hedge(ask)
        hedge.start(said)
        answer = await hedge.answer(0.5)
        await hedge.aclose()
        return answer, ask

    answer, ask = hedged(work())
    assert (answer.text, ask.endings) == ("", ["cancelled"])
    assert "in time" in answer.reason


def test_one_that_is_dropped_ends_and_never_starts_again() -> None:
    async def work() -> Asked:
        ask, said = Asked(), speech()
        hedge = Hedge(ask)
        hedge.start(said)
        await asyncio.sleep(0.1)
        hedge.drop()
        hedge.start(said)
        await asyncio.sleep(1.0)
        assert not hedge.covers(said)
        await hedge.aclose()
        return ask

    ask = hedged(work())
    assert (len(ask.speeches), ask.endings) == (1, ["cancelled"])


def test_without_a_hedge_there_is_nothing_to_cover_drop_or_close() -> None:
    async def work() -> LaneAnswer:
        hedge = Hedge(Asked())
        assert not hedge.covers(speech())
        hedge.drop()
        answer = await hedge.answer(1.0)
        await hedge.aclose()
        return answer

    assert hedged(work()) == LaneAnswer()
