"""A hub whose bundles come and go is killed at any moment, and starts again: one line of JSON.

Long form: `python -m tests.server.proofs.bundle_kills [--times 200]`. One process after another checks a repository,
downloads, verifies, stages, activates and rolls back, in one data folder. It is killed with its updater, as a cut of
the power would, somewhere in a step that chance names. Then the same update ends at its first file operation, at its
second, and so on to its last, in `--ways` ways that an update can go, so that no gap between two of them is left to
chance. After each, a start must find a bundle that is whole, and nothing half active; in the end an update must come
through.
"""

import argparse
import asyncio
import datetime as dt
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.server.bundles import made
from tests.server.bundles.publishing import a_repository
from tests.server.updates import faulty
from wyoming_server.bundles.bundle import Kind
from wyoming_server.bundles.state import Stage
from wyoming_server.bundles.verify import verify_folder
from wyoming_server.errors import EdgeVoiceError
from wyoming_server.updates import updating
from wyoming_server.updates.folder import BundleFolder
from wyoming_server.updates.jobs import Limits, check_job, fetch_job, fetched_in, found_in, run_job
from wyoming_server.updates.readying import start
from wyoming_server.updates.running import mark_run
from wyoming_server.updates.transitions import activate, advance, begin, forgive, roll_back, settle

VERSIONS = ("1.0.0", "1.1.0", "1.2.0", "1.3.0")
BYTES = 400_000
"""Of a bundle; it comes at about 2 MB a second."""
LIMITS = Limits(retry_delay_s=0.05)
STEPS = {
    "check": 0.8,
    "download": 0.2,
    "verify": 0.02,
    "stage": 0.05,
    "install": 0.01,
    "shadow": 0.005,
    "serve": 0.005,
    "activate": 0.005,
    "settle": 0.005,
    "roll back": 0.005,
    "collect": 0.005,
}
"""What is under way, and the seconds within which it is killed."""


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


# The hub that is killed


def say(step: str) -> None:
    print(step, flush=True)


def told(progress: Mapping[str, Any]) -> None:
    """Say the steps of the updater."""
    names = {"checking": "check", "downloading": "download", "verifying": "verify", "unpacking": "stage"}
    say(names[progress["state"]])


async def busy(folder: BundleFolder, seed: int) -> None:
    """Take up one bundle after another, and leave some of them again, for ever."""
    generator = random.Random(seed)
    with folder.lock():
        say("start")
        started = start(folder, Kind.ASR, now())
        mark_run(folder, [started.ready.label] if started.ready else [], now())
        while True:
            await once(folder, generator)


async def once(folder: BundleFolder, generator: random.Random) -> None:
    """Take up a bundle that does not serve, and leave it again one time in two."""
    say("check")
    found = found_in(await run_job(check_job(folder.root, "stable", LIMITS), told))
    serving = folder.read().of(Kind.ASR).active
    offer = generator.choice([one for one in found.offers if one.label != serving])
    fetched = fetched_in(await run_job(fetch_job(folder.root, "stable", offer.path, LIMITS), told))
    change(folder, fetched.label, fetched.installed, generator)


def change(folder: BundleFolder, label: str, installed: Any, generator: random.Random) -> None:
    """Bring a staged bundle into service step by step, each of which is one state on the disk."""
    say("install")
    state = folder.install(label, installed)
    say("shadow")
    folder.write(state := begin(forgive(state, label), label, now()))
    folder.write_canary({"turns": 1, "label": label})
    if generator.random() < 0.2:
        say("roll back")
        folder.write(state := roll_back(state, Kind.ASR, "worse", "It was worse.", now()))
    else:
        say("serve")
        folder.write(state := advance(state, Kind.ASR, Stage.SERVING, now()))
        say("activate")
        folder.write(state := advance(state, Kind.ASR, Stage.WATCH, now()))
        mark_run(folder, [label], now())
        if generator.random() < 0.5 and state.of(Kind.ASR).previous:
            say("roll back")
            folder.write(state := roll_back(state, Kind.ASR, "worse", "It was worse.", now()))
        else:
            say("settle")
            folder.write(settle(state, Kind.ASR))
    say("collect")
    folder.collect()


# Who kills it


def killed(folder: BundleFolder, generator: random.Random, counts: Counter[str]) -> None:
    """Start a hub and kill it with its updater, somewhere in a step that chance names."""
    wanted, seed = generator.choice(list(STEPS)), generator.randrange(1 << 30)
    argv = [sys.executable, "-m", __spec__.name, "--busy", str(folder.root), "--seed", str(seed)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.strip() == wanted:
                    time.sleep(generator.random() * STEPS[wanted])
                    break
        finally:
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.read()
    counts[f"killed in {wanted}"] += 1
    counts["ended by itself"] += process.returncode != -signal.SIGKILL


def ended_at(folder: BundleFolder, operation: int, seed: int) -> bool:
    """Fork a hub that ends without a word at its so many-th change of a file; return whether it got that far."""
    child = os.fork()
    if child == 0:
        left = operation

        def count(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            if changes_a_file(event, arguments) and str(arguments[0]).startswith(str(folder.root)):
                left -= 1
                if left < 0:
                    os._exit(9)

        sys.addaudithook(count)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            whole_run(folder, seed)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def changes_a_file(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open":
        return isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return event in {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.symlink", "os.link"}


def whole_run(folder: BundleFolder, seed: int) -> None:
    """Do in this process what `busy` does once, the updater's part included."""
    generator = random.Random(seed)
    voice = updating.Voice(lambda _: None)
    with folder.lock():
        started = start(folder, Kind.ASR, now())
        serving = started.ready.label if started.ready else ""
        mark_run(folder, [serving], now())
        found = found_in(updating.run(check_job(folder.root, "stable", LIMITS), voice))
        offer = generator.choice([one for one in found.offers if one.label != serving])
        fetched = fetched_in(updating.run(fetch_job(folder.root, "stable", offer.path, LIMITS), voice))
        change(folder, fetched.label, fetched.installed, generator)


def inspect(folder: BundleFolder, signed: Mapping[str, str], counts: Counter[str]) -> None:
    """Look at the disk as the next start does, and count what is wrong; `signed` is label → manifest's digest."""
    with folder.lock():
        before = folder.read()
        started = start(folder, Kind.ASR, now())
    counts["starts"] += 1
    counts["starts that serve a verified bundle"] += started.ready is not None
    counts["bundles found damaged"] += len(started.refused)
    for label, installed in before.installed.items():
        try:
            counts["installed bundles verified"] += (
                verify_folder(folder.folder_of(label), signed[label]).label == label
                and installed.manifest_sha256 == signed[label]
            )
        except EdgeVoiceError:
            counts["installed bundles not whole"] += 1
    for label, digest in signed.items():
        if folder.staged_folder(label).is_dir():
            try:
                verify_folder(folder.staged_folder(label), digest)
                counts["staged bundles verified"] += 1
            except EdgeVoiceError:
                counts["staged bundles not whole"] += 1
    kind = before.of(Kind.ASR)
    counts["half active"] += not (before.used <= before.installed.keys()) or kind.active in before.denied
    counts["candidates under way"] += kind.candidate is not None


@contextmanager
def a_hub(space: Path) -> Iterator[tuple[BundleFolder, dict[str, str]]]:
    """Make a repository of four bundles on a host of its own process, and a hub that serves the first."""
    repo = a_repository(space / "repository")
    signed = {one.label: one.manifest_sha256 for one in (repo.publish(bundle) for bundle in bundles(space))}
    argv = [sys.executable, "-m", __spec__.name if __name__ == "__main__" else __name__, "--host", str(repo.public)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        try:
            folder = BundleFolder(space / "data" / "bundles")
            folder.trust(host.stdout.readline().strip(), repo.root_bytes)
            job = fetch_job(folder.root, "stable", f"stable/home-en@{VERSIONS[0]}.tar", LIMITS)
            fetched = fetched_in(asyncio.run(run_job(job)))
            folder.write(activate(folder.install(fetched.label, fetched.installed), fetched.label, now()))
            yield folder, signed
        finally:
            host.kill()


def bundles(space: Path) -> Iterator[Path]:
    for version in VERSIONS:
        yield made.hollow(space, version, size=BYTES)


def serve(public: Path) -> None:
    """Be the repository's host, slow enough that a download can be hit."""
    with faulty.faulty_host(public) as host:
        host.break_(r"\.tar$", faulty.drip(0.01, 20_000))
        print(host.url, flush=True)
        signal.pause()


def prove(space: Path, *, times: int, ways: int, seed: int, stride: int = 1) -> Counter[str]:
    """Kill so many hubs by chance; then end updates at every so many-th file operation."""
    generator, counts = random.Random(seed), Counter[str]()
    with a_hub(space) as (folder, signed):
        for _ in range(times):
            killed(folder, generator, counts)
            counts["kills"] += 1
            inspect(folder, signed, counts)
        for way in range(ways):
            end_everywhere(folder, signed, counts, seed=seed + way, stride=stride)
        asyncio.run(come_through(folder, counts))
    return counts


def end_everywhere(
    folder: BundleFolder, signed: Mapping[str, str], counts: Counter[str], *, seed: int, stride: int
) -> None:
    """Do one update again and again from the same disk, each time a few file operations further."""
    before = folder.root.with_name("before")
    shutil.copytree(folder.root, before, symlinks=True)
    for operation in itertools.count(step=stride):
        shutil.rmtree(folder.root)
        shutil.copytree(before, folder.root, symlinks=True)
        ended = ended_at(folder, operation, seed)
        inspect(folder, signed, counts)
        if not ended:
            break
        counts["ends at a file operation"] += 1
    shutil.rmtree(before)


async def come_through(folder: BundleFolder, counts: Counter[str]) -> None:
    """Take up the newest bundle at last."""
    newest = f"home-en@{VERSIONS[-1]}"
    with folder.lock():
        fetched = fetched_in(await run_job(fetch_job(folder.root, "stable", f"stable/{newest}.tar", LIMITS)))
        state = forgive(folder.install(fetched.label, fetched.installed), newest)
        folder.write(activate(state, newest, now()))
        folder.collect()
        ready = start(folder, Kind.ASR, now()).ready
    counts["updates that came through at last"] += ready is not None and ready.label == newest


def wrong(counts: Mapping[str, int]) -> list[str]:
    """Return what is not as it must be."""
    never = ("bundles found damaged", "installed bundles not whole", "staged bundles not whole", "half active",
             "ended by itself")  # fmt: skip
    found = [name for name in never if counts.get(name)]
    if counts["starts that serve a verified bundle"] != counts["starts"]:
        found.append("starts that serve a verified bundle")
    if not counts["updates that came through at last"]:
        found.append("updates that came through at last")
    return found


def main() -> int:
    """Print the counts; return 1 when a start found anything but a whole bundle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--ways", type=int, default=4)
    parser.add_argument("--stride", type=int, default=1, help="file operations from one end to the next")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--busy", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--host", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.busy:
        asyncio.run(busy(BundleFolder(arguments.busy), arguments.seed))
    if arguments.host:
        serve(arguments.host)
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory() as space:
        counts = prove(
            Path(space), times=arguments.times, ways=arguments.ways, seed=arguments.seed, stride=arguments.stride
        )
    zeros = {"bundles found damaged": 0, "installed bundles not whole": 0, "staged bundles not whole": 0,
             "half active": 0}  # fmt: skip
    print(json.dumps({"seconds": round(time.monotonic() - start_s)} | zeros | dict(sorted(counts.items()))))
    return int(bool(wrong(counts)))


if __name__ == "__main__":
    sys.exit(main())
