"""Outcomes, hits and errors → Wyoming events."""

from typing import Any

from wyoming.asr import Transcript
from wyoming.error import Error
from wyoming.event import Event
from wyoming.wake import Detection

from ..errors import EdgeVoiceError
from ..pipeline.timeline import Spans
from ..pipeline.types import LaneAttempt, Outcome, Quality, WakeHit

CONTEXT_KEY = "edge_voice"
SCHEMA = 1


def transcript(outcome: Outcome, spans: Spans) -> Event:
    """Return a turn's transcript; its spans end where it is written."""
    return Transcript(
        text=outcome.text,
        language=outcome.language or None,
        context={CONTEXT_KEY: outcome_fields(outcome) | {"latency_ms": _until_outcome(spans)}},
    ).event()


def transcript_stop(spans: Spans) -> Event:
    """Return the last event of a turn, with every span."""
    return Event(type="transcript-stop", data={"context": {CONTEXT_KEY: {"latency_ms": latency_fields(spans)}}})


def outcome_fields(outcome: Outcome) -> dict[str, Any]:
    """Return what a client may know of an outcome, besides its text and timing."""
    risk, hypothesis, match = outcome.risk, outcome.hypothesis, outcome.match
    threshold, workload, answer = outcome.decision.threshold, outcome.workload, outcome.answer
    return {
        "schema": SCHEMA,
        "turn_id": outcome.turn_id,
        "action": outcome.decision.action.value,
        "reason": outcome.decision.reason,
        "intent": match.intent if match else None,
        "route": outcome.route.value,
        "lane": _lane(outcome),
        "risk": round(risk.value, 4) if risk else None,
        "threshold": round(threshold.value, 4) if threshold else None,
        "why": risk.reason if risk else None,
        "points": {name: round(points, 1) for name, points in risk.points.items()} if risk else {},
        "class": workload.kind.value if workload else None,
        "critical": workload.critical if workload else None,
        "lanes": [attempt_fields(one) for one in answer.attempts] if answer else [],
        "model": hypothesis.model if hypothesis else None,
        "rules": list(hypothesis.rules) if hypothesis else [],
        "ended_by": outcome.ended_by.value,
        "quality": quality_fields(outcome.quality) if outcome.quality else None,
        "queued": {"id": outcome.kept.id, "expires_at": outcome.kept.expires_at} if outcome.kept else None,
    }


def _lane(outcome: Outcome) -> str | None:
    """Return the lane whose text it is, or that the client is to ask by itself."""
    if outcome.answer is not None and outcome.answer.text:
        return outcome.answer.lane
    return outcome.decision.lane if outcome.decision.to_client else None


def attempt_fields(attempt: LaneAttempt) -> dict[str, Any]:
    """Return one upload and what came of it."""
    return {
        "lane": attempt.lane,
        "ending": attempt.ending,
        "seconds": round(attempt.seconds, 2),
        "took_ms": round(attempt.took_ms, 1),
        "cost": round(attempt.cost, 6),
    }


def quality_fields(quality: Quality) -> dict[str, Any]:
    """Return a signal's quality, rounded for reading."""
    return {
        "snr_db": None if quality.snr_db is None else round(quality.snr_db, 1),
        "clipping": round(quality.clipping, 5),
        "level_dbfs": round(quality.level_dbfs, 1),
        "peak_dbfs": round(quality.peak_dbfs, 1),
        "noise_dbfs": None if quality.noise_dbfs is None else round(quality.noise_dbfs, 1),
        "speech_ratio": round(quality.speech_ratio, 3),
        "dc_offset": round(quality.dc_offset, 5),
    }


def latency_fields(spans: Spans) -> dict[str, float]:
    """Return every span and headline figure, in ms."""
    return _until_outcome(spans) | {
        "transport": round(spans.transport_ms, 2),
        "last_word_to_text": round(spans.last_word_to_text_ms, 2),
        "end_to_text": round(spans.end_to_text_ms, 2),
    }


def _until_outcome(spans: Spans) -> dict[str, float]:
    return {
        "capture": round(spans.capture_ms, 2),
        "inference": round(spans.inference_ms, 2),
        "hold": round(spans.hold_ms, 2),
        "post": round(spans.post_ms, 2),
        "cloud": round(spans.cloud_ms, 2),
    }


def detection(hit: WakeHit, score: float) -> Event:
    """Return a wake word's detection."""
    context = {CONTEXT_KEY: {"schema": SCHEMA, "score": round(score, 4), "timestamp_ms": hit.timestamp_ms}}
    return Detection(name=hit.name, timestamp=hit.timestamp_ms, context=context).event()


def error(failure: EdgeVoiceError) -> Event:
    """Return a refusal."""
    return Error(text=str(failure), code=failure.code).event()
