"""What a machine is called in rollouts, read from the two files in which it says so."""

import re
from pathlib import Path

import pytest

from wyoming_server.bundles.hub_class import BOARD_FILE, CPU_FILE, hub_class


def machine(root: Path, *, board: str = "", cpu: str = "") -> Path:
    for name, said in ((BOARD_FILE, board), (CPU_FILE, cpu)):
        if said:
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(said)
    return root


@pytest.mark.parametrize(
    ("board", "expected"),
    [
        ("Raspberry Pi 5 Model B Rev 1.0\0", "pi5"),
        ("Raspberry Pi Compute Module 4 Rev 1.1\0", "pi4"),
        ("Raspberry Pi 4 Model B Rev 1.4\0", "pi4"),
        ("Raspberry Pi 3 Model B Plus Rev 1.3\0", "pi3"),
        ("NabuCasa Home Assistant Green\0", "ha-green"),
        ("Hardkernel ODROID-N2Plus\0", "odroid-n2"),
        ("Some board that nobody knows\0", "arm64"),
    ],
)
def test_a_board_is_known_by_its_name(tmp_path: Path, board: str, expected: str) -> None:
    assert hub_class(machine(tmp_path, board=board), "aarch64") == expected


@pytest.mark.parametrize(
    ("model", "flags", "expected"),
    [
        ("Intel(R) N100", "fpu avx2", "n100"),
        ("Intel(R) Celeron(R) J4105 CPU @ 1.50GHz", "fpu sse4_2", "j4105"),
        ("Intel(R) Celeron(R) N5105 @ 2.00GHz", "fpu", "n5105"),
        ("Intel(R) Core(TM) i5-8500T CPU", "fpu avx2", "x86-avx2"),
        ("AMD EPYC", "fpu avx2 avx512f avx512_vnni", "x86-avx512"),
        ("Some old one", "fpu", "x86"),
    ],
)
def test_a_pc_is_known_by_its_processor(tmp_path: Path, model: str, flags: str, expected: str) -> None:
    cpu = f"processor\t: 0\nmodel name\t: {model}\nflags\t\t: {flags}\n\nprocessor\t: 1\nmodel name\t: other\n"
    assert hub_class(machine(tmp_path, cpu=cpu), "x86_64") == expected


def test_a_machine_that_says_nothing_still_has_a_class(tmp_path: Path) -> None:
    assert hub_class(tmp_path, "x86_64") == "x86"
    assert hub_class(tmp_path, "riscv64") == "other"


def test_this_machines_own_class_is_one_that_a_rollout_can_name() -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", hub_class())
