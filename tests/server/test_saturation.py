"""How busy the machine is, by its real counters."""

import time

import psutil
import pytest

from wyoming_server.saturation import LEAST_SECONDS, Resources, Saturation


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def burn(cpu_seconds: float) -> None:
    until_s = time.process_time() + cpu_seconds
    while time.process_time() < until_s:
        pass


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_shares_are_shares_from_the_first_sample_on(clock: Clock) -> None:
    found = Saturation(clock).sample()
    shares = (found.cpu_percent, found.process_cpu_percent, found.memory_percent, found.process_memory_percent)
    assert all(0.0 <= share <= 100.0 for share in shares)
    assert 0.0 < found.memory_mb < psutil.virtual_memory().total / 1e6
    assert found.process_memory_percent == pytest.approx(100.0 * found.memory_mb * 1e6 / psutil.virtual_memory().total)


def test_what_this_process_burns_is_its_share_of_all_cores(clock: Clock) -> None:
    saturation = Saturation(clock)
    saturation.sample()
    burn(0.2)
    clock.now_s += 10.0
    busy = saturation.sample()
    clock.now_s += 10.0
    idle = saturation.sample()
    expected = 100.0 * 0.2 / (10.0 * (psutil.cpu_count() or 1))
    assert busy.process_cpu_percent >= 0.9 * expected
    assert idle.process_cpu_percent < busy.process_cpu_percent / 2
    assert busy.cpu_percent > 0.0


def test_asked_again_at_once_the_figures_stay(clock: Clock) -> None:
    saturation = Saturation(clock)
    first = saturation.sample()
    burn(0.05)
    clock.now_s += LEAST_SECONDS / 2
    assert saturation.sample() is first
    clock.now_s += LEAST_SECONDS / 2
    assert saturation.sample() is not first


def test_a_clock_that_stands_still_divides_by_nothing(clock: Clock) -> None:
    assert Saturation(clock).sample().process_cpu_percent == 0.0


def test_it_is_told_as_the_contract_names_it() -> None:
    found = Resources(
        cpu_percent=12.04,
        process_cpu_percent=3.0,
        memory_percent=41.06,
        process_memory_percent=2.0,
        memory_mb=210.04,
    )
    assert found.told() == {"cpu_percent": 12.0, "memory_percent": 41.1, "memory_mb": 210.0}
