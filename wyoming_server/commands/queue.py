"""Requests that wait for a speech service: looked at, hurried, repeated and dropped, by the running server."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from ..errors import UsageError
from ..settings import Settings
from .report import MISSING, Style, columns, print_json
from .running_server import RunningServer, asked
from .shared_flags import add_shared

type Json = dict[str, Any]

ACTIONS = {
    "list": "show what waits, the oldest first",
    "flush": "have the speech services asked now",
    "drop": "drop requests, or --all of them",
    "repeat": "have one that was cut, refused or not understood done under a new id",
}
SHORT_ID = 8
"""Digits of an id that are shown, and enough to name one by."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, summary in ACTIONS.items():
        one = actions.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        add_shared(one, default=argparse.SUPPRESS)
        one.add_argument("--json", action="store_true", help="print one JSON object")
        if name == "drop":
            one.add_argument("ids", nargs="*", metavar="ID", help="as `queue list` shows it")
            one.add_argument("--all", action="store_true", help="all but what is being done now")
        if name == "repeat":
            one.add_argument("id", metavar="ID", help="as `queue list` shows it")
            one.add_argument("--text", help="what was really said")


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run a sub-command; return the exit status. Raises EdgeVoiceError."""
    async with asked(settings) as hub:
        match arguments.action:
            case "drop":
                told: Json = {"dropped": await _dropped(arguments, hub)}
                shown = f"{told['dropped']} dropped."
            case "repeat":
                body = {"text": arguments.text} if arguments.text else {}
                told = await hub.ask("POST", f"queue/{await _whole(arguments.id, hub)}/repeat", body)
                shown = f"{told['id'][:SHORT_ID]} is {told['state']}."
            case action:
                told = await (hub.ask("GET", "queue") if action == "list" else hub.ask("POST", "queue/flush", {}))
                shown = shown_queue(told, Style.of(sys.stdout))
    print_json(told) if arguments.json else print(shown)
    return 0


async def _dropped(arguments: argparse.Namespace, hub: RunningServer) -> int:
    if arguments.all == bool(arguments.ids):
        raise UsageError("Name the requests to drop as `edge-voice queue list` shows them, or say --all")
    if arguments.all:
        return int((await hub.ask("DELETE", "queue"))["dropped"])
    ids = [await _whole(one, hub) for one in arguments.ids]
    return sum([int((await hub.ask("DELETE", f"queue/{one}"))["dropped"]) for one in ids])


async def _whole(beginning: str, hub: RunningServer) -> str:
    """Return the id that begins so. Raises UsageError where that is none, or several."""
    known = [one["id"] for one in (await hub.ask("GET", "queue"))["requests"] if one["id"].startswith(beginning)]
    if len(known) != 1:
        raise UsageError(f"{len(known)} requests have an id that begins with '{beginning}': `edge-voice queue list`")
    return str(known[0])


def shown_queue(told: Json, style: Style) -> str:
    """Return what waits, and what may."""
    rows: Sequence[Sequence[str]] = [
        ("id", "state", "kind", "said", "lets go", "satellite", "text", "why"),
        *(
            (
                one["id"][:SHORT_ID],
                one["state"],
                one["kind"],
                _minute(one["at"]),
                _minute(one["expires_at"]),
                one["satellite"] or MISSING,
                one["text"] or one["heard"] or MISSING,
                one["reason"],
            )
            for one in told["requests"]
        ),
    ]
    head, *rest = columns(rows, right=0)
    hours = ", ".join(f"{kind}s {hours:g} h" for kind, hours in told["hours"].items())
    kept = "on" if told["enabled"] else "off (routing.defer)"
    said = f"waiting is {kept}: {hours}; {told['bytes'] / 2**20:.1f} of {told['most_bytes'] / 2**20:.0f} MB"
    return "\n".join((*([style.strong(head), *rest] if rest else [style.faint("Nothing waits.")]), style.faint(said)))


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")
