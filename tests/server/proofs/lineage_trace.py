"""A server does all that it can, under strace: every file, address and field that is seen is held to the register.

Long form: `python -m tests.server.proofs.lineage_trace`: a table of what was seen on each way, and one line of JSON. It
fails when anything was seen that the register lacks, and when a way was not seen to be taken, which would show nothing.
Lanes, audits, texts, recordings, corrections, baseline, scorecard, reports and metrics are on; a bundle is installed,
tried and taken up; the server is started a second time, fetches a model of a hub, and erases everything.
"""

import argparse
import asyncio
import fnmatch
import json
import re
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from wyoming_server.commands.report import table
from wyoming_server.records import lineage
from wyoming_server.records.lineage_shape import Kind

from ..bundles import made
from ..bundles.installed_hub import chooses_starter, installed
from ..bundles.local_hub import LocalHub
from ..bundles.publishing import a_repository
from ..cloud.server import SETTINGS, stand_in
from ..engines.cloud_requests import serving
from ..home import ServerProcess
from ..records import lineage_found as found
from ..updates.faulty import Exchange, faulty_host
from .lineage_home import Doubles, Home, first_day, second_day
from .no_connects import ENDED
from .traced import STRACE, Seen, can_trace, seen_in

_ROW = re.compile(r'INSERT INTO "(?P<table>(?!sqlite_)\w+)"')
EVENT = "event "
"""How the register names an event of the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What was seen on one way, and what of it the register lacks."""

    seen: int
    unknown: tuple[str, ...]


def way(seen: Iterable[tuple[str, str]], *kinds: Kind) -> Way:
    """Hold fields that were seen to the register."""
    declared, there = found.declared(lineage.flows(), *kinds), set(seen)
    return Way(seen=len(there), unknown=tuple(f"{where}: {name}" for where, name in sorted(there - declared)))


# Files and addresses


def files_of(seen: Seen, data: Path) -> Way:
    """Hold the files that were written to the register, by the patterns that it names them with."""
    patterns = [one.field for one in lineage.flows() if one.kind is Kind.FILE and one.where == "data folder"]
    elsewhere = [one.field for one in lineage.flows() if one.kind is Kind.FILE and one.where == "system"]
    unknown = []
    for path in sorted(seen.written):
        if path.startswith(f"{data}/"):
            name = whole_name(path.removeprefix(f"{data}/"))
            if not any(fnmatch.fnmatchcase(name, one) for one in patterns):
                unknown.append(name)
        elif path != str(data) and not any(fnmatch.fnmatchcase(path, one) for one in elsewhere):
            unknown.append(path)
    return Way(seen=len(seen.written), unknown=tuple(unknown))


def whole_name(name: str) -> str:
    """Return the name that a file gets once it is whole: it is written as `.NAME.part` before."""
    folder, slash, last = name.rpartition("/")
    if last.startswith(".") and last.endswith(".part"):
        last = last[1:].removesuffix(".part")
    return f"{folder}{slash}{last}".replace("choice.part", "choice.json")


def addresses_of(reached: Iterable[tuple[str, int]], known: Mapping[tuple[str, int], str]) -> Way:
    """Hold the addresses that were connected to, to those of the parts that stand for others."""
    there = set(reached)
    return Way(
        seen=len(there), unknown=tuple(f"{host}:{port}" for host, port in sorted(there) if (host, port) not in known)
    )


# Fields


def log_of(log: str) -> Way:
    """Hold the log's lines to the register: events by their fields, sentences by their module."""
    flows = [one for one in lineage.flows() if one.kind is Kind.LOG]
    modules, unknown, count = {one.where for one in flows}, set[str](), 0
    fields = {(one.where, one.field) for one in flows}
    quiet = {module for module in modules if not module.startswith(EVENT)} | silent_modules()
    for line in log.splitlines():
        count += 1
        try:
            told = json.loads(line)
        except ValueError:
            unknown.add(f"a line that is no JSON: {line[:80]}")
            continue
        unknown |= {
            f"{told['event']}: {name}" for name in told["fields"] if (f"{EVENT}{told['event']}", name) not in fields
        }
        module = told["logger"].removeprefix("wyoming_server.")
        if not told["fields"] and module not in quiet and told["logger"].startswith("wyoming_server."):
            unknown.add(module)
    return Way(seen=count, unknown=tuple(sorted(unknown)))


def silent_modules() -> set[str]:
    """Return the modules that log sentences without a value."""
    return {
        path.relative_to(found.SERVER).as_posix().removesuffix(".py").replace("/", ".")
        for path in found.SERVER.rglob("*.py")
        if "_LOGGER" in path.read_text("utf-8")
    } | {""}


def columns_of(store: Path) -> Way:
    """Hold the columns that hold something to the register."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        tables = {row["table"] for line in connection.iterdump() if (row := _ROW.match(line))}
        there = {(one, row[1]) for one in tables for row in connection.execute(f"PRAGMA table_info({one})")}
    return way(there, Kind.COLUMN)


@dataclass(slots=True, kw_only=True)
class Sent:
    """What the parts that stand for others were sent."""

    lanes: set[tuple[str, str]] = field(default_factory=set)
    repository: set[tuple[str, str]] = field(default_factory=set)
    reports: set[tuple[str, str]] = field(default_factory=set)
    hub: set[tuple[str, str]] = field(default_factory=set)
    addresses: dict[tuple[str, int], str] = field(default_factory=dict)


@asynccontextmanager
async def doubles(folder: Path, sent: Sent) -> AsyncIterator[Doubles]:
    """Serve everybody whom a server can ask: speech services, a repository, who takes reports, a hub of models."""

    async def take(request: web.BaseRequest) -> web.Response:
        names = {name.lower() for name in request.headers} - found.TRANSPORT
        report = await request.json()
        sent.reports.update(("report", one) for one in ("path", *report, *(f"header:{name}" for name in names)))
        return web.Response(status=204)

    def look(exchange: Exchange) -> None:
        names = {name.lower() for name in exchange.handler.headers} - found.TRANSPORT
        sent.repository.update(("request", one) for one in ("path", *(f"header:{name}" for name in names)))
        exchange.honest()

    async with AsyncExitStack() as stack:
        cloud = await stack.enter_async_context(stand_in())
        cloud.hearing.default = "Turn on the chicken light"
        reports = await stack.enter_async_context(serving(take))
        repository = await asyncio.to_thread(a_repository, folder / "repository")
        host = stack.enter_context(faulty_host(repository.public))
        host.break_("", look)
        files = {
            "config.json": b"{}",
            "model.bin": bytes(1 << 21),
            "tokenizer.json": b'{"model": {}}',
            "vocabulary.txt": b"a",
        }
        hub = stack.enter_context(LocalHub(repositories={"someone/hers": files}))
        for url, what in (
            (cloud.origin, "speech service"),
            (reports, "reports"),
            (host.url, "repository"),
            (hub.endpoint, "hub of models"),
        ):
            name, _, port = url.partition("//")[2].partition(":")
            sent.addresses[name.replace("localhost", "127.0.0.1"), int(port.partition("/")[0])] = what
        yield Doubles(
            cloud=cloud,
            repository=repository,
            repository_url=host.url,
            reports_url=reports,
            hub_url=hub.endpoint,
            hub=hub,
        )
        for arrival in cloud.recorder.arrivals:
            if arrival.provider:
                provider = SETTINGS.get(arrival.provider, arrival.provider)
                sent.lanes |= {(provider, one) for one in found.upload(arrival)}
        sent.hub |= {("request", f"header:{name}") for one in hub.asked for name in one.headers - found.TRANSPORT}
        sent.hub |= {("request", "path")} if hub.asked else set()


async def prove(folder: Path, *, traced: bool, whole: bool = True) -> dict[str, Way]:
    """Run the server's two days; return what was seen on each way. Not `whole`: without bundles and a second start."""
    sent, heard, data = Sent(), Home(), folder / "data"
    traces = [folder / "first.trace", folder / "second.trace"]
    logs = []
    bundle = await asyncio.to_thread(made.good, folder, "1.0.0")
    chooses_starter(data)
    await asyncio.to_thread(installed, data, bundle, active=True)
    async with doubles(folder, sent) as others:
        for number, day in enumerate((first_day, second_day) if whole else (first_day,)):
            command = (
                [*STRACE, str(traces[number]), sys.executable, "-m", "wyoming_server"]
                if traced
                else [sys.executable, "-m", "wyoming_server"]
            )
            server = ServerProcess(
                folder,
                *heard.flags(folder, others, number),
                command=command,
                environ=heard.environ(others),
            )
            try:
                await day(server, folder, others, heard, whole=whole)
                heard.statuses.append(await server.stop())
            finally:
                server.kill()
            logs.append(server.log)
            if number == 0:
                stored = columns_of(data / "edge-voice.sqlite")
    ways = {
        "fields sent to speech services": way(sent.lanes, Kind.LANE),
        "fields sent to the repository": way(sent.repository, Kind.REPOSITORY),
        "fields of reports": way(sent.reports, Kind.COHORT),
        "fields sent to the hub of models": way(sent.hub, Kind.MODEL_HUB),
        "fields of control API answers": way(heard.answers, Kind.ANSWER),
        "fields of control API events": way(heard.messages, Kind.EVENT, Kind.ANSWER),
        "metrics and labels": way(heard.metrics, Kind.METRIC),
        "fields of Wyoming events": way(heard.events, Kind.WYOMING_OUT),
        "lines of the log": log_of("\n".join(one.strip() for one in logs)),
        "columns with something in them": stored,
    }
    if traced:
        seen = [seen_in(await ended(one), folder) for one in traces if one.exists()]
        # A library looks whether this machine knows IPv6.
        own = {("127.0.0.1", port) for port in heard.ports} | {("127.0.0.1", 0), ("::1", 0)}
        both = Seen(
            written=set().union(*(one.written for one in seen)),
            reached=set().union(*(one.reached for one in seen)),
            listened=set().union(*(one.listened for one in seen)),
        )
        ways["files written"] = files_of(both, data)
        ways["addresses connected to"] = addresses_of(both.reached, sent.addresses)
        ways["addresses listened on"] = addresses_of(both.listened, dict.fromkeys(own, "the server's own"))
    return ways


async def ended(trace: Path) -> Path:
    """Wait until strace has seen the server's end."""
    for _ in range(500):
        lines = (await asyncio.to_thread(trace.read_text, "utf-8", "replace")).splitlines()
        if lines and lines[0].split()[0] in {line.split()[0] for line in lines if ENDED.search(line)}:
            return trace
        await asyncio.sleep(0.02)
    raise AssertionError("strace did not see the server's end")


def wrong(ways: Mapping[str, Way], *, whole: bool = True) -> list[str]:
    """Return what was seen and is not declared, and which ways were not seen to be taken."""
    unknown = [f"{name}: {one}" for name, seen in ways.items() for one in seen.unknown]
    rare = {"fields of reports", "fields sent to the hub of models", "fields sent to the repository"}
    return unknown + [
        f"{name}: nothing was seen" for name, seen in ways.items() if not seen.seen and (whole or name not in rare)
    ]


def main() -> int:
    """Print the comparison; return 1 for anything unknown."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    started_s, traced = time.monotonic(), can_trace()
    with tempfile.TemporaryDirectory() as folder:
        ways = asyncio.run(prove(Path(folder).resolve(), traced=traced))
    rows = [(name, str(one.seen), str(len(one.unknown))) for name, one in ways.items()]
    print(table([("way", "seen", "unknown"), *rows]))
    broken = wrong(ways)
    for one in broken:
        print(one)
    told = defaultdict[str, Any](dict)
    told |= {
        "seconds": round(time.monotonic() - started_s),
        "traced by strace": traced,
        "classes": len(lineage.classes()),
    }
    told |= {"flows declared": len(lineage.flows()), "unknown": sum(len(one.unknown) for one in ways.values())}
    print(json.dumps(told | {name: f"{one.seen} seen, {len(one.unknown)} unknown" for name, one in ways.items()}))
    return int(bool(broken) or not traced)


if __name__ == "__main__":
    sys.exit(main())
