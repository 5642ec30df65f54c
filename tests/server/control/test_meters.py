"""What Prometheus is told: right counts, exact windows, few series whatever clients say, and no name of anybody."""

import asyncio
import datetime as dt
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from wyoming_server.control import meter_families as of
from wyoming_server.control.meter_families import BUCKETS, FAMILIES, LABELS, Family, Kind
from wyoming_server.control.meter_status import WARNINGS
from wyoming_server.control.meter_windows import SPANS
from wyoming_server.control.meters import DRIFT_METRICS, Meters, Sources
from wyoming_server.errors import OverloadedError
from wyoming_server.learning.satellites import WakeTotals
from wyoming_server.listeners import control_past
from wyoming_server.pipeline.lanes import Upload
from wyoming_server.pipeline.policy import MicrophoneClass, Trust
from wyoming_server.pipeline.timeline import Spans
from wyoming_server.records.turn_record import ERROR, TurnLabel, TurnRecord
from wyoming_server.saturation import Saturation

AT = dt.datetime(2026, 11, 22, 10, tzinfo=dt.UTC)
MICROPHONES = [one.value for one in MicrophoneClass]
LANGUAGES = [f"{first}{second}" for first in "abcde" for second in "klmno"]
"""25 that the model knows."""
STATUS: dict[str, Any] = {
    "server": {"version": "0.1.0"},
    "mode": "normal",
    "model": {"name": "base", "state": "ready"},
    "wake_words": [{"id": "hey_jarvis"}],
    "lanes": [{"name": "at home", "state": "broken"}],
    "policy": {"cloud_allowed": True},
    "cloud": {
        "currency": "EUR",
        "reachable": None,
        "over_budget": False,
        "seconds_today": 12.5,
        "seconds_this_month": 80.0,
        "seconds_left_today": 587.5,
        "cost_this_month": 0.01,
        "money_left_this_month": 4.99,
    },
    "figures": {"retry_rate": 0.03, "abandonment_rate": None},
    "thresholds": [
        {"language": "ak", "microphone_class": "far_field", "value": 0.31, "guaranteed": False, "turns_to_go": 180}
    ],
    "disagreement": [{"language": "ak", "population": "all", "value": 0.07, "low": 0.03, "high": 0.12, "pairs": 44}],
    "satellites": [{"state": "good"}, {"state": "noisy"}, {"state": "good"}],
    "bundles": {
        "hub_class": "pi5",
        "denied": [{}],
        "kinds": [
            {
                "kind": "asr",
                "active": {"label": "home@1.1.0"},
                "previous": "home@1.0.0",
                "candidate": {"label": "home@1.2.0", "turns": 12},
            },
            {"kind": "vad", "active": None, "previous": None, "candidate": None},
        ],
    },
    "drift": {"state": "steady", "turns_to_go": 0},
    "records": {
        "bytes": 8_400_000,
        "turns": 5200,
        "transcripts": 0,
        "recordings": 0,
        "corrections": 0,
        "key": "good",
    },
    "queue": {"waiting": 2, "ready": 1, "started": 0, "needs_you": 1, "bytes": 120_000},
    "baseline": None,
    "warnings": [{"code": "microphone-noisy"}, {"code": "microphone-noisy"}, {"code": "of tomorrow"}],
}
DRIFT: dict[str, Any] = {
    "alarms": [{"metric": "escalation"}],
    "metrics": [
        {"metric": "escalation", "language": "ak", "before": 0.25, "now": 0.4, "e_value": 23000.0, "alarm_at": 20000.0},
        {"metric": "latency", "language": "not ours", "before": 0.1, "now": None, "e_value": 1.0, "alarm_at": 20000.0},
    ],
}


class Hub:
    """What the meters read, as the test says."""

    def __init__(self) -> None:
        self.now_s = 50.0
        self.status: dict[str, Any] = STATUS
        self.reads = 0
        self.languages = LANGUAGES
        self.lanes = {"at home": Trust.HOME, "far away": Trust.CLOUD}
        self.meters = Meters(
            Saturation(self.clock),
            languages=lambda: self.languages,
            lanes=lambda: self.lanes,
            currency=lambda: "EUR",
            on_strain=lambda _code, _message: None,
            clock=self.clock,
        )
        self.meters.sources = Sources(
            status=self._status,
            drift=lambda: DRIFT,
            wakes=lambda: WakeTotals(judged=20, false=3),
            decode_seconds=lambda: 7.5,
        )

    def clock(self) -> float:
        return self.now_s

    def _status(self) -> dict[str, Any]:
        self.reads += 1
        if not self.status:
            raise RuntimeError("as the test says")
        return self.status

    async def series(self) -> Series:
        """Return what a scrape finds, a while after the last one."""
        self.now_s += 10.0
        return Series((await self.meters.exposition()).decode())


class Series:
    """A scrape, read as Prometheus's own library reads it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = [one for family in text_string_to_metric_families(text) for one in family.samples]

    def of(self, name: str, **labels: str) -> dict[tuple[str, ...], float]:
        """Return the series of a metric that has these labels, by its other labels' values."""
        return {
            tuple(value for key, value in sorted(one.labels.items()) if key not in labels): one.value
            for one in self.samples
            if one.name == name and labels.items() <= one.labels.items()
        }

    def value(self, name: str, **labels: str) -> float:
        """Return the one series with just these labels."""
        (value,) = (one.value for one in self.samples if one.name == name and one.labels == labels)
        return float(value)


@pytest.fixture
def hub() -> Hub:
    return Hub()


def spans(last_word_ms: float) -> Spans:
    return Spans(
        capture_ms=last_word_ms / 2,
        inference_ms=last_word_ms / 2,
        last_word_to_text_ms=last_word_ms,
        end_to_text_ms=last_word_ms / 10,
    )


TURN = TurnRecord(
    turn_id="turn-4711",
    at=AT,
    satellite="assist_satellite.nursery",
    session="session-4711",
    trusted=True,
    language="ak",
    action="accept",
    route="edge",
    ended_by="hold",
    spoke=True,
    intent="HassTurnOn",
    lane="at home",
    speech_seconds=1.5,
    spans=spans(120.0),
)


def label(**said: Any) -> TurnLabel:
    return TurnLabel(turn_id="turn-4711", at=AT, language="ak", **said)


async def test_turns_are_counted_by_language_microphone_and_what_became_of_them(hub: Hub) -> None:
    hub.meters.turn(TURN, None)
    hub.meters.turn(replace(TURN, action="escalate", route="cloud", microphone_class="phone"), None)
    hub.meters.turn(replace(TURN, action="discard", spoke=False, ended_by="no-speech"), None)
    found = await hub.series()
    assert found.of("edge_voice_turns_total", language="ak") == {
        ("accept", "far_field"): 1.0,
        ("discard", "far_field"): 1.0,
        ("escalate", "phone"): 1.0,
    }
    assert found.of("edge_voice_spoken_turns_total") == {("ak", "far_field"): 1.0, ("ak", "phone"): 1.0}
    assert found.of("edge_voice_answers_total") == {("cloud",): 1.0, ("edge",): 1.0}
    assert found.of("edge_voice_endings_total") == {("hold",): 2.0, ("no-speech",): 1.0}
    assert found.value("edge_voice_speech_seconds_total") == 4.5


async def test_a_turn_that_failed_counts_by_its_code_which_was_there_at_nought_before(hub: Hub) -> None:
    code = OverloadedError.code
    assert (await hub.series()).value("edge_voice_failed_turns_total", code=code) == 0.0
    hub.meters.turn(TurnRecord(turn_id="t", at=AT, action=ERROR, error=code), None)
    hub.meters.turn(TurnRecord(turn_id="t", at=AT, action=ERROR, error="of tomorrow"), None)
    found = await hub.series()
    assert found.value("edge_voice_failed_turns_total", code=code) == 1.0
    assert found.value("edge_voice_failed_turns_total", code="other") == 1.0
    assert found.of("edge_voice_spoken_turns_total") == {("unknown", "far_field"): 2.0}


async def test_a_baselines_turns_stand_apart(hub: Hub) -> None:
    hub.meters.turn(replace(TURN, action="escalate", route="cloud", is_baseline=True), None)
    found = await hub.series()
    assert found.value("edge_voice_baseline_turns_total") == 1.0
    assert not found.of("edge_voice_turns_total")
    assert not found.of("edge_voice_window_turns")


async def test_times_fall_into_buckets_on_the_budget(hub: Hub) -> None:
    for last_word_ms in (20.0, 299.0, 300.0, 301.0, 9000.0):
        hub.meters.turn(replace(TURN, spans=spans(last_word_ms)), None)
    found = await hub.series()
    name = "edge_voice_last_word_to_text_seconds"
    below = {key[0]: value for key, value in found.of(f"{name}_bucket", language="ak", route="edge").items()}
    assert {float(bound) for bound in below} == {*BUCKETS, float("inf")}
    assert (below["0.02"], below["0.25"], below["0.3"], below["0.4"], below["5.0"], below["+Inf"]) == (1, 1, 3, 4, 4, 5)
    assert found.value(f"{name}_sum", language="ak", route="edge") == pytest.approx(9.92)
    assert found.value("edge_voice_stage_seconds_count", stage="capture", language="ak") == 5.0


async def test_windows_are_exact_for_every_language_and_microphone(hub: Hub) -> None:
    chance = random.Random(7)
    heard = [
        (chance.choice(LANGUAGES[:3]), chance.choice(MICROPHONES), chance.uniform(10.0, 600.0), chance.random() < 0.2)
        for _ in range(900)
    ]
    for language, microphone, last_word_ms, asked in heard:
        action, route = ("escalate", "cloud") if asked else ("accept", "edge")
        one = replace(TURN, language=language, microphone_class=microphone, action=action, route=route)
        hub.meters.turn(replace(one, spans=spans(last_word_ms)), None)
    found = await hub.series()
    for language in ("all", *LANGUAGES[:3]):
        for microphone in ("all", *MICROPHONES):
            cell = {"language": language, "microphone_class": microphone}
            last = [one for one in heard if language in {"all", one[0]} and microphone in {"all", one[1]}][-500:]
            times = sorted(one[2] for one in last)
            alone = [one[2] for one in last if not one[3]]
            p95 = times[-(-95 * len(times) // 100) - 1]
            assert found.value("edge_voice_window_turns", **cell) == len(last)
            name = "edge_voice_window_p95_seconds"
            assert found.value(name, span="last_word_to_text", **cell) == pytest.approx(p95 / 1000.0)
            assert found.value(name, span="capture", **cell) == pytest.approx(p95 / 2000.0)
            escalated = sum(one[3] for one in last) / len(last)
            assert found.value("edge_voice_window_escalation_ratio", **cell) == pytest.approx(escalated)
            in_time = sum(one <= 300.0 for one in alone) / len(alone)
            assert found.value("edge_voice_window_within_budget_ratio", **cell) == pytest.approx(in_time)
    assert {key[-1] for key in found.of("edge_voice_window_p50_seconds", language="all")} == set(SPANS)


async def test_what_is_forgotten_leaves_no_window_and_the_counters(hub: Hub) -> None:
    hub.meters.turn(TURN, None)
    hub.meters.forget()
    found = await hub.series()
    assert not found.of("edge_voice_window_p95_seconds")
    assert found.value("edge_voice_turns_total", language="ak", microphone_class="far_field", action="accept") == 1.0


async def test_labels_count_what_sessions_and_lanes_say(hub: Hub) -> None:
    hub.meters.label(label(wrong=True, retried=True, corrected=False, abandoned=False, no_intent=False))
    hub.meters.label(label(wrong=False, retried=False, corrected=False, abandoned=False, no_intent=False))
    hub.meters.label(label(disagreed=True, audited=False))
    hub.meters.label(label(disagreed=False, audited=True, chance=0.02))
    hub.meters.label(label(result="intent", intent="HassTurnOn"))
    found = await hub.series()
    assert found.value("edge_voice_judged_turns_total", language="ak") == 2.0
    assert found.value("edge_voice_wrong_turns_total", language="ak") == 1.0
    assert found.of("edge_voice_turn_signals_total", language="ak") == {
        ("abandoned",): 0.0,
        ("corrected",): 0.0,
        ("no_intent",): 0.0,
        ("retried",): 1.0,
    }
    assert found.of("edge_voice_pairs_total", language="ak") == {("false",): 1.0, ("true",): 1.0}
    assert found.of("edge_voice_disagreements_total", language="ak") == {("false",): 1.0, ("true",): 0.0}
    assert found.of("edge_voice_results_total") == {("intent",): 1.0}


async def test_uploads_are_counted_by_lane_and_reason_and_are_there_at_nought_before(hub: Hub) -> None:
    name = "edge_voice_upload_audio_seconds_total"
    labels = {"lane": "far away", "trust": "cloud", "reason": "audit"}
    assert (await hub.series()).value(name, **labels) == 0.0
    hub.meters.uploaded(
        Upload(
            lane="far away",
            trust=Trust.CLOUD,
            turn_id="turn-4711",
            reason="audit",
            consent="2026-11-22",
            seconds=2.5,
            bytes=80_044,
            cost=0.0004,
        )
    )
    found = await hub.series()
    assert found.value(name, **labels) == 2.5
    assert found.value("edge_voice_uploads_total", **labels) == 1.0
    assert found.value("edge_voice_upload_bytes_total", **labels) == 80_044.0
    assert found.value("edge_voice_upload_cost_total", lane="far away", currency="EUR") == 0.0004


async def test_a_lane_that_goes_takes_its_name_along(hub: Hub) -> None:
    assert "far away" in (await hub.series()).text
    del hub.lanes["far away"]
    found = await hub.series()
    assert "far away" not in found.text
    assert {one.labels["lane"] for one in found.samples if "lane" in one.labels} == {"at home"}


async def test_wake_words_are_counted_and_those_that_nobody_knows_are_one(hub: Hub) -> None:
    hub.meters.woke("assist_satellite.nursery", "hey_jarvis")
    hub.meters.woke("assist_satellite.nursery", "made up")
    found = await hub.series()
    assert found.of("edge_voice_wakes_total") == {("hey_jarvis",): 1.0, ("other",): 1.0}
    assert (found.value("edge_voice_judged_wakes_total"), found.value("edge_voice_false_wakes_total")) == (20.0, 3.0)


async def test_gauges_say_what_the_status_says(hub: Hub) -> None:
    found = await hub.series()
    assert {key[0] for key, value in found.of("edge_voice_mode").items() if value} == {"normal"}
    waits = {key[0]: value for key, value in found.of("edge_voice_queue_requests").items()}
    assert waits == {"waiting": 2.0, "ready": 1.0, "started": 0.0, "needs_you": 1.0}
    assert {key for key, value in found.of("edge_voice_lane_state").items() if value} == {("at home", "broken")}
    assert found.of("edge_voice_satellites") == {("good",): 2.0, ("noisy",): 1.0, ("text_only",): 0.0}
    assert found.value("edge_voice_warnings", code="microphone-noisy") == 2.0
    assert found.value("edge_voice_warnings", code="other") == 1.0
    assert found.of("edge_voice_bundle_info", kind="asr") == {
        ("home@1.0.0", "previous"): 1.0,
        ("home@1.1.0", "active"): 1.0,
        ("home@1.2.0", "candidate"): 1.0,
    }
    assert found.value("edge_voice_cloud_cost_left", currency="EUR") == 4.99
    assert found.value("edge_voice_disagreement_high_ratio", language="ak", population="all") == 0.12
    assert found.value("edge_voice_drift_e_value", metric="escalation", language="ak") == 23000.0
    assert found.value("edge_voice_decode_seconds_total") == 7.5
    assert found.value("edge_voice_retry_ratio") == 0.03


async def test_records_that_cannot_be_written_are_told_from_those_that_can(hub: Hub) -> None:
    assert (await hub.series()).value("edge_voice_records_failing") == 0.0
    hub.status = STATUS | {"warnings": [{"code": "records-unwritable"}]}
    assert (await hub.series()).value("edge_voice_records_failing") == 1.0


async def test_what_is_not_known_has_no_sample(hub: Hub) -> None:
    found = await hub.series()
    for name in ("edge_voice_cloud_reachable", "edge_voice_abandonment_ratio", "edge_voice_machine_throttled"):
        assert not found.of(name), name


async def test_a_part_that_cannot_be_read_takes_nothing_from_the_others(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    hub.meters.turn(TURN, None)
    hub.status = {}
    for _ in range(3):
        found = await hub.series()
    assert found.of("edge_voice_metrics_unreadable") == {
        ("drift",): 0.0,
        ("load",): 0.0,
        ("status",): 1.0,
        ("wakes",): 0.0,
    }
    assert found.of("edge_voice_turns_total")
    assert found.of("edge_voice_drift_e_value")
    assert not found.of("edge_voice_mode")
    assert len(caplog.records) == 1
    hub.status = STATUS
    found = await hub.series()
    assert found.of("edge_voice_mode")
    assert found.value("edge_voice_metrics_unreadable", source="status") == 0.0


# Nobody's name, and few series.


async def test_no_room_session_turn_or_text_is_in_it(hub: Hub) -> None:
    hub.meters.turn(TURN, None)
    hub.meters.label(label(wrong=True, retried=True))
    hub.meters.woke("assist_satellite.nursery", "hey_jarvis")
    text = (await hub.series()).text
    for secret in ("nursery", "4711", "HassTurnOn", "2026-11-22"):
        assert secret not in text, secret


def wild() -> Iterator[TurnRecord]:
    """Yield what a peer that makes everything up could bring about."""
    chance = random.Random(3)
    for number in range(3000):
        yield replace(
            TURN,
            language=chance.choice([*LANGUAGES, f"made up {number}", "", 'q"\\\n']),
            microphone_class=chance.choice([*MICROPHONES, f"made up {number}"]),
            action=chance.choice(
                ["accept", "escalate", "confirm", "defer", "ask_text", "discard", ERROR, f"x{number}"]
            ),
            route=chance.choice(["edge", "cloud", "client", "", f"x{number}"]),
            ended_by=chance.choice(["hold", "", f"x{number}"]),
            error=chance.choice(["", "decode-failed", f"x{number}"]),
            spans=spans(chance.uniform(1.0, 9000.0)),
        )


async def test_whatever_clients_make_up_there_are_few_series(hub: Hub) -> None:
    hub.status = STATUS | {
        "thresholds": [
            {"language": one, "microphone_class": kind, "value": 0.1, "guaranteed": True, "turns_to_go": 0}
            for one in LANGUAGES
            for kind in MICROPHONES
        ],
        "lanes": [{"name": f"lane {number}", "state": "ready"} for number in range(40)],
    }
    hub.lanes = {f"lane {number}": Trust.CLOUD for number in range(40)}
    for turn in wild():
        hub.meters.turn(turn, None)
        hub.meters.label(replace(label(retried=True, disagreed=True, result=turn.turn_id), language=turn.language))
        hub.meters.woke(turn.language, turn.language)
    found = await hub.series()
    languages = {one.labels["language"] for one in found.samples if "language" in one.labels}
    assert len(languages) == 16 + len({"all", "other", "unknown"})
    assert len({one.labels["lane"] for one in found.samples if "lane" in one.labels}) == 17
    assert {one.labels["code"] for one in found.samples if one.name == "edge_voice_failed_turns_total"} >= {"other"}
    assert len(found.samples) < 10_000
    again = await hub.series()
    assert len(again.samples) == len(found.samples)


async def test_a_stranger_takes_no_language_from_the_home(hub: Hub) -> None:
    for language in LANGUAGES[:20]:
        hub.meters.turn(replace(TURN, language=language, trusted=False), None)
    hub.meters.turn(replace(TURN, language=LANGUAGES[24]), None)
    found = await hub.series()
    assert {key[0] for key in found.of("edge_voice_spoken_turns_total")} == {"other", LANGUAGES[24]}


async def test_a_regions_way_to_speak_counts_as_the_language(hub: Hub) -> None:
    hub.meters.turn(replace(TURN, language="ak-CH"), None)
    assert (await hub.series()).of("edge_voice_spoken_turns_total") == {("ak", "far_field"): 1.0}


async def test_every_series_is_declared_with_its_labels(hub: Hub) -> None:
    for turn in wild():
        hub.meters.turn(turn, None)
    declared = {one.name: one for one in FAMILIES}
    suffixes = ("_bucket", "_sum", "_count")
    for one in (await hub.series()).samples:
        name = next((one.name.removesuffix(end) for end in suffixes if one.name.endswith(end)), one.name)
        family = declared.get(one.name) or declared.get(name)
        if one.name.startswith("process_"):
            continue
        assert family is not None, one.name
        assert set(one.labels) - {"le"} == set(family.labels), one.name


def test_every_label_says_where_its_values_come_from_and_every_name_is_prometheuss_way() -> None:
    assert {label for family in FAMILIES for label in family.labels} == set(LABELS)
    assert len({one.name for one in FAMILIES}) == len(FAMILIES)
    assert all(one.name.endswith("_total") == (one.kind is Kind.COUNTER) for one in FAMILIES)
    assert all(one.help for one in FAMILIES)
    assert len(FAMILIES) == sum(isinstance(one, Family) for one in vars(of).values())


def test_lists_of_ours_are_the_contracts() -> None:
    assert DRIFT_METRICS == control_past.DRIFT_METRICS
    assert len(set(WARNINGS)) == 13


# Scrapes.


async def test_a_hundred_scrapes_at_once_are_written_once_and_alike(hub: Hub) -> None:
    hub.now_s += 10.0
    texts = await asyncio.gather(*(hub.meters.exposition() for _ in range(100)))
    assert len(set(texts)) == 1
    reads = hub.reads
    await hub.meters.exposition()
    assert hub.reads == reads
    await hub.series()
    assert hub.reads > reads


async def test_whoever_hangs_up_takes_nothing_from_the_others(hub: Hub) -> None:
    first, second = (asyncio.create_task(hub.meters.exposition()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert b"edge_voice_info" in await second
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_turns_go_on_while_a_scrape_is_written(hub: Hub) -> None:
    for turn in islice(wild(), 300):
        hub.meters.turn(turn, None)
    before = (await hub.series()).value("edge_voice_speech_seconds_total")
    hub.now_s += 10.0
    scrape = asyncio.create_task(hub.meters.exposition())
    turns = 0
    while not scrape.done():
        hub.meters.turn(replace(TURN, language=random.Random(turns).choice(LANGUAGES)), None)
        turns += 1
        await asyncio.sleep(0)
    assert Series((await scrape).decode()).value("edge_voice_speech_seconds_total") >= before
    assert (await hub.series()).value("edge_voice_speech_seconds_total") == before + 1.5 * turns


def test_nothing_of_prometheus_is_loaded_before_somebody_asks() -> None:
    code = "import sys, wyoming_server.control.surface; print('prometheus_client' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "False"
