"""A whole server is killed while bundles come, are tried, answer and are left again; each start is asked for a turn.

Long form: `python -m tests.server.proofs.bundle_server_kills [--times 30]`. The repository has a newer bundle at each
start, which the server takes up with everything real: updater, self-test, shadow decoder, canary, promotion. It is
killed with all its processes at some moment of a step that chance names. The next one must answer a turn with a signed
bundle that verifies, and must not have loaded anything else.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.server.bundles import made
from tests.server.bundles.installed_hub import chooses_starter, installed
from tests.server.bundles.publishing import TestRepository, a_repository
from tests.server.peer import KITCHEN, connected, kitchen
from tests.server.updates.faulty import faulty_host
from wyoming_server.bundles.bundle import Kind
from wyoming_server.errors import EdgeVoiceError
from wyoming_server.serve import RunningServer, running
from wyoming_server.settings import Raw, read_settings
from wyoming_server.updates.book import Happened
from wyoming_server.updates.folder import BundleFolder
from wyoming_server.updates.update_told import status_of

MOMENTS = {
    "start": 2.0,
    "checking": 0.5,
    "downloading": 0.2,
    "unpacking": 0.1,
    "testing": 1.5,
    "shadow": 0.5,
    "serving": 0.5,
    "watch": 0.1,
    "settled": 0.1,
    "rolled_back": 0.1,
}
"""What a server says, and the seconds within which it is killed then."""
LONGEST_SECONDS = 30.0


def say(what: str, **said: str) -> None:
    print(json.dumps({"said": what, **said}), flush=True)


# The server that is killed


async def busy(folder: Path, seed: int) -> None:
    """Answer, take up what is new, and leave it again one time in two."""
    raw: Raw = {
        "server": {"uris": ["tcp://127.0.0.1:0"], "data_dir": str(folder / "data"), "log_level": "error"},
        "asr": {"language": "en"},
        "control": {"address": "off", "announce": False},
        "bundles": {"shadow_turns": 1, "shadow_hours": 0.0, "shadow_share": 1.0, "serving_turns": 1,
                    "serving_share": 0.9, "watch_turns": 2},
    }  # fmt: skip
    say("start")
    async with running(read_settings(None, raw, environ={})) as server:
        await server.ready()
        text = await turn(server)
        say("answer", text=text, label=server.updates.serving(Kind.ASR))
        before = server.updates.book.on_step

        def stepped(happened: Happened) -> None:
            before(happened)
            say(happened.event.value, label=happened.label, code=happened.code)

        server.updates.book.on_step = stepped
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(told(server))
            await update(server, leaves=random.Random(seed).random() < 0.5)


async def update(server: RunningServer, *, leaves: bool) -> None:
    """Take up what is new and answer turns, until killed."""
    await server.updates.check()
    while True:
        await turn(server)
        of = server.updates.state.of(Kind.ASR)
        if leaves and of.candidate is not None and of.candidate.label == of.active:
            with suppress(EdgeVoiceError):
                await server.updates.roll_back(Kind.ASR)


async def told(server: RunningServer) -> None:
    """Say what is being done to a bundle."""
    last = ""
    while True:
        of = next(one for one in status_of(server.updates)["kinds"] if one["kind"] == Kind.ASR)
        if of["work"] is not None and of["work"]["state"] != last:
            last = of["work"]["state"]
            say(last)
        await asyncio.sleep(0.01)


async def turn(server: RunningServer) -> str:
    async with connected(server.uris[0]) as peer:
        return str((await peer.turn(kitchen().pcm)).data.get("text"))


# Who kills it


def killed(folder: Path, generator: random.Random, counts: Counter[str]) -> None:
    """Start a server, see what it answers with, and kill it at some moment."""
    wanted, seed = generator.choice(list(MOMENTS)), generator.randrange(1 << 30)
    before = BundleFolder(folder / "data" / "bundles").read()
    argv = [sys.executable, "-m", __spec__.name, "--busy", str(folder), "--seed", str(seed)]
    came = "its rest"
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        # A moment need not come: a bundle that was left is not tried again.
        late = threading.Timer(LONGEST_SECONDS, end, [process])
        late.start()
        try:
            for line in process.stdout:
                said = json.loads(line)
                if said["said"] == "answer":
                    answered(said, set(before.installed), counts)
                counts["refused bundles"] += said["said"] == "refused"
                if said["said"] == wanted:
                    came = wanted
                    time.sleep(generator.random() * MOMENTS[wanted])
                    break
        finally:
            late.cancel()
            end(process)
        rest = process.stdout.read()
    for line in rest.splitlines():
        if '"answer"' in line and line.endswith("}"):
            answered(json.loads(line), set(before.installed), counts)
    counts["kills"] += 1
    counts[f"killed in {came}"] += 1
    counts["ended by itself"] += process.returncode != -signal.SIGKILL


def end(process: subprocess.Popen[str]) -> None:
    """Kill a server and all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def answered(said: dict[str, str], known: set[str], counts: Counter[str]) -> None:
    counts["starts that answered"] += 1
    counts["with the right text"] += said["text"] == KITCHEN
    counts["with a signed bundle"] += said["label"] in known


def inspect(folder: BundleFolder, counts: Counter[str]) -> None:
    """Verify what lies there after a kill."""
    state = folder.read()
    for label in state.installed:
        try:
            folder.verify(label)
        except EdgeVoiceError:
            counts["bundles not whole"] += 1
    active = state.of(Kind.ASR).active
    counts["half active"] += active in state.denied or not active or not (state.used <= state.installed.keys())


def prove(space: Path, *, times: int, seed: int) -> Counter[str]:
    """Kill so many servers, and start one more that takes up the newest bundle."""
    generator, counts = random.Random(seed), Counter[str]()
    counts |= {"bundles not whole": 0, "half active": 0, "refused bundles": 0}
    hub = space / "hub"
    chooses_starter(hub / "data")
    installed(hub / "data", made.good(space), active=True)
    repository, folder = a_repository(space / "repository"), BundleFolder(hub / "data" / "bundles")
    with faulty_host(repository.public) as host:
        folder.trust(host.url, repository.root_bytes)
        for number in range(times):
            publish(repository, space, number + 1)
            killed(hub, generator, counts)
            inspect(folder, counts)
            forget_crashes(folder)
    return counts


def publish(repository: TestRepository, space: Path, number: int) -> None:
    """Publish a bundle that is newer than any before."""
    repository.publish(made.good(space, f"1.{number}.0"))


def forget_crashes(folder: BundleFolder) -> None:
    """Have the next start take this end for a cut of the power, for which no bundle is to blame."""
    file = folder.root / "running.json"
    if file.exists():
        file.write_text(json.dumps(json.loads(file.read_bytes()) | {"boot": "before"}))


def wrong(counts: Counter[str]) -> list[str]:
    """Return what is not as it must be."""
    found = [
        one for one in ("bundles not whole", "half active", "ended by itself", "refused bundles") if counts[one] > 0
    ]
    good = ("with the right text", "with a signed bundle")
    return found + [one for one in good if counts[one] != counts["starts that answered"] or not counts[one]]


def main() -> int:
    """Print the counts; return 1 when a start answered with anything but a whole signed bundle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--busy", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.busy:
        asyncio.run(busy(arguments.busy, arguments.seed))
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory() as space:
        counts = prove(Path(space), times=arguments.times, seed=arguments.seed)
    print(json.dumps({"seconds": round(time.monotonic() - start_s)} | dict(sorted(counts.items()))))
    return int(bool(wrong(counts)))


if __name__ == "__main__":
    sys.exit(main())
