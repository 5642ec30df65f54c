"""Memory of the server while it updates, above before: a signed bundle comes over loopback, whole and tried.

The updater and the trial are processes of their own, whose memory is told apart. The bundle is the starter's with a
file of random bytes beside it, so that there is something to fetch.

python -m tests.server.benchmarks.update_memory [--megabytes 64]
"""

import argparse
import asyncio
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.server.benchmarks.bundle_server import BundleServer, bundle_server
from tests.server.benchmarks.recordings import commands
from tests.server.bundles import made
from tests.server.bundles.publishing import a_repository, served
from wyoming_server.bundles.manifest import read_bundle
from wyoming_server.commands.client import Manner, connected
from wyoming_server.publisher.manifest_write import write_manifest

AT_MOST_MB = 10.0
_MB = 1e6
_REST_SECONDS = 3.0


class Peaks:
    """The most resident memory of a process, and of its children together."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.own = self.children = 0
        self._over = threading.Event()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look every few milliseconds until the block ends."""
        looking = threading.Thread(target=self._look)
        looking.start()
        try:
            yield
        finally:
            self._over.set()
            looking.join()

    def _look(self) -> None:
        own = self._process.cmdline()
        while not self._over.is_set():
            self.own = max(self.own, self._process.memory_info().rss)
            children = self._process.children(recursive=True)
            self.children = max(self.children, sum(_resident(one, own) for one in children))
            time.sleep(0.01)


def _resident(process: psutil.Process, parents: list[str]) -> int:
    """Return a child's memory; one that has only just been forked shows its parent's."""
    try:
        resident: int = process.memory_info().rss
        return 0 if process.cmdline() == parents else resident
    except psutil.Error:
        return 0


def main() -> None:
    """Print the figures; fails when the server takes more than 10 MB for an update."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=64)
    figures = asyncio.run(_measured(parser.parse_args().megabytes))
    print(json.dumps(figures))
    if not figures["held"]:
        raise SystemExit(1)


async def _measured(megabytes: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository = a_repository(folder / "repository")
        repository.publish(_heavy(folder / "made", megabytes))
        with served(repository.public) as url:
            async with bundle_server(folder / "hub") as server:
                await _speak(server)
                before = await _peaks(server, _REST_SECONDS)
                updating = Peaks(server.pid)
                with updating.watched():
                    began_s = time.monotonic()
                    await server.ask("trust", url, repository.root_bytes)
                    stage = await server.ask("install", "home-en@1.2.0")
                    took_s = time.monotonic() - began_s
                after = await _peaks(server, _REST_SECONDS)
    added = (updating.own - before.own) / _MB
    return {
        "bundle_mb": megabytes,
        "ends_as": stage,
        "update_took_s": round(took_s, 1),
        "server_before_mb": round(before.own / _MB, 1),
        "server_while_updating_added_mb": round(added, 1),
        "server_afterwards_added_mb": round((after.own - before.own) / _MB, 1),
        "updater_and_trial_mb": round(updating.children / _MB, 1),
        "held": added <= AT_MOST_MB and stage == "shadow",
    }


async def _peaks(server: BundleServer, seconds: float) -> Peaks:
    peaks = Peaks(server.pid)
    with peaks.watched():
        await asyncio.sleep(seconds)
    return peaks


async def _speak(server: BundleServer) -> None:
    """Let the server take what memory it needs to hear."""
    for recording in commands():
        async with connected(server.uri) as connection:
            await connection.transcribe(recording, Manner(chunk_seconds=0.1, real_time=False), language="en")


def _heavy(folder: Path, megabytes: int) -> Path:
    """Return a good bundle that is so many megabytes heavier."""
    bundle = made.good(folder, "1.2.0")
    (bundle / "ballast.bin").write_bytes(os.urandom(megabytes * 1_000_000))
    write_manifest(bundle, read_bundle(bundle))
    return bundle


if __name__ == "__main__":
    main()
