"""Measure what the integration adds to Home Assistant: `python -m tests.home_assistant.benchmark_memory [--turns 20]`.

Four real `hass` processes, each its own: with nothing added and nothing asked; with nothing added and the commands
typed; with our integration; and with Home Assistant's own Wyoming integration at the same server. The last two hear the
commands. Over the first stands also what Home Assistant's own agent loads for its first command; over the second, what
is ours. Memory is the process's private part in MiB, at rest, as the kernel counts it: runs differ by several MiB.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.home_assistant.assist import paced
from tests.home_assistant.hass_process import HomeAssistant, home_assistant
from tests.home_assistant.recordings import recording
from tests.home_assistant.server_process import ServerProcess, edge_voice

REST_SECONDS = 5.0
SAYS = "kitchen.wav"


def private_mib(pid: int) -> float:
    """Return the memory that a process shares with no other."""
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return sum(int(row.split()[1]) for row in rows if row.startswith("Private_")) / 1024


async def measured(add: Callable[[HomeAssistant], Awaitable[str]] | None, turns: int) -> float:
    """Return what a Home Assistant takes, with something added and used."""
    with tempfile.TemporaryDirectory() as folder:
        async with home_assistant(Path(folder)) as hass:
            if add is None:
                async with hass.session() as assist:
                    for _ in range(turns):
                        await assist.call("conversation/process", text=recording(SAYS).text)
            else:
                stt = await add(hass)
                async with hass.session() as assist:
                    pipeline = await assist.create_pipeline(stt)
                    for _ in range(turns):
                        await assist.run(pipeline, paced(recording(SAYS).followed_by_room(6.0)))
            await asyncio.sleep(REST_SECONDS)
            return private_mib(hass.process.pid)


async def measure(server: ServerProcess, turns: int) -> dict[str, str | float]:
    """Return all four."""
    idle, typed = await measured(None, 0), await measured(None, turns)
    ours = await measured(lambda hass: hass.add_edge_voice(server), turns)
    wyoming = await measured(lambda hass: hass.add_wyoming(server.port), turns)
    return {
        "Home Assistant alone, idle / with commands typed, MiB": f"{idle:.1f} / {typed:.1f}",
        "our integration adds to it idle / with commands typed, MiB": f"{ours - idle:.1f} / {ours - typed:.1f}",
        "Home Assistant's Wyoming integration adds, likewise, MiB": f"{wyoming - idle:.1f} / {wyoming - typed:.1f}",
        "ours over Wyoming's, MiB": round(ours - wyoming, 1),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=20)
    with edge_voice(control_port=0) as server:
        print(json.dumps(asyncio.run(measure(server, parser.parse_args().turns)), ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
