"""Seeded samples of the proofs that what is gone is gone, and that a backup gives nothing away."""

from pathlib import Path

from tests.server.proofs import backup, erasure


async def test_what_is_over_or_purged_is_in_no_byte_of_the_folder_and_in_no_older_copy(tmp_path: Path) -> None:
    counts = await erasure.prove(tmp_path, days=9, turns=8, kills=1, seed=5)
    assert {name: counts[name] for name in erasure.WRONG} == dict.fromkeys(erasure.WRONG, 0)
    assert counts["gone, looked for"] > 40
    assert counts["kept, looked for"] > 100


async def test_a_copy_without_keys_gives_nothing_away_and_serves(tmp_path: Path) -> None:
    counts = await backup.prove(tmp_path, copies=1, turns=1)
    assert {name: counts[name] for name in backup.WRONG} == dict.fromkeys(backup.WRONG, 0)
    assert counts["of them in a whole copy"] >= 3
