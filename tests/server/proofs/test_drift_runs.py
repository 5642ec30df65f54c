"""A sample of the proof that drift is told of, and what does not drift is not."""

from dataclasses import replace

from . import drift_runs as proof

CASES = {case.name: case for case in proof.CASES}


def test_a_home_that_changes_is_told_of_with_its_cause() -> None:
    found = proof.ran(CASES["another service, slower"], homes=1, turns=150, seed=1, before=1400)
    assert (found.told, found.metrics, found.causes) == (1, {"latency": 1}, {"cloud": 1})
    assert found.median_delay is not None
    assert found.median_delay < 200


def test_a_home_that_stays_as_it_is_is_not_and_another_target_is_no_drift() -> None:
    case = replace(CASES["the owner doubles the target"])
    assert proof.ran(case, homes=1, turns=500, seed=2, before=1300).alarms == 0


def test_what_is_not_as_promised_is_found_out() -> None:
    quiet = proof.Result(
        homes=10, turns=80_000, alarms=0, told=0, median_delay=None, metrics={}, causes={}, median_us=50.0, p99_us=90.0
    )
    told = {
        name: replace(quiet, told=10, median_delay=50.0, causes={case.cause: 9}) if case.cause else quiet
        for name, case in CASES.items()
    }
    assert proof.misses(told) == []
    broken = {
        "nothing changes": replace(quiet, alarms=40),
        "louder rooms": replace(quiet, told=3, causes={"noise": 3}),
        "the hub is slower": replace(quiet, told=10, median_delay=50.0, causes={"cloud": 10}),
        "nothing changes, no audits": replace(quiet, median_us=300.0),
    }
    assert len(proof.misses(told | broken)) == 4
