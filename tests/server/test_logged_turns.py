"""A real server that says all it can: its log holds no text, no key, no token, no name and no id."""

import asyncio
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
import yaml

from tests.server.cloud.server import StandIn, stand_in
from tests.server.control.owner import owner_of
from tests.server.home import ServerProcess, home, settings_for_tests
from tests.server.listeners.houses import KITCHEN_IN_NOISE, said
from tests.server.peer import KITCHEN, connected, event
from wyoming_server.listeners.control_access import TOKEN_FILE
from wyoming_server.logs import set_level

ROOM, SESSION, DEVICE = "assist_satellite.idas_room", "session-of-ida", "Grandfather's clock"
CORRECTED, WRONG_TOKEN, PROMPT = "open the hatch of the pigeon loft", "a-token-that-is-none", "Ida's pigeon loft"
BROKEN_CHUNK = event("audio-chunk", {"rate": "sixteen", "width": 2, "channels": 1}, b"\0\0")


def settings_of(folder: Path, cloud: StandIn) -> Path:
    """Write settings with a lane that is asked for everything, and all texts kept."""
    lane = {key: value for key, value in cloud.lane("openai", price_per_minute=0.006).items() if key != "key"}
    key_file = folder / "openai.key"
    key_file.write_text(cloud.key("openai"), "utf-8")
    file = folder / "settings.yaml"
    told = {
        "routing": {"mode": "cloud"},
        "control": {"keep_transcripts": True, "announce": False},
        "records": {"keep_recordings": True},
        "cloud": {"lanes": [{**lane, "key_file": str(key_file), "send_names": True}]},
    }
    file.write_text(yaml.safe_dump(told), "utf-8")
    return file


async def live(server: ServerProcess, folder: Path, cloud: StandIn) -> list[str]:
    """Do what a home does, and what goes wrong in one; return what its log must not hold."""
    (uri,) = [one.rstrip('",') for one in await server.uri()]
    http = await control_of(server)
    token = (folder / "data" / TOKEN_FILE).read_text("utf-8").strip()
    told = {"edge_voice": {"satellite_id": ROOM, "session_id": SESSION}}
    asked = {"language": "en", "transcript_names": [DEVICE], "context": told}
    async with connected(uri) as peer:
        first = await peer.turn(said("kitchen"), asked)
    cloud.always("openai", "http-401")
    async with connected(uri) as peer:
        await peer.turn(KITCHEN_IN_NOISE, asked)
    cloud.well()
    async with connected(uri) as peer:
        await peer.code(event("transcribe", {**asked, "language": "xx"}))
    async with connected(uri) as peer:
        await peer.say(event("transcribe", asked), event("audio-start", {"rate": 16_000, "width": 2, "channels": 1}))
        await peer.code(BROKEN_CHUNK)
    turn_id = first.detail["turn_id"]
    async with aiohttp.ClientSession(http) as stranger:
        await stranger.get("/api/v1/status", headers={"Authorization": f"Bearer {WRONG_TOKEN}"})
        await stranger.get(f"/api/v1/status?token={token}")
    async with aiohttp.ClientSession(http, headers={"Authorization": f"Bearer {token}"}) as owner:
        await owner.post(f"/api/v1/turns/{turn_id}/correction", json={"text": CORRECTED})
        await owner.put("/api/v1/vocabulary", json={"names": [DEVICE], "areas": [], "floors": [], "terms": [PROMPT]})
        await owner.post("/api/v1/purge", json={"what": ["transcripts"], "satellite": ROOM})
        await owner.get(f"/api/v1/records?satellite={ROOM}")
        await owner.put(f"/api/v1/satellites/{ROOM}", json={"wake_threshold": 7})
        await owner.post("/api/v1/lanes/test", json=cloud.lane("openai"))
        await owner.put("/api/v1/policy", json={"log_level": "error"})
        async with aiohttp.ClientSession(http) as stranger:  # from here on no warning is written
            await stranger.get("/api/v1/status", headers={"Authorization": f"Bearer {WRONG_TOKEN}"})
    key = cloud.key("openai")
    private = [KITCHEN.rstrip("."), "kitchen light", first.text, ROOM, "idas_room", SESSION, DEVICE, PROMPT, CORRECTED]
    return [*private, WRONG_TOKEN, token, key, turn_id, turn_id[:8]]


async def control_of(server: ServerProcess) -> str:
    """Return the control API's address, as the log has it."""
    for _ in range(500):
        if found := re.search(r"control API at (http://[0-9.:]+)", server.log):
            return found[1]
        await asyncio.sleep(0.02)
    raise AssertionError(server.log)


async def test_the_level_that_its_owner_has_chosen_holds_after_a_restart(tmp_path: Path) -> None:
    settings = settings_for_tests(tmp_path, control={"address": "127.0.0.1:0", "announce": False})
    with home(settings) as served:
        async with owner_of(served) as owner:
            await owner.policy(log_level="error")
    set_level(settings.server.log_level)  # as a start does
    with home(settings) as served:
        assert logging.getLogger().level == logging.ERROR
        async with owner_of(served) as owner:
            assert (await owner.ask("GET", "policy"))["log_level"] == "error"
            await owner.ask("DELETE", "policy")
    assert logging.getLogger().level == logging.INFO


@pytest.mark.parametrize("form", ["text", "json"])
async def test_at_its_most_talkative_the_log_says_nothing_private(
    tmp_path: Path, start_server: Callable[..., ServerProcess], form: str
) -> None:
    async with stand_in() as cloud:
        cloud.hearing.default = "Open the attic window"
        flags = ("--config", str(settings_of(tmp_path, cloud)), "--log-level", "debug", "--http", "127.0.0.1:0")
        server = start_server("--uri", "tcp://127.0.0.1:0", *flags, environ={"EDGE_VOICE_SERVER_LOG_FORMAT": form})
        private = await live(server, tmp_path, cloud)
        await server.stop()
    log = server.log
    found = [one for one in private if one and one.lower() in log.lower()]
    assert found == []
    assert log.count("a wrong token") == 1  # the second came when only errors were to be told
    if form == "json":
        lines = [json.loads(line) for line in log.splitlines()]
        turns = [one for one in lines if one["event"] == "turn"]
        assert [set(one) - {"failures"} for one in lines] == [{"at", "level", "logger", "event", "fields"}] * len(lines)
        assert {one["fields"]["action"] for one in turns} >= {"escalate"}
    else:
        assert " turn action=escalate " in log
