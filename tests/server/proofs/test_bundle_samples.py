"""Seeded samples of the proofs on bundles; script/prove runs the whole."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.proofs import bundle_attacks, bundle_kills
from tests.server.updates.attacks import ATTACKS


def test_a_hub_that_is_killed_while_its_bundles_come_and_go_serves_a_whole_one_at_each_start(tmp_path: Path) -> None:
    counts = bundle_kills.prove(tmp_path, times=3, ways=0, seed=3)
    assert (bundle_kills.wrong(counts), counts["starts"]) == ([], 3)


def test_an_update_that_ends_at_any_file_operation_leaves_nothing_half_active() -> None:
    # It forks, which a process with threads, as this one may be, must not.
    argv = [sys.executable, "-m", bundle_kills.__name__, "--times", "0", "--ways", "1", "--stride", "9"]
    finished = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert json.loads(finished.stdout)["ends at a file operation"] >= 5


@pytest.mark.parametrize("name", ["an archive that never ends", "a symbolic link", "the same state after it expired"])
def test_an_attack_is_refused_across_the_updaters_process(name: str) -> None:
    assert bundle_attacks.outcome(name, bundle_attacks.run_apart) == (ATTACKS[name].code, "")
