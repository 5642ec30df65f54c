"""The sections of a scorecard's page, each from the scorecard's JSON; one that has nothing to say is empty."""

import re
from collections.abc import Sequence

from . import words
from .facts import Json
from .month import Month
from .page_charts import escaped, latency_chart, pair_chart, share_bar, stages_chart, turns_chart, with_code

_KINDS = {
    "mode": "mode",
    "drift": "drift",
    "bundle": "model",
    "lane": "speech service",
    "records": "records",
    "load": "load",
    "baseline": "baseline",
    "queue": "requests that wait",
}
_TRUST = {"cloud": "left your home", "home": "stayed at home", "hub": "on the hub"}


def days(scorecard: Json, month: Month) -> str:
    """Return the days as charts, and as a table for who wants the figures."""
    known = scorecard["days"]
    if not known:
        return ""
    rows = [
        (
            words.day(one["day"]),
            words.count(one["turns"]),
            words.count(one["escalations"]),
            words.count(one["errors"]),
            words.milliseconds(one["last_word_to_text_p95_ms"]),
            words.milliseconds(one["end_to_text_p95_ms"]),
        )
        for one in known
    ]
    heads = ("day", "commands", "asked", "errors", "last word to text, 95%", "end to text, 95%")
    table = _table("Days", heads, rows)
    return (
        f"<section><h2>Day by day</h2>{turns_chart(known, month)}{latency_chart(known, month, scorecard['budget_ms'])}"
        f"<details><summary>The days as a table</summary>{table}</details></section>"
    )


def stages(scorecard: Json) -> str:
    """Return where the time goes."""
    if scorecard["figures"]["last_word_to_text_ms"]["p50"] is None:
        return ""
    return (
        f"<section><h2>Where the time goes</h2>{stages_chart(scorecard['figures'], scorecard['budget_ms'])}</section>"
    )


def against(scorecard: Json) -> str:
    """Return how the hub compares with a cloud-only assistant, where one was recorded."""
    baseline, figures = scorecard["baseline"], scorecard["figures"]
    if baseline is None or not baseline["turns"]:
        return ""
    turns = baseline["turns"]
    until = f"to {words.day(baseline['ended'])}" if baseline["ended"] else "on, which is not over yet"
    note = (
        f"In a baseline from {words.day(baseline['began'])} {until}, a speech service answered "
        f"{words.count(turns)} commands; the hub listened, too, and was not heard."
    )
    pairs = _differed(baseline)
    rows = [
        _compared("failed: an error, or no answer of the service", figures["error_rate"], baseline["failed"] / turns),
        _compared("had to be said again", figures["retry_rate"], baseline["retried"] / turns),
        _compared("were given up", figures["abandonment_rate"], baseline["abandoned"] / turns),
    ]
    heads = ("share of the commands that", "this month, with the hub", "cloud only")
    return (
        f'<section><h2>Against a cloud-only assistant</h2><p class="note">{escaped(note)}</p>'
        f"{_latency_pair(figures, baseline, 'p50', 'Typical time from the last word to the text')}"
        f"{_latency_pair(figures, baseline, 'p95', 'Time that one in twenty exceeds')}"
        f"{_table('With the hub and without', heads, rows)}{pairs}</section>"
    )


def _latency_pair(figures: Json, baseline: Json, key: str, title: str) -> str:
    ours, theirs = figures["last_word_to_text_ms"][key], baseline["last_word_to_text_ms"][key]
    if ours is None or theirs is None:
        return ""
    rows = [
        ("hub", "with the hub", ours, words.milliseconds(ours)),
        ("cloud", "cloud only", theirs, words.milliseconds(theirs)),
    ]
    return pair_chart(title, "", rows)


def _compared(name: str, ours: float | None, theirs: float) -> tuple[str, ...]:
    return name, words.share(ours), words.share(theirs)


def _differed(baseline: Json) -> str:
    if not baseline["pairs"]:
        return ""
    share, asked = baseline["disagreed"] / baseline["pairs"], baseline["would_escalate"] / baseline["turns"]
    return (
        f'<p class="note">Both heard {words.count(baseline["pairs"])} commands. In {words.share(share)} of them hub '
        "and service understood something else; who was right, nobody knows. By itself the hub would have asked about "
        f"{words.share(asked)}.</p>"
    )


def languages(scorecard: Json) -> str:
    """Return a row for each language."""
    heads = (
        "language",
        "commands",
        "asked a speech service",
        "last word to text, 95%",
        "said again",
        "understood something else",
    )
    rows, whole = (
        [],
        max([0.1, *(one["disagreement"]["high"] for one in scorecard["languages"] if one["disagreement"])]),
    )
    for one in scorecard["languages"]:
        known = one["disagreement"]
        differs = words.NONE
        if known:
            bar = share_bar(known["value"], known["low"], known["high"], whole)
            between = f"{words.share(known['low'])} to {words.share(known['high'])}, {known['pairs']} pairs"
            differs = f"{words.share(known['value'])}{bar}<small>{between}</small>"
        rows.append(
            (
                escaped(words.language(one["language"])),
                words.count(one["turns"]),
                words.share(one["escalation_rate"]),
                words.milliseconds(one["last_word_to_text_ms"]["p95"]),
                words.share(one["retry_rate"]),
                differs,
            )
        )
    if not rows:
        return ""
    note = (
        "The last column: how often the hub and a speech service, asked about the same words, understood something "
        "else. No word error rate: nobody knows what was said. Unless audits are on, only turns that the hub was "
        "unsure of were asked about, which are the hard ones."
    )
    table = _table("Languages", heads, rows, is_markup=True)
    return f'<section><h2>Languages</h2><p class="note">{note}</p>{table}</section>'


def lanes(scorecard: Json) -> str:
    """Return what went to which speech service, and what that would be without the hub."""
    sums, currency, without = scorecard["lanes"], scorecard["headline"]["currency"], scorecard["without_hub"]
    if not sums:
        return (
            '<section><h2>What left your home</h2><p class="note">Nothing: no speech service was asked.</p></section>'
        )
    rows = [
        (
            one["lane"],
            _TRUST.get(one["trust"], one["trust"]),
            words.count(one["uploads"]),
            words.seconds(one["seconds"]),
            words.money(one["cost"], _other_currency(one["lane"]) or currency)
            if one["trust"] == "cloud"
            else words.NONE,
        )
        for one in sums
    ]
    heads = ("speech service", "its sound", "requests", "sound", "cost")
    chart = ""
    left = scorecard["headline"]["cloud_seconds"]
    if without and left:
        title = "Sound that left your home"
        chart = pair_chart(
            title,
            "Without the hub every command would have left; estimated from what one takes.",
            [
                ("hub", "with the hub", left, words.seconds(left)),
                ("cloud", "without", without["seconds"], words.seconds(without["seconds"])),
            ],
        )
    return f"<section><h2>What left your home</h2>{chart}{_table('Speech services', heads, rows)}</section>"


def _other_currency(lane: str) -> str:
    """Return the currency in a lane's name, as `scorecard` puts it there for costs that are not today's."""
    found = re.search(r" \(([A-Z]{3})\)$", lane)
    return found.group(1) if found else ""


def models(scorecard: Json) -> str:
    """Return the models that heard."""
    rows = "".join(
        f"<li><span>{escaped(one['label'])}</span><span>{words.count(one['turns'])} commands"
        + (f", from {escaped(words.day(one['since']))} on" if one["since"] else "")
        + "</span></li>"
        for one in scorecard["models"]
    )
    return f'<section><h2>Models in force</h2><ul class="facts">{rows}</ul></section>' if rows else ""


def incidents(scorecard: Json) -> str:
    """Return what happened, the newest first."""
    found = scorecard["incidents"]
    if not found:
        return '<section><h2>What happened</h2><p class="note">Nothing that its owner should know.</p></section>'
    rows = "".join(
        f'<li><span><time datetime="{escaped(one["at"])}">{escaped(words.moment(one["at"]))}</time><br>'
        f'<span class="kind">{escaped(_KINDS.get(one["kind"], one["kind"]))}</span></span>'
        f"<span>{with_code(one['message'])}</span></li>"
        for one in found
    )
    return f'<section><h2>What happened</h2><ul class="happened">{rows}</ul></section>'


def footer(scorecard: Json) -> str:
    """Return how the figures are made."""
    return (
        "<footer><p>Made by your hub from its own records: exact, no samples, and no text of what was said. Times of "
        "commands in which somebody spoke; turns of a baseline are left out of all but its own section.</p>"
        f"<p>{escaped(words.moment(scorecard['headline']['made_at']))}</p></footer>"
    )


def _table(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    is_markup: bool = False,
) -> str:
    """Return a table whose first cell of each row names it, and that is scrolled where it is too wide."""
    head = "".join(f'<th scope="col">{escaped(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{first if is_markup else escaped(first)}</th>'
        + "".join(
            f'<td data-of="{escaped(name)}"><span>{one if is_markup else escaped(one)}</span></td>'
            for name, one in zip(heads[1:], rest, strict=True)
        )
        + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escaped(caption)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
