import os
from pathlib import Path

import pytest

from wyoming_server.engines.processor import WIDE, use_wide_vectors


@pytest.mark.parametrize(("flags", "chosen"), [(WIDE, "AVX512"), (WIDE - {"avx512_vnni"}, None), (set(), None)])
def test_wide_vectors_are_used_only_where_all_of_them_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: set[str], chosen: str | None
) -> None:
    monkeypatch.delenv("CT2_FORCE_CPU_ISA", raising=False)
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor: 0\nflags\t\t: fpu avx2 {' '.join(flags)}\n")
    use_wide_vectors(cpuinfo)
    assert os.environ.get("CT2_FORCE_CPU_ISA") == chosen


def test_the_owners_own_choice_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CT2_FORCE_CPU_ISA", "AVX2")
    (tmp_path / "cpuinfo").write_text(f"flags: {' '.join(WIDE)}")
    use_wide_vectors(tmp_path / "cpuinfo")
    assert os.environ["CT2_FORCE_CPU_ISA"] == "AVX2"


def test_a_machine_that_does_not_say_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CT2_FORCE_CPU_ISA", raising=False)
    use_wide_vectors(tmp_path / "none")
    assert "CT2_FORCE_CPU_ISA" not in os.environ
