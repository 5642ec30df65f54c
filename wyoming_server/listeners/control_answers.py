"""The shapes of what the control API answers, as docs/control-api.md describes them."""

from .control_past import BASELINE, DRIFT_EVENT, DRIFT_FIELDS, HEADLINE, KEPT_NOW, RESOURCES
from .control_queue import QUEUE, QUEUE_EVENT
from .control_shapes import (
    AMOUNT,
    COUNT,
    FINGERPRINT,
    HEX_ID,
    MICROPHONES,
    NAME,
    PROSE,
    RATE,
    ROUTING_MODES,
    STAGES,
    SUMS,
    TRUST,
)
from .control_values import Anything, Choice, Maybe, Moment, Named, Number, Several, Text, Truth, Whole, record

SWITCHES = ("cloud_allowed", "audits", "keep_transcripts", "hedge", "answer_early", "confirm_critical",
            "refuse_unconfirmed", "defer", "ask_text", "automatic_updates", "cohort_reports",
            "keep_recordings")  # fmt: skip
DAILY = ("cloud_seconds_per_day", "audit_seconds_per_day", "hedge_seconds_per_day")
CHOICES = {
    "routing_mode": Choice(*ROUTING_MODES),
    "error_target": Number(0.001, 0.5),
    **{name: Number(0, 86_400) for name in DAILY},
    "cloud_money_per_month": Number(0, 10_000),
    **dict.fromkeys(("list_hours", "note_hours", "reminder_hours"), Number(0, 720)),
    "wake_threshold": Number(0, 1),
    "release_channel": Choice("stable", "beta"),
    "log_level": Choice("debug", "info", "warning", "error"),
    **{name: Truth() for name in SWITCHES},
}
"""Every choice of the owner, and what it may be."""
ERROR = Named("Error", record({"code": Text(least=1), "message": PROSE}))

HEALTH = Named(
    "Health",
    record(
        {
            "status": Choice("ok", "starting", "unavailable"),
            "id": HEX_ID,
            "name": NAME,
            "version": NAME,
            "api": record({"version": Whole(1), "min_version": Whole(1)}),
            "wyoming_port": Maybe(Whole(1, 65_535)),
            "model": Maybe(NAME),
            "languages": Several(NAME),
        }
    ),
)
PAIRING = record({"expires_in_seconds": AMOUNT, "fingerprint": Maybe(FINGERPRINT)})
PAIRED = record({"token": Text(least=1), "id": HEX_ID})

ATTEMPT = record({"lane": NAME, "ending": NAME, "seconds": AMOUNT, "took_ms": Maybe(AMOUNT), "cost": AMOUNT})
_TURN = {
    "turn_id": Text(least=1),
    "at": Moment(),
    "satellite": Maybe(NAME),
    "microphone_class": Maybe(Choice(*MICROPHONES)),
    "language": Maybe(NAME),
    "action": Choice("accept", "escalate", "confirm", "defer", "ask_text", "discard", "error"),
    "reason": Maybe(PROSE),
    "why": Maybe(PROSE),
    "intent": Maybe(NAME),
    "route": Maybe(Choice("edge", "cloud", "client")),
    "lane": Maybe(NAME),
    "risk": Maybe(RATE),
    "threshold": Maybe(RATE),
    "points": {Text(): Number()},
    "class": Maybe(Choice("device-command", "list-timer-note", "open-question", "dictation")),
    "critical": Maybe(Truth()),
    "lanes": Several(ATTEMPT),
    "model": Maybe(NAME),
    "rules": Several(NAME),
    "ended_by": Maybe(NAME),
    "quality": Maybe({Text(): Maybe(Number())}),
    "latency_ms": Maybe({Text(): Maybe(Number())}),
    "error": Maybe(NAME),
}
TURN = Named("Turn", record(_TURN, {"text": PROSE}))
TRANSCRIBED = Named("Transcribed", record({**_TURN, "text": Text(most=1_000_000), "seconds": AMOUNT}))

EVIDENCE = record(
    {
        **dict.fromkeys(("turns", "wakes", "false_wakes", "clipped_turns", "noisy_turns", "cut_starts"), COUNT),
        "snr_db": Maybe(Number()),
        "clipping": Maybe(RATE),
    }
)
SATELLITE = Named(
    "Satellite",
    record(
        {
            "id": NAME,
            "microphone_class": Maybe(Choice(*MICROPHONES)),
            "answer_early": Truth(),
            "wake_threshold": Maybe(RATE),
            "routing_mode": Maybe(Choice(*ROUTING_MODES)),
            "state": Choice("good", "noisy", "text_only"),
            "reason": PROSE,
            "since": Maybe(Moment()),
            "ends": PROSE,
            "evidence": EVIDENCE,
            "suggestion": Maybe(record({"setting": NAME, "value": Anything(), "why": PROSE})),
        }
    ),
)

LANE = Named(
    "Lane",
    record(
        {
            "name": NAME,
            "provider": NAME,
            "trust": TRUST,
            "state": Choice("ready", "broken", "not-consented", "capped", "wrong-language"),
            "reason": PROSE,
            "consent": Maybe(NAME),
            "key_ends": Maybe(Text(most=4)),
            "languages": Several(NAME),
            "error_code": Maybe(NAME),
            "from_file": Truth(),
        },
        {
            **dict.fromkeys(("url", "model", "region", "project", "entity", "price_as_of"), PROSE),
            "satellites": Several(NAME),
            "send_names": Truth(),
            **dict.fromkeys(("deadline_seconds", "price_per_minute", "minimum_seconds"), AMOUNT),
        },
    ),
)
"""A lane and how it is; of its other settings those that are not the default."""
PROVIDER = Named(
    "Provider",
    record(
        {
            "provider": NAME,
            "title": NAME,
            "needs": Several(NAME),
            "optional": Several(NAME),
            "url": PROSE,
            "models": Several(NAME),
            "price_per_minute": Maybe(AMOUNT),
            "as_of": Maybe(NAME),
            "trust": TRUST,
        }
    ),
)
LANES = record({"lanes": Several(LANE), "providers": Several(PROVIDER)})
POLICY = Named("Policy", record(CHOICES))

KINDS = ("asr", "wake", "vad")
_FAULT = record({"code": NAME, "message": PROSE})
_MEASURED = Several(
    record(
        {
            "metric": NAME,
            **dict.fromkeys(("baseline", "candidate"), Maybe(RATE)),
            **dict.fromkeys(("baseline_turns", "candidate_turns"), COUNT),
            "e_value": Maybe(AMOUNT),
        }
    )
)
"""Why a bundle is kept or left: each metric beside that of the bundle before."""
OFFER = record(
    {
        "label": NAME,
        "name": NAME,
        "version": NAME,
        "kind": Choice(*KINDS),
        "eligible": Truth(),
        "notes": PROSE,
        "bytes": COUNT,
        "reasons": Several(record({"code": NAME, "holds": Truth(), "message": PROSE})),
    }
)
_ACTIVE = record({"label": NAME, "name": NAME, "version": NAME, "signed": Truth(), "since": Maybe(Moment())})
_CANDIDATE = record(
    {
        "label": NAME,
        "stage": Choice("shadow", "serving", "watch"),
        "since": Moment(),
        **dict.fromkeys(("turns", "turns_to_go"), COUNT),
        "share": RATE,
        "evidence": _MEASURED,
    }
)
_WORK = record(
    {
        "action": Choice("install", "roll_back"),
        "label": NAME,
        "state": Choice("waiting", "checking", "downloading", "unpacking", "verifying", "testing", "activating"),
        "progress": RATE,
    }
)
_LEFT = record(
    {"label": NAME, "to": NAME, "code": NAME, "at": Moment(), "message": PROSE, "evidence": _MEASURED},
)
_DENIED = record({"label": NAME, "code": NAME, "at": Moment(), "message": PROSE})
_KIND = record(
    {
        "kind": Choice(*KINDS),
        "active": Maybe(_ACTIVE),
        "previous": Maybe(NAME),
        "offered": Maybe(OFFER),
        "candidate": Maybe(_CANDIDATE),
        "work": Maybe(_WORK),
        "last_rollback": Maybe(_LEFT),
        "last_refusal": Maybe(_DENIED),
    }
)
_BUNDLES = {
    "repository": Maybe(
        record({"url": PROSE, "channel": NAME, "checked_at": Maybe(Moment()), "error": Maybe(_FAULT)}),
    ),
    "region": NAME,
    "hub_class": NAME,
    "kinds": Several(_KIND),
    "denied": Several(_DENIED),
}
BUNDLES = Named(
    "Bundles",
    record(
        {
            **_BUNDLES,
            "offers": Several(OFFER),
            "installed": Several(
                record(
                    {
                        "label": NAME,
                        "kind": Choice(*KINDS),
                        "signed": Truth(),
                        "bytes": Maybe(COUNT),
                        "repository": Maybe(NAME),
                        "revision": Maybe(NAME),
                    }
                )
            ),
        }
    ),
)
BUNDLE_EVENTS = ("offered", "installing", "shadow", "serving", "watch", "settled", "activated", "rolled_back",
                 "refused")  # fmt: skip

_PERCENTILES = Maybe(record({"p50": Maybe(Number()), "p95": Maybe(Number())}))
STATUS = Named(
    "Status",
    record(
        {
            "schema": Whole(1),
            "server": record(
                {"id": HEX_ID, "name": NAME, "version": NAME, "started_at": Moment(), "uptime_seconds": AMOUNT}
            ),
            "mode": Choice("normal", "edge_only", "starter", "shedding", "cloud_only", "unavailable"),
            "mode_reason": PROSE,
            "mode_since": Moment(),
            "mode_ends": PROSE,
            "model": record(
                {
                    "name": Maybe(NAME),
                    "wanted": NAME,
                    "state": Choice("measuring", "waiting", "fetching", "loading", "ready", "failed"),
                    "progress": Maybe(RATE),
                    "starter": Truth(),
                    "languages": Several(NAME),
                    "note": PROSE,
                }
            ),
            "wake_words": Several(record({"id": NAME, "phrase": NAME, "languages": Several(NAME)})),
            "policy": POLICY,
            "lanes": Several(LANE),
            "cloud": record(
                {
                    "reachable": Maybe(Truth()),
                    "over_budget": Truth(),
                    "currency": NAME,
                    **dict.fromkeys(("seconds_today", "seconds_this_month", "cost_this_month"), AMOUNT),
                    **dict.fromkeys(("seconds_left_today", "money_left_this_month"), Maybe(AMOUNT)),
                }
            ),
            "figures": record(
                {
                    **dict.fromkeys(("turns", "escalations", "errors", "window_turns"), COUNT),
                    **dict.fromkeys(("escalation_rate", "retry_rate", "abandonment_rate"), Maybe(RATE)),
                    **dict.fromkeys(("last_word_to_text_ms", "end_to_text_ms"), _PERCENTILES),
                    "stages_p95_ms": Maybe(record(dict.fromkeys(STAGES, Maybe(Number())))),
                }
            ),
            "last_turn": Maybe(TURN),
            "thresholds": Several(
                record(
                    {
                        "language": NAME,
                        "microphone_class": Choice(*MICROPHONES),
                        "value": RATE,
                        "guaranteed": Truth(),
                        "reason": PROSE,
                        "turns_to_go": COUNT,
                    }
                )
            ),
            "disagreement": Several(
                record(
                    {
                        "language": NAME,
                        **dict.fromkeys(("value", "low", "high"), Maybe(AMOUNT)),
                        "pairs": COUNT,
                        "population": NAME,
                    }
                )
            ),
            "resources": RESOURCES,
            "drift": record(DRIFT_FIELDS),
            "records": KEPT_NOW,
            "queue": QUEUE,
            "baseline": Maybe(BASELINE),
            "scorecard": Maybe(HEADLINE),
            "satellites": Several(SATELLITE),
            "bundles": record(_BUNDLES),
            "warnings": Several(record({"code": NAME, "message": PROSE, "subject": NAME})),
        }
    ),
)

LEDGER_ROW = Named(
    "LedgerRow",
    record(
        {
            "number": COUNT,
            "at": Moment(),
            **dict.fromkeys(("lane", "turn_id", "reason", "consent", "currency", "ending"), NAME),
            "seconds": AMOUNT,
            "bytes": COUNT,
            "cost": AMOUNT,
            "took_seconds": Maybe(AMOUNT),
            "left": Truth(),
        }
    ),
)
LEDGER = record({"rows": Several(LEDGER_ROW), "today": SUMS, "this_month": SUMS})

HELLO = record(
    {"type": Choice("hello"), "version": Whole(1), "min_version": Whole(1), "id": HEX_ID, "server_version": NAME}
)
MESSAGES = {
    "hello": HELLO,
    "status": record({"type": Choice("status"), "status": STATUS}),
    "asking": record({"type": Choice("asking"), "turn_id": NAME, "satellite": Maybe(NAME), "lane": NAME}),
    "turn": record({"type": Choice("turn"), "turn": TURN}),
    "wake": record({"type": Choice("wake"), "satellite": Maybe(NAME), "word": NAME, "score": RATE, "at": Moment()}),
    "bundle": record(
        {
            "type": Choice("bundle"),
            "event": Choice(*BUNDLE_EVENTS),
            "kind": Choice(*KINDS),
            "label": NAME,
            "at": Moment(),
            "code": Maybe(NAME),
            "message": PROSE,
            "evidence": _MEASURED,
        }
    ),
    "drift": DRIFT_EVENT,
    "queue": QUEUE_EVENT,
    "scorecard": record({"type": Choice("scorecard"), "scorecard": HEADLINE}),
}
"""What the WebSocket says, by type."""
