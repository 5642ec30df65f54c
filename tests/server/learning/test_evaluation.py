import json
import math

import numpy as np
import pytest

from wyoming_server.learning.evaluation import (
    CERTAIN,
    SHARES,
    Verdict,
    evaluate,
    length_bucket,
    snr_bucket,
)


def verdicts(count: int, *, seed: int = 0, error: float = 0.2) -> list[Verdict]:
    """Turns whose log-odds are honest, and whose log-probability is a worse view of the same."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(math.log(error / (1 - error)), 2.0, count)
    wrong = generator.random(count) < 1 / (1 + np.exp(-logits))
    seen = logits + generator.normal(0, 2.0, count)
    return [
        Verdict(
            logit=float(logits[index]),
            avg_logprob=-float(np.exp(seen[index])),
            wrong=bool(wrong[index]),
            group=(index // 4, "voice"),
            kinds={"language": "en" if index % 2 else "de", "snr": snr_bucket(float(index % 30)), "length": "1.5-3"},
        )
        for index in range(count)
    ]


def test_the_json_has_the_keys_that_are_promised_and_only_finite_numbers() -> None:
    told = evaluate(verdicts(400), target_error=0.03, seed=1, rounds=100).json()
    assert set(told) >= {"turns", "error_rate", "escalation_rate", "auroc", "aurc", "caught_at", "by"}
    assert set(told["auroc"]) == {"risk", "avg_logprob"}
    assert set(told["aurc"]) == {"risk", "avg_logprob", "oracle"}
    assert list(told["caught_at"]) == [f"{share:g}" for share in SHARES]
    assert set(told["caught_at"]["0.15"]) == {"risk", "avg_logprob", "random", "oracle"}
    assert list(told["by"]["snr"]) == [">=20", "12-20", "6-12", "<6"]
    assert set(told["by"]["language"]) == {"en", "de"}
    assert "NaN" not in json.dumps(told)
    assert "Infinity" not in json.dumps(told)


def test_the_json_has_no_dust_of_rounding() -> None:
    """The interval of no errors among some numbers of turns starts at 7e-18 in floats."""
    told = [evaluate(verdicts(10 * size, error=0.01), target_error=0.03, seed=1, rounds=10) for size in range(5, 40)]
    assert any(0 < one.low < 1e-9 for found in told for one in found.bins), "this tests nothing"
    assert [found for found in told if "e-" in json.dumps(found.json()["reliability"])] == []


def test_parts_add_up_to_the_whole() -> None:
    found = evaluate(verdicts(400), target_error=0.03, seed=1, rounds=100)
    for parts in found.parts.values():
        assert sum(one.turns for one in parts.values()) == 400
        assert sum(one.wrong for one in parts.values()) == found.whole.wrong
        accepted_errors = sum(one.there.error * one.turns for one in parts.values())
        assert accepted_errors == pytest.approx(found.whole.there.error * 400)


def test_the_threshold_spends_what_the_owner_allows_and_no_more() -> None:
    """Honest log-odds: the plug-in curve's mean risk is the error that comes."""
    found = evaluate(verdicts(5000, seed=3), target_error=0.03, seed=1, rounds=100)
    assert 0.022 < found.whole.there.error < 0.038
    stricter = evaluate(verdicts(5000, seed=3), target_error=0.01, seed=1, rounds=100)
    assert stricter.threshold < found.threshold
    assert stricter.whole.there.escalation > found.whole.there.escalation
    assert found.threshold == pytest.approx(1 / (1 + math.exp(-found.threshold_logit)))


def test_the_better_score_is_told_better_and_its_probabilities_honest() -> None:
    told = evaluate(verdicts(3000, seed=5), target_error=0.03, seed=1, rounds=100).json()
    assert told["auroc"]["risk"] > told["auroc"]["avg_logprob"] > 0.5
    assert told["excess_aurc"]["risk"] < told["excess_aurc"]["avg_logprob"]
    assert told["bootstrap"]["risk_minus_avg_logprob"]["auroc"]["low"] > 0
    assert told["bootstrap"]["groups"] == 750
    assert told["ece"] < 0.03
    curve = told["curve"]
    assert curve["escalated"][0] == 0
    assert curve["risk"][0] == pytest.approx(told["edge_error_rate"], rel=1e-5)
    assert curve["risk"][-1] == 0
    assert all(best <= mine + 1e-9 for best, mine in zip(curve["oracle"], curve["risk"], strict=True))


def test_the_same_seed_gives_the_same_figures() -> None:
    first, again, other = (
        evaluate(verdicts(200), target_error=0.03, seed=seed, rounds=100).json() for seed in (4, 4, 5)
    )
    assert first == again
    assert first["bootstrap"] != other["bootstrap"]


@pytest.mark.parametrize(("wrong", "said"), [(False, "wrong"), (True, "right")])
def test_when_all_texts_are_alike_auroc_is_undefined_and_that_is_said(wrong: bool, said: str) -> None:
    alike = [Verdict(logit=float(x), avg_logprob=-float(x), wrong=wrong, group=x) for x in range(60)]
    found = evaluate(alike, target_error=0.03, seed=0, rounds=100)
    told = found.json()
    assert told["auroc"] == {"risk": None, "avg_logprob": None}
    assert told["bootstrap"]["risk_minus_avg_logprob"]["auroc"] is None
    assert f"None of the texts is {said}" in told["notes"][0]


def test_what_a_rule_calls_wrong_is_never_accepted() -> None:
    found = evaluate(
        [Verdict(logit=CERTAIN if x < 30 else -9.0, avg_logprob=-0.1, wrong=x < 30, group=x) for x in range(200)],
        target_error=0.03,
        seed=0,
        rounds=100,
    )
    assert found.whole.there.escalation == pytest.approx(0.15)
    assert found.whole.there.error == 0


def test_a_target_that_no_turn_meets_accepts_nothing() -> None:
    hopeless = [Verdict(logit=2.0, avg_logprob=-1.0, wrong=x % 5 > 0, group=x) for x in range(100)]
    told = evaluate(hopeless, target_error=0.001, seed=0, rounds=100).json()
    assert (told["escalation_rate"], told["error_rate"], told["accepted_error_rate"]) == (1.0, 0.0, None)
    assert told["threshold"] == {"value": 0.0, "logit": None}


def test_buckets_hold_their_lower_edge() -> None:
    assert [snr_bucket(db) for db in (35.0, 20.0, 19.9, 12.0, 6.0, 5.9, -20.0, None)] == [
        ">=20", ">=20", "12-20", "12-20", "6-12", "<6", "<6", "unknown",
    ]  # fmt: skip
    assert [length_bucket(s) for s in (0.0, 0.69, 0.7, 1.5, 3.0, 5.9, 6.0)] == [
        "<0.7", "<0.7", "0.7-1.5", "1.5-3", "3-6", "3-6", ">6",
    ]  # fmt: skip
