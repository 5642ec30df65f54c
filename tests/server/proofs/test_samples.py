"""Seeded samples of the long proofs that have no tests of their own elsewhere; script/prove runs the whole."""

from pathlib import Path

from tests.server.proofs.no_connects import can_trace, prove, wrong
from tests.server.proofs.phantom_text import count


async def test_no_text_comes_out_of_silence_noise_hum_and_babble() -> None:
    figures = await count(minutes=0.5, seed=3)
    assert figures["errors"] == {}
    assert set(figures["texts"].values()) == {0}
    assert set(figures["turns"].values()) == {2}


async def test_nothing_is_reached_in_mode_edge_while_mode_auto_goes_every_way_out(tmp_path: Path) -> None:
    traced = can_trace()
    counts = await prove(tmp_path, turns=6, traced=traced, cases=("mode edge", "callers want edge", "auto"))
    assert wrong(counts, 6, traced=traced) == []
