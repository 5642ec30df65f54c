"""What the running server keeps, what has left the home, and their end: by its control API."""

import argparse
import csv
import sys
from collections.abc import AsyncIterator
from typing import Any, Protocol

from ..errors import InvalidRequestError
from ..settings import Settings
from .report import MISSING, Style, columns, print_json
from .running_server import asked

type Json = dict[str, Any]

EVERYTHING = "everything"
WHAT = ("turns", "transcripts", "recordings", "corrections", "queue", "aggregates", "learned", "satellites",
        "vocabulary", "ledger", "choices", "lanes", EVERYTHING)  # fmt: skip
COLUMNS = ("number", "at", "lane", "reason", "consent", "seconds", "bytes", "cost", "currency", "ending",
           "took_seconds", "left", "turn_id")  # fmt: skip
"""Of the ledger."""
_ASKED_ROWS, _SHOWN_ROWS = 1000, 50


class Hub(Protocol):
    """A running server."""

    async def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """Return its answer. Raises EdgeVoiceError."""


def add_arguments(parser: argparse.ArgumentParser, action: str) -> None:
    """Add a sub-command's arguments."""
    if action == "ledger":
        parser.add_argument("--csv", action="store_true", help="print every row, for a spreadsheet")
    if action == "purge":
        parser.add_argument("what", nargs="+", choices=WHAT, metavar="WHAT", help=", ".join(WHAT))
        parser.add_argument("--satellite", metavar="ID", help="erase what is known of this one only")
        parser.add_argument("--yes", action="store_true", help="do not ask whether that is meant")


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run a sub-command; return the exit status. Raises EdgeVoiceError."""
    if arguments.action == "purge" and not (arguments.yes or _is_meant(arguments)):
        print("Nothing was erased.", file=sys.stderr)
        return 1
    async with asked(settings) as hub:
        match arguments.action:
            case "kept":
                _print(arguments, kept := await hub.ask("GET", "kept"), shown_kept(kept, Style.of(sys.stdout)))
            case "ledger":
                await _ledger(arguments, hub)
            case _:
                body: Json = {"what": arguments.what, "satellite": arguments.satellite}
                _print(arguments, purged := await hub.ask("POST", "purge", body), shown_purged(purged))
    return 0


def _print(arguments: argparse.Namespace, told: Json, shown: str) -> None:
    print_json(told) if arguments.json else print(shown)


def _is_meant(arguments: argparse.Namespace) -> bool:
    """Ask at a terminal. Raises InvalidRequestError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise InvalidRequestError("What is erased is gone for good; add --yes where nobody can be asked")
    of_whom = f" of {arguments.satellite}" if arguments.satellite else ""
    print(f"Erase {', '.join(arguments.what)}{of_whom} for good? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().casefold() in {"y", "yes"}


async def _ledger(arguments: argparse.Namespace, hub: Hub) -> None:
    if arguments.csv:
        writer = csv.DictWriter(sys.stdout, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        async for row in _rows(hub):
            writer.writerow({name: _harmless(value) for name, value in row.items()})
    elif arguments.json:
        told = await hub.ask("GET", f"ledger?limit={_ASKED_ROWS}")
        print_json({**told, "rows": [row async for row in _rows(hub)]})
    else:
        told = await hub.ask("GET", f"ledger?limit={_SHOWN_ROWS}")
        print(shown_ledger(told, Style.of(sys.stdout)))


async def _rows(hub: Hub) -> AsyncIterator[Json]:
    """Yield every row, the newest first."""
    before = ""
    while rows := (await hub.ask("GET", f"ledger?limit={_ASKED_ROWS}{before}"))["rows"]:
        for row in rows:
            yield row
        before = f"&before={rows[-1]['number']}"


def _harmless(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def shown_kept(told: Json, style: Style) -> str:
    """Return what is kept of each class."""
    now, rows = told["now"], [("class", "kept for", "oldest", "rows")]
    rows += [  # what is never counted is a file, or in memory only: the lineage tells of it
        (
            one["name"],
            MISSING if one["days"] is None else f"{one['days']} days",
            one["oldest"] or MISSING,
            f"{one['rows']:,}",
        )
        for one in told["classes"]
        if one["rows"] is not None
    ]
    head, *rest = columns(rows)
    said = f"{now['bytes'] / 1e6:.1f} MB in the records; the hub's key: {now['key']}"
    more = "`edge-voice privacy lineage` also shows what is in files of its own, or in memory only."
    return "\n".join((style.strong(head), *rest, "", style.faint(said), style.faint(more)))


def shown_ledger(told: Json, style: Style) -> str:
    """Return the newest uploads, and the sums of today and of this month."""
    rows = [("at", "lane", "reason", "consent", "ending", "seconds", "bytes", "cost")]
    rows += [
        (
            one["at"][:19].replace("T", " "),
            one["lane"],
            one["reason"],
            one["consent"] or MISSING,
            one["ending"] or "under way",
            f"{one['seconds']:.1f}",
            f"{one['bytes']:,}",
            f"{one['cost']:.5f} {one['currency']}",
        )
        for one in told["rows"]
    ]
    head, *rest = columns(rows, right=3)
    sums = [
        f"{when}: {one['uploads']} to {one['lane']}, {one['seconds']:.1f} s, {_price(one)}"
        for when, name in (("today", "today"), ("this month", "this_month"))
        for one in told[name]
    ]
    body = rest or [style.faint("Nothing has left the home.")]
    return "\n".join((*([style.strong(head)] if rest else []), *body, *(["", *sums] if sums else [])))


def _price(sums: Json) -> str:
    return "at home" if sums["trust"] == "home" else f"{sums['cost']:.4f}"


def shown_purged(told: Json) -> str:
    """Return what went, and what is left."""
    lines = [f"{what}: {count:,} erased, {told['left'].get(what, 0):,} left" for what, count in told["erased"].items()]
    return "\n".join(lines) or "There was nothing to erase."
