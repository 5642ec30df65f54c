"""A baseline under clocks, caps and owners that move: with a real store, real lanes and a real ledger."""

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from wyoming_server.control.baseline import HELD_SECONDS, Baseline
from wyoming_server.errors import (
    BaselineRunningError,
    CapReachedError,
    DiskError,
    EdgeVoiceError,
    InvalidRequestError,
    LaneTimeoutError,
    NoBaselineError,
    NotConsentedError,
)
from wyoming_server.listeners import control_past as shapes
from wyoming_server.listeners.control_values import checked
from wyoming_server.pipeline.cloud import Lanes
from wyoming_server.pipeline.endpoint import EndpointSettings
from wyoming_server.pipeline.interpret import TurnRequest
from wyoming_server.pipeline.lanes import GuardedLane, LanesSettings, Upload
from wyoming_server.pipeline.listen import ListenSettings, Mode
from wyoming_server.pipeline.policy import Caller, LaneState, RoutingMode, Trust
from wyoming_server.pipeline.turn import Stages, TurnSettings
from wyoming_server.records.caps import LedgerSettings
from wyoming_server.records.ledger import EgressLedger
from wyoming_server.records.record_settings import RecordSettings
from wyoming_server.records.store import Store, opened_store
from wyoming_server.resilience.breaker import LaneBreaker
from wyoming_server.settings import RoutingSettings, Settings

from ..pipeline.doubles import ScriptedGrammar, ScriptedModel, ScriptedVad, stream
from ..pipeline.lane_doubles import CALLER, ScriptedLane, judgement_of, lane_error, lane_settings

BERLIN = ZoneInfo("Europe/Berlin")
NOW = dt.datetime(2026, 11, 2, 8, 0, tzinfo=BERLIN)
DAY_SECONDS = 86_400.0
WANTED = {"consent": "2026-11-02", "days": 7, "seconds": 60, "money": 1}


@dataclass(slots=True, kw_only=True)
class Home:
    """A home that may record a baseline."""

    store: Store
    ledger: EgressLedger
    now: dt.datetime = NOW
    clock_s: float = 1000.0
    settings: Settings = field(default_factory=Settings)
    lane: ScriptedLane = field(default_factory=ScriptedLane)
    consent: str = "2026-09-01"
    happened: list[tuple[str, str, str]] = field(default_factory=list)
    over: list[str] = field(default_factory=list)

    def lanes(self) -> Lanes:
        settings = replace(self.lane.settings, consent=self.consent)
        guarded = GuardedLane(settings=settings, lane=self.lane, breaker=LaneBreaker())
        return Lanes(
            [guarded], self.ledger, clock=lambda: self.clock_s, capped=self.ledger.capped, settings=LanesSettings()
        )

    def baseline(self, lanes: Lanes | None = None) -> Baseline:
        made = Baseline(
            self.store,
            lanes or self.lanes(),
            settings=lambda: self.settings,
            wall=lambda: self.now,
            clock=lambda: self.clock_s,
            happened=lambda *said: self.happened.append(said),
        )
        self.ledger.also_capped = made.also_capped
        return made

    async def running(self, **wanted: Any) -> Baseline:
        baseline = self.baseline()
        await baseline.begin({**WANTED, **wanted})
        return baseline

    def passes(self, seconds: float) -> None:
        self.clock_s += seconds
        self.now += dt.timedelta(seconds=seconds)

    def mode_of(self, baseline: Baseline, turn_id: str = "turn", **request: Any) -> RoutingMode:
        """Begin a turn and return the mode that it is routed by."""
        given = TurnRequest(**{"turn_id": turn_id, "language": "en", "caller": CALLER, **request})
        stages, _ = baseline.begin_turn(given, stages_of(self.lanes()), lambda: self.over.append(turn_id))
        return stages.judgement.policy.mode

    async def sends(self, turn_id: str, seconds: float, *, reason: str = "mode") -> bool:
        """Tell whether an upload may leave."""
        one = Upload(
            lane="cloud",
            trust=Trust.CLOUD,
            turn_id=turn_id,
            reason=reason,
            consent=self.consent,
            seconds=seconds,
            bytes=1,
            cost=0.01 * seconds,
        )
        try:
            await self.ledger.close(await self.ledger.open(one), "answered", 0.1)
        except CapReachedError:
            return False
        return True


def stages_of(lanes: Lanes) -> Stages:
    heard = stream("0.6 hello 1.2")
    return Stages(
        vad=ScriptedVad(heard=heard),
        judgement=judgement_of(ScriptedModel(heard=heard), ScriptedGrammar(), lanes),
        lanes=lanes,
        endpoint=EndpointSettings(),
        listen=ListenSettings(),
        turn=TurnSettings(),
        clock=lambda: 0.0,
    )


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with opened_store(tmp_path / "edge-voice.sqlite", interval_seconds=3600) as store:
        yield Home(store=store, ledger=await EgressLedger.opened(store, LedgerSettings(), lambda: NOW))


async def test_it_sends_every_turn_to_a_lane_and_says_which_ones(home: Home) -> None:
    baseline = home.baseline()
    assert home.mode_of(baseline) is RoutingMode.AUTO
    await baseline.begin(WANTED)
    assert home.mode_of(baseline) is RoutingMode.CLOUD
    assert baseline.is_of("turn", "en")
    assert not baseline.is_of("another", "en")
    told = checked(shapes.BASELINES, baseline.told())
    assert (told["running"]["consent"], told["last"]) == ("2026-11-02", None)


@pytest.mark.parametrize(
    "request_",
    [
        {"caller": Caller()},
        {"caller": replace(CALLER, mode=RoutingMode.EDGE)},
        {"caller": replace(CALLER, mode=RoutingMode.AUTO)},
        {"mode": Mode.FILE},
    ],
    ids=["a stranger's", "the hub alone was asked for", "a mode was asked for", "a file"],
)
async def test_turns_that_it_leaves_alone(home: Home, request_: dict[str, Any]) -> None:
    baseline = await home.running()
    assert home.mode_of(baseline, **request_) is RoutingMode.AUTO
    assert not baseline.is_of("turn", "en")


async def test_a_turn_that_is_over_is_forgotten(home: Home) -> None:
    baseline = await home.running()
    request = TurnRequest(turn_id="turn", language="en", caller=CALLER)
    _, over = baseline.begin_turn(request, stages_of(home.lanes()), lambda: home.over.append("turn"))
    over()
    assert home.over == ["turn"]
    assert not baseline.is_of("turn", "en")


async def test_a_language_that_no_lane_knows_is_none_of_its_turns(home: Home) -> None:
    home.lane = ScriptedLane(settings=lane_settings(languages=("en",)))
    baseline = await home.running()
    assert home.mode_of(baseline, language="de") is RoutingMode.AUTO
    assert home.mode_of(baseline, "later", language=None) is RoutingMode.CLOUD, "the hub has yet to hear which it is"
    assert not baseline.is_of("later", "de")
    assert baseline.is_of("later", "en")


async def test_its_cap_of_seconds_is_never_exceeded_and_ends_it(home: Home) -> None:
    baseline = await home.running(seconds=5)
    for number in range(3):
        home.mode_of(baseline, f"turn-{number}")
    assert [await home.sends(f"turn-{number}", 2.0) for number in range(3)] == [True, True, False]
    assert baseline.running is None
    assert baseline.last is not None
    assert (baseline.last.seconds, baseline.last.reason) == (4.0, "its cap of 5 s of audio is reached")
    assert not baseline.is_of("turn-2", "en"), "the hub answered that one"
    assert home.happened[-1] == ("baseline", "", "The baseline ended: its cap of 5 s of audio is reached.")
    assert await home.sends("turn-9", 2.0, reason="risk"), "what the hub asks by itself goes on"


async def test_its_cap_of_money_ends_it(home: Home) -> None:
    baseline = await home.running(money=0.05)
    home.mode_of(baseline, "a")
    assert [await home.sends("a", 3.0), await home.sends("a", 3.0)] == [True, False]
    assert baseline.last is not None
    assert "0.05 USD" in baseline.last.reason


async def test_a_client_that_asks_its_own_lane_later_is_held_to_the_cap_too(home: Home) -> None:
    baseline = await home.running(seconds=3)
    for turn_id in ("a", "b"):
        request = TurnRequest(turn_id=turn_id, language="en", caller=CALLER)
        _, over = baseline.begin_turn(request, stages_of(home.lanes()), lambda: None)
        over()
    assert [await home.sends("a", 2.0, reason="risk"), await home.sends("b", 2.0, reason="risk")] == [True, False]
    assert await home.sends("another", 2.0, reason="risk")


@pytest.mark.parametrize("reason", ["audit", "test"])
async def test_audits_and_tests_of_lanes_are_none_of_its_uploads(home: Home, reason: str) -> None:
    baseline = await home.running(seconds=5)
    assert await home.sends("turn", 4.0, reason=reason)
    assert baseline.running is not None
    assert baseline.running.seconds == 0.0
    again = home.baseline()
    await again.load()
    assert again.running is not None
    assert again.running.seconds == 0.0


async def test_in_the_owners_own_mode_cloud_its_end_takes_no_turn_away(home: Home) -> None:
    home.settings = Settings(routing=RoutingSettings(mode=RoutingMode.CLOUD))
    baseline = await home.running(seconds=3)
    home.mode_of(baseline, "a")
    assert [await home.sends("a", 2.0), await home.sends("a", 2.0)] == [True, True]
    assert baseline.running is None


async def test_it_ends_when_its_days_are_over(home: Home) -> None:
    baseline = await home.running(days=2)
    home.passes(2 * DAY_SECONDS - 60)
    await baseline.look()
    assert baseline.running is not None
    home.passes(120)
    await baseline.look()
    assert baseline.running is None
    assert baseline.last is not None
    assert baseline.last.reason == "its days are over"


async def test_a_clock_that_is_a_year_ahead_for_a_moment_does_not_end_it(home: Home) -> None:
    baseline = await home.running()
    home.now += dt.timedelta(days=365)
    await baseline.look()
    home.now -= dt.timedelta(days=365)
    home.passes(HELD_SECONDS)
    await baseline.look()
    assert baseline.running is not None


async def test_a_clock_that_stays_ahead_ends_it(home: Home) -> None:
    baseline = await home.running()
    home.now += dt.timedelta(days=365)
    await baseline.look()
    home.passes(HELD_SECONDS)
    await baseline.look()
    assert baseline.running is None


async def test_a_clock_that_is_a_year_back_does_not_prolong_it(home: Home) -> None:
    baseline = await home.running(days=3)
    home.now -= dt.timedelta(days=365)
    for _ in range(3):
        home.passes(DAY_SECONDS)
        await baseline.look()
    assert baseline.running is None


async def test_it_goes_on_after_a_restart_with_what_it_has_used(home: Home) -> None:
    baseline = await home.running(seconds=5)
    home.mode_of(baseline, "a")
    assert await home.sends("a", 2.0)
    again = home.baseline()
    await again.load()
    assert again.running is not None
    assert (again.running.seconds, again.running.cost) == (2.0, pytest.approx(0.02))
    home.mode_of(again, "b")
    assert [await home.sends("b", 2.0), await home.sends("b", 2.0)] == [True, False]


async def test_one_that_has_ended_stays_so_after_a_restart(home: Home) -> None:
    baseline = await home.running()
    await baseline.end()
    again = home.baseline()
    await again.load()
    assert again.running is None
    assert again.last is not None
    assert (again.last.reason, again.last.consent) == ("its owner ended it", "2026-11-02")
    assert checked(shapes.BASELINES, again.told())["last"]["ended"] is not None


async def test_one_that_follows_at_once_takes_nothing_from_the_one_before(home: Home) -> None:
    baseline = await home.running(seconds=3)
    home.mode_of(baseline, "a")
    assert [await home.sends("a", 2.0), await home.sends("a", 2.0)] == [True, False]
    await baseline.begin(WANTED)
    again = home.baseline()
    await again.load()
    assert again.running is not None
    assert again.last is not None
    assert (again.last.number, again.last.reason) == (again.running.number - 1, "its cap of 3 s of audio is reached")


async def test_an_owner_who_keeps_all_speech_at_home_ends_it(home: Home) -> None:
    baseline = await home.running()
    home.settings = Settings(routing=RoutingSettings(mode=RoutingMode.EDGE))
    assert home.mode_of(baseline) is RoutingMode.AUTO, "no turn waits for the next look"
    await baseline.look()
    assert baseline.running is None


async def test_without_consent_to_a_lane_none_begins(home: Home) -> None:
    home.consent = ""
    with pytest.raises(NotConsentedError, match="no consent"):
        await home.running()


async def test_an_owner_who_takes_the_consent_back_ends_it(home: Home) -> None:
    lanes = home.lanes()
    baseline = home.baseline(lanes)
    await baseline.begin(WANTED)
    lanes.adopt([], LanesSettings())
    await baseline.look()
    assert baseline.last is not None
    assert baseline.last.reason == "no speech service may be asked any more"


@pytest.mark.parametrize(
    ("wanted", "settings", "error", "said"),
    [
        ({"consent": ""}, {}, NotConsentedError, "the day on which you agreed"),
        ({"consent": "2026-02-31"}, {}, NotConsentedError, "the day on which you agreed"),
        ({"consent": "2027-01-01"}, {}, NotConsentedError, "the day on which you agreed"),
        ({"days": 31}, {}, InvalidRequestError, "kept for 30"),
        ({"days": 7}, {"records": RecordSettings(pair_days=3)}, InvalidRequestError, "pair_days"),
        ({}, {"routing": RoutingSettings(mode=RoutingMode.EDGE)}, NotConsentedError, "routing_mode"),
    ],
)
async def test_one_that_may_not_begin_is_refused_with_its_cure(
    home: Home, wanted: dict[str, Any], settings: dict[str, Any], error: type[EdgeVoiceError], said: str
) -> None:
    home.settings = Settings(**settings)
    with pytest.raises(error, match=said):
        await home.running(**wanted)
    assert home.happened == []


async def test_one_at_a_time(home: Home) -> None:
    baseline = await home.running()
    with pytest.raises(BaselineRunningError, match="2026-11-09"):
        await baseline.begin(WANTED)
    await baseline.end()
    with pytest.raises(NoBaselineError):
        await baseline.end()


async def test_where_the_cap_of_the_day_is_reached_none_begins(home: Home) -> None:
    home.ledger.adopt(LedgerSettings(cloud_seconds_per_day=0.0))
    with pytest.raises(CapReachedError, match="raise that cap"):
        await home.running()


async def test_while_the_cap_of_the_day_is_reached_the_hub_answers_and_it_goes_on(home: Home) -> None:
    baseline = await home.running()
    home.ledger.adopt(LedgerSettings(cloud_seconds_per_day=0.0))
    assert home.mode_of(baseline) is RoutingMode.AUTO
    assert not baseline.is_of("turn", "en")
    await baseline.look()
    assert baseline.running is not None
    home.ledger.adopt(LedgerSettings())
    assert home.mode_of(baseline) is RoutingMode.CLOUD


async def test_a_lane_that_fails_is_asked_all_the_same(home: Home) -> None:
    lanes = home.lanes()
    baseline = home.baseline(lanes)
    await baseline.begin(WANTED)
    for _ in range(3):
        lanes.guarded[0].breaker.failed(home.clock_s, lane_error(LaneTimeoutError))
    assert [one.state for one in lanes.states()] == [LaneState.BROKEN]
    assert home.mode_of(baseline) is RoutingMode.CLOUD
    assert baseline.is_of("turn", "en"), "a home without a hub would have no answer now"


async def test_what_is_purged_ends_it_and_stays_purged(home: Home) -> None:
    baseline = await home.running()
    await home.store.write(lambda connection: connection.execute("DELETE FROM baseline").rowcount)
    baseline.forget()
    await baseline.look()
    assert baseline.told() == {"running": None, "last": None}
    again = home.baseline()
    await again.load()
    assert again.told() == {"running": None, "last": None}


async def test_a_disk_that_takes_nothing_lets_none_begin(tmp_path: Path) -> None:
    (tmp_path / "edge-voice.sqlite").mkdir()
    async with opened_store(tmp_path / "edge-voice.sqlite", interval_seconds=3600) as store:
        home = Home(store=store, ledger=await EgressLedger.opened(store, LedgerSettings(), lambda: NOW))
        baseline = home.baseline()
        await baseline.load()
        with pytest.raises(DiskError):
            await baseline.begin(WANTED)
        assert home.mode_of(baseline) is RoutingMode.AUTO
        await baseline.look()
