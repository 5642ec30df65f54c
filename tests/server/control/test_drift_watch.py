"""The drift watch, told of real turns: what it watches, tells, keeps, and forgets."""

import asyncio
import datetime as dt
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.server.learning.school import CARD, WITHIN, KeptSnapshots, turn
from tests.server.pipeline.lane_doubles import CALLER
from wyoming_server.control.drift_watch import INDEX, DriftWatch
from wyoming_server.control.recorder import record_of, record_of_failure
from wyoming_server.errors import OverloadedError
from wyoming_server.learning.budget import BudgetSettings, CloudBudget
from wyoming_server.learning.disagreement import Disagreements
from wyoming_server.learning.drift_settings import DriftSettings
from wyoming_server.learning.knowledge import Knowledge
from wyoming_server.learning.learner import scale_of
from wyoming_server.learning.microphones import Microphones
from wyoming_server.learning.percentiles import Percentiles
from wyoming_server.learning.sessions import Sessions
from wyoming_server.learning.threshold import ThresholdSettings
from wyoming_server.learning.thresholds import Thresholds
from wyoming_server.listeners.control_past import DRIFT, DRIFT_EVENT, DRIFT_FIELDS
from wyoming_server.listeners.control_values import checked, record
from wyoming_server.pipeline.endpoint import EndpointSettings
from wyoming_server.pipeline.interpret import TurnRequest
from wyoming_server.pipeline.policy import UNTRUSTED
from wyoming_server.pipeline.scorecard import Scorecard
from wyoming_server.pipeline.timeline import Spans
from wyoming_server.pipeline.types import Action, Outcome, Token
from wyoming_server.records.turn_record import TurnLabel
from wyoming_server.settings import Settings

MORNING = dt.datetime(2026, 11, 22, 8, tzinfo=dt.UTC)
SURE, UNSURE = -4.0, 2.0
"""Log-odds; the threshold is at 0."""


def said(**told: Any) -> Outcome:
    """Return a turn."""
    return turn(at_s=0.0, **told)


QUICK = Settings(drift=DriftSettings(reference_turns=100, run_length_turns=500))


@dataclass(kw_only=True)
class Learned:
    """What a hub has learned: percentiles, which the test fills."""

    knowledge: Knowledge = field(
        default_factory=lambda: Knowledge(
            percentiles=Percentiles(),
            sessions=Sessions(),
            microphones=Microphones(),
            thresholds=Thresholds(ThresholdSettings()),
            budget=CloudBudget(BudgetSettings()),
            disagreements=Disagreements(),
        )
    )

    def scorecard(self, model: str) -> Scorecard:
        return CARD


@dataclass(kw_only=True)
class Droppable(KeptSnapshots):
    """Keeps states, and drops them."""

    async def drop(self, name: str) -> None:
        self.states.pop(name, None)


class Slow(Droppable):
    """Whose disk takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()

    async def save(self, name: str, state: Mapping[str, Any]) -> None:
        await super().save(name, state)
        self.begun.set()
        for _ in range(10):
            await asyncio.sleep(0)


class Home:
    """A watch, what it says, and turns for it."""

    def __init__(self, settings: Settings = QUICK, states: Droppable | None = None) -> None:
        self.settings, self.states, self.learned = settings, states or Droppable(), Learned()
        self.said: list[dict[str, Any]] = []
        self.incidents: list[tuple[str, str, str]] = []
        self.turns = 0
        self.watch = DriftWatch(
            learner=self.learned,
            snapshots=self.states,
            settings=lambda: self.settings,
            publish=self.said.append,
            happened=lambda *told: self.incidents.append(told),
        )

    def hear(
        self,
        outcome: Outcome | None = None,
        *,
        is_baseline: bool = False,
        satellite: str = "kitchen",
        text_ms: float = 200.0,
        cloud_ms: float = 0.0,
    ) -> str:
        """Have a turn watched; return its id."""
        self.turns += 1
        known = outcome or said(caller=replace(CALLER, satellite=satellite), logit=self.usual)
        spans = Spans(last_word_to_text_ms=text_ms, cloud_ms=cloud_ms)
        at = MORNING + dt.timedelta(minutes=self.turns)
        self.watch.turn(record_of(known, spans, at, is_baseline=is_baseline), known)
        return known.turn_id

    @property
    def usual(self) -> float:
        """Of every fourth turn the hub is not sure."""
        return UNSURE if self.turns % 4 == 0 else SURE

    def over(self, turns: int, **told: Any) -> None:
        for _ in range(turns):
            self.hear(**told)

    def worse(self, turns: int, satellite: str = "kitchen") -> None:
        """Have turns of which the hub is sure of none."""
        for _ in range(turns):
            self.hear(said(caller=replace(CALLER, satellite=satellite), logit=UNSURE))

    @property
    def events(self) -> list[str]:
        return [one["event"] for one in self.said]

    @property
    def status(self) -> dict[str, Any]:
        told = self.watch.status()
        checked(record(DRIFT_FIELDS), told)
        return told


def test_it_learns_then_is_steady_then_drifted_and_says_why() -> None:
    home = Home()
    assert home.status == {"state": "learning", "turns_to_go": 100, "alarms": []}
    home.over(60)
    assert home.status == {"state": "learning", "turns_to_go": 40, "alarms": []}
    home.over(140)
    assert home.status == {"state": "steady", "turns_to_go": 0, "alarms": []}
    home.worse(60)
    (alarm,) = home.status["alarms"]
    assert home.status["state"] == "drifted"
    assert (alarm["metric"], alarm["language"], alarm["before"]) == ("escalation", "en", 0.25)
    assert alarm["now"] > 0.6
    assert alarm["e_value"] >= 500 / 0.3
    assert dt.datetime.fromisoformat(alarm["since"]) < dt.datetime.fromisoformat(alarm["at"])
    assert home.watch.warnings() == [{"code": "drift", "message": alarm["message"], "subject": "en"}]
    (event,) = home.said
    checked(DRIFT_EVENT, event)
    assert event == {"type": "drift", "event": "alarm", "alarm": alarm}
    assert [(kind, subject) for kind, subject, _ in home.incidents] == [("drift", "en")]


def test_every_metric_is_told_beside_its_reference() -> None:
    home = Home()
    home.over(150)
    told = home.watch.told()
    checked(DRIFT, told)
    rows = {one["metric"]: one for one in told["metrics"]}
    assert rows.keys() == {"escalation", "latency"}  # 200 turns are too few for what is usual of a model's confidence
    assert rows["escalation"]["before"] == 0.25
    assert rows["escalation"]["reference_turns"] == 100
    assert rows["escalation"]["alarm_at"] == pytest.approx(1670.0)


def test_it_settles_and_says_so() -> None:
    home = Home()
    home.over(200)
    home.worse(40)
    home.over(300)
    assert home.events == ["alarm", "settled"]
    assert home.status["state"] == "steady"
    assert home.watch.warnings() == []
    assert "is back at what was usual" in home.incidents[-1][2]


async def test_what_is_accepted_is_usual() -> None:
    home = Home()
    home.over(200)
    home.worse(160)
    assert (await home.watch.accept("de"))["state"] == "drifted"
    assert (await home.watch.accept("en"))["alarms"] == []
    assert home.events == ["alarm", "accepted"]
    assert home.said[-1]["alarm"] is None
    home.worse(200)
    assert home.events == ["alarm", "accepted"]
    assert "taken as usual" in home.incidents[-1][2]


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (said(caller=UNTRUSTED, logit=UNSURE), {}),
        (said(action=Action.DISCARD, logit=UNSURE), {}),
        (said(logit=UNSURE, kept=False), {}),
        (said(logit=UNSURE), {"is_baseline": True}),
    ],
)
def test_turns_that_say_nothing_of_a_home_are_left_out(outcome: Outcome, told: Mapping[str, bool]) -> None:
    home = Home()
    home.over(150)
    for _ in range(150):
        home.hear(outcome, is_baseline=told.get("is_baseline", False))
    assert home.said == []
    assert home.watch.told()["metrics"][0]["reference_turns"] == 100


def test_a_turn_that_failed_is_no_trouble() -> None:
    home = Home()
    request = TurnRequest(turn_id="t", language="en", languages=("en",), caller=CALLER)
    home.watch.turn(record_of_failure(request, OverloadedError("too much"), MORNING, is_baseline=False), None)
    home.watch.woke("kitchen", "hey_jarvis")
    assert home.status["state"] == "learning"


def test_pairs_count_for_the_turn_that_they_are_of_whenever_they_come() -> None:
    home = Home(Settings(drift=DriftSettings(reference_turns=200, run_length_turns=500)))
    waiting: list[tuple[str, bool]] = []
    for at in range(400):
        is_late = at >= 250
        waiting.append((home.hear(), at % 2 == 0 if is_late else at % 12 == 0))
        if len(waiting) > 20:  # an audit takes its time
            turn_id, disagreed = waiting.pop(0)
            home.watch.label(TurnLabel(turn_id=turn_id, at=MORNING, language="en", disagreed=disagreed))
    home.watch.label(TurnLabel(turn_id="unknown", at=MORNING, language="en", disagreed=True))
    home.watch.label(TurnLabel(turn_id=waiting[0][0], at=MORNING, language="en", wrong=True))
    assert [one["alarm"]["metric"] for one in home.said] == ["disagreement"]


def test_how_sure_the_model_is_is_held_against_its_first_turns_here() -> None:
    home = Home()
    known = said().hypothesis
    assert known is not None
    percentiles = home.learned.knowledge.percentiles
    percentiles.accept(known.model)
    for at in range(200):
        percentiles.observe(scale_of(known), replace(known, tokens=_tokens(-0.001 * at)))
    for at in range(200):
        home.hear(_sounding(-0.001 * (at * 37 % 200)))
    rows = {one["metric"]: one for one in home.watch.told()["metrics"]}
    assert rows["confidence"]["before"] == pytest.approx(0.5, abs=0.05)
    assert rows["risk"]["reference_turns"] == 100
    for at in range(100):
        home.hear(_sounding(-0.3 - 0.001 * at))
    assert "confidence" in {one["alarm"]["metric"] for one in home.said}


def test_what_a_service_takes_is_apart_from_what_the_hub_takes() -> None:
    home = Home()
    for at in range(400):
        home.hear(text_ms=400.0 + 0.5 * (at % 50), cloud_ms=200.0 + 20.0 * (at % 10))
    for _ in range(60):
        home.hear(text_ms=2400.0, cloud_ms=2200.0)
    (event,) = home.said
    assert "waited longer than" in event["alarm"]["message"]
    assert event["alarm"]["cause"] == "cloud"


def test_the_owners_own_settings_are_no_drift() -> None:
    home = Home()
    home.over(200)
    home.settings = replace(QUICK, endpoint=EndpointSettings(long_hold_seconds=1.5))
    home.over(200, text_ms=1200.0)
    assert home.said == []
    home.settings = replace(home.settings, threshold=ThresholdSettings(target_error=0.2))
    for _ in range(200):  # twice as much is asked, of the same speech
        found = said(logit=home.usual)
        assert found.interpretation is not None
        limit = replace(found.interpretation.decision, threshold=replace(WITHIN, logit=-5.0))
        home.hear(replace(found, interpretation=replace(found.interpretation, decision=limit)))
    assert home.said == []


def test_a_satellite_is_named_to_the_owner_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    home = Home()
    home.over(300)
    for at in range(150):
        home.worse(1, satellite="nursery") if at % 2 else home.hear()
    (event,) = home.said
    assert (event["alarm"]["cause"], event["alarm"]["subject"]) == ("new-satellite", "nursery")
    assert "'nursery'" in event["alarm"]["message"]
    asyncio.run(home.watch.save())
    for written in (json.dumps(home.states.states), str(home.incidents), caplog.text):
        assert "nursery" not in written
        assert "turn-" not in written
    home.watch.forget_satellites("nursery")
    assert "nursery" not in str(home.watch.told())


async def test_a_restart_changes_nothing() -> None:
    home = Home()
    await home.watch.begin()
    home.over(200)
    home.worse(60)
    await home.watch.save()
    again = Home(states=home.states)
    await again.watch.begin()
    before, after = home.watch.told(), again.watch.told()
    assert before == after
    assert again.said == []


async def test_other_listening_settings_at_a_restart_are_no_drift() -> None:
    home = Home()
    await home.watch.begin()
    home.over(200)
    await home.watch.save()
    again = Home(replace(QUICK, endpoint=EndpointSettings(long_hold_seconds=1.5)), home.states)
    await again.watch.begin()
    assert {one["metric"] for one in again.watch.told()["metrics"]} == {"escalation"}


@pytest.mark.parametrize("state", [{"version": 9}, {}, {"languages": 7}, {"languages": ["en", 7, None]}])
async def test_what_cannot_be_taken_up_is_learned_anew(state: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    states = Droppable(states={INDEX: state, f"{INDEX}/en": {"version": 2}})
    home = Home(states=states)
    await home.watch.begin()
    assert home.status["state"] == "learning"
    home.over(5)


async def test_a_full_disk_costs_the_memory_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    home = Home(states=Droppable(full=True))
    home.over(200)
    await home.watch.save()
    assert "is not saved" in caplog.text
    assert (await home.watch.accept(None))["state"] == "steady"  # it is taken, and not kept
    home.states.full = False
    await home.watch.save()
    assert f"{INDEX}/en" in home.states.states


async def test_a_save_that_the_servers_end_cuts_short_is_made_up_for() -> None:
    slow = Slow()
    home = Home(states=slow)
    home.hear(replace(said(), language="de"))
    home.hear(said())
    saving = asyncio.create_task(home.watch.save())
    await slow.begun.wait()
    saving.cancel()
    await asyncio.gather(saving, return_exceptions=True)
    assert len(slow.states) == 1
    await home.watch.save()
    assert slow.states.keys() == {INDEX, f"{INDEX}/en", f"{INDEX}/de"}


async def test_languages_that_are_forgotten_while_they_are_saved_are_gone_after_the_next_save() -> None:
    slow = Slow()
    home = Home(states=slow)
    home.hear(replace(said(), language="de"))
    home.hear(said())
    saving = asyncio.create_task(home.watch.save())
    await slow.begun.wait()
    home.watch.forget_learned()
    await saving
    await home.watch.save()
    assert slow.states.keys() == {INDEX}


async def test_an_alarm_is_saved_at_once_and_the_rest_when_it_ends() -> None:
    home = Home()
    task = asyncio.create_task(home.watch.run())
    home.over(200)
    await asyncio.sleep(0)
    assert home.states.states == {}
    home.worse(60)
    for _ in range(20):
        await asyncio.sleep(0)
    assert home.states.states[f"{INDEX}/en"]["raised"]
    home.over(10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert home.states.states[f"{INDEX}/en"]["steps"] == 270


async def test_what_was_learned_is_forgotten_for_good() -> None:
    home = Home()
    home.over(200)
    await home.watch.save()
    home.watch.forget_learned()
    await home.watch.save()
    assert home.states.states[INDEX]["languages"] == []
    assert f"{INDEX}/en" not in home.states.states
    assert home.status == {"state": "learning", "turns_to_go": 100, "alarms": []}


async def test_languages_are_bounded_and_those_that_go_are_dropped() -> None:
    home = Home()
    for number in range(12):
        one = said()
        home.hear(replace(one, language=f"l{number}"))
        await home.watch.save()
    assert home.states.states[INDEX]["languages"] == [f"l{number}" for number in range(4, 12)]
    assert len(home.states.states) == 9


@pytest.mark.parametrize("days", [-366, 366])
def test_a_clock_that_jumps_a_year_raises_nothing(days: int) -> None:
    home = Home()
    home.over(200)
    home.turns += days * 24 * 60
    home.over(100)
    assert home.status["state"] == "steady"
    home.worse(60)
    (alarm,) = home.status["alarms"]
    assert alarm["since"] <= alarm["at"]


def _tokens(log_probability: float) -> tuple[Token, ...]:
    return tuple(Token(text=" on", log_probability=log_probability, entropy=0.1, margin=0.9) for _ in range(4))


def _sounding(log_probability: float) -> Outcome:
    one = said(logit=SURE)
    assert one.interpretation is not None
    hypothesis = replace(one.interpretation.hypothesis, tokens=_tokens(log_probability))
    return replace(one, hypothesis=hypothesis, interpretation=replace(one.interpretation, hypothesis=hypothesis))
