"""A sample of the proof that good bundles stay and bad ones go."""

from . import false_rollbacks as proof


def test_good_canaries_stay_and_much_worse_ones_go_soon() -> None:
    cases = {case.name: case for case in proof.CASES}
    good = proof.held(cases["as good"], canaries=3, seed=1)
    worse = proof.held(cases["everything doubled"], canaries=3, seed=1)
    assert good == proof.Result(canaries=3, rolled_back=0, median_turns=None)
    assert worse.rolled_back == 3
    assert worse.median_turns is not None
    assert worse.median_turns < proof.MOST_TURNS


def test_a_bound_that_is_not_kept_is_found_out() -> None:
    quick = proof.Result(canaries=100, rolled_back=100, median_turns=100)
    results = {case.name: quick for case in proof.CASES}
    assert len(proof.misses(results)) == 2
    slow = results | {proof.DOUBLED: proof.Result(canaries=100, rolled_back=40, median_turns=None)}
    assert len(proof.misses(slow)) == 3
