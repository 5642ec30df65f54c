"""Seeded samples of the long proofs that have no tests of their own elsewhere; script/prove runs the whole."""

from tests.server.proofs.phantom_text import count


async def test_no_text_comes_out_of_silence_noise_hum_and_babble() -> None:
    figures = await count(minutes=0.5, seed=3)
    assert figures["errors"] == {}
    assert set(figures["texts"].values()) == {0}
    assert set(figures["turns"].values()) == {2}
