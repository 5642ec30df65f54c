"""Requests that wait, while the hub and Home Assistant are killed at random moments: counts, and one line of JSON.

Long form: `python -m tests.server.proofs.queue_kills [--kills 1000] [--requests 5000]`. Pairs of a real server and a
real Home Assistant core with our integration run side by side, each with a speech service that comes and goes. Requests
come in all the while; one process of a pair is killed with SIGKILL, starts again, and so on. Whoever owns the home
repeats what is shown as interrupted and was not done, and drops what was. In the end each must have been done once.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from ..cloud.server import StandIn, stand_in
from .killed_hub import PATIENCE_SECONDS, ROOT, Hub
from .lives import Lives
from .queue_hub import DEVICE, SATELLITE, number_of, text_of

LIFE_SECONDS = 0.8
"""A process is killed within so long after its pair was whole, or while it still starts."""
BURST_SECONDS = 0.5
"""Requests come within so long, so that there is something to be done when the kill comes."""
FAULT = "http-500"
SHOWN = ("interrupted", "failed", "unheard")
WRONG = ("repeated", "vanished", "out of order", "done for somebody else")


class Pair:
    """A hub and a home, and what was asked of them."""

    def __init__(self, folder: Path, cloud: StandIn, generator: random.Random, counts: Counter[str]) -> None:
        self.folder, self._cloud, self._generator, self._counts = folder, cloud, generator, counts
        self.promised = dict[int, str]()
        """Number → id, of those that were promised to be done."""
        self.dropped = set[int]()
        """Those that their owner has let go, though they were not done."""
        self.repeated = set[int]()
        """Those that their owner has had repeated."""
        self.hub = Hub(folder / "hub")
        self.home: Lives
        self._http: aiohttp.ClientSession

    @asynccontextmanager
    async def running(self, home_python: str) -> AsyncIterator[None]:
        """Start both, and end them."""
        for name in ("hub", "home"):
            (self.folder / name).mkdir()
        lane = json.dumps(self._cloud.lane("openai", price_per_minute=0.006, price_as_of="2026-11-01"))
        async with self.hub.running(lane) as self._http:
            server_id = (await self._ask("GET", "status"))["server"]["id"]
            home = "tests.home_assistant.queue_home"
            argv = (home, str(self.folder / "home"), str(self.hub.port), self.hub.token, server_id)
            self.home = await Lives.of(home_python, "-m", *argv, log=self.folder / "log", cwd=ROOT)
            try:
                await self.home.begin()
                yield
            finally:
                await self.home.end()

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        async with self._http.request(method, f"/api/v1/{path}", json=body, raise_for_status=True) as reply:
            return dict(await reply.json())

    async def keep(self, numbers: list[int]) -> None:
        """Ask for requests, one after the other; what is cut, or refused, was not promised."""
        for number in numbers:
            self._counts["requests"] += 1
            if told := await self.hub.keep(number):
                self.promised[number] = told
            await asyncio.sleep(self._generator.random() * BURST_SECONDS / len(numbers))

    async def kill_one(self) -> None:
        """Kill the hub or the home at some moment, and start it again."""
        self._cloud.well()
        if self._generator.random() < 0.3:
            self._cloud.set("openai", FAULT)
        await asyncio.sleep(self._generator.random() * LIFE_SECONDS)
        if self._generator.random() < 0.5:
            self._counts["kills of the home"] += await self.home.kill()
            await self.home.begin()
        else:
            self._counts["kills of the hub"] += await self.hub.kill()
            if self._generator.random() < 0.1:  # in the middle of its start, too
                await asyncio.sleep(self._generator.random() * LIFE_SECONDS)
                self._counts["kills of the hub"] += await self.hub.kill()
        self._cloud.well()
        await self.hub.is_up()

    async def owner_looks(self) -> int:
        """Repeat what was interrupted and not done, drop what was done; return how many requests there are still."""
        done = self.done()
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            requests = (await self._ask("GET", "queue"))["requests"]
            for one in requests:
                if one["state"] in SHOWN:
                    self._counts[f"shown as {one['state']}"] += 1
                    await self._settle(one, number_in(one["heard"]), done)
            return len(requests)
        return 1

    async def _settle(self, one: dict[str, Any], number: int, done: Counter[int]) -> None:
        if done[number]:
            await self._ask("DELETE", f"queue/{one['id']}")
        elif self._generator.random() < 0.2:
            await self._ask("DELETE", f"queue/{one['id']}")
            self.dropped.add(number)
        else:
            await self._ask("POST", f"queue/{one['id']}/repeat", {})
            self.repeated.add(number)

    def lines(self) -> list[list[str]]:
        """Return what the agent was told, in its order."""
        path = self.folder / "home" / "done"
        return [line.split("|") for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def done(self) -> Counter[int]:
        """Return how often each number was done."""
        return Counter(number_in(text) for text, _, _ in self.lines())

    async def settles(self) -> None:
        """Wait until nothing is left to be done, for as long as anything is."""
        self._cloud.well()
        left = await self.owner_looks()
        while left:
            async with asyncio.timeout(PATIENCE_SECONDS):
                before = left
                while left >= before:
                    await asyncio.sleep(0.2)
                    left = await self.owner_looks()

    def judge(self) -> None:
        """Count what became of each request."""
        done, counts = self.done(), self._counts
        counts["promised"] += len(self.promised)
        counts["done"] += len(done)
        counts["repeated"] += sum(times > 1 for times in done.values())
        counts["vanished"] += len(set(self.promised) - set(done) - self.dropped)
        counts["dropped by their owner"] += len(self.dropped - set(done))
        order = [number for text, _, _ in self.lines() if (number := number_in(text)) not in self.repeated]
        counts["out of order"] += sum(after < before for before, after in itertools.pairwise(order))
        counts["done for somebody else"] += sum(line[1:] != [SATELLITE, DEVICE] for line in self.lines())


def number_in(text: str) -> int:
    """Return the number of a request's text."""
    return int(text.split()[2])


async def prove_pair(
    folder: Path, home_python: str, *, kills: int, requests: int, seed: int, counts: Counter[str]
) -> None:
    """Kill so many processes of one pair while so many requests come in."""
    generator = random.Random(seed)
    async with stand_in() as cloud:
        cloud.hearing.listen = lambda samples, _rate: text_of(number_of(samples))
        pair = Pair(folder, cloud, generator, counts)
        async with pair.running(home_python):
            numbers = list(range(requests))
            for killed in range(kills):
                part = numbers[killed * requests // kills : (killed + 1) * requests // kills]
                keeping = asyncio.create_task(pair.keep(part))
                await pair.kill_one()
                await keeping
                if generator.random() < 0.2:
                    await pair.owner_looks()
            await pair.settles()
            pair.judge()
        cloud.failures.clear()  # who asked was killed


def home_python() -> str:
    """Return the Python of Home Assistant's environment, which is made where it is not there."""
    made = subprocess.run(
        ["script/bootstrap", "home-assistant"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return str(ROOT / made.stdout.strip())


async def prove(folder: Path, python: str, *, kills: int, requests: int, pairs: int, seed: int) -> Counter[str]:
    """Kill so many in all, pairs side by side."""
    counts = Counter[str](dict.fromkeys(WRONG, 0))
    async with asyncio.TaskGroup() as tasks:
        for pair in range(pairs):
            (own := folder / f"{pair}").mkdir()
            share = {"kills": kills // pairs, "requests": requests // pairs, "seed": seed + pair}
            tasks.create_task(prove_pair(own, python, **share, counts=counts))
    return counts


def main() -> int:
    """Print the counts; return 1 when a request was done twice, or lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        share = {"kills": arguments.kills, "requests": arguments.requests, "pairs": arguments.pairs}
        counts = asyncio.run(prove(Path(folder), home_python(), **share, seed=arguments.seed))
    print(json.dumps({"seconds": round(time.monotonic() - start_s)} | dict(sorted(counts.items()))))
    return int(any(counts[name] for name in WRONG))


if __name__ == "__main__":
    sys.exit(main())
