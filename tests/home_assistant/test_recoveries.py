"""A sample of `tests.home_assistant.recoveries`, which breaks everything ten times."""

from tests.home_assistant.recoveries import run


async def test_a_home_in_use_comes_back_by_itself_after_a_kill_and_a_cut(socket_enabled: None) -> None:
    figures = await run(1, ("server killed", "network cut"))
    assert figures["faults"] == 2
