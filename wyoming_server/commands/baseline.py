"""Record what a cloud-only assistant would be like here: for some days a speech service answers all, within caps."""

import argparse
import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import NotConsentedError
from ..monthly import words
from ..settings import Settings
from .report import Style, print_json
from .running_server import RunningServer, asked
from .shared_flags import add_shared

type Json = dict[str, Any]

DAYS, SECONDS, MONEY = 7, 3600.0, 1.0
_SECONDS_OF_A_TURN = 2.1
"""Of sound that one command sends, for the estimate."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    start = actions.add_parser("start", help="begin one, once you have agreed to what leaves your home")
    start.add_argument("--days", type=int, default=DAYS, metavar="N", help=f"for so many days ({DAYS})")
    start.add_argument("--seconds", type=float, default=SECONDS, metavar="S", help=f"of sound at most ({SECONDS:g})")
    start.add_argument("--money", type=float, default=MONEY, metavar="M", help=f"at most, in your currency ({MONEY:g})")
    start.add_argument(
        "--consent", metavar="YYYY-MM-DD", help="the day on which you agreed: then you are not asked (for scripts)"
    )
    status = actions.add_parser("status", help="show the one that is being recorded, and the last one")
    stop = actions.add_parser("stop", help="end it now; what it has found so far is kept")
    for one in (start, status, stop):
        one.add_argument("--json", action="store_true", help="print one JSON object")
        add_shared(one, default=argparse.SUPPRESS)


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run a sub-command; return the exit status. Raises EdgeVoiceError."""
    async with asked(settings) as server:
        match arguments.action:
            case "start":
                told = await _start(arguments, server)
            case "stop":
                told = await server.ask("DELETE", "baseline")
            case _:
                told = await server.ask("GET", "baseline")
        status = await server.ask("GET", "status")
    if arguments.json:
        print_json(told)
    else:
        print(shown(told, status["cloud"]["currency"], Style.of(sys.stdout)))
    return 0


async def _start(arguments: argparse.Namespace, server: RunningServer) -> Json:
    """Begin one, with the owner's consent. Raises EdgeVoiceError."""
    status = await server.ask("GET", "status")
    consent = arguments.consent
    if consent is None:
        print(consent_text(status, arguments), file=sys.stderr)
        consent = _asked_for()
    wanted = {"days": arguments.days, "seconds": arguments.seconds, "money": arguments.money}
    return await server.ask("POST", "baseline", {"consent": consent, **wanted})


def _asked_for() -> str:
    """Return today, when the owner agrees. Raises NotConsentedError."""
    print("Type yes to agree: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() != "yes":
        raise NotConsentedError("You have not agreed, so no baseline begins and nothing more leaves your home")
    return dt.datetime.now(dt.UTC).astimezone().date().isoformat()


def consent_text(status: Json, arguments: argparse.Namespace) -> str:
    """Return what the owner agrees to: to whom, what, for how long, and for how much at most."""
    currency = status["cloud"]["currency"]
    lanes = [one for one in status["lanes"] if one["state"] in {"ready", "broken", "capped"}]
    sound, money = words.seconds(arguments.seconds), words.money(arguments.money, currency)
    return "\n".join(
        (
            f"For {arguments.days} days, every command said to a satellite of your home goes to a speech service,",
            "and its text is what your home hears. The hub listens, too, so that the two can be compared.",
            "",
            "What leaves: the sound of each command, from its first word to its last. No names of rooms or people,",
            "unless a service's own setting (send_names) says so. Each upload is a row of the ledger before it leaves.",
            "",
            f"To whom: {_whom(lanes, currency)}.",
            f"How much at most: {sound} of sound, or {money}, whichever is first; your other caps hold, too.",
            *_estimate(status, lanes, arguments.days),
            "It ends by itself then; `edge-voice baseline stop` ends it at once, and so does the mode `edge`.",
        )
    )


def _whom(lanes: Sequence[Json], currency: str) -> str:
    if not lanes:
        return "nobody yet: no speech service is set up and consented to"
    return ", then ".join(
        one["name"]
        + (
            " (at home)"
            if one["trust"] == "home"
            else f" ({words.price(one['price_per_minute'], currency)} a minute)"
            if one.get("price_per_minute")
            else ""
        )
        for one in lanes
    )


def _estimate(status: Json, lanes: Sequence[Json], days: int) -> list[str]:
    turns, hours = status["figures"]["turns"], status["server"]["uptime_seconds"] / 3600.0
    if hours < 24.0 or not turns or not lanes:
        return []
    per_day = turns * 24.0 / hours
    seconds = per_day * days * _SECONDS_OF_A_TURN
    price = lanes[0].get("price_per_minute") or 0.0
    cost = words.money(seconds / 60.0 * price, status["cloud"]["currency"])
    said = [f"By what is said here now ({per_day:.0f} commands a day), about {words.seconds(seconds)} and {cost}."]
    cap = status["policy"]["cloud_seconds_per_day"]
    if per_day * _SECONDS_OF_A_TURN > cap and lanes[0]["trust"] == "cloud":
        said.append(f"Your cap of {words.seconds(cap)} a day is less: the hub answers what comes after it.")
    return said


def shown(told: Mapping[str, Any], currency: str, style: Style) -> str:
    """Return baselines for a terminal."""
    parts = []
    if (one := told["running"]) is not None:
        parts.append(style.strong(f"A baseline is being recorded until {one['ends'][:16].replace('T', ' ')}."))
        parts += _facts(one, currency)
    else:
        parts.append("No baseline is being recorded; `edge-voice baseline start --days 7` begins one.")
    if (one := told["last"]) is not None:
        parts += [
            "",
            f"The last one, {one['began'][:10]} to {(one['ended'] or '')[:10]}, ended because {one['reason']}.",
        ]
        parts += _facts(one, currency)
    return "\n".join(parts)


def _facts(one: Json, currency: str) -> list[str]:
    times, turns = one["last_word_to_text_ms"], one["turns"]
    sound, cost = words.seconds(one["seconds"]), words.money(one["cost"], currency)
    caps = f"of {words.seconds(one['seconds_cap'])} and {words.money(one['money_cap'], currency)}"
    lines = [f"  {words.count(turns)} commands; {sound} of sound and {cost} {caps}"]
    if turns:
        typical, slow = words.milliseconds(times["p50"]), words.milliseconds(times["p95"])
        lines.append(f"  last word to text: {typical}, 19 of 20 within {slow}")
        failed, again, given_up = (words.share(one[key] / turns) for key in ("failed", "retried", "abandoned"))
        lines.append(f"  {failed} without the service's answer, {again} said again, {given_up} given up")
    if one["pairs"]:
        differs = words.share(one["disagreed"] / one["pairs"])
        lines.append(f"  hub and service understood something else in {differs} of {words.count(one['pairs'])}")
    return lines
