"""What outlives a restart."""

import json
from typing import Any

import pytest

from tests.server.learning.drift_streams import QUICK, STEADY, WORSE, Told
from wyoming_server.errors import SnapshotError
from wyoming_server.learning.drift_snapshot import restored, snapshot_of


def written(told: Told) -> Any:
    return json.loads(json.dumps(snapshot_of(told.drift), allow_nan=False))


@pytest.mark.parametrize("many", [0, 120, 1300])
def test_a_restart_changes_nothing(many: int) -> None:
    told = Told()
    told.over(STEADY, many)
    again = Told(restored(written(told), QUICK))
    again.turns = told.turns
    told.over(WORSE, 500, seed=2)
    again.over(WORSE, 500, seed=2)
    assert again.alarms == told.alarms
    assert written(again) == written(told)


def test_an_alarm_outlives_a_restart_and_settles_after_it() -> None:
    told = Told()
    told.over(STEADY, 1300)
    told.over(WORSE, 300)
    again = Told(restored(written(told), QUICK))
    assert again.drift.alarms == told.drift.alarms
    again.over(STEADY, 800, until=lambda now: bool(now.settled))
    assert [one.figure for one in again.settled] == ["risky"]


def test_it_is_small() -> None:
    told = Told()
    told.over(STEADY, 299)
    assert len(json.dumps(snapshot_of(told.drift))) < 60_000


def damaged(state: Any, *path: Any, value: Any) -> Any:
    at = state
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return state


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("language",), 7),
        (("steps",), -1),
        (("heard",), {"base": "yes"}),
        (("references", "risky", "mean"), 2.0),
        (("references", "risky", "clumping"), 0.5),
        (("references", "unknown"), {}),
        (("detectors", "risky", "evidence"), [1.0]),
        (("detectors", "risky", "evidence"), "much"),
        (("detectors", "risky", "evidence", 0), None),
        (("detectors", "risky", "climb", 1), -1.0),
        (("detectors",), {}),
        (("gathering",), [["base"]]),
        (("gathering",), [["base", {"risky": [[1.0, 2]]}]]),
        (("raised", "risky", "alarm", "cause"), "sabotage"),
        (("references",), {}),
    ],
)
def test_what_is_damaged_is_refused_by_name(path: tuple[Any, ...], value: Any) -> None:
    told = Told()
    told.over(STEADY, 1300)
    told.over(WORSE, 300)
    with pytest.raises(SnapshotError):
        restored(damaged(written(told), *path, value=value), QUICK)


@pytest.mark.parametrize("state", [None, [], "drift", {}])
def test_what_is_no_snapshot_is_refused(state: Any) -> None:
    with pytest.raises(SnapshotError):
        restored(state, QUICK)
