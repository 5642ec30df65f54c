"""Turns as a home has them, made up: for tests and benchmarks of the records."""

import datetime as dt
import random
from dataclasses import replace

from wyoming_server.pipeline.timeline import Spans
from wyoming_server.records.turn_record import TurnLabel, TurnRecord

SATELLITES = ("assist_satellite.kitchen", "assist_satellite.study", "assist_satellite.hall")
LANGUAGES = (("en", 0.7), ("de", 0.25), ("fr", 0.05))
POINTS = ("base", "confidence", "entropy", "repetition", "snr", "speech_rate", "grammar", "retries", "length")


def made_turn(chance: random.Random, at: dt.datetime, *, number: int = 0) -> TurnRecord:
    """Return a turn that ended then: mostly answered by the hub, sometimes asked, silent, or failed."""
    kind = chance.choices(("accept", "escalate", "silent", "error"), (85, 9, 5, 1))[0]
    common = TurnRecord(
        turn_id=f"{chance.getrandbits(128):032x}" if not number else f"turn-{number}",
        at=at,
        satellite=chance.choice(SATELLITES),
        session=f"{chance.getrandbits(96):024x}",
        trusted=True,
        microphone_class=chance.choices(("far_field", "phone"), (9, 1))[0],
        language=chance.choices([one for one, _ in LANGUAGES], [share for _, share in LANGUAGES])[0],
        action=kind,
    )
    if kind == "error":
        return replace(common, error="overloaded")
    if kind == "silent":
        return replace(common, action="discard", route="edge", ended_by="no-speech")
    return _heard(chance, common, asked=kind == "escalate")


def _heard(chance: random.Random, common: TurnRecord, *, asked: bool) -> TurnRecord:
    capture, inference, hold = chance.gauss(66, 4), chance.lognormvariate(4.6, 0.3), chance.expovariate(1 / 30)
    post, transport = chance.uniform(1, 4), chance.uniform(0.1, 0.5)
    cloud = chance.lognormvariate(6.1, 0.4) if asked else 0.0
    total = capture + inference + hold + post + cloud + transport
    return replace(
        common,
        model="base",
        route="cloud" if asked else "edge",
        lane="OpenAI" if asked else "",
        workload="device-command",
        critical=chance.random() < 0.02,
        intent=chance.choice(("HassTurnOn", "HassTurnOff", "HassLightSet", "HassGetState")),
        ended_by="silence",
        spoke=True,
        risk=chance.betavariate(5, 5) if asked else chance.betavariate(1, 12),
        logit=chance.gauss(0, 2),
        threshold=0.31,
        points={name: chance.gauss(0, 10) for name in POINTS},
        log_probability=-chance.expovariate(4),
        entropy=chance.expovariate(3),
        snr_db=chance.gauss(20, 6),
        clipping=max(0.0, chance.gauss(0, 0.001)),
        level_dbfs=chance.gauss(-24, 4),
        noise_dbfs=chance.gauss(-52, 5),
        speech_ratio=chance.uniform(0.4, 0.9),
        speech_seconds=chance.uniform(0.8, 3.5),
        retries=int(chance.random() < 0.04),
        spans=Spans(
            capture_ms=abs(capture),
            inference_ms=inference,
            hold_ms=hold,
            post_ms=post,
            cloud_ms=cloud,
            transport_ms=transport,
            last_word_to_text_ms=abs(total),
            end_to_text_ms=post + cloud + transport,
        ),
        uploads=int(asked),
        cloud_seconds=chance.uniform(1, 4) if asked else 0.0,
        cloud_cost=0.0002 if asked else 0.0,
    )


def made_labels(chance: random.Random, record: TurnRecord) -> list[TurnLabel]:
    """Return what came to be known of a turn within the next seconds."""
    at = record.at + dt.timedelta(seconds=20)
    if not record.spoke:
        return []
    retried = chance.random() < 0.04
    labels = [
        TurnLabel(turn_id=record.turn_id, at=at, language=record.language, result="intent", intent=record.intent),
        TurnLabel(
            turn_id=record.turn_id,
            at=at,
            language=record.language,
            wrong=retried,
            retried=retried,
            corrected=False,
            abandoned=chance.random() < 0.01,
            no_intent=False,
        ),
    ]
    audited = record.action == "accept" and chance.random() < 0.05
    if record.action == "escalate" or audited:
        differs = chance.random() < (0.1 if audited else 0.3)
        labels.append(
            TurnLabel(
                turn_id=record.turn_id,
                at=at,
                language=record.language,
                disagreed=differs,
                token_error_rate=0.25 if differs else 0.0,
                audited=audited,
                chance=0.05 if audited else None,
            )
        )
    return labels


def day_of_turns(chance: random.Random, day: dt.date, turns: int) -> list[TurnRecord]:
    """Return a day's turns in UTC, from seven in the morning till eleven at night."""
    begin = dt.datetime.combine(day, dt.time(7), dt.UTC)
    return [
        made_turn(chance, begin + dt.timedelta(seconds=second))
        for second in sorted(chance.uniform(0.0, 57_000.0) for _ in range(turns))
    ]
