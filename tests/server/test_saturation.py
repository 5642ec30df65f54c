"""How busy the machine is, by its real counters; and when it strains, minute by minute."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from wyoming_server.saturation import LATE_SECONDS, LEAST_SECONDS, LOOK_SECONDS, TICK_SECONDS, Resources, Saturation
from wyoming_server.strain import STRAINS, WINDOW_SECONDS, Moment, Strain, strains_of
from wyoming_server.throttling import Throttle, Throttling


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@dataclass(slots=True, kw_only=True)
class Line:
    """What stands before a recogniser, as the test says."""

    waiting: int = 0
    limit: int = 16
    workers: int = 1
    busy_seconds: float = 0.0


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
    assert Saturation(clock, Line(busy_seconds=3.0)).sample().process_cpu_percent == 0.0


def test_it_is_told_as_the_contract_names_it() -> None:
    found = Resources(
        cpu_percent=12.04,
        process_cpu_percent=3.0,
        memory_percent=41.06,
        process_memory_percent=2.0,
        memory_mb=210.04,
        throttling=Throttling(is_hot=True),
        decode_busy=0.81234,
        waiting=3,
        most_waiting=16,
        strains=(named("heat"), named("queue")),
    )
    assert found.told() == {
        "cpu_percent": 12.0,
        "memory_percent": 41.1,
        "memory_mb": 210.0,
        "throttled": True,
        "decode_busy": 0.812,
        "waiting": 3,
        "most_waiting": 16,
        "saturated": True,
        "reason": f"{named('heat').sentence} {named('queue').sentence}",
    }


def test_a_machine_that_does_not_tell_is_not_said_to_be_well(clock: Clock) -> None:
    saturation = Saturation(clock, Line())
    saturation.look(None)
    assert saturation.sample().told()["throttled"] is None


def test_the_recognisers_share_is_of_the_last_minute_and_of_all_its_threads(clock: Clock) -> None:
    line = Line(workers=2)
    saturation = Saturation(clock, line)
    for _ in range(40):
        clock.now_s += LOOK_SECONDS
        line.busy_seconds += LOOK_SECONDS
        saturation.look()
    assert saturation.sample().decode_busy == pytest.approx(0.5)
    for _ in range(13):
        clock.now_s += LOOK_SECONDS
        saturation.look()
    assert saturation.sample().decode_busy == 0.0


def test_it_strains_after_a_minute_of_it_warns_and_is_over_only_well_below(clock: Clock) -> None:
    line = Line()
    saturation = Saturation(clock, line)

    def after(seconds: float, busy: float) -> set[str]:
        found: tuple[Strain, ...] = ()
        for _ in range(round(seconds / LOOK_SECONDS)):
            clock.now_s += LOOK_SECONDS
            line.busy_seconds += busy * LOOK_SECONDS
            found = saturation.look()
        return {one.code for one in found} & {"decoding"}

    assert after(30.0, busy=1.0) == set()  # loading a model is hard work, too
    assert after(40.0, busy=1.0) == {"decoding"}
    (warning,) = saturation.warnings()
    assert warning["code"] == "hub-saturated"
    assert "edge-voice tune" in warning["message"]
    assert after(120.0, busy=0.7) == {"decoding"}
    assert after(120.0, busy=0.5) == set()
    assert after(120.0, busy=0.7) == set()


WINDOW = tuple(map(float, range(0, int(WINDOW_SECONDS) + 1, 5)))
STRAINED: dict[str, Callable[[float], Moment]] = {
    "supply": lambda at_s: Moment(at_s=at_s, undersupplied=True),
    "heat": lambda at_s: Moment(at_s=at_s, hot=True),
    "memory": lambda at_s: Moment(at_s=at_s, memory=0.97),
    "decoding": lambda at_s: Moment(at_s=at_s, decode_s=0.9 * at_s),
    "queue": lambda at_s: Moment(at_s=at_s, waiting=0.7),
    "processor": lambda at_s: Moment(at_s=at_s, cpu=0.95),
    "loop": lambda at_s: Moment(at_s=at_s, late=0.5),
}


@pytest.mark.parametrize("code", STRAINED)
def test_each_strain_is_seen_for_itself(code: str) -> None:
    assert [one.code for one in strains_of([*map(STRAINED[code], WINDOW)], 1, before=())] == [code]
    assert strains_of([Moment(at_s=at_s) for at_s in WINDOW], 1, before=STRAINS) == ()


def test_every_row_ends_below_where_it_begins_and_says_the_cure() -> None:
    assert all(one.leaves < one.enters for one in STRAINS)
    assert {one.code for one in STRAINS} == set(STRAINED)
    assert all(": " in one.sentence and one.sentence.endswith(".") for one in STRAINS)


async def test_its_task_feels_the_loops_pulse_and_tells_when_the_hub_begins_to_strain_and_ends(clock: Clock) -> None:
    line, told = Line(waiting=12), list[str]()
    saturation = Saturation(clock, line, Throttle(Path("nowhere")))
    ended = asyncio.Event()
    late_s = 2 * LATE_SECONDS

    async def sleep(seconds: float) -> None:
        clock.now_s += seconds + late_s
        if clock.now_s > 200.0:
            line.waiting = 0
        if clock.now_s > 400.0:
            ended.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(saturation.run(lambda code, _: told.append(code), sleep=sleep))
    await ended.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert saturation.sample().lag_seconds == pytest.approx(late_s)
    assert {"queue", "loop"} <= set(told)


def named(code: str) -> Strain:
    return next(one for one in STRAINS if one.code == code)


# What the kernel shows.


def shows(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


PI = "devices/platform/soc/soc:firmware/get_throttled"
PI_5 = "devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"


@pytest.mark.parametrize("place", [PI, PI_5])
@pytest.mark.parametrize(
    ("says", "hot", "weak"),
    [("0", False, False), ("50005", False, True), ("4\n", True, False), ("8", True, False), ("f0000", False, False)],
)
def test_a_raspberry_pi_says_whether_it_is_hot_or_starved_now(
    tmp_path: Path, place: str, says: str, *, hot: bool, weak: bool
) -> None:
    shows(tmp_path, **{place: says})
    assert Throttle(tmp_path).read() == Throttling(is_hot=hot, is_undersupplied=weak)


def test_a_pi_whose_kernel_has_only_its_voltage_says_so_too(tmp_path: Path) -> None:
    shows(tmp_path, **{"class/hwmon/hwmon1/name": "rpi_volt\n", "class/hwmon/hwmon1/in0_lcrit_alarm": "1\n"})
    shows(tmp_path, **{"class/hwmon/hwmon2/name": "nvme\n", "class/hwmon/hwmon2/in0_lcrit_alarm": "1\n"})
    assert Throttle(tmp_path).read() == Throttling(is_undersupplied=True)


def test_an_x86_is_hot_while_its_counters_grow(tmp_path: Path) -> None:
    counter = "devices/system/cpu/cpu0/thermal_throttle/package_throttle_count"
    throttle = Throttle(tmp_path)
    found = []
    for count in ("41", "41", "42", "42"):
        shows(tmp_path, **{counter: count})
        found.append(throttle.read() == Throttling(is_hot=True))
    assert found == [False, False, True, False]


def test_what_slows_the_processor_counts_and_a_fan_does_not(tmp_path: Path) -> None:
    shows(tmp_path, **{"class/thermal/cooling_device0/type": "pwm-fan", "class/thermal/cooling_device0/cur_state": "3"})
    assert Throttle(tmp_path).read() is None
    shows(tmp_path, **{"class/thermal/cooling_device1/type": "cpufreq-cpu0"})
    shows(tmp_path, **{"class/thermal/cooling_device1/cur_state": "2"})
    assert Throttle(tmp_path).read() == Throttling(is_hot=True)


def test_a_ceiling_that_was_lowered_counts_only_where_nothing_else_tells(tmp_path: Path) -> None:
    ceiling = "devices/system/cpu/cpufreq/policy0/scaling_max_freq"
    throttle = Throttle(tmp_path)
    shows(tmp_path, **{ceiling: "2400000"})
    assert throttle.read() == Throttling()
    shows(tmp_path, **{ceiling: "1500000"})
    assert throttle.read() == Throttling(is_hot=True)
    shows(tmp_path, **{"class/thermal/cooling_device1/type": "thermal-cpufreq-0"})
    shows(tmp_path, **{"class/thermal/cooling_device1/cur_state": "0"})
    assert throttle.read() == Throttling()


@pytest.mark.parametrize("says", ["", "garbage", "\xff\xfe", "-"])
def test_what_cannot_be_read_says_nothing(tmp_path: Path, says: str) -> None:
    shows(tmp_path, **{PI: says})
    assert Throttle(tmp_path).read() is None


def test_a_pulse_tick_is_longer_than_what_counts_as_late() -> None:
    assert LATE_SECONDS < TICK_SECONDS < LOOK_SECONDS
