"""Turns over every fault of every lane through a real server: a table of what each came to, and its figures.

Long form: `python -m tests.server.proofs.lane_faults [--turns 1000] [--seed 1] [--at-once 4]`. It fails when a turn
does not end in a transcript or an error inside the budget, when the edge text is lost, when a failure is taken for
another than it is, when a key or a text shows in a log, or when a socket or a task is left behind.
"""

import argparse
import asyncio
import collections
import gc
import json
import logging
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from ..cloud import contents
from ..cloud.faults import FAULTS
from ..cloud.server import every_service
from ..cloud.wyoming_faults import WYOMING_FAULTS
from ..home import Home
from ..peer import KITCHEN, Peer, audio, connected, event, kitchen
from .lane_place import CLOUD_TEXT, THREE, Place, place

BUDGET_SECONDS = 3.0
"""After the end of speech, whatever happens."""
SLACK_SECONDS = 0.75
"""Of a shared machine, and of this program."""
PROVIDERS = ("openai", "groq", "compatible", "deepgram", "assemblyai")
PROVIDERS += ("azure", "google", "elevenlabs", "home_assistant", "wyoming", THREE)
REPEATED, KEPT_AWAY = 0.08, 0.2
"""How often a fault is had until the breaker opens, and how often a turn comes while it is open."""


@dataclass(slots=True, kw_only=True)
class Turn:
    """One turn."""

    provider: str
    fault: str
    kind: str
    """transcript or error."""
    code: str = ""
    said: str = ""
    """`edge`, `cloud` or `neither`: whose text it is."""
    endings: tuple[str, ...] = ()
    """Of its uploads."""
    seconds: float = 0.0
    """End of speech → text or error."""
    breaker: str = ""
    """closed or open, afterwards."""
    faults: list[str] = field(default_factory=list)
    """What is wrong with it."""


def private() -> list[str]:
    """Return what no log may show: keys, tokens, and what was said."""
    keys = {one.name: one.key for one in every_service()}
    pem = json.loads(keys.pop("google"))["private_key"].splitlines()
    return [*filter(None, keys.values()), pem[1], "PRIVATE KEY", "ya29.", KITCHEN.rstrip("."), CLOUD_TEXT.rstrip(".")]


class Listener(logging.Handler):
    """Keeps what is logged that must not be."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines = 0
        self.leaks: list[str] = []
        self._private = [one.lower() for one in private()]

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one line, with its traceback."""
        self.lines += 1
        line = (self.formatter or logging.Formatter()).format(record)
        self.leaks += [f"{record.name}: {one}" for one in self._private if one in line.lower()]


async def turn(there: Place, fault: str, *, broken: bool = False) -> Turn:
    """Take one turn while the service fails so; `broken`: while its breaker is open."""
    async with connected(there.served.uri) as peer:
        heard, seconds = await _speak(peer)
    context = heard.data.get("context", {}).get("edge_voice", {}) if heard else {}
    taken = Turn(
        provider=there.provider,
        fault=fault,
        kind=heard.kind if heard else "nothing",
        code=str(heard.data.get("code", "")) if heard and heard.kind == "error" else "",
        said={KITCHEN: "edge", CLOUD_TEXT: "cloud"}.get(heard.data.get("text", "") if heard else "", "neither"),
        endings=tuple(one["ending"] for one in context.get("lanes", ())),
        seconds=seconds,
        breaker="open" if there.kept_away else "closed",
    )
    allowed = () if broken else there.allowed(fault)
    if allowed and fault.startswith(("half-stream", "stream-")) and there.spared:
        allowed = (*allowed, "answered")
    taken.faults = wrong_with(taken, allowed)
    return taken


async def _speak(peer: Peer) -> tuple[Any, float]:
    """Say a command in real time's order but faster; return the answer and how long it took from its end."""
    await peer.say(event("transcribe", {"language": "en"}), *audio(kitchen().pcm))
    ended = time.monotonic()
    try:
        return await peer.answer(), time.monotonic() - ended
    except TimeoutError, AssertionError, ConnectionError:
        return None, time.monotonic() - ended


def wrong_with(taken: Turn, allowed: tuple[str, ...]) -> list[str]:
    """Return what is wrong with a turn."""
    wrong = []
    if taken.kind not in ("transcript", "error"):
        wrong.append("did not end")
    if taken.seconds > BUDGET_SECONDS + SLACK_SECONDS:
        wrong.append(f"took {taken.seconds:.2f} s")
    if not allowed and taken.endings:
        wrong.append("asked although the breaker is open")
    if allowed and not taken.endings:
        wrong.append("the lane was not asked")
    wrong += [f"{one} is none of {allowed}" for one in taken.endings if allowed and one not in (*allowed, "cancelled")]
    if "answered" not in taken.endings and taken.kind == "transcript" and taken.said != "edge":
        wrong.append(f"the text is {taken.said}, not the edge's")
    if taken.kind == "error":
        wrong.append(f"the edge text is lost: {taken.code}")
    return wrong


async def one_lane(provider: str, turns: int, seed: int, *, deadline_seconds: float) -> list[Turn]:
    """Take so many turns with one lane; every fault is had before any comes twice."""
    generator = random.Random(f"{seed} {provider}")
    taken: list[Turn] = []
    with tempfile.TemporaryDirectory() as folder:
        async with place(provider, Path(folder), deadline_seconds=deadline_seconds) as there:
            waiting: list[str] = []
            tasks = there.served.tasks()
            while len(taken) < turns:
                if not waiting:
                    waiting = generator.sample(there.names, len(there.names))
                fault = waiting.pop()
                await there.breaks(fault)
                for _ in range(min(turns - len(taken), 3 if generator.random() < REPEATED else 1)):
                    taken.append(await turn(there, fault))
                    if taken[-1].breaker == "open":
                        break
                if taken[-1].breaker == "open" and len(taken) < turns and generator.random() < KEPT_AWAY:
                    taken.append(await turn(there, fault, broken=True))
                await there.mends()
            left = sorted(await _left(there.served, tasks))
            if left:
                taken[-1].faults.append(f"tasks are left behind: {left}")
    return taken


async def _left(served: Home, before: set[str]) -> set[str]:
    """Return the names of tasks that are still there after a while."""
    left: set[str] = set()
    for _ in range(100):
        left = {name for name in served.tasks() - before if name.startswith(("lane", "warm", "turn"))}
        if not left:
            break
        await asyncio.sleep(0.02)
    return left


async def proved(
    turns: int, seed: int, *, at_once: int, providers: tuple[str, ...] = PROVIDERS, deadline_seconds: float = 2.2
) -> dict[str, Any]:
    """Take the turns; print the table; return the figures."""
    listener, root = Listener(), logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)  # a key must not show at any level
    contents._bomb()  # made once, before anyone waits for it
    gate, before = asyncio.Semaphore(at_once), psutil.Process().num_fds()

    async def gated(provider: str, share: int) -> list[Turn]:
        async with gate:
            return await one_lane(provider, share, seed, deadline_seconds=deadline_seconds)

    shares = [turns // len(providers) + (at < turns % len(providers)) for at in range(len(providers))]
    try:
        lanes = await asyncio.gather(*map(gated, providers, shares, strict=True))
    finally:
        root.setLevel(level)
        root.removeHandler(listener)
    gc.collect()
    return _figures([one for lane in lanes for one in lane], listener, psutil.Process().num_fds() - before)


def _figures(taken: list[Turn], listener: Listener, descriptors: int) -> dict[str, Any]:
    seconds = sorted(one.seconds for one in taken)
    wrong = [f"{one.provider}, {one.fault}: {what}" for one in taken for what in one.faults]
    _table(taken)
    return {
        "turns": len(taken),
        "not ended in transcript or error inside the budget": sum(
            one.kind not in ("transcript", "error") or one.seconds > BUDGET_SECONDS + SLACK_SECONDS for one in taken
        ),
        "edge text kept": sum(one.said == "edge" for one in taken),
        "cloud text taken": sum(one.said == "cloud" for one in taken),
        "errors": dict(collections.Counter(one.code for one in taken if one.kind == "error")),
        "kept away by the breaker": sum(not one.endings for one in taken),
        "faults": len({(one.provider, one.fault) for one in taken}),
        "end_to_text_s p50, p95, longest": [
            round(seconds[int(share * (len(seconds) - 1))], 2) for share in (0.5, 0.95, 1.0)
        ],
        "log lines": listener.lines,
        "keys or texts in logs": sorted(set(listener.leaks)),
        "descriptors left": descriptors,
        "wrong": wrong,
    }


def _table(taken: list[Turn]) -> None:
    """Print fault × provider: what each upload came to, `*` where the breaker was open after it, and away for none."""
    providers = [one for one in PROVIDERS if any(turn.provider == one for turn in taken)]
    cells: dict[tuple[str, str], collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for one in taken:
        for ending in one.endings or ("away",):
            short = ending.removeprefix("lane-") + ("*" if one.breaker == "open" else "")
            cells[one.fault, one.provider][short] += 1
    rows = [("", *providers)]
    for fault in [one for one in dict.fromkeys((*FAULTS, *WYOMING_FAULTS)) if any(key[0] == one for key in cells)]:
        shown = (
            ", ".join(f"{code} ×{count}".removesuffix(" ×1") for code, count in cells[fault, one].items())
            for one in providers
        )
        rows.append((fault, *shown))
    widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
    for row in rows:
        print("".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def main() -> int:
    """Print the table and the figures; return 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=4, help="lanes that are tried at the same time")
    parser.add_argument("--providers", nargs="*", default=PROVIDERS)
    arguments = parser.parse_args()
    figures = asyncio.run(
        proved(arguments.turns, arguments.seed, at_once=arguments.at_once, providers=tuple(arguments.providers))
    )
    print()
    for name, value in figures.items():
        print(f"{name}: {json.dumps(value)}")
    never = figures["not ended in transcript or error inside the budget"]
    return int(bool(figures["wrong"] or never or figures["keys or texts in logs"] or figures["descriptors left"] > 0))


if __name__ == "__main__":
    sys.exit(main())
