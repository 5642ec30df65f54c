"""In routing mode `edge` nothing is connected to and no name is asked for; the same harness counts some in mode `auto`.

Long form: `python -m tests.server.proofs.no_connects [--turns 60]`: a table, and one line of JSON. Two counts each:
Python's audit events, and, where strace is installed, the system calls themselves, which native libraries cannot hide
from. All servers have the same lanes, audits and conversations; in mode `auto` every way out must be seen to be taken.
"""

import argparse
import asyncio
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from wyoming_server.commands.local import DEMO_AREAS, DEMO_NAMES
from wyoming_server.commands.recording import PACKAGED, listed_recordings, read_recording
from wyoming_server.commands.report import table

from ..cloud.server import StandIn, stand_in
from ..cloud.wyoming import WyomingStandIn, wyoming_stand_in
from ..home import ServerProcess
from ..peer import Peer, audio, connected, event

CASES: Mapping[str, dict[str, Any]] = {
    "mode edge": {"mode": "edge"},
    "callers want edge": {},
    "peers not trusted": {"trusted": []},
    "auto": {},
}
"""Name → the server's routing. From the first three nothing may reach out."""
SYSTEM_CALLS = ("connect", "sendto", "sendmsg", "sendmmsg")
STRACE = ("strace", "-D", "-f", "--seccomp-bpf", "-q", "-e", f"trace={','.join(SYSTEM_CALLS)}", "-o")
"""-D: the server stays our own child, and gets our signals."""
OUTWARD = re.compile(rf"\b(?:{'|'.join(SYSTEM_CALLS)})\(\d+, .*sa_family=AF_INET6?\b")
"""A call that names an address. What answers on a connection that a peer made names none."""
ENDED = re.compile(r"\+\+\+ (?:exited with|killed by) ")
WAYS_OUT = ("connects", "names asked for", "arrivals over HTTP", "arrivals over Wyoming", "uploads in the ledger")
"""What must be 0, and above 0 in mode `auto`."""
SEEN = ("hedges", "audits", "connects, by strace")
"""What must be above 0 in mode `auto`, too: else less was tried than promised."""
CALLERS: tuple[dict[str, Any], ...] = (
    {"satellite_id": "kitchen", "lane": "cloud"},
    {"satellite_id": "hall", "lane": "cloud"},
    {"satellite_id": "kitchen"},
    {"satellite_id": "kitchen", "lane": "auto", "can_confirm": True, "client_lane": True},
    {"satellite_id": "kitchen", "lane": "cloud", "mode": "file"},
)
"""The consent is for the kitchen: the hall's speech goes to the lane at home. The third's texts are accepted, and
audited once the same satellite speaks again."""


def settings(case: str, cloud: StandIn, lan: WyomingStandIn) -> dict[str, Any]:
    """Return what could reach out in every way that there is; a hedge is refused in mode `edge`."""
    lanes = [
        cloud.lane("openai", url=_named(cloud.url("openai")), satellites=["kitchen"], price_per_minute=0.006),
        lan.lane(name="at home", url=_named(lan.url)),
    ]
    return {
        "routing": CASES[case],
        "home": {"names": list(DEMO_NAMES), "areas": list(DEMO_AREAS)},
        "cloud": {"lanes": lanes},
        "threshold": {"audits": True, "early_audits": 1.0},
        "ledger": {"audit_seconds_per_day": 3600.0, "hedge_seconds_per_day": 3600.0, "cloud_seconds_per_day": 7200.0},
        "hedge": {"hedge": CASES[case].get("mode") != "edge", "hedge_at": 0.0},
    }


def _named(url: str) -> str:
    """Return an address that must be asked for by name."""
    return url.replace("127.0.0.1", "localhost")


async def converse(uri: str, case: str, turns: int) -> Counter[str]:
    """Wake, speak and be answered so many times, by every kind of caller."""
    wanted = {"lane": "edge"} if case == "callers want edge" else {}
    counts: Counter[str] = Counter()
    # None says the same as the one before: what is said thrice goes to a lane, whatever its risk.
    recordings = [one.pcm for one in listed_recordings(PACKAGED) if one.kind in {"clean", "noisy"}]
    wake = read_recording(PACKAGED / "wake.wav").pcm
    for number in range(turns):
        caller = CALLERS[number % len(CALLERS)]
        async with connected(uri) as peer:
            if number % len(CALLERS) == 0:
                counts["wake words"] += await _woken(peer, wake, caller | wanted)
            asked = {"language": "en", "context": {"edge_voice": caller | wanted}}
            answer = await peer.turn(recordings[number % len(recordings)], asked)
            counts["transcripts"] += answer.kind == "transcript"
            counts[f"routed {answer.detail['route']}" if answer.kind == "transcript" else answer.code] += 1
    return counts


async def _woken(peer: Peer, wake: bytes, context: dict[str, Any]) -> bool:
    await peer.say(event("detect", {"context": {"edge_voice": context}}), *audio(wake))
    return (await peer.until("detection", "not-detected")).kind == "detection"


async def counted(folder: Path, case: str, *, turns: int, traced: bool) -> Counter[str]:
    """Return how often a server reached out during so many turns, and by which ways."""
    home = folder / case
    home.mkdir()
    events, trace, file = (home / name for name in ("events", "trace", "settings.yaml"))
    command = [sys.executable, "-m", "tests.server.proofs.counted", str(events)]
    if traced:
        command = [*STRACE, str(trace), *command]
    async with stand_in() as cloud, wyoming_stand_in() as lan:
        file.write_text(yaml.safe_dump(settings(case, cloud, lan)))
        server = ServerProcess(home, "--config", str(file), "--uri", "tcp://127.0.0.1:0", command=command)
        try:
            (uri,) = await server.uri()
            counts = await converse(uri, case, turns)
            counts["wrong statuses"] = int(await server.stop() != 0)
        finally:
            server.kill()
        counts["arrivals over HTTP"] = cloud.recorder.connects
        counts["arrivals over Wyoming"] = lan.recorder.connects
    counts |= _of_python(events) | _of_ledger(home / "data" / "edge-voice.sqlite")
    return counts | (await asyncio.to_thread(_of_system, trace) if traced else Counter())


def _of_python(events: Path) -> Counter[str]:
    lines = events.read_text("utf-8").splitlines()
    questions = sum(line.startswith("socket.get") for line in lines)
    return Counter({"names asked for": questions, "connects": len(lines) - questions})


def _of_system(trace: Path) -> Counter[str]:
    """Count what strace saw, once it has seen the end; the first line is of the server's own process."""
    for _ in range(500):
        lines = trace.read_text("utf-8", "replace").splitlines()
        if lines and lines[0].split()[0] in {line.split()[0] for line in lines if ENDED.search(line)}:
            return Counter({"connects, by strace": sum(bool(OUTWARD.search(line)) for line in lines)})
        time.sleep(0.02)
    raise AssertionError("strace did not see the server's end")


def _of_ledger(path: Path) -> Counter[str]:
    with closing(sqlite3.connect(path)) as ledger:
        reasons = Counter(reason for (reason,) in ledger.execute("SELECT reason FROM upload"))
    return Counter({"uploads in the ledger": reasons.total(), "hedges": reasons["hedge"], "audits": reasons["audit"]})


async def prove(
    folder: Path, *, turns: int, traced: bool, cases: Collection[str] = tuple(CASES)
) -> dict[str, Counter[str]]:
    """Return the counts of each case."""
    found = await asyncio.gather(*(counted(folder, case, turns=turns, traced=traced) for case in cases))
    return dict(zip(cases, found, strict=True))


def can_trace() -> bool:
    """Tell whether strace is there, and may look at a process here."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run([*STRACE, "/dev/null", "true"], capture_output=True, check=False).returncode == 0


def wrong(counts: Mapping[str, Counter[str]], turns: int, *, traced: bool) -> list[str]:
    """Return how the promise was broken, or what the harness could not see."""
    broken, auto = [], counts["auto"]
    for case, seen in counts.items():
        broken += [f"{case}: {name} {seen[name]}" for name in (*WAYS_OUT, *SEEN) if seen[name] and case != "auto"]
        if seen["transcripts"] != turns or seen["wrong statuses"]:
            broken.append(f"{case}: {seen['transcripts']} transcripts of {turns}, status {seen['wrong statuses']}")
    unseen = [name for name in (*WAYS_OUT, *SEEN) if not auto[name] and (traced or "strace" not in name)]
    return broken + [f"auto: {name} 0, so that nothing is shown" for name in unseen]


def main() -> int:
    """Print the counts; return 1 when anything was reached that must not be, or nothing seen in mode auto."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=60)
    arguments = parser.parse_args()
    traced = can_trace()
    with tempfile.TemporaryDirectory() as folder:
        counts = asyncio.run(prove(Path(folder), turns=arguments.turns, traced=traced))
    names = list(dict.fromkeys(name for one in counts.values() for name in one))
    print(table([["counted", *counts], *([name, *(str(one[name]) for one in counts.values())] for name in names)]))
    broken = wrong(counts, arguments.turns, traced=traced)
    of_each = {case: {name: one[name] for name in names} for case, one in counts.items()}
    print(json.dumps({"traced by strace": traced, "wrong": broken, **of_each}))
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
