"""What a person meets when the server goes: an error at once, and service again as soon as it is back."""

from collections.abc import AsyncGenerator

import pytest
from homeassistant.core import HomeAssistant

from tests.home_assistant.assist import Assist, Run, paced
from tests.home_assistant.conftest import Connect, Open, entity_of
from tests.home_assistant.recordings import recording, words
from tests.home_assistant.server_process import ServerProcess, edge_voice

SPOKEN = recording("kitchen.wav")


async def say(assist: Assist, pipeline: str) -> Run:
    """Say the command and some room."""
    return await assist.run(pipeline, paced(SPOKEN.followed_by_room(6.0)))


async def dying(server: ServerProcess, pcm: bytes, at_s: float) -> AsyncGenerator[bytes]:
    """Speak, and kill the server once so much has been said."""
    said_s = 0.0
    async for chunk in paced(pcm):
        said_s += 0.01
        if said_s > at_s and server.process.poll() is None:
            server.kill()
        yield chunk


async def test_a_server_restarted_between_two_runs_serves_the_second(
    home: HomeAssistant, connect: Connect, open_session: Open
) -> None:
    assist = await open_session()
    with edge_voice() as first:
        entry = await connect(first.port)
        pipeline = await assist.create_pipeline(entity_of(home, entry, "stt"))
        assert words((await say(assist, pipeline)).text) == words(SPOKEN.text)
        assert first.stop() == 0
    with edge_voice(port=first.port):
        assert words((await say(assist, pipeline)).text) == words(SPOKEN.text)


async def test_a_sentence_spoken_while_the_model_still_loads_is_understood(
    home: HomeAssistant, connect: Connect, open_session: Open
) -> None:
    """Loading is over before a sentence is; a server that listens must not refuse what is said meanwhile."""
    assist = await open_session()
    with edge_voice() as first:
        entry = await connect(first.port)
        pipeline = await assist.create_pipeline(entity_of(home, entry, "stt"))
    with edge_voice(port=first.port, loaded=False):
        assert words((await say(assist, pipeline)).text) == words(SPOKEN.text)


async def test_a_server_that_dies_in_mid_sentence_ends_the_run_with_an_error(
    home: HomeAssistant, connect: Connect, open_session: Open
) -> None:
    assist = await open_session()
    with edge_voice() as first:
        entry = await connect(first.port)
        pipeline = await assist.create_pipeline(entity_of(home, entry, "stt"))
        run = await assist.run(pipeline, dying(first, SPOKEN.followed_by_room(6.0), at_s=1.2))
    assert run.error_code == "stt-stream-failed"
    assert not run.said_all
    assert run.kinds[-1] == "run-end"


async def test_a_server_that_is_not_there_ends_the_run_with_an_error(
    home: HomeAssistant, connect: Connect, open_session: Open
) -> None:
    assist = await open_session()
    with edge_voice() as first:
        entry = await connect(first.port)
        pipeline = await assist.create_pipeline(entity_of(home, entry, "stt"))
    run = await say(assist, pipeline)
    assert run.error_code == "stt-stream-failed"
    assert not run.said_all


async def test_a_run_cancelled_in_mid_sentence_leaves_the_server_free_for_the_next(
    home: HomeAssistant, connect: Connect, open_session: Open
) -> None:
    with edge_voice(settings={"EDGE_VOICE_SERVER_CONNECTIONS_PER_ADDRESS": "2"}) as first:
        entry = await connect(first.port)
        stt = entity_of(home, entry, "stt")
        for _ in range(4):  # twice what the server takes at once
            assist = await open_session()
            with pytest.raises(TimeoutError):
                await assist.run(await assist.create_pipeline(stt), paced(SPOKEN.pcm), seconds=1.0)
            await assist.close()
        assist = await open_session()
        assert words((await say(assist, await assist.create_pipeline(stt))).text) == words(SPOKEN.text)
