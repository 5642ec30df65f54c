"""A home to try Edge Voice in, on this machine only, until Ctrl-C: `script/try-home-assistant`."""

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser.home import call, home, say
from tests.home_assistant.assist import Assist
from tests.home_assistant.demo_home import (
    ASKED_BACK,
    DASHBOARD,
    SPOKEN,
    UNLOCK,
    Login,
    add_login,
    comes_in,
    make_pipeline,
    satellite_of,
    show_dashboards,
)
from tests.home_assistant.hass_process import HomeAssistant, HomeAssistantDidNotStartError
from tests.home_assistant.recordings import FOLDER
from tests.home_assistant.server_process import ServerDidNotStartError, ServerProcess, edge_voice

FIRST = SPOKEN[:3]
"""What is said before anybody looks, so that the page is alive."""
AT_HOME = {"EDGE_VOICE_BUNDLES_AUTOMATIC": "false"}
LOCK = "lock.front_door"
_STEPS = 4
_TURN_SECONDS = 10.0
_LOOK_SECONDS = 0.05


class NotAsItShouldBeError(Exception):
    """With what is wrong."""


@dataclass(slots=True, kw_only=True)
class Progress:
    """Tells a person what happens, and how long it has taken."""

    started_s: float
    steps: int = 0

    def step(self, what: str) -> None:
        """Say that the next step has begun."""
        self.steps += 1
        say_line(f"  {time.monotonic() - self.started_s:4.0f} s  {self.steps}/{_STEPS}  {what}")


def say_line(line: str = "") -> None:
    """Print at once: people wait for it."""
    print(line, flush=True)


def free_port(wanted: int) -> int:
    """Return that port of this machine if nobody has it, else another one."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as probe:
            free: int = probe.getsockname()[1]
            return free
    raise NotAsItShouldBeError("this machine has no free port")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What runs."""

    hass: HomeAssistant
    hub: ServerProcess
    login: Login
    assist: Assist


@contextlib.asynccontextmanager
async def running(folder: Path, port: int, model: str) -> AsyncIterator[Tried]:
    """Run both until the end, with the home set up and something said in it."""
    progress = Progress(started_s=time.monotonic())
    progress.step("the server")
    data = folder / "data"
    data.mkdir()
    with edge_voice(control_port=0, data=data, model=model, settings=AT_HOME) as hub:
        progress.step("Home Assistant (about ten seconds)")
        async with home(folder / "config", free_port(port)) as hass, hass.session() as assist:
            progress.step("a login, a pipeline, a dashboard, satellites in three rooms")
            await assist.call("config/core/update", country="US")
            await call(assist, "fan", "turn_on", target={"entity_id": "fan.office_fan"})
            await call(assist, "lock", "lock", target={"entity_id": LOCK})
            await make_pipeline(assist, await hass.add_edge_voice(hub))
            await show_dashboards(assist)
            login = await add_login(assist)
            progress.step("somebody speaks")
            for room, file, words in FIRST:
                say_line(f"            {await heard(assist, room, file, words)}")
            say_line(welcome(hass, hub, login))
            await check_login(hass, login)
            yield Tried(hass=hass, hub=hub, login=login, assist=assist)


async def heard(assist: Assist, room: str, file: Path, words: str) -> str:
    """Have a room say a recording; return a line about the turn."""
    before = {turn["turn_id"] for turn in await turns(assist)}
    await say(assist, room, str(file))
    for _ in range(round(_TURN_SECONDS / _LOOK_SECONDS)):
        if new := [turn for turn in await turns(assist) if turn["turn_id"] not in before]:
            took_ms = new[0]["latency_ms"].get("last_word_to_text")
            time_taken = "" if took_ms is None else f", {took_ms:.0f} ms after the last word"
            return f"{room}: “{words}” {new[0]['action']}{time_taken}"
        await asyncio.sleep(_LOOK_SECONDS)
    raise NotAsItShouldBeError(f"{room} said “{words}” and the hub tells of no turn")


async def turns(assist: Assist) -> list[dict[str, Any]]:
    """Return the last turns, the newest first."""
    found: list[dict[str, Any]] = (await assist.call("edge_voice/turns"))["turns"]
    return found


async def check_login(hass: HomeAssistant, login: Login) -> None:
    """Raise NotAsItShouldBeError when the login that was printed is none."""
    if not await comes_in(hass, login):
        raise NotAsItShouldBeError(f"Home Assistant does not let {login.user} in")


def welcome(hass: HomeAssistant, hub: ServerProcess, login: Login) -> str:
    """Return what a newcomer needs to know."""
    return f"""
  Open      {hass.url}/{DASHBOARD}
  User      {login.user}
  Password  {login.password}

  Press the buttons there: each room says something, and the home does it. To speak yourself, press the microphone
  in Assist. The hub's own page is http://127.0.0.1:{hub.control_port}/ and asks for this token:
  {hub.token}

  Everything runs on this machine, and nothing leaves it.
"""


async def run(port: int, model: str, *, check: bool) -> None:
    """Run until somebody has seen enough, or until Home Assistant ends by itself."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    with tempfile.TemporaryDirectory(prefix="edge-voice-", ignore_cleanup_errors=True) as folder:
        async with running(Path(folder), port, model) as tried:
            if check:
                await check_home(tried)
                return
            say_line("  Ctrl-C ends it and forgets it all.")
            await tried.hass.process.wait()
            raise HomeAssistantDidNotStartError("Home Assistant has ended by itself")


async def check_home(tried: Tried) -> None:
    """Raise NotAsItShouldBeError when what was said was not done, or what matters was done without a word."""
    await expect(tried.hass, "light.kitchen_light", "on")
    await expect(tried.hass, "cover.living_room_blinds", "open")
    await say(tried.assist, ASKED_BACK, str(FOLDER / "door.wav"))
    await expect(tried.hass, LOCK, "locked")
    for answer, then in (("No.", "locked"), ("Yes.", "unlocked")):
        await say(tried.assist, ASKED_BACK, str(UNLOCK))
        await expect(tried.hass, LOCK, "locked")
        await call(tried.assist, "rooms", "answer", target={"entity_id": satellite_of(ASKED_BACK)}, text=answer)
        await expect(tried.hass, LOCK, then)
    say_line("  All of it works.")


async def expect(hass: HomeAssistant, entity: str, wanted: str) -> None:
    """Raise NotAsItShouldBeError when an entity has another state."""
    if (found := await hass.state(entity)) != wanted:
        raise NotAsItShouldBeError(f"{entity} is {found}, and should be {wanted}")


def main() -> int:
    """Read the arguments and run; return the exit status."""
    parser = argparse.ArgumentParser(prog="script/try-home-assistant", description=__doc__)
    parser.add_argument("--port", type=int, default=8123, help="Home Assistant's, if it is free (8123)")
    parser.add_argument(
        "--model", default="starter", help="a faster-whisper name, fetched first (the packaged starter)"
    )
    parser.add_argument("--check", action="store_true", help="look whether all of it works, and end")
    arguments = parser.parse_args()
    say_line("\n  Edge Voice in a Home Assistant of its own, to try it in.\n")
    try:
        asyncio.run(run(arguments.port, arguments.model, check=arguments.check))
    except asyncio.CancelledError:
        say_line("\n  Ended; nothing is left of it.")
    except (HomeAssistantDidNotStartError, ServerDidNotStartError, NotAsItShouldBeError) as error:
        print(f"\n  {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    sys.exit(main())
