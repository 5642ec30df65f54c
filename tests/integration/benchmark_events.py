"""How long a turn takes from the server to the event entity: a real server, a real Home Assistant, one clock.

python -m tests.integration.benchmark_events [--turns 40] [--json]

Both run on this machine, so that the server's own time of a turn's end and Home Assistant's time of the state change
are of one clock. The sentences are spoken through the Assist pipeline in real time, one after another. Exits with 1
when a turn's event never came.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import json
import math
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.home_assistant.assist import Assist, paced
from tests.home_assistant.hass_process import HomeAssistant, home_assistant
from tests.home_assistant.recordings import Recording, packaged
from tests.home_assistant.server_process import edge_voice

EVENT_SECONDS = 10.0
"""An event that is not there by then never comes."""
ROOM_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One turn on its way, in ms since it ended on the server."""

    changed_ms: float
    """Until Home Assistant changed the event entity."""
    seen_ms: float
    """Until a program at its WebSocket API was told."""


@contextlib.asynccontextmanager
async def changes(hass: HomeAssistant) -> AsyncIterator[asyncio.Queue[Told]]:
    """Tell of every change of the event entity that a turn's end made."""
    found: asyncio.Queue[Told] = asyncio.Queue()

    async def listen(socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            seen = dt.datetime.now(dt.UTC)
            event = message.json().get("event", {})
            if is_turn(event):
                found.put_nowait(told(event, seen))

    async with aiohttp.ClientSession() as http, http.ws_connect(f"{hass.url}/api/websocket") as socket:
        await socket.receive_json()
        await socket.send_json({"type": "auth", "access_token": hass.token})
        await socket.receive_json()
        await socket.send_json({"id": 1, "type": "subscribe_events", "event_type": "state_changed"})
        await socket.receive_json()
        listening = asyncio.create_task(listen(socket))
        try:
            yield found
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


def is_turn(event: dict[str, Any]) -> bool:
    """Whether a state change is that of our event entity at a turn's end."""
    changed = event.get("data", {})
    return str(changed.get("entity_id", "")).startswith("event.") and "latency_ms" in changed["new_state"]["attributes"]


def told(event: dict[str, Any], seen: dt.datetime) -> Told:
    """Return how long a turn was on its way."""
    ended = dt.datetime.fromisoformat(event["data"]["new_state"]["attributes"]["at"])
    changed = dt.datetime.fromisoformat(event["time_fired"])
    return Told(changed_ms=1000 * (changed - ended).total_seconds(), seen_ms=1000 * (seen - ended).total_seconds())


async def speak(assist: Assist, pipeline: str, recording: Recording, found: asyncio.Queue[Told]) -> Told:
    """Speak one recording and return how long its turn was on its way. Raises TimeoutError when it never arrived."""
    await assist.run(pipeline, paced(recording.followed_by_room(ROOM_SECONDS)))
    async with asyncio.timeout(EVENT_SECONDS):
        return await found.get()


async def measure(turns: int) -> list[Told]:
    """Speak so many sentences, after one that is not counted."""
    recordings = packaged("clean")
    measured = []
    with tempfile.TemporaryDirectory() as folder, edge_voice(control_port=0) as server:
        async with home_assistant(Path(folder)) as hass, hass.session() as assist:
            pipeline = await assist.create_pipeline(await hass.add_edge_voice(server))
            async with changes(hass) as found:
                await speak(assist, pipeline, recordings[0], found)
                for number in range(turns):
                    measured.append(await speak(assist, pipeline, recordings[number % len(recordings)], found))
                    print(f"changed {measured[-1].changed_ms:.1f} ms, seen {measured[-1].seen_ms:.1f} ms", flush=True)
    return measured


def p95(values: Sequence[float]) -> float:
    """Return the smallest value that at least 95 % do not exceed."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def figures(measured: Sequence[Told]) -> dict[str, str]:
    """Return medians and p95 in ms."""
    spans = {
        "turn on the server → event entity changed, ms, median / p95": [one.changed_ms for one in measured],
        "turn on the server → told at the WebSocket API, ms, median / p95": [one.seen_ms for one in measured],
    }
    found = {name: f"{statistics.median(values):.1f} / {p95(values):.1f}" for name, values in spans.items()}
    return found | {"turns": str(len(measured))}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    try:
        found = figures(asyncio.run(measure(arguments.turns)))
    except TimeoutError:
        print("A turn's event never came.", file=sys.stderr)
        return 1
    print(*(f"{name}: {value}" for name, value in found.items()), sep="\n")
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
