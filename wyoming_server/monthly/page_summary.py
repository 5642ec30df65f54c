"""The head of a scorecard's page: the month in a sentence, its figures beside the month before, and what to do next."""

from . import words
from .facts import Json
from .month import Month
from .page_charts import escaped, with_code

NOTED_POINTS = 0.5
"""A smaller change between two months is shown, and called neither good nor bad."""


def told(scorecard: Json) -> str:
    """Return the month in a sentence or two."""
    figures, currency = scorecard["figures"], scorecard["headline"]["currency"]
    parts = [f"{words.count(figures['turns'])} commands."]
    if figures["within_budget"] is not None:
        parts.append(
            f"<strong>{words.share(figures['within_budget'])}</strong> of the hub's own answers were there within "
            f"{scorecard['budget_ms']:.0f} ms of the last word."
        )
    uploads, cost = scorecard["headline"]["cloud_seconds"], scorecard["headline"]["cloud_cost"]
    if figures["escalations"] or uploads:
        price = f", for {words.money(cost, currency)}" if cost else ""
        parts.append(
            f'It asked a speech service for <strong class="c">{words.share(figures["escalation_rate"])}</strong> of '
            f"them; {words.seconds(uploads)} of sound left your home{price}."
        )
        without = scorecard["without_hub"]
        if without and without["seconds"] > uploads > 0.0:
            parts.append(
                f"Without the hub it would have been {words.times(without['seconds'] / uploads)} times as much."
            )
    else:
        parts.append("<strong>Nothing of them left your home.</strong>")
    return f'<p class="told">{" ".join(parts)}</p>'


def tiles(scorecard: Json, month: Month) -> str:
    """Return the figures that matter most, each beside the month before."""
    now, last = scorecard["figures"], scorecard["last_month"]
    before, currency = month.before.name.partition(" ")[0], scorecard["headline"]["currency"]
    budget = f"within {scorecard['budget_ms']:.0f} ms"
    p50, p95 = now["last_word_to_text_ms"]["p50"], now["last_word_to_text_ms"]["p95"]
    found = [
        ("Commands", words.count(now["turns"]), _turns_below(last, before)),
        ("Last word to text", words.milliseconds(p50), f"19 of 20 within {words.milliseconds(p95)}"),
        (f"The hub's own, {budget}", words.share(now["within_budget"]), _moved(now, last, "within_budget", before, 1)),
        (
            "Asked a speech service",
            words.share(now["escalation_rate"]),
            _moved(now, last, "escalation_rate", before, -1),
        ),
        ("Said again", words.share(now["retry_rate"]), _moved(now, last, "retry_rate", before, -1)),
        ("Given up", words.share(now["abandonment_rate"]), _moved(now, last, "abandonment_rate", before, -1)),
        ("Ended in an error", words.share(now["error_rate"]), _moved(now, last, "error_rate", before, -1)),
        ("Cost of the cloud", words.money(scorecard["headline"]["cloud_cost"], currency), _cost_below(scorecard)),
    ]
    rows = "".join(
        f'<div class="tile"><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd><dd class="below">{below}</dd></div>'
        for name, value, below in found
    )
    return f'<dl class="tiles">{rows}</dl>'


def _turns_below(last: Json | None, before: str) -> str:
    if not last:
        return "the first month"
    return f"{words.count(last['turns'])} in {before}"


def _moved(now: Json, last: Json | None, key: str, before: str, better: int) -> str:
    """Return how a share moved; `better` is 1 where more is better, -1 where less is."""
    if now[key] is None:
        return "not known"
    if not last or last[key] is None:
        return "nothing to compare with yet"
    change = words.points(last[key], now[key])
    if abs(change) < 0.1:
        return f"as in {before}"
    kind = "small" if abs(change) < NOTED_POINTS else "good" if change * better > 0 else "bad"
    arrow, word = ("▲", "more") if change > 0 else ("▼", "less")
    unit = "point" if abs(change) == 1 else "points"
    moved = f'<span class="{kind}"><span aria-hidden="true">{arrow} </span>{abs(change):g} {unit} {word}</span>'
    return f"{moved} than in {before}"


def _cost_below(scorecard: Json) -> str:
    without, currency = scorecard["without_hub"], scorecard["headline"]["currency"]
    if without is None or not without["cost"]:
        return f"{words.seconds(scorecard['headline']['cloud_seconds'])} of sound"
    return f"about {escaped(words.money(without['cost'], currency))} without the hub"


def advice(scorecard: Json) -> str:
    """Return what to do next."""
    said = scorecard["advice"]
    is_well = [one["code"] for one in said] == ["all-well"]
    rows = "".join(f"<li><p>{with_code(one['message'])}</p></li>" for one in said)
    return f'<section class="next{" well" if is_well else ""}"><h2>What to do next</h2><ol>{rows}</ol></section>'
