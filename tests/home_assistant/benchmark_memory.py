"""Measure what the integration adds to Home Assistant: `python -m tests.home_assistant.benchmark_memory [--turns 20]`.

Three real `hass` processes, each its own: with nothing added, with our integration, and with Home Assistant's own
Wyoming integration at the same server, for comparison. The last two hear the same turns; the first has the same
commands typed, because what Home Assistant's own agent loads for its first command is not ours. Memory is the
process's private part in MiB, at rest, as the kernel counts it.
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


async def measure(server: ServerProcess, turns: int) -> dict[str, float]:
    """Return all three."""
    bare = await measured(None, turns)
    ours = await measured(lambda hass: hass.add_edge_voice(server), turns)
    wyoming = await measured(lambda hass: hass.add_wyoming(server.port), turns)
    return {
        "Home Assistant alone, MiB": round(bare, 1),
        "our integration adds, MiB": round(ours - bare, 1),
        "Home Assistant's Wyoming integration adds, MiB": round(wyoming - bare, 1),
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
