"""Measurements → the model, threads and context that fit."""

import pytest

from wyoming_server.bundles.choice import Choice, Measurement, choose

GIB = 1 << 30
FAST = {"tiny": 20, "base": 40, "small": 110}
SHORT_ONLY = {"tiny": 60, "base": 180}


def measured(model: str, threads: int, floor: int, p95_ms: float) -> Measurement:
    return Measurement(model=model, threads=threads, context_floor_frames=floor, p50_ms=p95_ms * 0.9, p95_ms=p95_ms)


def machine(full: dict[str, float], threads: dict[int, float], short: float = 0.6) -> list[Measurement]:
    """Return measurements: size → ms at one thread and full context, threads → speed-up, short context → its share."""
    return [
        measured(model, count, floor, milliseconds / speed_up * share)
        for model, milliseconds in full.items()
        for count, speed_up in threads.items()
        for floor, share in ((1000, 1.0), (300, short))
    ]


@pytest.mark.parametrize(
    ("name", "measurements", "memory", "expected"),
    [
        ("fast hub", machine(FAST, {1: 1, 2: 1.8, 4: 3}), 8 * GIB, ("small", 4, 1000)),
        ("fast hub with little memory", machine(FAST, {1: 1, 2: 1.05}), GIB, ("base", 1, 1000)),
        ("hub with next to no memory", machine(FAST, {1: 1}), GIB // 4, ("tiny", 1, 1000)),
        ("hub whose base fits short only", machine(SHORT_ONLY, {1: 1}), 4 * GIB, ("base", 1, 300)),
        ("hub whose base fits with threads", machine(SHORT_ONLY, {1: 1, 2: 1.6}), 4 * GIB, ("base", 2, 1000)),
        ("hub whose second core brings little", machine({"tiny": 50}, {1: 1, 2: 1.05}), 4 * GIB, ("tiny", 1, 1000)),
        ("slow hub", machine({"tiny": 150}, {1: 1, 2: 1.1}), 4 * GIB, ("tiny", 2, 300)),
        ("hub on which nothing fits", machine({"tiny": 900}, {1: 1, 4: 2}), 4 * GIB, ("tiny", 4, 300)),
        ("hub that could not be measured", [], 4 * GIB, ("tiny", 1, 1000)),
    ],
)
def test_the_choice_fits_the_machine(
    name: str, measurements: list[Measurement], memory: int, expected: tuple[str, int, int]
) -> None:
    choice = choose(measurements, memory)
    assert (choice.model, choice.threads, choice.context_floor_frames) == expected, choice.reason


def test_a_home_that_speaks_english_only_gets_the_english_model() -> None:
    assert choose(machine(FAST, {1: 1}), GIB, english_only=True).model == "base.en"
    assert choose([], GIB, english_only=True).model == "tiny.en"


def test_when_nothing_fits_the_reason_says_that_answers_come_late() -> None:
    assert "late" in choose(machine({"tiny": 900}, {1: 1}), GIB).reason


def test_the_budget_is_what_decides() -> None:
    measurements = machine({"tiny": 40, "base": 110}, {1: 1})
    assert choose(measurements, 4 * GIB, budget_ms=111).model == "base"
    assert choose(measurements, 4 * GIB, budget_ms=50).model == "tiny"


def test_a_choice_is_checked_at_birth() -> None:
    with pytest.raises(ValueError, match="threads"):
        Choice(model="tiny", threads=0)
