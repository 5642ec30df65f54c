"""Whether the machine slows its processor because of heat or a weak supply, as its kernel shows in sysfs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SYSFS = Path("/sys")
_FIRMWARE = ("devices/platform/soc/*firmware/get_throttled", "devices/platform/soc@*/*firmware/get_throttled")
"""The Raspberry Pi's own word, a number in hex: bits 0 to 3 are of now, 16 to 19 of some time since it was started."""
_WEAK_SUPPLY, _SLOWED = 0x1, 0xE
_SUPPLY_ALARMS = "class/hwmon/hwmon*/in0_lcrit_alarm"
"""Likewise where the kernel has the Pi's voltage (`rpi_volt`) and not the number."""
_COUNTERS = "devices/system/cpu/cpu*/thermal_throttle/*_throttle_count"
"""Of x86: how often a core or its package got too hot."""
_COOLING = "class/thermal/cooling_device*/type"
_SLOWS = ("Processor", "cpufreq", "thermal-cpufreq")
"""What a cooling device is called that slows the processor, rather than turning a fan."""
_CEILINGS = "devices/system/cpu/cpufreq/policy*/scaling_max_freq"
"""What the processor may run at: looked at only where no cooling device tells, as an owner may lower it, too."""
_CAPPED_SHARE = 0.95
"""A ceiling below that share of what it has been was lowered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttling:
    """What holds now."""

    is_hot: bool = False
    is_undersupplied: bool = False

    @property
    def is_slowed(self) -> bool:
        """Whether the processor runs slower than it could."""
        return self.is_hot or self.is_undersupplied


class Throttle:
    """Reads all that there is; counters and ceilings are held against what they were at the reading before."""

    def __init__(self, sysfs: Path = SYSFS) -> None:
        self._sysfs = sysfs
        self._counts: dict[Path, int] = {}
        self._ceilings: dict[Path, int] = {}

    def read(self) -> Throttling | None:
        """Return what holds now; None where the machine does not tell. Raises nothing.

        Blocks: a Pi asks its firmware.
        """
        said = [*self._firmware(), *self._supply(), *self._counted(), *(list(self._cooled()) or self._capped())]
        if not said:
            return None
        return Throttling(
            is_hot=any(one.is_hot for one in said), is_undersupplied=any(one.is_undersupplied for one in said)
        )

    def _firmware(self) -> Iterator[Throttling]:
        for pattern in _FIRMWARE:
            for path in self._sysfs.glob(pattern):
                if (bits := _number(path, 16)) is not None:
                    yield Throttling(
                        # Too little voltage slows it, too; that is no heat.
                        is_hot=bool(bits & _SLOWED) and not bits & _WEAK_SUPPLY,
                        is_undersupplied=bool(bits & _WEAK_SUPPLY),
                    )

    def _supply(self) -> Iterator[Throttling]:
        for path in self._sysfs.glob(_SUPPLY_ALARMS):
            if _text(path.with_name("name")) == "rpi_volt" and (alarm := _number(path)) is not None:
                yield Throttling(is_undersupplied=alarm > 0)

    def _counted(self) -> Iterator[Throttling]:
        for path in self._sysfs.glob(_COUNTERS):
            if (count := _number(path)) is not None:
                yield Throttling(is_hot=count > self._counts.get(path, count))
                self._counts[path] = count

    def _cooled(self) -> Iterator[Throttling]:
        for path in self._sysfs.glob(_COOLING):
            state = _number(path.with_name("cur_state"))
            if state is not None and _text(path).startswith(_SLOWS):
                yield Throttling(is_hot=state > 0)

    def _capped(self) -> Iterator[Throttling]:
        for path in self._sysfs.glob(_CEILINGS):
            if (ceiling := _number(path)) is not None:
                highest = self._ceilings[path] = max(ceiling, self._ceilings.get(path, 0))
                yield Throttling(is_hot=ceiling < _CAPPED_SHARE * highest)


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError:  # the kernel may take a device away, or forbid a container to look
        return ""


def _number(path: Path, base: int = 10) -> int | None:
    try:
        return int(_text(path), base)
    except ValueError:
        return None
