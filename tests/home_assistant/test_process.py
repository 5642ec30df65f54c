"""A Home Assistant that runs as people run it: its own process, its own start, its own network."""

from pathlib import Path

import pytest

from tests.home_assistant.assist import Assist, paced
from tests.home_assistant.hass_process import home_assistant
from tests.home_assistant.recordings import packaged, recording, words
from tests.home_assistant.server_process import ServerProcess, edge_voice


async def test_a_real_process_hears_a_command_and_does_it(
    socket_enabled: None, server: ServerProcess, tmp_path: Path
) -> None:
    spoken = recording("kitchen.wav")
    async with home_assistant(tmp_path) as hass:
        stt = await hass.add_wyoming(server.port)
        async with hass.session() as assist:
            run = await assist.run(await assist.create_pipeline(stt), paced(spoken.followed_by_room(6.0)))
        assert words(run.text) == words(spoken.text)
        assert run.response_type == "action_done"
        assert await hass.state("light.kitchen_light") == "on"


@pytest.mark.prove
async def test_a_real_process_hears_every_recording_and_outlives_restarts_of_the_server(
    socket_enabled: None, tmp_path: Path
) -> None:
    with edge_voice() as first:
        port = first.port
    async with home_assistant(tmp_path) as hass:
        pipeline = None
        for _ in range(3):
            with edge_voice(port=port):
                async with hass.session() as assist:
                    pipeline = pipeline or await assist.create_pipeline(await hass.add_wyoming(port))
                    await hear_all(assist, pipeline)
        log = hass.log.read_text("utf-8").splitlines()
        assert not [line for line in log if "ERROR" in line and "wyoming" in line]


async def hear_all(assist: Assist, pipeline: str) -> None:
    """Speak every recording and check what comes of it."""
    for spoken in packaged("clean", "noisy"):
        run = await assist.run(pipeline, paced(spoken.followed_by_room(6.0)))
        assert words(run.text) == words(spoken.text)
        # Home Assistant itself counts timers only for satellites that can ring.
        assert run.response_type in {"action_done", "query_answer"} or spoken.file.startswith("timer")
    for spoken in packaged("silence", "hum"):
        run = await assist.run(pipeline, paced(spoken.pcm))
        assert run.error_code == "stt-no-text-recognized"
