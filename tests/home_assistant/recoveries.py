"""Break what Home Assistant stands on, again and again while it is used; all must come back by itself.

python -m tests.home_assistant.recoveries [--rounds 10]

A real `hass` process with our integration, and a real server behind a wire. A round is four faults: the server killed
and started again, its token changed (and given anew in Home Assistant's form), the network cut, the server grown too
new. While a fault lasts, entities must be unavailable; after it a spoken command must be heard and done, every entity
be there, and Home Assistant's log hold no stack trace. Exits with 1 otherwise.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.home_assistant.assist import paced
from tests.home_assistant.hass_process import HomeAssistant, home_assistant
from tests.home_assistant.recordings import recording, words
from tests.home_assistant.server_process import ROOT, ServerProcess, edge_voice, our_python
from tests.home_assistant.wire import Wire, wire

PATIENCE_SECONDS = 60.0
"""Back-off doubles to a minute at most; these faults are shorter."""
LASTS_SECONDS = 2.0
SAYS = "kitchen.wav"


@dataclass(slots=True, kw_only=True)
class House:
    """What is broken, and what must come back."""

    hass: HomeAssistant
    wire: Wire
    ports: tuple[int, int]
    stack: contextlib.ExitStack
    data: Path
    server: ServerProcess
    stt: str = ""
    pipeline: str = ""
    entities: frozenset[str] = frozenset()
    back_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Fault → seconds from its end until all was available again."""

    def start(self) -> None:
        """Start the server, on the ports that it had."""
        server = edge_voice(port=self.server.port, control_port=self.server.control_port, data=self.data)
        self.server = self.stack.enter_context(server)

    async def flows(self, path: str, **said: Any) -> Any:
        """Answer a form of Home Assistant's."""
        headers = {"Authorization": f"Bearer {self.hass.token}"}
        async with (
            aiohttp.ClientSession(self.hass.url, headers=headers, raise_for_status=True) as http,
            http.post(f"/api/config/config_entries/flow{path}", json=said) as reply,
        ):
            return await reply.json()

    async def ours(self) -> dict[str, str]:
        """Return the state of each of our entities."""
        async with self.hass.session() as assist:
            registry = await assist.call("config/entity_registry/list")
            states = {one["entity_id"]: str(one["state"]) for one in await assist.call("get_states")}
        return {
            one["entity_id"]: states.get(one["entity_id"], "missing")
            for one in registry
            if one["platform"] == "edge_voice" and not one["disabled_by"]
        }

    async def until(self, holds: Callable[[dict[str, str]], bool], what: str) -> float:
        """Wait for our entities' states to be so; return how long that took."""
        began_s = time.monotonic()
        while time.monotonic() - began_s < PATIENCE_SECONDS:
            if holds(await self.ours()):
                return time.monotonic() - began_s
            await asyncio.sleep(0.1)
        raise AssertionError(f"{what}: {await self.ours()}")

    async def speak(self) -> None:
        """Say a command and check that it is heard and done."""
        spoken = recording(SAYS)
        async with self.hass.session() as assist:
            run = await assist.run(self.pipeline, paced(spoken.followed_by_room(6.0)))
        assert words(run.text) == words(spoken.text), run.kinds
        assert run.response_type == "action_done"


def pushed(states: dict[str, str]) -> list[str]:
    """Return the states of what follows the server: its sensors, not its voice entities, whose state is a time."""
    return [state for name, state in states.items() if name.startswith(("sensor.", "select.", "switch.", "number."))]


def gone(states: dict[str, str]) -> bool:
    return all(state == "unavailable" for state in pushed(states))


def there(states: dict[str, str]) -> bool:
    return bool(states) and "unavailable" not in pushed(states) and "missing" not in states.values()


async def killed(house: House) -> None:
    """Kill the server, and start it again."""
    house.server.kill()
    await house.until(gone, "still available without a server")
    await asyncio.to_thread(house.start)


async def cut(house: House) -> None:
    """Cut the network."""
    house.wire.cut = True
    await house.wire.end()
    await house.until(gone, "still available without a network")
    await asyncio.sleep(LASTS_SECONDS)
    house.wire.cut = False


async def grown_too_new(house: House) -> None:
    """Have the server look like one that no longer speaks to this integration."""
    house.wire.newer = True
    await house.wire.end()
    await house.until(gone, "still available with a server that is too new")
    await asyncio.sleep(LASTS_SECONDS)
    house.wire.newer = False
    await house.wire.end()


async def given_another_token(house: House) -> None:
    """Change the token, and give the new one in the form that Home Assistant shows."""
    command = [our_python(), "-m", "wyoming_server", "token", "--rotate", "--data-dir", house.data]
    await asyncio.to_thread(
        subprocess.run, command, check=True, capture_output=True, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    )
    await house.until(gone, "still available with a token that ended")
    flow = await _asked_again(house)
    await house.flows(f"/{flow}")
    await house.flows(f"/{flow}", next_step_id="token")
    done = await house.flows(f"/{flow}", token=house.server.token)
    assert done["reason"] == "reauth_successful", done


async def _asked_again(house: House) -> str:
    """Return the form in which Home Assistant asks for the token."""
    for _ in range(round(PATIENCE_SECONDS / 0.2)):
        async with house.hass.session() as assist:
            flows = await assist.call("config_entries/flow/progress")
        ours = [one for one in flows if one["handler"] == "edge_voice" and one["context"]["source"] == "reauth"]
        if ours:
            (flow,) = ours
            return str(flow["flow_id"])
        await asyncio.sleep(0.2)
    raise AssertionError("Home Assistant does not ask for the new token")


FAULTS: dict[str, Callable[[House], Awaitable[None]]] = {
    "server killed": killed,
    "token changed": given_another_token,
    "network cut": cut,
    "server too new": grown_too_new,
}


async def break_and_see(house: House, fault: str) -> None:
    """Break one thing, and see all of it come back."""
    await FAULTS[fault](house)
    house.back_s[fault].append(await house.until(there, f"not back after: {fault}"))
    lost = house.entities - frozenset(await house.ours())
    assert not lost, f"lost after {fault}: {lost}"
    await house.speak()


@contextlib.asynccontextmanager
async def house() -> AsyncIterator[House]:
    """Have a home with our integration, in use."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        data = folder / "data"
        data.mkdir()
        server = stack.enter_context(edge_voice(control_port=0, data=data))
        async with wire() as (line, control, speech), home_assistant(folder / "hass") as hass:
            line.leads(control, server.control_port)
            line.leads(speech, server.port)
            one = House(hass=hass, wire=line, ports=(control, speech), stack=stack, data=data, server=server)
            one.stt = await hass.add_edge_voice(server, port=control)
            async with hass.session() as assist:
                one.pipeline = await assist.create_pipeline(one.stt)
            await one.until(there, "not set up")
            await one.speak()
            await one.until(there, "not at rest")
            one.entities = frozenset(await one.ours())
            yield one


def traces(log: str) -> list[str]:
    """Return the stack traces, whole, and what of ours was logged as an error."""
    lines = log.splitlines()
    found = []
    for at, line in enumerate(lines):
        if line.startswith("Traceback"):
            found.append("\n".join(lines[at - 1 : at + 30]))
        elif "ERROR" in line and "edge_voice" in line:
            found.append(line)
    return found


async def run(rounds: int, faults: tuple[str, ...] = tuple(FAULTS)) -> dict[str, Any]:
    """Break everything so often; return the figures."""
    async with house() as one:
        began = len(one.hass.log.read_text("utf-8", errors="replace"))  # it starts with errors of its own
        for _ in range(rounds):
            for fault in faults:
                await break_and_see(one, fault)
                print(f"{fault}: back after {one.back_s[fault][-1]:.1f} s", flush=True)
        assert one.hass.process.returncode is None
        found = traces(one.hass.log.read_text("utf-8", errors="replace")[began:])
        assert not found, "\n\n".join(found)
        return {
            "faults": rounds * len(faults),
            "entities": len(one.entities),
            "lost": 0,
            "stack traces": 0,
            **{f"{name}: back, s, median": round(statistics.median(took), 1) for name, took in one.back_s.items()},
        }


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    print(json.dumps(asyncio.run(run(parser.parse_args().rounds))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
