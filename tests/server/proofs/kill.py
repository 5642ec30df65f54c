"""A server that is killed or stopped at random moments starts again and serves: one line of JSON.

Long form: `python -m tests.server.proofs.kill [--times 100]`. All starts share one data folder and one Unix socket.
"""

import argparse
import asyncio
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from ..home import ServerProcess
from ..peer import KITCHEN, audio, connected, event, kitchen

STARTING_SECONDS = 2.5
"""A start takes about so long here, and may be cut at any moment of it."""


async def serves(uri: str) -> str:
    """Return the text of a whole turn."""
    async with connected(uri) as peer:
        return str((await peer.turn(kitchen().pcm)).data.get("text"))


async def killed(folder: Path, uri: str, generator: random.Random, counts: Counter[str]) -> None:
    """Start a server and end it at some moment: in its start, at rest, or in mid-turn."""
    server = ServerProcess(folder, "--uri", uri)
    number = generator.choice((signal.SIGKILL, signal.SIGTERM))
    moment = generator.choice(("start", "turn", "turn"))
    try:
        if moment == "start":
            await asyncio.sleep(generator.random() * STARTING_SECONDS)
        else:
            await server.uri()
            counts["right texts after a start"] += await serves(uri) == KITCHEN
            counts["starts that had to serve"] += 1
            async with connected(uri) as peer:
                pieces = list(audio(kitchen().pcm))
                await peer.say(event("transcribe", {}), *pieces[: generator.randrange(len(pieces) + 1)])
                await asyncio.sleep(generator.random() * 0.1)
                server.process.send_signal(number)
        if server.process.poll() is None and moment == "start":
            server.process.send_signal(number)
        status = await server.ended()
    finally:
        server.kill()
    counts[f"{number.name} in {moment}"] += 1
    allowed = {-signal.SIGKILL} if number is signal.SIGKILL else {0}
    if moment == "start":
        allowed |= {-signal.SIGTERM, 0}  # before it has set its handlers
    counts["wrong statuses"] += status not in allowed
    counts["tracebacks"] += server.log.count("Traceback")


async def prove(folder: Path, *, times: int, seed: int) -> Counter[str]:
    """Kill so many servers and serve once more at the end."""
    generator = random.Random(seed)
    uri = f"unix://{folder / 'voice.sock'}"
    counts: Counter[str] = Counter()
    for _ in range(times):
        await killed(folder, uri, generator, counts)
    last = ServerProcess(folder, "--uri", uri)
    try:
        await last.uri()
        counts["right texts after a start"] += await serves(uri) == KITCHEN
        counts["starts that had to serve"] += 1
        counts["wrong statuses"] += await last.stop() != 0
    finally:
        last.kill()
    return counts


def main() -> int:
    """Print the counts; return 1 when a start did not serve or anything looked wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        counts = asyncio.run(prove(Path(folder), times=arguments.times, seed=arguments.seed))
    seconds = time.monotonic() - start_s
    print(json.dumps({"times": arguments.times, "seconds": round(seconds)} | dict(sorted(counts.items()))))
    missed = counts["starts that had to serve"] - counts["right texts after a start"]
    return int(bool(missed or counts["wrong statuses"] or counts["tracebacks"]))


if __name__ == "__main__":
    sys.exit(main())
