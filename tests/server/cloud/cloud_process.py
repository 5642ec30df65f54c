"""A stand-in speech service in a process of its own: `python -m tests.server.cloud.cloud_process`.

It is told by lines of JSON on standard input, `{"fault": NAME or null, "delay": SECONDS, "drop": true}`, and answers
each with `{"told": …}`; `drop` ends the connections that there are. Its first line says how to reach it;
`{"upload": N, "at_s": …}` tells of each request for a text as it comes, on the monotonic clock.
"""

import asyncio
import json
import sys
from typing import Any

from .audio import Samples
from .protocol import TRANSCRIBE
from .server import StandIn, stand_in
from .switchboard import Switchboard

PROVIDER = "groq"
LOOK_SECONDS = 0.003
SENTENCES = {
    1.10: "what time is it",
    1.48: "turn on the kitchen light",
    1.86: "Add milk to the shopping list.",
    2.41: "set the bedroom lamp to 40%",
}
"""How long a sentence is as it is sent → what is heard: the hub's words, which it can learn from, in small letters."""


def heard(samples: Samples, rate_hz: int) -> str:
    """Return what a sound says: sentences differ in length."""
    seconds = len(samples) / rate_hz
    return SENTENCES[min(SENTENCES, key=lambda one: abs(one - seconds))]


async def tell_uploads(cloud: StandIn) -> None:
    """Print a line for each request for a text as it comes."""
    told, uploads = 0, 0
    while True:
        for arrival in cloud.recorder.arrivals[told:]:
            told += 1
            if arrival.operation == TRANSCRIBE:
                uploads += 1
                say({"upload": uploads, "at_s": arrival.arrived_s})
        await asyncio.sleep(LOOK_SECONDS)


def say(told: dict[str, Any]) -> None:
    """Print one line."""
    print(json.dumps(told), flush=True)


async def change(cloud: StandIn, board: Switchboard, told: dict[str, Any]) -> None:
    """Do what a line says."""
    cloud.delay_seconds = float(told.get("delay", cloud.delay_seconds))
    if told.get("drop"):
        await board.drop()
    if "fault" not in told:
        return
    cloud.well()
    fault = told["fault"]
    url = cloud.set(PROVIDER, fault) if fault else cloud.origin
    await board.leads(None if fault == "refuses-connection" else url)


async def main() -> None:
    """Serve until standard input ends."""
    loop, lines = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with stand_in(secure=True) as cloud, Switchboard.open(cloud.origin) as board:
        cloud.hearing.listen = heard
        lane = cloud.lane(PROVIDER)
        path = lane["url"].removeprefix(cloud.origin)
        say({"lane": lane, "port": board.port, "path": path})
        telling = asyncio.create_task(tell_uploads(cloud))
        while line := await lines.readline():
            await change(cloud, board, told := json.loads(line))
            say({"told": told})
        telling.cancel()


if __name__ == "__main__":
    asyncio.run(main())
