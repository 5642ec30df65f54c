"""In routing mode `edge` nothing is connected to and no name is asked for; the same harness counts some in mode `auto`.

Long form: `python -m tests.server.proofs.no_connects [--turns 60]`: one line of JSON. Two counts each: Python's audit
events, and, where strace is installed, the system calls themselves, which native libraries cannot hide from.
"""

import argparse
import asyncio
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import yaml

from ..cloud.server import stand_in
from ..home import ServerProcess
from ..peer import connected, event, kitchen, noisy

CONNECT = re.compile(r"connect\(\d+, \{sa_family=AF_INET6?.*")
DATAGRAM = re.compile(r"send(?:to|msg|mmsg)\(.*sa_family=AF_INET6?.*")


async def counted(folder: Path, mode: str, *, turns: int, traced: bool) -> Counter[str]:
    """Return how often a server in a mode reached out during so many turns."""
    audit, trace = folder / f"{mode}.audit", folder / f"{mode}.strace"
    audit.touch()
    async with stand_in() as cloud:
        settings = folder / f"{mode}.yaml"
        lane = cloud.lane("openai", url=cloud.url("openai").replace("127.0.0.1", "localhost"))
        settings.write_text(
            yaml.safe_dump({"routing": {"mode": mode}, "cloud": {"lanes": [lane]}, "threshold": {"audits": True}})
        )
        command = [sys.executable, "-m", "tests.server.proofs.counted", str(audit)]
        if traced:
            command = ["strace", "-f", "-qq", "-e", "trace=network", "-o", str(trace), *command]
        server = ServerProcess(folder, "--config", str(settings), "--uri", "tcp://127.0.0.1:0", command=command)
        counts: Counter[str] = Counter()
        try:
            (uri,) = await server.uri()
            recordings = [kitchen().pcm, noisy().pcm]
            for number in range(turns):
                async with connected(uri) as peer:
                    answer = await peer.turn(recordings[number % 2], transcribe=event("transcribe", {"language": "en"}))
                    counts["turns"] += answer.type == "transcript"
            counts["wrong statuses"] = await server.stop() != 0
        finally:
            server.kill()
        counts["arrived at the lane"] = len(cloud.recorder.arrivals)
    lines = audit.read_text("utf-8").splitlines()
    counts["connects"] = sum(line.startswith(("socket.connect", "socket.send")) for line in lines)
    counts["names asked for"] = sum(line.startswith("socket.get") for line in lines)
    if traced:
        calls = trace.read_text("utf-8", "replace").splitlines()
        counts["connects, by strace"] = sum(bool(CONNECT.search(call) or DATAGRAM.search(call)) for call in calls)
    return counts


async def prove(folder: Path, *, turns: int, traced: bool) -> dict[str, Counter[str]]:
    """Return the counts of both modes."""
    return {mode: await counted(folder, mode, turns=turns, traced=traced) for mode in ("edge", "auto")}


def wrong(counts: dict[str, Counter[str]], turns: int) -> bool:
    """Tell whether the promise was broken, or the harness cannot see."""
    edge, auto = counts["edge"], counts["auto"]
    reached = edge["connects"] + edge["names asked for"] + edge["connects, by strace"] + edge["arrived at the lane"]
    seen = auto["connects"] and auto["names asked for"] and auto["arrived at the lane"]
    return bool(reached or not seen or edge["turns"] != turns or edge["wrong statuses"])


def main() -> int:
    """Print the counts; return 1 when anything was reached in mode edge, or nothing seen in mode auto."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=60)
    arguments = parser.parse_args()
    traced = shutil.which("strace") is not None
    with tempfile.TemporaryDirectory() as folder:
        counts = asyncio.run(prove(Path(folder), turns=arguments.turns, traced=traced))
    told = {f"{mode}: {name}": count for mode, one in counts.items() for name, count in sorted(one.items())}
    print(json.dumps({"traced by strace": traced} | told))
    return int(wrong(counts, arguments.turns))


if __name__ == "__main__":
    sys.exit(main())
