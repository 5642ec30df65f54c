"""A month's figures → what its owner should do next: a table of rules, the most pressing first.

A rule speaks only where the figures bear it: of a few turns, nothing follows. Each says what was seen, and what to do.
"""

from collections.abc import Callable, Mapping
from typing import Any

from . import words
from .facts import Json, MonthFacts

MOST = 5
"""Further advice waits until this is followed."""
ENOUGH = 100
"""Turns from which a rate means something."""
ENOUGH_PAIRS = 30
STAGES = {
    "capture": "noticing the pause",
    "inference": "recognising",
    "hold": "waiting whether you go on",
    "post": "deciding",
    "cloud": "the speech service",
    "transport": "sending the text",
}
"""Stages of a turn, as people know them."""

type Without = Mapping[str, Any] | None
type Rule = Callable[[MonthFacts, Without], str]
"""→ a sentence, or nothing."""


def advice_on(facts: MonthFacts, without: Without) -> list[Json]:
    """Return what to do next, at most MOST; never nothing."""
    if not facts.figures["turns"]:
        return [{"code": "no-turns", "message": _no_turns(facts)}]
    found = [{"code": code, "message": message} for code, rule in RULES if (message := rule(facts, without))]
    return found[:MOST] or [{"code": "all-well", "message": "Nothing needs doing: every figure is where it should be."}]


def _no_turns(facts: MonthFacts) -> str:
    if not facts.complete:
        return "Nobody has spoken yet this month. Say something to a satellite; the figures follow by themselves."
    return "Nobody spoke in this month. If that is a surprise, see whether the satellites still reach this server."


def _starter(facts: MonthFacts, _: Without) -> str:
    if not facts.home.is_starter:
        return ""
    return (
        "The hub still hears with the small model that comes with the software, which knows few words. "
        "`edge-voice tune` chooses a real one that this machine can carry, and fetches it."
    )


def _errors(facts: MonthFacts, _: Without) -> str:
    rate, turns = facts.figures["error_rate"] or 0.0, facts.figures["turns"]
    if rate <= 0.02 or facts.figures["errors"] < 5:
        return ""
    return (
        f"{words.share(rate)} of {words.count(turns)} commands ended in an error. The incidents below say when; "
        "`GET /api/v1/records` and the log hold each one's code, and its message names the cure."
    )


def _load(facts: MonthFacts, _: Without) -> str:
    strained = [one for one in facts.incidents if one["kind"] == "load"]
    if len(strained) < 3:
        return ""
    return (
        f"The hub strained {len(strained)} times, the last time on {words.day(strained[0]['at'])}. Cool it or give it "
        "a better supply if it was slowed, take other work off it, or let `edge-voice tune` choose a smaller model."
    )


def _capped(facts: MonthFacts, _: Without) -> str:
    cap = facts.home.seconds_per_day
    full = [day for day, seconds in facts.seconds_by_day.items() if cap > 0.0 and seconds >= 0.95 * cap]
    if not full:
        return ""
    days = "on one day" if len(full) == 1 else f"on {len(full)} days"
    return (
        f"The {words.seconds(cap)} of speech that may leave in a day were used up {days}; after that the hub answered "
        "alone, sure or not. Raise `cloud_seconds_per_day`, or give the hub a larger model so that it asks less."
    )


def _money(facts: MonthFacts, _: Without) -> str:
    cap = facts.home.money_per_month
    if not cap > 0.0 or facts.cost < 0.9 * cap:
        return ""
    spent, allowed = words.money(facts.cost, facts.home.currency), words.money(cap, facts.home.currency)
    return (
        f"{spent} of the {allowed} that a month may cost were spent. Raise `cloud_money_per_month`, choose a cheaper "
        "speech service, or give the hub a larger model so that it asks less."
    )


def _wrong(facts: MonthFacts, _: Without) -> str:
    if not facts.home.audits:  # what is known then is of turns that it was unsure of: there, they are to differ
        return ""
    worst: tuple[float, Json] | None = None
    for one in facts.languages:
        known = one["disagreement"]
        if (
            known
            and known["pairs"] >= ENOUGH_PAIRS
            and known["low"] > 0.1
            and (worst is None or known["value"] > worst[0])
        ):
            worst = known["value"], one
    if worst is None:
        return ""
    value, one = worst
    return (
        f"In {words.language(one['language'])} the hub and the speech service understood something else in "
        f"{words.share(value)} of the turns that both heard ({one['disagreement']['pairs']} pairs). A bundle made for "
        "that language, or a larger model, hears better; until then a smaller `error_target` makes the hub ask more."
    )


def _more_escalations(facts: MonthFacts, _: Without) -> str:
    now, last = facts.figures, facts.last_month
    if last is None or min(now["turns"], last["turns"]) < ENOUGH or last["escalation_rate"] is None:
        return ""
    risen = words.points(last["escalation_rate"], now["escalation_rate"] or 0.0)
    if risen < 5.0:
        return ""
    return (
        f"The hub asked for help {risen:g} points more often than in the month before "
        f"({words.share(now['escalation_rate'])} instead of {words.share(last['escalation_rate'])}). If no satellite "
        "or language is new, look at the drift on the status page: it names the likely cause."
    )


def _escalations(facts: MonthFacts, _: Without) -> str:
    rate = facts.figures["escalation_rate"] or 0.0
    if facts.figures["turns"] < ENOUGH or rate <= 0.25:
        return ""
    spoken = [one for one in facts.languages if one["turns"] >= ENOUGH_PAIRS]
    worst = max(spoken, key=lambda one: one["escalation_rate"] or 0.0, default=None)
    where = ""
    if worst is not None and len(spoken) > 1:
        where = f", most of all in {words.language(worst['language'])} ({words.share(worst['escalation_rate'])})"
    return (
        f"The hub asked for help in {words.share(rate)} of all turns{where}. A larger model is surer of what it hears: "
        "`edge-voice tune` tells which one this machine can carry; `edge-voice models list` shows signed ones."
    )


def _in_vain(facts: MonthFacts, _: Without) -> str:
    known, rate = facts.figures["disagreement"], facts.figures["escalation_rate"] or 0.0
    if facts.home.audits or facts.figures["turns"] < ENOUGH or rate <= 0.1:
        return ""
    if not known or known["pairs"] < ENOUGH_PAIRS or known["high"] >= 0.1:
        return ""
    return (
        f"In {words.share(1.0 - known['value'])} of the turns that the hub asked about, the service understood the "
        "same: it asks more often than it needs to. A larger `error_target` lets it answer more by itself; `audits` "
        "let it find the right measure without you."
    )


def _slow(facts: MonthFacts, _: Without) -> str:
    within, turns = facts.figures["within_budget"], facts.figures["turns"]
    if within is None or within >= 0.9 or turns < ENOUGH:
        return ""
    stages = facts.figures["stages_ms"]
    slowest = max(
        (name for name in STAGES if name != "cloud"), key=lambda name: (stages.get(name) or {}).get("p95") or 0.0
    )
    took = words.milliseconds((stages.get(slowest) or {}).get("p95"))
    cure = {
        "inference": "`edge-voice tune` finds a model or a number of threads that is faster on this machine.",
        "hold": "A shorter `endpoint.long_hold_seconds` answers sooner, and cuts off who pauses for longer.",
        "capture": "See whether satellites lose packets on their way here: their sound comes late.",
    }.get(slowest, "See what else this machine is doing: `edge-voice bench` measures it at rest.")
    return (
        f"Only {words.share(within)} of the hub's own answers came within {facts.budget_ms:.0f} ms of the last word. "
        f"Most of the time goes into {STAGES[slowest]} ({took} for the slowest twentieth). {cure}"
    )


def _retries(facts: MonthFacts, _: Without) -> str:
    rate = facts.figures["retry_rate"]
    if rate is None or rate <= 0.1 or facts.figures["turns"] < ENOUGH:
        return ""
    heard = [one for one in facts.microphones if one["turns"] >= ENOUGH_PAIRS and one["retry_rate"] is not None]
    worst = max(heard, key=lambda one: one["retry_rate"], default=None)
    where = ""
    if worst is not None and len(heard) > 1:
        where = f", most of all at {words.MICROPHONES[worst['microphone_class']]}"
    return (
        f"{words.share(rate)} of all commands had to be said again{where}. The satellites' own state tells whether a "
        "microphone is noisy or cuts the first word; names that people really use help, too: give them as aliases."
    )


def _abandoned(facts: MonthFacts, _: Without) -> str:
    rate = facts.figures["abandonment_rate"]
    if rate is None or rate <= 0.05 or facts.figures["turns"] < ENOUGH:
        return ""
    return (
        f"{words.share(rate)} of all commands were given up after they came to nothing. Ask those who live here what "
        "they wanted to say: a sentence that the home does not know is none that any model can hear."
    )


def _audits(facts: MonthFacts, _: Without) -> str:
    if not facts.home.has_cloud or facts.home.audits or facts.figures["turns"] < ENOUGH:
        return ""
    return (
        "How often the answers of the hub itself are wrong is not known: nobody checks them. Turn on `audits`, and a "
        "small, random share goes to the speech service as well (within `audit_seconds_per_day`); that also makes "
        f"the promise of at most {words.share(facts.home.target_error)} wrong answers hold."
    )


def _baseline(facts: MonthFacts, without: Without) -> str:
    if not facts.home.has_cloud or facts.baseline is not None or facts.figures["turns"] < ENOUGH:
        return ""
    price = ""
    if without is not None:
        week = without["cost"] * 7.0 / max(1, len(facts.days))
        price = f" It would cost about {words.money(week, facts.home.currency)}."
    return (
        "What would a cloud-only assistant be like in this home? `edge-voice baseline start --days 7` lets the service "
        f"answer everything for a week, asks you first, and every later scorecard compares with it.{price}"
    )


def _nobody_to_ask(facts: MonthFacts, _: Without) -> str:
    if facts.home.has_lane or facts.figures["turns"] < ENOUGH:
        return ""
    return (
        "No speech service may be asked, so whatever the hub is unsure of, it answers alone, or refuses. A server of "
        "your own (another Wyoming machine) can be one, too, and then nothing leaves the home."
    )


def _currency(facts: MonthFacts, _: Without) -> str:
    others = {one.currency for one in facts.cloud if one.cost > 0.0} - {facts.home.currency}
    if not others:
        return ""
    paid = ", ".join(
        words.money(sum(one.cost for one in facts.cloud if one.currency == other), other) for other in sorted(others)
    )
    return (
        f"{paid} of this month were counted before the currency became {facts.home.currency}, and are in no sum here: "
        "nothing is converted. Check that each lane's `price_per_minute` is in the new one."
    )


RULES: tuple[tuple[str, Rule], ...] = (
    ("starter", _starter),
    ("errors", _errors),
    ("load", _load),
    ("cap-reached", _capped),
    ("money-cap", _money),
    ("wrong", _wrong),
    ("escalations-risen", _more_escalations),
    ("escalations", _escalations),
    ("asks-in-vain", _in_vain),
    ("slow", _slow),
    ("retries", _retries),
    ("abandoned", _abandoned),
    ("currency", _currency),
    ("audits", _audits),
    ("baseline", _baseline),
    ("no-lane", _nobody_to_ask),
)
