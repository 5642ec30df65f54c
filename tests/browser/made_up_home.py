"""A home that never was, for the status page: a month of turns, drawn by a seed, behind the control API."""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.server.listeners import past_surfaces as past
from tests.server.listeners.control_surfaces import BUNDLES, LANE, SATELLITE, STATUS, RecordingBundles, RecordingSurface
from tests.server.listeners.queue_surfaces import REQUESTS, RecordingQueue
from wyoming_server.listeners.control_surface import Json
from wyoming_server.records.lineage import told

STAGES = past.STAGES
ROOMS = ("kitchen", "living_room", "bedroom", "study")
INTENTS = ("HassTurnOn", "HassTurnOff", "HassLightSet", "HassSetPosition", "HassGetState", "HassStartTimer")
KINDS: tuple[tuple[int, str, str, str | None, str], ...] = (
    (70, "accept", "edge", None, "the risk is below what this room allows"),
    (9, "accept", "cloud", "OpenAI", "the risk is above what this room allows"),
    (4, "accept", "cloud", "Study computer", "the risk is above what this room allows"),
    (3, "confirm", "edge", None, "it would open the front door, and the risk is not low"),
    (2, "discard", "edge", None, "nobody spoke to it"),
)
"""Weight, action, route, lane, reason."""


class WaitingHere(RecordingQueue):
    """The home's requests."""

    def __init__(self, home: MadeUpHome) -> None:
        super().__init__(home._hear)
        self._home = home

    async def all(self) -> Json:
        return REQUESTS | {"requests": self._home.requests}


class MadeUpHome(RecordingSurface):
    """Tells the same home for the same seed and moment; `say` has something happen."""

    def __init__(
        self, *, seed: int = 7, now: datetime | None = None, drifted: bool = True, empty: bool = False
    ) -> None:
        """Draw it; an empty one was never spoken to."""
        super().__init__()
        self.now = now or datetime.now(UTC)
        self.chance = random.Random(seed)
        self.turns_told = [] if empty else [self.turn(number) for number in range(40)]
        self.drifted, self.empty = drifted and not empty, empty
        self.requests: list[Json] = []
        """What waits for a speech service."""
        self.policy_told: Json = {**STATUS["policy"], "cloud_money_per_month": 5}
        self.ledger_told = [] if empty else [self.upload(number) for number in range(140, 0, -1)]
        self._listeners: list[asyncio.Queue[Json]] = []

    def at(self, hours: float) -> str:
        """Return the moment so many hours ago."""
        return (self.now - timedelta(hours=hours)).isoformat(timespec="milliseconds")

    def turn(self, number: int) -> Json:
        """Return a turn that ended a while ago, the first just now."""
        chance = self.chance
        _, action, route, lane, reason = chance.choices(KINDS, [one[0] for one in KINDS])[0]
        noisy = lane is not None
        spans = {
            "capture": chance.uniform(48, 76), "inference": chance.uniform(62, 124), "hold": chance.uniform(4, 66),
            "post": chance.uniform(1, 6), "cloud": chance.uniform(280, 900) if lane else 0.0,
            "transport": chance.uniform(0.2, 3),
        }  # fmt: skip
        points = {
            "base": -20.0, "snr_db": chance.uniform(9, 18) if noisy else chance.uniform(-8, 3),
            "grammar": 6.0 if noisy else -9.0, "weakest_word": chance.uniform(-4, 8), "opening": chance.uniform(-2, 1),
        }  # fmt: skip
        asked = {"lane": lane, "ending": "answered", "seconds": 1.9, "took_ms": spans["cloud"], "cost": 0.0002}
        return {
            "turn_id": f"turn-{number}", "at": self.at(number * 0.21 + 0.02),
            "satellite": f"assist_satellite.{chance.choice(ROOMS)}", "microphone_class": "far_field",
            "language": chance.choice(("en", "en", "de")), "action": action, "reason": reason, "why": "",
            "intent": chance.choice(INTENTS), "route": route, "lane": lane,
            "risk": chance.uniform(0.34, 0.7) if noisy else chance.uniform(0.01, 0.2), "threshold": 0.31,
            "points": points, "class": "device-command", "critical": action == "confirm",
            "lanes": [asked] if lane else [], "model": "home-en", "rules": [], "ended_by": "silence",
            "quality": {"snr_db": chance.uniform(8, 26), "clipping": 0.0},
            "latency_ms": {**spans, "last_word_to_text": sum(spans.values()), "end_to_text": 4.0}, "error": None,
        }  # fmt: skip

    def upload(self, number: int) -> Json:
        """Return a row of the ledger; what stays at home is only in its sums."""
        seconds = round(self.chance.uniform(1.1, 3.4), 1)
        return {
            "number": number, "at": self.at((141 - number) * 4.6), "lane": "OpenAI",
            "turn_id": f"turn-{number}", "reason": self.chance.choice(("risk", "risk", "risk", "audit")),
            "consent": "2026-10-02", "seconds": seconds, "bytes": int(seconds * 32_000) + 44,
            "cost": round(seconds / 60 * 0.0045, 6), "currency": "USD", "left": True,
            "ending": self.chance.choice(("answered", "answered", "answered", "lane-timeout")), "took_seconds": 0.6,
        }  # fmt: skip

    @property
    def queue(self) -> RecordingQueue:
        return WaitingHere(self)

    def status(self) -> Json:
        figures = {
            "turns": 5212, "escalations": 450, "errors": 9, "window_turns": 500, "escalation_rate": 0.142,
            "last_word_to_text_ms": {"p50": 186.0, "p95": 268.0}, "end_to_text_ms": {"p50": 5.0, "p95": 41.0},
            "stages_p95_ms": dict(zip(STAGES, (74.0, 121.0, 66.0, 6.0, 0.0, 3.0), strict=True)),
            "retry_rate": 0.031, "abandonment_rate": 0.012,
        }  # fmt: skip
        nothing = {**dict.fromkeys(figures), "turns": 0, "escalations": 0, "errors": 0, "window_turns": 0}
        cloud = {
            "reachable": True, "over_budget": False, "currency": "USD", "seconds_today": 12.5,
            "seconds_this_month": 214.0, "cost_this_month": 1.16, "seconds_left_today": 587.5,
            "money_left_this_month": 3.84,
        }  # fmt: skip
        disagreement = [
            {"language": "en", "value": 0.064, "low": 0.034, "high": 0.11, "pairs": 121, "population": "escalated"},
            {"language": "de", "value": 0.112, "low": 0.05, "high": 0.19, "pairs": 38, "population": "escalated"},
        ]
        none = {**cloud, "seconds_today": 0.0, "seconds_this_month": 0.0, "cost_this_month": 0.0}
        server = {**STATUS["server"], "started_at": self.at(26 * 24 + 5), "uptime_seconds": 2_264_400.0}
        drift = {"state": "drifted" if self.drifted else "steady", "turns_to_go": 0, "alarms": self.alarms()}
        lanes = [
            LANE | {"consent": "2026-10-02"},
            LANE
            | {"name": "Study computer", "provider": "wyoming", "trust": "home", "consent": None, "key_ends": None},
            LANE | {"name": "Groq", "state": "not-consented", "reason": "its sentence is not ticked", "consent": None},
        ]
        bundles = {**BUNDLES, "denied": [], "repository": BUNDLES["repository"] | {"error": None}}
        asr = bundles["kinds"][0] | {"last_rollback": None, "last_refusal": None, "work": None}
        model = {
            "name": "home-en", "wanted": "home-en", "state": "ready", "progress": 1.0, "starter": False,
            "languages": ["de", "en"], "note": "",
        }  # fmt: skip
        resources = STATUS["resources"] | {"cpu_percent": 23.0, "throttled": False, "decode_busy": 0.06}
        return STATUS | {
            "server": server, "model": model, "figures": nothing if self.empty else figures, "resources": resources,
            "cloud": none if self.empty else cloud, "disagreement": [] if self.empty else disagreement, "lanes": lanes,
            "last_turn": self.turns_told[0] if self.turns_told else None, "drift": drift,
            "queue": self.waiting_told(), "policy": self.policy_told,
            "baseline": None, "scorecard": None if self.empty else past.HEADLINE, "warnings": [],
            "satellites": [] if self.empty else self.satellites_told(), "thresholds": self.thresholds(),
            "bundles": bundles | {"kinds": [asr, *bundles["kinds"][1:]]},
        }  # fmt: skip

    def waiting_told(self) -> Json:
        """Return how many requests wait."""
        states = [one["state"] for one in self.requests]
        needs_you = sum(one in {"interrupted", "failed", "unheard"} for one in states)
        counts = {"waiting": states.count("waiting"), "ready": states.count("ready"), "started": 0}
        oldest = self.requests[0]["at"] if self.requests else None
        return {"enabled": True, **counts, "needs_you": needs_you, "bytes": 64_000, "oldest": oldest, "reason": ""}

    def alarms(self) -> list[Json]:
        """Return what is creeping."""
        message = (
            "The hub asks for help more often than it did: 16 % of turns instead of 9 %. Rooms are noisier by 6 dB "
            "since Thursday, most of all where assist_satellite.study listens: move it, or have it denoise."
        )
        told = past.ALARM | {"since": self.at(70), "at": self.at(3), "before": 0.09, "now": 0.16, "message": message}
        return [told] if self.drifted else []

    def satellites_told(self) -> list[Json]:
        """Return four rooms, one of them noisy."""
        quiet = SATELLITE | {"suggestion": None}
        noisy = {**SATELLITE["evidence"], "snr_db": 7.2, "noisy_turns": 14}
        return [
            quiet | {"id": "assist_satellite.kitchen"},
            SATELLITE | {"id": "assist_satellite.living_room"},
            quiet | {"id": "assist_satellite.bedroom", "microphone_class": "near_field"},
            quiet | {"id": "assist_satellite.study", "state": "noisy", "evidence": noisy,
                     "reason": "14 of its last 20 turns were noisy"},
        ]  # fmt: skip

    def thresholds(self) -> list[Json]:
        """Return how sure the hub must be."""
        learned = {"language": "en", "microphone_class": "far_field", "value": 0.31, "guaranteed": True,
                   "reason": "learned from 1204 turns", "turns_to_go": 0}  # fmt: skip
        borrowed = {"value": 0.22, "guaranteed": False, "reason": "borrowed from English", "turns_to_go": 180}
        return [] if self.empty else [learned, learned | borrowed | {"language": "de"}]

    def turns(self, most: int) -> Sequence[Json]:
        return self.turns_told[:most]

    async def events(self) -> AsyncIterator[Json]:
        queue: asyncio.Queue[Json] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            yield {"type": "status", "status": self.status()}
            while True:
                yield await queue.get()
        finally:
            self._listeners.remove(queue)

    def say(self, message: Json) -> None:
        """Tell whoever listens."""
        for queue in self._listeners:
            queue.put_nowait(message)

    def hear(self, **changes: Any) -> Json:
        """Have a turn end now."""
        turn = self.turn(0) | {"turn_id": f"now-{len(self.turns_told)}", "at": self.at(0), **changes}
        self.turns_told.insert(0, turn)
        self.say({"type": "turn", "turn": turn})
        return turn

    def policy(self) -> Json:
        return self.policy_told

    async def change_policy(self, changes: Any) -> Json:
        self._hear("change_policy", dict(changes))
        self.policy_told |= changes
        self.say({"type": "status", "status": self.status()})
        return self.policy_told

    async def ledger(self, most: int, before: int | None) -> Json:
        rows = [one for one in self.ledger_told if before is None or one["number"] < before]
        sums = [
            {"lane": "OpenAI", "trust": "cloud", "uploads": 96, "seconds": 214.0, "cost": 1.16},
            {"lane": "Study computer", "trust": "home", "uploads": 31, "seconds": 71.2, "cost": 0.0},
        ]
        today = [sums[0] | {"uploads": 6, "seconds": 12.5, "cost": 0.07}]
        nothing: list[Json] = []
        return {"rows": rows[:most], "today": nothing if self.empty else today,
                "this_month": nothing if self.empty else sums}  # fmt: skip

    @property
    def bundles(self) -> Any:
        return _MadeUpBundles(self._hear, self)

    def all_bundles(self) -> Json:
        offers = self.status()["bundles"]["kinds"][0]["offered"]
        installed = [{"label": label, "kind": "asr", "signed": True, "bytes": 48_000_000, "repository": None,
                      "revision": None} for label in ("home-en@1.1.0", "home-en@1.0.0")]  # fmt: skip
        return {**self.status()["bundles"], "offers": [offers], "installed": installed}

    @property
    def history(self) -> Any:
        return MadeUpPast(self)

    @property
    def privacy(self) -> Any:
        return MadeUpPast(self)

    @property
    def drift(self) -> Any:
        return MadeUpDrift(self)


class _MadeUpBundles(RecordingBundles):
    """Tells the models of the home."""

    def __init__(self, hear: Callable[..., None], of: MadeUpHome) -> None:
        super().__init__(hear)
        self._of = of

    async def all(self) -> Json:
        return self._of.all_bundles()


class MadeUpPast(past.RecordingPast):
    """Its records."""

    def __init__(self, home: MadeUpHome) -> None:
        super().__init__(home._hear)
        self._home = home

    async def figures(self, days: int) -> Json:
        cells = [
            cell_of(None, None, 1412 * days // 7, 186, 268, 0.091, 0.071, 0.96),
            cell_of("en", None, 1030 * days // 7, 178, 255, 0.084, 0.064, 0.98),
            cell_of("de", None, 382 * days // 7, 204, 311, 0.112, 0.112, 0.92),
            cell_of(None, "far_field", 1190 * days // 7, 191, 274, 0.097, 0.075, 0.95),
            cell_of(None, "near_field", 222 * days // 7, 169, 231, 0.041, 0.05, 0.99),
            cell_of("en", "far_field", 860 * days // 7, 182, 262, 0.09, 0.066, 0.97),
            cell_of("en", "near_field", 170 * days // 7, 166, 226, 0.038, None, 0.99),
        ]
        since = self._home.at(24 * days)
        return {"days": days, "since": since, "budget_ms": 300.0, "cells": [] if self._home.empty else cells}

    async def series(self, hours: int) -> Json:
        step = 1 if hours <= 48 else 6 if hours <= 744 else 24
        chance = random.Random(hours)
        points = [] if self._home.empty else [self._point(ago, step, chance) for ago in range(hours, -1, -step)]
        return {"step_seconds": step * 3600, "points": points}

    def _point(self, ago: int, step: int, chance: random.Random) -> Json:
        hour = (self._home.now - timedelta(hours=ago)).hour
        awake = max(0.0, math.sin((hour - 5) / 19 * math.pi)) if step < 24 else 0.6
        turns = int(step * awake * chance.uniform(6, 15))
        rate = 0.085 + (0.07 if ago < 70 else 0.0) + chance.uniform(-0.03, 0.03)
        p50 = 182 + chance.uniform(-12, 14) + (8 if ago < 70 else 0)
        asked = sum(chance.random() < rate for _ in range(turns))
        return {
            "at": self._home.at(ago), "turns": turns, "escalations": asked,
            "errors": int(chance.random() < 0.06 * awake), "retries": sum(chance.random() < 0.03 for _ in range(turns)),
            "last_word_to_text_p50_ms": p50 if turns else None,
            "last_word_to_text_p95_ms": p50 + chance.uniform(62, 108) if turns else None,
            "end_to_text_p50_ms": 5.0 if turns else None, "end_to_text_p95_ms": 40.0 if turns else None,
            "cloud_seconds": round(asked * chance.uniform(1.4, 2.6), 1),
            "cpu_percent": 9 + 34 * awake * chance.uniform(0.5, 1), "memory_percent": 41 + chance.uniform(-1, 1.5),
            "decode_busy": 0.12 * awake * chance.uniform(0.5, 1),
        }  # fmt: skip

    async def records(self, most: int, before: int | None, *, language: str | None, satellite: str | None) -> Json:
        self._hear("records", most, before, language, satellite)
        told = self._home.turns_told
        records = [
            past.RECORD | {key: turn[key] for key in past.RECORD if key in turn}
            | {"number": len(told) - index, "text": "turn on the kitchen light", "recording": index == 0}
            for index, turn in enumerate(told)
        ]  # fmt: skip
        return {"records": [one for one in records if before is None or one["number"] < before][:most]}

    async def incidents(self, most: int) -> Json:
        home = self._home
        told = [
            (3, "drift", "escalation", "The hub asks for help more often than it did in English; rooms are noisier."),
            (29, "lane", "OpenAI", "OpenAI did not answer in time three times in a row; it was left out for a minute."),
            (52, "bundle", "home-en@1.1.0", "home-en 1.1.0 serves all turns: nothing got worse in 500."),
            (75, "load", "", "The recogniser was busy for most of ten minutes; the longest turn waited 0.4 s."),
            (190, "mode", "edge_only", "No service could be asked for 12 minutes: the network was away."),
        ]
        rows = [{"at": home.at(ago), "kind": kind, "subject": subject, "message": message}
                for ago, kind, subject, message in told]  # fmt: skip
        return {"incidents": [] if home.empty else rows[:most]}

    async def kept(self) -> Json:
        counts = {"turns": (5212, 30), "corrections": (3, 5), "day-sums": (61, 61), "learned": (6, 44),
                  "satellites": (4, None), "ledger": (140, 27), "choices": (5, None), "lanes": (3, None)}  # fmt: skip
        rows = []
        for one in told()["classes"]:
            count, ago = counts.get(one["name"], (0 if one["days"] is not None else None, None))
            oldest = self._home.at(24 * ago)[:10] if ago and not self._home.empty else None
            rows.append({"name": one["name"], "days": one["days"], "setting": one["setting"],
                         "rows": 0 if self._home.empty and count else count, "oldest": oldest})  # fmt: skip
        now = past.KEPT_NOW | {"recordings": 0, "turns": 0 if self._home.empty else 5212}
        return {"now": now, "classes": rows}

    def lineage(self) -> Json:
        return told()


class MadeUpDrift(past.RecordingDrift):
    """Its slow changes."""

    def __init__(self, home: MadeUpHome) -> None:
        super().__init__(home._hear)
        self._home = home

    def told(self) -> Json:
        home = self._home
        values = {"escalation": (0.09, 0.16, 62_000.0), "risk": (0.11, 0.13, 900.0), "confidence": (0.92, 0.9, 14.0),
                  "disagreement": (0.064, 0.07, 2.0), "latency": (0.05, 0.06, 5.0)}  # fmt: skip
        metrics = [
            {"metric": metric, "language": "en", "reference_turns": 1000, "turns": 412, "before": before, "now": now,
             "e_value": e_value if home.drifted else min(e_value, 40.0), "alarm_at": 20_000.0}
            for metric, (before, now, e_value) in values.items()
        ]  # fmt: skip
        state = "learning" if home.empty else "drifted" if home.drifted else "steady"
        return {"state": state, "turns_to_go": 1000 if home.empty else 0, "alarms": home.alarms(),
                "metrics": [] if home.empty else metrics}  # fmt: skip

    async def accept(self, language: str | None) -> Json:
        self._hear("accept", language)
        self._home.drifted = False
        self._home.say({"type": "status", "status": self._home.status()})
        return self.told()


def cell_of(
    language: str | None,
    microphone: str | None,
    turns: int,
    p50: float,
    p95: float,
    rate: float,
    wrong: float | None,
    inside: float,
) -> Json:
    """Return the figures of a part of the home."""
    band = None if wrong is None else {"value": wrong, "low": wrong * 0.5, "high": wrong * 1.7, "pairs": 120}
    return past.CELL | {
        "language": language, "microphone_class": microphone, "turns": turns, "escalations": int(turns * rate),
        "escalation_rate": rate, "disagreement": band, "within_budget": inside, "abandonment_rate": 0.01,
        "last_word_to_text_ms": {"p50": p50, "p95": p95}, "end_to_text_ms": {"p50": 5.0, "p95": 41.0},
    }  # fmt: skip
