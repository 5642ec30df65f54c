"""Lanes on a virtual clock: who is asked, in which order, what is written down, and that an end always comes."""

import asyncio
import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from tests.server.pipeline.doubles import now_s, on_virtual_time
from tests.server.pipeline.lane_doubles import (
    CALLER,
    ListedLedger,
    ScriptedLane,
    errand,
    lane_error,
    lane_settings,
    lanes_of,
    speech,
)
from wyoming_server.errors import (
    DiskError,
    LaneBusyError,
    LaneCredentialsError,
    LaneEmptyError,
    LaneFailedError,
)
from wyoming_server.pipeline.cloud import TRIM_SECONDS, Lanes, trimmed
from wyoming_server.pipeline.lanes import GuardedLane, LanesSettings
from wyoming_server.pipeline.policy import UNTRUSTED, Caller, LaneState
from wyoming_server.pipeline.types import FRAME_SAMPLES, SAMPLE_RATE_HZ, LaneAnswer
from wyoming_server.resilience.breaker import LaneBreaker

NAMES = ("Kitchen Light",)


def asked(lanes: Callable[[], Lanes], *, within_s: float = 2.2, times: int = 1) -> list[LaneAnswer]:
    async def work() -> list[LaneAnswer]:
        one = lanes()
        answers = [await one.ask(speech(), "en", NAMES, errand(within_s=within_s)) for _ in range(times)]
        await one.aclose()
        return answers

    return on_virtual_time(work())


def test_the_first_lane_answers_and_the_others_are_left_alone() -> None:
    first, second = ScriptedLane(), ScriptedLane(settings=lane_settings("second"))
    ledger = ListedLedger()
    answer = asked(lambda: lanes_of(first, second, ledger=ledger))[0]
    assert (answer.text, answer.lane) == ("turn on the kitchen light", "cloud")
    assert not second.asked
    assert [one.lane for one in ledger.uploads] == ["cloud"]
    assert ledger.endings == {0: "answered"}
    assert [one.ending for one in answer.attempts] == ["answered"]


def test_a_failing_lane_hands_on_to_the_next_at_once() -> None:
    first = ScriptedLane(failures=(lane_error(LaneFailedError),), delays_s=(0.1,))
    second = ScriptedLane(settings=lane_settings("second"))
    answer = asked(lambda: lanes_of(first, second))[0]
    assert answer.lane == "second"
    assert [one.ending for one in answer.attempts] == ["lane-failed", "answered"]
    assert answer.attempts[1].took_ms == pytest.approx(350, abs=2)


def test_a_late_lane_gets_one_beside_it_and_the_loser_is_cancelled_with_its_cost_kept() -> None:
    first = ScriptedLane(delays_s=(9.0,))
    second, third = (ScriptedLane(settings=lane_settings(name), delays_s=(0.8,)) for name in ("second", "third"))
    ledger = ListedLedger()
    answer = asked(lambda: lanes_of(first, second, third, ledger=ledger, next_after_seconds=0.5))[0]
    assert answer.lane == "second"
    assert not third.asked
    assert first.endings == ["cancelled"]
    assert sorted(ledger.endings.values()) == ["answered", "cancelled"]
    loser = next(one for one in answer.attempts if one.ending == "cancelled")
    assert (loser.lane, loser.cost > 0) == ("cloud", True)


def test_when_nobody_answers_in_time_the_answer_says_so_and_nothing_runs_on() -> None:
    lane = ScriptedLane(delays_s=(60.0,))

    async def work() -> tuple[LaneAnswer, float, list[str]]:
        lanes, start_s = lanes_of(lane), now_s()
        answer = await lanes.ask(speech(), "en", (), errand(within_s=1.5))
        took_s = now_s() - start_s
        await lanes.aclose()
        return answer, took_s, lane.endings

    answer, took_s, endings = on_virtual_time(work())
    assert answer.text == ""
    assert "1.5 s" in answer.reason or "in time" in answer.reason
    assert took_s == pytest.approx(1.5, abs=0.01)
    assert endings == ["cancelled"]


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (RuntimeError("a mistake in the adapter"), "lane-failed"),
        (lane_error(LaneEmptyError), "lane-empty"),
        (DiskError("as the script says"), "lane-failed"),
    ],
)
def test_whatever_a_lane_does_an_answer_comes(failure: Exception, code: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = asked(lambda: lanes_of(ScriptedLane(failures=(failure,))))[0]
    assert answer.text == ""
    assert [one.ending for one in answer.attempts] == [code]
    assert answer.reason


def test_an_answer_in_another_language_is_no_answer() -> None:
    answer = asked(lambda: lanes_of(ScriptedLane(language="de")))[0]
    assert [one.ending for one in answer.attempts] == ["lane-language"]
    assert "'de'" in answer.reason


def test_an_empty_text_is_no_answer() -> None:
    answer = asked(lambda: lanes_of(ScriptedLane(text=" ")))[0]
    assert [one.ending for one in answer.attempts] == ["lane-empty"]


def test_what_cannot_be_written_down_does_not_leave() -> None:
    lane, ledger = ScriptedLane(), ListedLedger(seconds=1.0)
    answer = asked(lambda: lanes_of(lane, ledger=ledger))[0]
    assert not lane.asked
    assert [(one.ending, one.seconds, one.cost) for one in answer.attempts] == [("cap-reached", 0.0, 0.0)]
    assert "spent" in answer.reason


def test_a_wrong_key_shuts_the_lane_at_once_and_says_why() -> None:
    lane = ScriptedLane(failures=(lane_error(LaneCredentialsError),))

    async def work() -> tuple[LaneState, str]:
        lanes = lanes_of(lane)
        await lanes.ask(speech(), "en", (), errand())
        await lanes.ask(speech(), "en", (), errand())
        health = lanes.health(CALLER, "en", 1.0)[0]
        await lanes.aclose()
        return health.state, health.reason

    state, reason = on_virtual_time(work())
    assert len(lane.asked) == 1
    assert state is LaneState.BROKEN
    assert "as the script says" in reason


def test_a_busy_lane_is_asked_again_when_it_said_and_only_by_a_real_utterance() -> None:
    lane = ScriptedLane(failures=(lane_error(LaneBusyError, retry_after_s=30.0), None))

    async def work() -> list[str]:
        lanes, texts = lanes_of(lane), []
        for pause_s in (0.0, 10.0, 25.0):
            await asyncio.sleep(pause_s)
            lanes.warm(CALLER, "en")
            texts.append((await lanes.ask(speech(), "en", (), errand())).text)
        await lanes.aclose()
        return texts

    assert on_virtual_time(work()) == ["", "", lane.text]
    assert len(lane.asked) == 2


def test_a_half_open_lane_gets_one_trial_at_a_time() -> None:
    lane = ScriptedLane(failures=(lane_error(LaneCredentialsError), None))

    async def work() -> list[str]:
        lanes = lanes_of(lane)
        await lanes.ask(speech(), "en", (), errand())
        await asyncio.sleep(20.0)
        both = await asyncio.gather(*(lanes.ask(speech(), "en", (), errand()) for _ in range(2)))
        await lanes.aclose()
        return sorted(one.text for one in both)

    assert on_virtual_time(work()) == ["", lane.text]


def test_a_cancelled_turn_leaves_nothing_running_and_its_upload_in_the_books() -> None:
    lane, ledger = ScriptedLane(delays_s=(60.0,)), ListedLedger()

    async def work() -> None:
        lanes = lanes_of(lane, ledger=ledger)
        task = asyncio.create_task(lanes.ask(speech(), "en", (), errand()))
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await lanes.aclose()
        assert len(asyncio.all_tasks()) == 1

    on_virtual_time(work())
    assert lane.endings == ["cancelled"]
    assert ledger.endings == {0: "cancelled"}


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"consent": ""}, LaneState.NOT_CONSENTED),
        ({"satellites": ("bedroom",)}, LaneState.NOT_CONSENTED),
        ({"satellites": ("kitchen",)}, LaneState.READY),
        ({"consent": "", "trust": "home"}, LaneState.READY),
        ({"consent": "", "provider": "wyoming"}, LaneState.READY),
        ({"languages": ("de", "fr")}, LaneState.WRONG_LANGUAGE),
        ({"languages": ("de", "en")}, LaneState.READY),
    ],
)
def test_a_lane_is_ready_for_whom_its_owner_agreed(fields: dict[str, object], state: LaneState) -> None:
    lane = ScriptedLane(settings=lane_settings(**fields))

    async def work() -> None:
        lanes = lanes_of(lane)
        (health,) = lanes.health(CALLER, "en", 1.0)
        assert (health.state, bool(health.reason)) == (state, state is not LaneState.READY)
        answer = await lanes.ask(speech(), "en", (), errand())
        assert bool(answer.text) == bool(lane.asked) == (state is LaneState.READY)
        await lanes.aclose()

    on_virtual_time(work())


def test_a_peer_that_is_not_trusted_reaches_no_lane_and_warms_none() -> None:
    lane = ScriptedLane()

    async def work() -> LaneAnswer:
        lanes = lanes_of(lane)
        lanes.warm(UNTRUSTED, "en")
        assert lanes.health(UNTRUSTED, "en", 1.0) == ()
        answer = await lanes.ask(speech(), "en", (), errand(UNTRUSTED))
        await lanes.aclose()
        return answer

    assert on_virtual_time(work()).text == ""
    assert (lane.asked, lane.warmed) == ([], 0)


def test_names_leave_only_where_the_owner_allows_it() -> None:
    shy, open_hearted = ScriptedLane(), ScriptedLane(settings=lane_settings(send_names=True))
    for lane in (shy, open_hearted):
        asked(lambda lane=lane: lanes_of(lane))
    assert shy.asked[0].prompt == ()
    assert open_hearted.asked[0].prompt == NAMES


def test_only_the_speech_leaves() -> None:
    heard = speech(1.6, silence_frames=30)
    left = trimmed(heard)
    margin = 2 * TRIM_SECONDS * SAMPLE_RATE_HZ
    assert len(left) <= sum(heard.active) * FRAME_SAMPLES + margin
    assert np.count_nonzero(np.abs(left) > 1000) == sum(heard.active) * FRAME_SAMPLES
    assert len(trimmed(dataclasses.replace(heard, active=()))) == len(heard.samples)


def test_the_caller_s_own_lane_is_told_of_and_never_asked_from_here() -> None:
    own = GuardedLane(settings=lane_settings("own", provider="client"), lane=None, breaker=LaneBreaker())
    ledger = ListedLedger()

    async def work() -> LaneAnswer:
        lanes = Lanes([own], ledger, clock=now_s, capped=lambda _settings, _seconds: "", settings=LanesSettings())
        able = dataclasses.replace(CALLER, client_lane=True)
        assert [one.is_client for one in lanes.health(able, "en", 1.0)] == [True]
        assert lanes.health(CALLER, "en", 1.0) == ()
        return await lanes.ask(speech(), "en", (), errand(able))

    assert on_virtual_time(work()).text == ""
    assert ledger.uploads == []


def test_losers_end_before_the_lanes_are_closed() -> None:
    lane = ScriptedLane(delays_s=(60.0,))

    async def work() -> None:
        lanes = lanes_of(lane)
        await lanes.ask(speech(), "en", (), errand(within_s=0.2))
        await lanes.aclose()
        assert lane.closed
        assert len(asyncio.all_tasks()) == 1

    on_virtual_time(work())


@pytest.mark.parametrize(
    ("named", "detected", "languages", "asked"),
    [
        (None, "en", ("de",), False),
        (None, "en", ("en-GB",), True),
        (None, None, ("en",), False),
        (None, None, (), True),
        ("en-US", "de", ("en",), True),
        ("de", "en", ("en",), False),
    ],
)
def test_a_lane_hears_only_the_languages_that_it_is_for(
    named: str | None, detected: str | None, languages: tuple[str, ...], *, asked: bool
) -> None:
    lane = ScriptedLane(settings=lane_settings(languages=languages))

    async def work() -> None:
        lanes = lanes_of(lane)
        await lanes.ask(speech(), named, (), errand(), detected=detected)
        await lanes.aclose()

    on_virtual_time(work())
    assert bool(lane.asked) == asked
    assert all(one.language == named for one in lane.asked)


def test_a_lane_that_is_left_alone_and_a_stranger_are_told_of_in_the_log_without_names(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lane = ScriptedLane(failures=(lane_error(LaneCredentialsError),))

    async def work() -> None:
        lanes = lanes_of(lane)
        await lanes.ask(speech(), "en", (), errand())
        for _ in range(3):
            lanes.health(Caller(session="10.9.8.7"), "en", 1.0)
        await lanes.aclose()

    on_virtual_time(work())
    told = [record.getMessage() for record in caplog.records]
    assert sum("left alone" in one for one in told) == 1
    assert sum("routing.trusted" in one for one in told) == 1
    assert not any("10.9.8.7" in one or "kitchen" in one for one in told)


def test_only_the_lane_that_would_be_asked_first_is_warmed() -> None:
    german, first, second = (
        ScriptedLane(settings=lane_settings(name, languages=languages))
        for name, languages in (("german", ("de",)), ("first", ()), ("second", ()))
    )

    async def work() -> None:
        lanes = lanes_of(german, first, second)
        lanes.warm(CALLER, "en")
        await asyncio.sleep(0)
        await lanes.aclose()

    on_virtual_time(work())
    assert [one.warmed for one in (german, first, second)] == [0, 1, 0]
