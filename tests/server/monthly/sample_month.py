"""A month that never was: figures of a home that learns, has a bad week, and gets a better model."""

import datetime as dt
import math
import random
from dataclasses import replace
from typing import Any

from wyoming_server.monthly.facts import HomeNow, LaneSum, MonthFacts
from wyoming_server.monthly.month import Month

OCTOBER = Month(2026, 10)
MADE = dt.datetime(2026, 11, 1, 0, 12, tzinfo=dt.UTC)
STAGES = {
    "capture": (66.0, 92.0),
    "inference": (88.0, 141.0),
    "hold": (22.0, 118.0),
    "post": (4.0, 11.0),
    "cloud": (0.0, 640.0),
    "transport": (0.3, 0.9),
}


def spread(p50: float | None, p95: float | None) -> dict[str, float | None]:
    return {"p50": p50, "p95": p95}


def cell(turns: int = 5204, **other: Any) -> dict[str, Any]:
    """Return figures of some turns, as `GET /api/v1/figures` has them."""
    asked = round(turns * 0.083)
    return {
        "language": None, "microphone_class": None, "turns": turns, "escalations": asked,
        "errors": round(turns * 0.004), "uploads": asked + 3, "escalation_rate": 0.083, "error_rate": 0.004,
        "retry_rate": 0.031, "abandonment_rate": 0.012, "within_budget": 0.962,
        "disagreement": {"value": 0.062, "low": 0.041, "high": 0.094, "pairs": 434},
        "last_word_to_text_ms": spread(186.0, 278.0), "end_to_text_ms": spread(6.0, 44.0),
        "stages_ms": {name: spread(*one) for name, one in STAGES.items()},
        "cloud_seconds": 940.4, "cloud_cost": 0.0846, **other,
    }  # fmt: skip


def no_turns() -> dict[str, Any]:
    """Return the figures of nobody speaking."""
    rates = ("escalation_rate", "error_rate", "retry_rate", "abandonment_rate", "within_budget", "disagreement")
    return {
        **cell(0, escalations=0, errors=0, uploads=0, cloud_seconds=0.0, cloud_cost=0.0, **dict.fromkeys(rates)),
        "last_word_to_text_ms": spread(None, None), "end_to_text_ms": spread(None, None),
        "stages_ms": {name: spread(None, None) for name in STAGES},
    }  # fmt: skip


def days(month: Month = OCTOBER, seed: int = 7) -> list[dict[str, Any]]:
    """Return days with a weekend's rhythm, two of them away from home, and a slow week in the middle."""
    chance, found = random.Random(seed), []
    for number in range(1, month.last.day + 1):
        day = month.first.replace(day=number)
        if number in {17, 18}:
            continue
        turns = round((205 if day.weekday() >= 5 else 160) * chance.uniform(0.85, 1.15))
        is_slow = 20 <= number <= 24
        found.append(
            {
                "day": day.isoformat(),
                "turns": turns,
                "escalations": round(turns * chance.uniform(0.05, 0.09) * (2.4 if is_slow else 1.0)),
                "errors": chance.choice((0, 0, 0, 1, 2)),
                "end_to_text_p95_ms": round(44 + 14 * math.sin(number / 3) + (60 if is_slow else 0), 1),
                "last_word_to_text_p95_ms": round(262 + chance.uniform(-18, 18) + (62 if is_slow else 0), 1),
            }
        )
    return found


def baseline(**other: Any) -> dict[str, Any]:
    """Return a baseline of a week that has ended."""
    return {
        "began": "2026-09-07T08:00:00+00:00", "ends": "2026-09-14T08:00:00+00:00",
        "ended": "2026-09-14T08:00:04+00:00", "consent": "2026-09-07", "turns": 1164, "failed": 19, "retried": 52,
        "abandoned": 21, "pairs": 1121, "disagreed": 74, "would_escalate": 103, "seconds": 2461.0,
        "seconds_cap": 3600.0, "cost": 0.2461, "money_cap": 2.0, "last_word_to_text_ms": spread(742.0, 1490.0),
        "end_to_text_ms": spread(588.0, 1302.0), "reason": "its days are over", **other,
    }  # fmt: skip


def incident(day: int, kind: str, message: str, subject: str = "") -> dict[str, Any]:
    return {"at": f"2026-10-{day:02}T18:05:00+00:00", "kind": kind, "subject": subject, "message": message}


INCIDENTS = [
    incident(26, "bundle", "home-en@1.3.0 answers all turns: it failed in 4.1 % of 500, home-en@1.2.0 in 4.9 %."),
    incident(24, "drift", "The hub asks for help more often in German, since 20 October (7 % → 17 %): the room has "
             "become noisier."),
    incident(20, "load", "The machine slowed its processor because of heat: answers took a third longer."),
    incident(9, "lane", "OpenAI did not answer 3 times in a row and was left alone for 15 s.", "OpenAI"),
]  # fmt: skip


def october(**other: Any) -> MonthFacts:
    """Return a whole month of a home with two languages, one speech service, and a server in the cellar."""
    german = {"value": 0.117, "low": 0.082, "high": 0.164, "pairs": 171}
    english = {"value": 0.041, "low": 0.024, "high": 0.071, "pairs": 263}
    facts = MonthFacts(
        month=OCTOBER,
        made=MADE,
        complete=True,
        budget_ms=300.0,
        cells=[
            cell(),
            cell(3810, language="en", escalation_rate=0.066, disagreement=english, retry_rate=0.025,
                 last_word_to_text_ms=spread(181.0, 266.0)),
            cell(1394, language="de", escalation_rate=0.129, disagreement=german, retry_rate=0.047,
                 last_word_to_text_ms=spread(199.0, 311.0)),
            cell(4702, microphone_class="far_field", retry_rate=0.033),
            cell(502, microphone_class="phone", retry_rate=0.012),
        ],
        last_month=cell(4876, escalation_rate=0.101, retry_rate=0.029, abandonment_rate=0.012, within_budget=0.948,
                        error_rate=0.007, last_word_to_text_ms=spread(192.0, 291.0)),
        days=days(),
        lanes=[
            LaneSum(lane="OpenAI", trust="cloud", uploads=391, seconds=842.3, cost=0.0842, currency="USD"),
            LaneSum(lane="cellar", trust="home", uploads=44, seconds=98.1, cost=0.0, currency=""),
        ],
        models=[
            {"label": "home-en@1.2.0", "turns": 4381, "since": "2026-10-01T05:41:00+00:00"},
            {"label": "home-en@1.3.0", "turns": 823, "since": "2026-10-26T18:05:00+00:00"},
        ],
        incidents=INCIDENTS,
        baseline=baseline(),
        seconds_by_day={"2026-10-21": 598.0},
        home=HomeNow(model="home-en@1.3.0", has_cloud=True, has_lane=True),
    )  # fmt: skip
    return replace(facts, **other)
