"""A month's figures → its scorecard as JSON, in the shape that docs/control-api.md gives it."""

from collections import defaultdict

from .advice import advice_on
from .facts import Json, LaneSum, MonthFacts

ENOUGH_TURNS = 20
"""Of a baseline, or uploads of a month, before they say what one turn costs."""
MOST_INCIDENTS = 50


def scorecard_of(facts: MonthFacts) -> Json:
    """Return a month's scorecard, without the list of months that whoever shows it knows."""
    return {
        "headline": _headline(facts),
        "complete": facts.complete,
        "months": [],
        "budget_ms": facts.budget_ms,
        "figures": facts.figures,
        "last_month": facts.last_month,
        "languages": facts.languages,
        "baseline": facts.baseline,
        "without_hub": without_hub(facts),
        "days": list(facts.days),
        "lanes": _lanes(facts),
        "models": list(facts.models),
        "incidents": list(facts.incidents)[:MOST_INCIDENTS],
        "advice": advice_on(facts, without_hub(facts)),
    }


def _headline(facts: MonthFacts) -> Json:
    figures = facts.figures
    return {
        "month": str(facts.month),
        "made_at": facts.made.isoformat(timespec="seconds"),
        "turns": figures["turns"],
        "escalation_rate": figures["escalation_rate"],
        "within_budget": figures["within_budget"],
        "end_to_text_p95_ms": figures["end_to_text_ms"]["p95"],
        "last_word_to_text_p95_ms": figures["last_word_to_text_ms"]["p95"],
        "cloud_seconds": round(sum(one.seconds for one in facts.cloud), 2),
        "cloud_cost": round(facts.cost, 6),
        "currency": facts.home.currency,
    }


def without_hub(facts: MonthFacts) -> Json | None:
    """Return what would have left the home, and what that would have cost, had a service heard every turn.

    By what one turn was in the baseline, else by what one upload was in the month; None where too few are known.
    """
    turns, known = int(facts.figures["turns"]), _one_turn(facts)
    if known is None or not turns:
        return None
    seconds, cost = known
    return {"seconds": round(turns * seconds, 1), "cost": round(turns * cost, 4)}


def _one_turn(facts: MonthFacts) -> tuple[float, float] | None:
    """Return a turn's seconds and cost at a service."""
    baseline = facts.baseline
    if baseline is not None and baseline["turns"] >= ENOUGH_TURNS and baseline["seconds"] > 0.0:
        return baseline["seconds"] / baseline["turns"], baseline["cost"] / baseline["turns"]
    paid = [one for one in facts.cloud if one.currency == facts.home.currency]
    uploads = sum(one.uploads for one in paid)
    if uploads < ENOUGH_TURNS:
        return None
    return sum(one.seconds for one in paid) / uploads, facts.cost / uploads


def _lanes(facts: MonthFacts) -> list[Json]:
    """Return a sum for each lane; costs in another currency than today's stand apart, and say which."""
    groups: defaultdict[tuple[str, str], list[LaneSum]] = defaultdict(list)
    for one in facts.lanes:
        other = one.currency and one.currency != facts.home.currency and one.cost > 0.0
        groups[(f"{one.lane} ({one.currency})" if other else one.lane, one.trust)].append(one)
    return [
        {
            "lane": lane,
            "trust": trust,
            "uploads": sum(one.uploads for one in sums),
            "seconds": round(sum(one.seconds for one in sums), 2),
            "cost": round(sum(one.cost for one in sums), 6),
        }
        for (lane, trust), sums in groups.items()
    ]
