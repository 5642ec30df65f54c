"""Many turns from many connections for minutes: one line of JSON with p95s and what grew.

Long form: `python -m tests.server.proofs.soak [--minutes 8] [--peers 4]`. It fails when a text is wrong, a turn ends
in an error, or memory, threads or descriptors of the server still grow in the second half.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from wyoming_server.commands.recording import PACKAGED, Recording, listed_recordings

from ..home import ServerProcess
from ..peer import audio, chunk, connected, event

MEMORY_GROWTH_MIB = 12.0
"""Resident memory may waver by so much between the middle and the end."""


@dataclass(slots=True)
class Soaked:
    """What was seen so far."""

    turns: int = 0
    vanished: int = 0
    wrong: list[str] = field(default_factory=list)
    end_to_text_ms: list[float] = field(default_factory=list)
    resident_mib: list[float] = field(default_factory=list)
    fds: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)


async def one_peer(uri: str, recordings: list[Recording], until: float, seed: int, soaked: Soaked) -> None:
    """Take turns in every manner until then."""
    generator = random.Random(seed)
    while time.monotonic() < until:
        async with connected(uri) as peer:
            for _ in range(generator.randrange(1, 6)):
                recording = generator.choice(recordings)
                manner = generator.random()
                if manner < 0.1:
                    await peer.say(event("transcribe", {}), *list(audio(recording.pcm))[: generator.randrange(60)])
                    soaked.vanished += 1
                    peer.reset()
                    break
                if manner < 0.3:
                    await peer.say(event("detect", {}), *audio(recording.pcm))
                    await peer.until("detection", "not-detected", "error")
                    continue
                asked = {"context": {"edge_voice": {"mode": "file"}}} if manner < 0.4 else {}
                start_s = time.monotonic()
                await peer.say(event("transcribe", asked), *audio(recording.pcm, generator.choice((640, 2048, 32_000))))
                answer = await peer.answer()
                soaked.turns += 1
                soaked.end_to_text_ms.append(1000 * (time.monotonic() - start_s))
                if answer.data.get("text") != recording.text:
                    soaked.wrong.append(f"{recording.path.name}: {answer.data}")
                await peer.say(chunk(b""), event("ping"))
                await peer.until("pong")


async def watch(process: psutil.Process, until: float, soaked: Soaked) -> None:
    """Sample the server until then."""
    while time.monotonic() < until:
        soaked.resident_mib.append(process.memory_info().rss / 2**20)
        soaked.fds.append(process.num_fds())
        soaked.threads.append(process.num_threads())
        await asyncio.sleep(1.0)


async def soak(folder: Path, *, seconds: float, peers: int, seed: int) -> tuple[Soaked, bool, str]:
    """Soak one server process; return what was seen, whether it stopped cleanly, and its log."""
    recordings = [one for one in listed_recordings(PACKAGED) if one.kind in {"clean", "silence", "hum"}]
    server = ServerProcess(folder, "--uri", "tcp://127.0.0.1:0", "--log-level", "info")
    soaked = Soaked()
    try:
        (uri,) = await server.uri()
        until = time.monotonic() + seconds
        process = psutil.Process(server.process.pid)
        speaking = (one_peer(uri, recordings, until, seed + index, soaked) for index in range(peers))
        await asyncio.gather(watch(process, until, soaked), *speaking)
        clean = await server.stop() == 0
    finally:
        server.kill()
    return soaked, clean, server.log


def _growth(samples: list[float] | list[int]) -> float:
    """Return how much the last quarter lies above the second one, by medians."""
    quarter = max(1, len(samples) // 4)
    return statistics.median(samples[-quarter:]) - statistics.median(samples[quarter : 2 * quarter] or samples)


def main() -> int:
    """Print the figures; return 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--peers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soaked, clean, log = asyncio.run(
            soak(Path(folder), seconds=60 * arguments.minutes, peers=arguments.peers, seed=arguments.seed)
        )
    growth = _growth(soaked.resident_mib)
    ordered = sorted(soaked.end_to_text_ms)
    figures = {
        "turns": soaked.turns,
        "peers": arguments.peers,
        "vanished": soaked.vanished,
        "wrong": len(soaked.wrong),
        "first_wrong": soaked.wrong[:3],
        "first_byte_to_text_ms_p50": round(statistics.median(ordered), 1),
        "first_byte_to_text_ms_p95": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
        "resident_mib_start_end_peak": [
            round(soaked.resident_mib[0], 1), round(soaked.resident_mib[-1], 1), round(max(soaked.resident_mib), 1),
        ],
        "resident_mib_growth": round(growth, 2),
        "fds_growth": _growth(soaked.fds),
        "threads_growth": _growth(soaked.threads),
        "tracebacks": log.count("Traceback"),
        "clean_stop": clean,
    }  # fmt: skip
    print(json.dumps(figures))
    grew = growth > MEMORY_GROWTH_MIB or _growth(soaked.fds) > 4 or _growth(soaked.threads) > 2
    return int(bool(soaked.wrong) or grew or "Traceback" in log or not clean)


if __name__ == "__main__":
    sys.exit(main())
