"""What a change most likely comes from."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from wyoming_server.learning.drift_alarm import Alarm, Cause, message
from wyoming_server.learning.drift_causes import Witness, Witnesses
from wyoming_server.learning.drift_figures import Seen
from wyoming_server.learning.drift_reference import Reference

SINCE = 1000.0
ALARM = Alarm(figure="risky", language="en", since_s=SINCE, at_s=1200.0, before=0.2, now=0.5, turns=200, e_value=1e5)
KNOWN = Reference(model="base", turns=1000, mean=0.2, deviation=0.4, told=0.2, limit=0.0)
type Change = Callable[[Witness, float], Witness]


def seen(*, is_bad: bool, figure: str = "risky") -> dict[str, Seen]:
    return {figure: Seen(1.0 if is_bad else -1.0)}


def witnesses(change: Change, *, figure: str = "risky", before: int = 500, since: int = 200) -> Witnesses:
    """Return turns of three rooms, of which the last ones are changed; `change` is given chance, too."""
    chance, found = np.random.default_rng(5), Witnesses()
    for at in range(before + since):
        is_late = at >= before
        one = Witness(
            at_s=SINCE + (at - before),
            language="en",
            satellite=f"room-{at % 3}",
            model="base",
            lane="cloud",
            snr_db=float(chance.normal(20.0, 4.0)),
            told=seen(is_bad=bool(chance.random() < 0.2), figure=figure),
        )
        found.add(change(one, float(chance.random())) if is_late else one)
    return found


def test_a_new_satellite_is_named_and_its_name_is_not_for_the_store() -> None:
    def change(one: Witness, drawn: float) -> Witness:
        return replace(one, satellite="garage", told=seen(is_bad=True)) if drawn < 0.4 else one

    alarm = witnesses(change).explained(ALARM, KNOWN)
    assert (alarm.cause, alarm.subject) == (Cause.NEW_SATELLITE, "garage")
    assert "'garage'" in message(alarm)
    assert "garage" not in message(alarm.public())
    assert "garage" not in str(alarm.for_store())


def test_a_satellite_that_is_new_and_no_worse_is_no_cause() -> None:
    def change(one: Witness, drawn: float) -> Witness:
        return replace(one, satellite="garage" if drawn < 0.3 else one.satellite, told=seen(is_bad=drawn * 7 % 1 < 0.5))

    assert witnesses(change).explained(ALARM, KNOWN).cause is Cause.UNKNOWN


def test_louder_rooms_are_noise_at_the_one_that_grew_loudest() -> None:
    def change(one: Witness, drawn: float) -> Witness:
        if one.satellite != "room-1":
            return one
        return replace(one, snr_db=6.0, told=seen(is_bad=drawn < 0.9))

    alarm = witnesses(change).explained(ALARM, KNOWN)
    assert (alarm.cause, alarm.subject) == (Cause.NOISE, "room-1")


def test_speech_that_may_be_another_language_is_the_language() -> None:
    def change(one: Witness, drawn: float) -> Witness:
        return replace(one, is_foreign=True, told=seen(is_bad=True)) if drawn < 0.35 else one

    assert witnesses(change).explained(ALARM, KNOWN).cause is Cause.LANGUAGE


def test_a_model_that_came_with_the_change_is_the_bundle() -> None:
    def change(one: Witness, drawn: float) -> Witness:
        return replace(one, model="home-en@1.2.0", told=seen(is_bad=drawn < 0.5, figure="own_time"))

    alarm = replace(ALARM, figure="own_time", limit=0.0)
    found = witnesses(change, figure="own_time").explained(alarm, KNOWN)
    assert (found.cause, found.subject) == (Cause.BUNDLE, "home-en@1.2.0")


def test_a_lane_that_came_with_the_change_is_the_cloud() -> None:
    def change(one: Witness, drawn: float) -> Witness:
        return replace(one, lane="cheaper", told=seen(is_bad=drawn < 0.5, figure="lane_time"))

    alarm = replace(ALARM, figure="lane_time")
    found = witnesses(change, figure="lane_time").explained(alarm, KNOWN)
    assert (found.cause, found.subject) == (Cause.CLOUD, "cheaper")


def test_waiting_longer_for_the_same_lane_is_that_lane() -> None:
    def change(one: Witness, drawn: float) -> Witness:
        return replace(one, told=seen(is_bad=drawn < 0.6, figure="lane_time"))

    found = witnesses(change, figure="lane_time").explained(replace(ALARM, figure="lane_time"), KNOWN)
    assert (found.cause, found.subject) == (Cause.CLOUD, "cloud")


def test_what_hits_all_alike_has_no_cause_that_is_known() -> None:
    def change(one: Witness, drawn: float) -> Witness:
        return replace(one, told=seen(is_bad=drawn < 0.5))

    assert witnesses(change).explained(ALARM, KNOWN) == ALARM


@pytest.mark.parametrize("model", ["base", "other"])
def test_after_a_restart_only_the_model_can_be_told_apart(model: str) -> None:
    def change(one: Witness, drawn: float) -> Witness:
        return replace(one, satellite="garage", model=model, told=seen(is_bad=True))

    found = witnesses(change, before=3).explained(ALARM, KNOWN)
    assert found.cause is (Cause.UNKNOWN if model == "base" else Cause.BUNDLE)


def test_a_satellite_that_is_forgotten_explains_nothing() -> None:
    def change(one: Witness, drawn: float) -> Witness:
        return replace(one, satellite="garage", told=seen(is_bad=True)) if drawn < 0.4 else one

    found = witnesses(change)
    found.forget("garage")
    assert found.explained(ALARM, KNOWN).cause is Cause.UNKNOWN
    found.forget()
    assert found.explained(ALARM, KNOWN) == ALARM
