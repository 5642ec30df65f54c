"""Every turn, label and wake word as records, told to whoever keeps or counts them. Nothing in it blocks."""

import datetime as dt
import logging
from collections.abc import Sequence
from typing import Protocol

from ..errors import EdgeVoiceError
from ..learning.comparison import Comparison
from ..learning.percentiles import mean_entropy
from ..learning.sessions import ClosedTurn, Signal
from ..pipeline.interpret import TurnRequest
from ..pipeline.policy import Trust
from ..pipeline.timeline import Spans
from ..pipeline.transcript import NO_SPEECH
from ..pipeline.types import Outcome
from ..records.turn_record import ERROR, TurnLabel, TurnRecord

_LOGGER = logging.getLogger(__name__)


class Hearer(Protocol):
    """Who keeps or counts. Each call is quick, and what it raises reaches the log alone."""

    def turn(self, record: TurnRecord, outcome: Outcome | None, /) -> None:
        """Hear of a turn that is over; without an outcome it failed."""

    def label(self, label: TurnLabel) -> None:
        """Hear what came to be known of one."""

    def woke(self, satellite: str, word: str) -> None:
        """Hear of a wake word."""


class Recorder:
    """Tells all hearers; one that fails is no reason for the others to hear nothing, nor for the turn to fail."""

    def __init__(self, hearers: Sequence[Hearer]) -> None:
        self._hearers = tuple(hearers)

    def turn(self, record: TurnRecord, outcome: Outcome | None = None) -> None:
        """Tell of a turn."""
        for one in self._hearers:
            try:
                one.turn(record, outcome)
            except Exception:
                _LOGGER.exception("a turn could not be recorded by %s", type(one).__name__)

    def label(self, label: TurnLabel) -> None:
        """Tell what came to be known of one."""
        for one in self._hearers:
            try:
                one.label(label)
            except Exception:
                _LOGGER.exception("what became of a turn could not be recorded by %s", type(one).__name__)

    def woke(self, satellite: str, word: str) -> None:
        """Tell of a wake word."""
        for one in self._hearers:
            try:
                one.woke(satellite, word)
            except Exception:
                _LOGGER.exception("a wake word could not be recorded by %s", type(one).__name__)


def record_of(outcome: Outcome, spans: Spans, at: dt.datetime, *, is_baseline: bool) -> TurnRecord:
    """Return what is known of a turn that was answered."""
    one, hypothesis, quality, risk = outcome.interpretation, outcome.hypothesis, outcome.quality, outcome.risk
    threshold, workload, answer = outcome.decision.threshold, outcome.workload, outcome.answer
    cloud = [tried for tried in (answer.attempts if answer else ()) if tried.trust is Trust.CLOUD]
    tokens = hypothesis.tokens if hypothesis else ()
    won = answer.lane if answer and answer.text else ""
    return TurnRecord(
        turn_id=outcome.turn_id,
        at=at,
        satellite=outcome.caller.satellite,
        session=outcome.caller.session,
        trusted=outcome.caller.trusted,
        microphone_class=outcome.caller.microphone_class.value,
        language=outcome.language,
        model=hypothesis.model if hypothesis else "",
        action=ERROR if outcome.failure else outcome.decision.action.value,
        route=outcome.route.value,
        lane=won or (outcome.decision.lane if outcome.decision.to_client else ""),
        error=outcome.failure.code if outcome.failure else "",
        workload=workload.kind.value if workload else "",
        critical=workload.critical if workload else False,
        intent=(outcome.match.intent or "") if outcome.match else "",
        ended_by=outcome.ended_by.value,
        spoke=outcome.decision is not NO_SPEECH and quality is not None,
        rules=hypothesis.rules if hypothesis else (),
        risk=risk.value if risk else None,
        logit=risk.logit if risk else None,
        threshold=threshold.value if threshold else None,
        points=risk.points if risk else {},
        log_probability=hypothesis.mean_log_probability if hypothesis and tokens else None,
        entropy=mean_entropy(hypothesis) if hypothesis and tokens else None,
        snr_db=quality.snr_db if quality else None,
        clipping=quality.clipping if quality else None,
        level_dbfs=quality.level_dbfs if quality else None,
        noise_dbfs=quality.noise_dbfs if quality else None,
        speech_ratio=quality.speech_ratio if quality else None,
        speech_seconds=one.speech.vad_speech_seconds if one else 0.0,
        retries=one.history.retries if one else 0,
        spans=spans,
        uploads=len(cloud),
        cloud_seconds=sum(tried.seconds for tried in cloud),
        cloud_cost=sum(tried.cost for tried in cloud),
        is_baseline=is_baseline,
        would_escalate=_would_escalate(outcome) if is_baseline else None,
    )


def _would_escalate(outcome: Outcome) -> bool | None:
    """Tell whether the hub would have asked for help; None when it could not tell."""
    threshold, risk = outcome.decision.threshold, outcome.risk
    if risk is None or threshold is None:
        return None
    return bool(risk.rules) or risk.logit > threshold.logit


def record_of_failure(
    request: TurnRequest, failure: EdgeVoiceError, at: dt.datetime, *, is_baseline: bool
) -> TurnRecord:
    """Return what is known of a turn that ended in an error."""
    return TurnRecord(
        turn_id=request.turn_id,
        at=at,
        satellite=request.caller.satellite,
        session=request.caller.session,
        trusted=request.caller.trusted,
        microphone_class=request.caller.microphone_class.value,
        language=request.language or "",
        action=ERROR,
        error=failure.code,
        is_baseline=is_baseline,
    )


def label_of_judged(closed: ClosedTurn, at: dt.datetime) -> TurnLabel:
    """Return what a session says of a turn about which it will say no more."""
    said = closed.signals
    return TurnLabel(
        turn_id=closed.turn_id,
        at=at,
        language=closed.language,
        wrong=closed.wrong,
        retried=Signal.RETRIED in said,
        corrected=Signal.CORRECTED in said,
        abandoned=Signal.ABANDONED in said,
        no_intent=Signal.NO_INTENT in said,
    )


def label_of_pair(
    turn_id: str, language: str, comparison: Comparison, chance: float | None, at: dt.datetime
) -> TurnLabel:
    """Return what a service's text says of the hub's; `chance` is that of the audit, None for an escalation."""
    return TurnLabel(
        turn_id=turn_id,
        at=at,
        language=language,
        disagreed=not comparison.same_intent,
        token_error_rate=comparison.token_edits / max(1, comparison.tokens),
        audited=chance is not None,
        chance=chance,
    )
