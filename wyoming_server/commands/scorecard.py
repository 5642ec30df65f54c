"""A month in figures: how fast, how often the cloud was asked, what it cost, and what to do next."""

import argparse
import asyncio
import sys
import textwrap
from pathlib import Path
from typing import Any

from ..monthly import words
from ..monthly.month import Month
from ..monthly.page import page_of
from ..settings import Settings
from .report import Style, print_json, table
from .running_server import asked
from .whole_file import write_whole

type Json = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--month", metavar="YYYY-MM", help="the month (the last whole one)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object, with all figures")
    form.add_argument("--html", type=Path, metavar="FILE", help="write it as one HTML page that holds all it needs")


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Show a month; return the exit status. Raises EdgeVoiceError."""
    async with asked(settings) as server:
        query = f"?month={arguments.month}" if arguments.month else ""
        scorecard = await server.ask("GET", f"scorecard{query}")
    if arguments.json:
        print_json(scorecard)
    elif arguments.html is not None:
        await asyncio.to_thread(write_whole, arguments.html, page_of(scorecard, is_linked=False))
        print(arguments.html)
    else:
        print(shown(scorecard, Style.of(sys.stdout)))
    return 0


def shown(scorecard: Json, style: Style) -> str:
    """Return a scorecard for a terminal."""
    head, month = scorecard["headline"], Month.read(scorecard["headline"]["month"])
    parts = [style.strong(month.name + ("" if scorecard["complete"] else ", so far")), "", _figures(scorecard, month)]
    if scorecard["languages"]:
        parts += ["", _languages(scorecard)]
    if scorecard["lanes"]:
        parts += ["", _lanes(scorecard["lanes"], head["currency"])]
    if (without := scorecard["without_hub"]) is not None:
        sound, cost = words.seconds(without["seconds"]), words.money(without["cost"], head["currency"])
        parts.append(style.faint(f"Without the hub it would have been about {sound} of sound and {cost}."))
    parts += ["", style.strong("What to do next"), *(_wrapped(one["message"]) for one in scorecard["advice"])]
    return "\n".join(parts)


def _wrapped(message: str) -> str:
    return textwrap.fill(message, 100, initial_indent="  ", subsequent_indent="    ")


def _figures(scorecard: Json, month: Month) -> str:
    now, last, baseline = scorecard["figures"], scorecard["last_month"], scorecard["baseline"]
    baseline = baseline if baseline and baseline["turns"] else None
    shares = ("within_budget", "escalation_rate", "retry_rate", "abandonment_rate", "error_rate")
    names = (
        f"the hub's own answers within {scorecard['budget_ms']:.0f} ms",
        *("asked a speech service", "said again", "given up", "ended in an error"),
    )
    rows: list[tuple[str, ...]] = [
        ("", month.name.partition(" ")[0], month.before.name.partition(" ")[0], "cloud only")
    ]
    rows.append(("commands", words.count(now["turns"]), _count(last), _count(baseline)))
    rows += [
        (f"last word to text, {said}", *(_time(one, key) for one in (now, last, baseline)))
        for key, said in (("p50", "typical"), ("p95", "95%"))
    ]
    rows += [
        (name, words.share(now[key]), words.share(last[key]) if last else words.NONE, _of_baseline(baseline, key))
        for key, name in zip(shares, names, strict=True)
    ]
    return table(rows if baseline else [row[:3] for row in rows])


def _count(figures: Json | None) -> str:
    return words.count(figures["turns"]) if figures else words.NONE


def _time(figures: Json | None, key: str) -> str:
    return words.milliseconds(figures["last_word_to_text_ms"][key]) if figures else words.NONE


def _of_baseline(baseline: Json | None, key: str) -> str:
    counted = {"retry_rate": "retried", "abandonment_rate": "abandoned", "error_rate": "failed"}.get(key)
    if not baseline or counted is None:
        return words.NONE
    return words.share(baseline[counted] / baseline["turns"])


def _languages(scorecard: Json) -> str:
    rows = [("language", "commands", "asked", "said again", "understood something else")]
    for one in scorecard["languages"]:
        known = one["disagreement"]
        differs = f"{words.share(known['value'])} of {known['pairs']} pairs" if known else words.NONE
        asked_share, again = words.share(one["escalation_rate"]), words.share(one["retry_rate"])
        rows.append((words.language(one["language"]), words.count(one["turns"]), asked_share, again, differs))
    return table(rows)


def _lanes(lanes: list[Json], currency: str) -> str:
    rows = [("speech service", "requests", "sound", "cost")]
    rows += [
        (
            one["lane"],
            words.count(one["uploads"]),
            words.seconds(one["seconds"]),
            words.money(one["cost"], currency) if one["trust"] == "cloud" else "at home",
        )
        for one in lanes
    ]
    return table(rows)
