"""What this hardware is called in rollouts: the board where it says its name, else what its processor can do."""

import platform
import re
from collections.abc import Sequence
from pathlib import Path

BOARD_FILE = "proc/device-tree/model"
"""Of ARM machines: the board's name."""
CPU_FILE = "proc/cpuinfo"
_BOARDS: Sequence[tuple[str, str]] = (
    (r"raspberry pi 5|raspberry pi 500|compute module 5", "pi5"),
    (r"raspberry pi 4|raspberry pi 400|compute module 4", "pi4"),
    (r"raspberry pi (3|zero 2)|compute module 3", "pi3"),
    (r"home assistant green", "ha-green"),
    (r"odroid-?n2", "odroid-n2"),
    (r"odroid-?m1", "odroid-m1"),
    (r"odroid-?c4", "odroid-c4"),
    (r"khadas vim3", "khadas-vim3"),
    (r"rock(chip)?.*(rk3588|5[ab])|orange ?pi 5|rk3588", "rk3588"),
)
_PROCESSORS: Sequence[tuple[str, str]] = (
    (r"\bn(95|97|100)\b", "n100"),
    (r"\b(n305|i3-n305|n200|n150)\b", "n305"),
    (r"\bj41\d\d|\bn41\d\d|\bj40\d\d|\bn40\d\d", "j4105"),
    (r"\b(n51\d\d|n45\d\d|j64\d\d|j63\d\d|n6[02]\d\d)\b", "n5105"),
)
"""Intel's small processors, which hubs are made of; families of one core each."""
_X86 = {"x86_64", "amd64", "i686", "i386"}
_ARM = {"aarch64", "arm64"}


def hub_class(root: Path = Path("/"), machine: str = "") -> str:
    """Return the class of this machine: at most 32 of a-z, 0-9 and '-'. Reads two small files; raises nothing.

    `root` is where they are below, `machine` the processor's architecture, this one's when empty.
    """
    machine = (machine or platform.machine()).casefold()
    board = _read(root / BOARD_FILE).casefold()
    if found := _first(_BOARDS, board):
        return found
    said = _read(root / CPU_FILE)
    if machine in _X86:
        return _first(_PROCESSORS, _value(said, "model name").casefold()) or _by_vectors(_value(said, "flags").split())
    return "arm64" if machine in _ARM else "other"


def _by_vectors(flags: Sequence[str]) -> str:
    """Return the class of a processor of no known family: how fast it multiplies matters most to a recogniser."""
    if "avx512f" in flags and "avx512_vnni" in flags:
        return "x86-avx512"
    return "x86-avx2" if "avx2" in flags else "x86"


def _first(table: Sequence[tuple[str, str]], name: str) -> str:
    return next((found for pattern, found in table if name and re.search(pattern, name)), "")


def _value(cpuinfo: str, key: str) -> str:
    """Return the first processor's value."""
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == key), "")


def _read(file: Path) -> str:
    try:
        return file.read_bytes()[:65536].decode("utf-8", "replace").rstrip("\0\n")
    except OSError:
        return ""
